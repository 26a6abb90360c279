"""Each figure says what it counts, and nothing is 100 % that is not."""

from datetime import UTC, datetime, timedelta

from releasetrain.insights.rules import Figure, Run, figures

AT = datetime(2026, 11, 24, 13, tzinfo=UTC)


def run(*, arrived: bool = True, rollbacks: int = 0, late: int | None = 0, minutes: int = 60) -> Run:
    return Run(
        departed_at=AT,
        finished_at=AT + timedelta(minutes=minutes),
        arrived=arrived,
        rolled_back=not arrived,
        rollbacks=rollbacks,
        planned_at=None if late is None else AT - timedelta(minutes=late),
    )


def by_key(*runs: Run) -> dict[str, Figure]:
    return {one.key: one for one in figures(runs)}


def test_a_train_that_never_left_has_nothing_to_count() -> None:
    assert {one.words for one in by_key().values()} == {"nothing to count yet"}
    assert {one.value for one in by_key().values()} == {None}


def test_shares_are_of_what_ended() -> None:
    rolling = Run(AT, None, arrived=False, rolled_back=False, rollbacks=0, planned_at=AT)
    found = by_key(run(), run(rollbacks=2), run(arrived=False, rollbacks=1), rolling)
    assert found["success"].words == "66.7 % (2 of 3)"
    assert found["clean"].words == "33.3 % (1 of 3)"
    assert found["rollbacks"].words == "0.75 (3 in 4)"


def test_only_all_is_a_hundred_percent_and_only_none_is_zero() -> None:
    many = [run() for _ in range(9999)]
    assert by_key(*many)["success"].words == "100.0 % (9999 of 9999)"
    assert by_key(*many, run(arrived=False))["success"].words == "over 99.9 % (9999 of 10000)"
    few = [run(arrived=False) for _ in range(9999)]
    assert by_key(run(), *few)["success"].words == "under 0.1 % (1 of 10000)"


def test_punctuality_counts_departures_whose_plan_is_on_record() -> None:
    found = by_key(run(late=5), run(late=6), run(late=None))["punctuality"]
    assert (found.words, found.counted) == ("50.0 % (1 of 2)", 2)
    assert "imported ones have none" in found.formula


def test_the_median_is_over_arrivals() -> None:
    found = by_key(run(minutes=10), run(minutes=82), run(minutes=300), run(arrived=False, minutes=1))[
        "duration"
    ]
    assert (found.words, found.counted) == ("1 h 22 min", 3)
