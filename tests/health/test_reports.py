from dataclasses import replace
from datetime import timedelta
from math import comb
from typing import Any

import pytest

from releasetrain.health.rules.reports import Complaint, Counted, Report, flaw_of
from releasetrain.health.rules.rises import Standing, Tally, chance_of, standing_of
from releasetrain.lib.spans import Span
from tests.make import NOW

SPAN = Span(NOW - timedelta(seconds=10), NOW)
GOOD = Report("web-1", SPAN, [Counted("candidate", "errors", 120, 1)], [])
LINE = Complaint("candidate", "KeyError", 1, NOW)


def test_an_ordinary_report_has_no_flaw() -> None:
    assert flaw_of(replace(GOOD, errors=[LINE]), NOW) is None


def test_a_span_without_traffic_is_a_reading_of_nothing() -> None:
    assert flaw_of(replace(GOOD, readings=[Counted("baseline", "errors", 0, 0)]), NOW) is None


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"source": "x" * 101}, "source", "at most 100"),
        ({"source": "a\x00"}, "source", "printable"),
        ({"span": Span(NOW, NOW)}, "ends_at", "must end after"),
        ({"span": Span(NOW - timedelta(minutes=11), NOW)}, "ends_at", "11 min long"),
        ({"span": Span(NOW, NOW + timedelta(minutes=5))}, "ends_at", "5 min from now"),
        (
            {"span": Span(NOW - timedelta(days=2), NOW - timedelta(days=2, seconds=-10))},
            "starts_at",
            "nothing older than 1 d",
        ),
        ({"readings": []}, "readings", "1 to 500 readings"),
        ({"readings": [Counted("candidate", f"m{n}", 1, 0) for n in range(501)]}, "readings", "has 501"),
        ({"readings": [Counted("candidate", "errors", 1, 2)]}, "readings.0", "Of 1 units 2 cannot be bad"),
        ({"readings": [Counted("candidate", "errors", 1, -1)]}, "readings.0", "cannot be bad"),
        ({"readings": [Counted("candidate", "errors", -1, 0)]}, "readings.0", "units"),
        ({"readings": [Counted("candidate", "errors", 10**10, 0)]}, "readings.0", "units"),
        ({"readings": [Counted("canary", "errors", 1, 0)]}, "readings.0", "“canary” is no arm"),
        ({"readings": [Counted("candidate", "Error Rate", 1, 0)]}, "readings.0", "lower-case"),
        ({"readings": [Counted("candidate", "errors", 1, 0)] * 2}, "readings.1", "twice"),
        ({"errors": [LINE] * 51}, "errors", "at most 50"),
        ({"errors": [replace(LINE, message=" ")]}, "errors.0", "says something"),
        ({"errors": [replace(LINE, message="x" * 4001)]}, "errors.0", "4001"),
        ({"errors": [replace(LINE, count=0)]}, "errors.0", "not 0"),
        ({"errors": [replace(LINE, arm="x")]}, "errors.0", "no arm"),
        ({"errors": [replace(LINE, at=NOW + timedelta(hours=1))]}, "errors.0", "within the last 1 d"),
    ],
)
def test_a_report_that_cannot_be_right_is_refused_with_the_place(
    change: dict[str, Any], field: str, words: str
) -> None:
    flaw = flaw_of(replace(GOOD, **change), NOW)
    assert flaw is not None
    assert flaw.field == field
    assert words in flaw.text


@pytest.mark.parametrize(
    ("tally", "is_known", "standing"),
    [
        (Tally(1, 100, 0, 10_000), False, Standing.NEW),
        (Tally(2, 100, 0, 10_000), True, Standing.KNOWN),
        (Tally(3, 100, 0, 10_000), True, Standing.RISEN),
        (Tally(4, 100, 200, 10_000), True, Standing.KNOWN),  # two were to be expected
        (Tally(12, 100, 200, 10_000), True, Standing.RISEN),
        (Tally(3, 100, 200, 10_000), True, Standing.KNOWN),
        (Tally(9, 0, 200, 10_000), True, Standing.KNOWN),
        (Tally(9, 0, 0, 10_000), True, Standing.RISEN),
        (Tally(4, 5_000, 1, 5_000), True, Standing.KNOWN),  # four against one is what chance brings
        (Tally(40, 5_000, 10, 5_000), True, Standing.RISEN),
    ],
)
def test_a_line_is_new_risen_or_known(tally: Tally, is_known: bool, standing: Standing) -> None:
    assert standing_of(tally, is_known_to_baseline=is_known) is standing


@pytest.mark.parametrize("share", [0.01, 0.1, 0.5])
@pytest.mark.parametrize(("candidate", "baseline"), [(1, 0), (3, 0), (4, 1), (9, 4), (30, 20)])
def test_the_bound_is_never_below_the_chance_itself(candidate: int, baseline: int, share: float) -> None:
    total = candidate + baseline
    exact = sum(comb(total, k) * share**k * (1 - share) ** (total - k) for k in range(candidate, total + 1))
    assert exact <= chance_of(candidate, baseline, share) * (1 + 1e-9)


def test_without_any_in_the_baseline_the_bound_is_the_chance() -> None:
    assert chance_of(3, 0, 0.1) == pytest.approx(0.001)
    assert chance_of(0, 0, 0.1) == chance_of(1, 9, 0.1) == chance_of(5, 0, 1.0) == 1.0
