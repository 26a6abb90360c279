from releasetrain.bench.figures import Aim, Column, Result, Row
from releasetrain.bench.tables import aim_line, facts, page, shown, table


def test_figures_are_shown_with_thousands_apart_and_a_dash_for_none() -> None:
    assert shown(12345.678, 1) == "12,345.7"
    assert shown(3, 0) == "3"
    assert shown(None, 2) == "–"


def test_table_aligns_its_columns_and_marks_yardsticks() -> None:
    columns = [Column("p50", "p50 ms"), Column("p99", "p99 ms", 1)]
    rows = [Row("hub", {"p50": 5, "p99": 17.25}), Row("plain", {"p50": 1200}, is_yardstick=True)]
    assert table(columns, rows).splitlines() == [
        "         p50 ms  p99 ms",
        "───────  ──────  ──────",
        "hub           5    17.2",
        "plain *   1,200       –",
    ]


def test_aim_says_limit_figure_and_verdict() -> None:
    assert aim_line(Aim("p99", "ms", 40, 33.3)) == "p99 ≤ 40 ms: 33.30 ms, met"
    assert aim_line(Aim("p99", "ms", 40, 51.0)) == "p99 ≤ 40 ms: 51 ms, NOT met"
    assert aim_line(Aim("rate", "/s", 2000, 2500, is_floor=True)) == "rate ≥ 2,000 /s: 2,500 /s, met"
    assert aim_line(Aim("p99", "ms", 40, None)) == "p99 ≤ 40 ms: not measured"


def test_page_carries_title_table_aims_and_notes() -> None:
    result = Result(
        name="live",
        title="who got what",
        columns=[Column("p99", "p99 ms")],
        rows=[Row("hub", {"p99": 12})],
        aims=[Aim("p99", "ms", 40, 12)],
        notes=["One core only. " * 20],
    )
    text = page(result)
    assert text.startswith("live: who got what")
    assert "p99 ≤ 40 ms: 12 ms, met" in text
    assert max(map(len, text.splitlines())) <= 100


def test_facts_are_wrapped_under_themselves() -> None:
    text = facts({"cores": "2", "libraries": ", ".join(f"library-{number} 1.0" for number in range(20))})
    first, second, third, *_ = text.splitlines()
    assert first == "cores      2"
    assert second.startswith("libraries  library-0 1.0, library-1")
    assert third.startswith("           library-")
