"""A bad line of the record is named and stops nothing; the rest says how each train went."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releasetrain.trains.rules.history import facts_of, read_movements, read_trains
from releasetrain.trains.rules.states import DepartureState, MovementKind

GOOD: dict[str | None, object] = {
    "version": "1.47.0-wmf.1",
    "utc": "2026-08-18T03:01:59Z",
    "kind": "promote",
    "from_stage": "none",
    "to_stage": "group2",
    "config_commit": "496dd84a611a",
}


def row(**other: object) -> dict[str | None, object]:
    return GOOD | dict(other.items())


def test_a_line_is_read() -> None:
    [one], flaws = read_movements([(2, row())])
    assert flaws == []
    assert (one.at, one.kind) == (datetime(2026, 8, 18, 3, 1, 59, tzinfo=UTC), MovementKind.PROMOTION)


@pytest.mark.parametrize(
    ("other", "why"),
    [
        ({"utc": "yesterday"}, "is not an instant"),
        ({"utc": "2026-08-18T03:01:59"}, "does not say its zone"),
        ({"utc": "0001-01-01T00:00:00+14:00"}, "is not an instant that anybody has seen"),
        ({"kind": "explode"}, "neither promote, repeat nor rollback"),
        ({"version": " "}, "column version is empty"),
        ({"version": None}, "ends before its column version"),
        ({"version": "v" * 61}, "more than 60 characters"),
        ({"version": "a\0b"}, "cannot be printed"),
        ({"to_stage": ""}, "column to_stage is empty"),
    ],
)
def test_a_bad_line_is_named_and_stops_nothing(other: dict[str, object], why: str) -> None:
    found, [flaw] = read_movements([(2, row(config_commit="one")), (3, row(**other)), (4, row())])
    assert len(found) == 2
    assert flaw.line == 3
    assert why in flaw.why


def test_a_line_with_too_many_columns_is_named() -> None:
    _, [flaw] = read_movements([(2, {**row(), None: ["more"]})])
    assert "more columns" in flaw.why


def test_a_line_that_stands_twice_counts_once() -> None:
    found, [flaw] = read_movements([(2, row()), (3, row())])
    assert (len(found), flaw.why) == (1, "The same movement stands on line 2 already.")
    trains, [again] = read_trains([(2, {"version": "a"}), (3, {"version": "a"})])
    assert (len(trains), again.line) == (1, 3)


def facts(*steps: tuple[str, str]) -> tuple[DepartureState, str, int]:
    rows = [
        (
            number,
            row(kind=kind, to_stage=stage, utc=f"2026-08-{number:02}T03:00:00Z", config_commit=str(number)),
        )
        for number, (kind, stage) in enumerate(steps, 1)
    ]
    found, flaws = read_movements(rows)
    assert flaws == []
    said = facts_of(found)
    return said.state, said.outcome, said.finished_at.day


def test_a_train_arrives_when_everybody_has_it() -> None:
    assert facts(("promote", "group0"), ("promote", "group2"), ("repeat", "group2")) == (
        DepartureState.ARRIVED,
        "Reached everybody.",
        2,
    )


def test_a_rollback_on_the_way_is_told() -> None:
    assert facts(("promote", "group1"), ("rollback", "group0"), ("promote", "group2")) == (
        DepartureState.ARRIVED,
        "Reached everybody after a rollback.",
        3,
    )


def test_a_train_that_ends_with_a_rollback_came_back() -> None:
    assert facts(("promote", "group2"), ("rollback", "group1"))[0] is DepartureState.ROLLED_BACK


def test_a_record_that_stops_early_says_so() -> None:
    assert facts(("promote", "group1")) == (DepartureState.CANCELLED, "The record ends at group1.", 1)


@given(
    st.lists(st.dictionaries(st.sampled_from([*GOOD, "task"]), st.text(max_size=20) | st.none()), max_size=5)
)
def test_whatever_stands_in_a_line_is_read_or_named(rows: list[dict[str | None, object]]) -> None:
    numbered = list(enumerate(rows, 2))
    for reader in (read_movements, read_trains):
        found, flaws = reader(numbered)
        assert len(found) + len(flaws) == len(rows)
