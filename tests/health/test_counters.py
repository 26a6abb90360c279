"""Counters that begin anew, by whichever sign, lose nothing that was counted since."""

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from releasetrain.health.rules.counters import Scrape, Series, increase

AT = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
BEFORE = Scrape(AT, {"a": 100.0, "b": 7.0}, started_at=1000.0)
LATER = AT.timestamp() + 5


def risen(*series: Series, started_at: float | None = 1000.0) -> float:
    return increase(BEFORE, series, started_at=started_at)


def test_what_rose_is_counted() -> None:
    assert risen(Series("a", 130), Series("b", 7)) == 30


def test_a_lower_counter_began_from_zero() -> None:
    assert risen(Series("a", 12)) == 12


def test_a_new_series_counts_from_zero() -> None:
    """The first error of a new version is the first sample of its series; it must not be lost."""
    assert risen(Series("a", 100), Series("new", 3)) == 3


def test_a_process_that_began_anew_counts_from_zero_even_where_its_counter_is_higher() -> None:
    assert risen(Series("a", 150), started_at=2000.0) == 150


def test_a_counter_that_was_created_since_counts_from_zero_even_where_it_is_higher() -> None:
    assert risen(Series("a", 150, created_at=LATER)) == 150
    assert risen(Series("a", 150, created_at=AT.timestamp() - 5)) == 50


def test_a_process_that_does_not_say_when_it_began_is_compared_by_its_counters() -> None:
    assert risen(Series("a", 150), started_at=None) == 50


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=30))
def test_without_a_start_time_a_restart_may_hide_and_nothing_is_counted_twice(
    steps: list[tuple[int, bool]],
) -> None:
    value = total = counted = 0.0
    for grown, restarts in steps:
        before = Scrape(AT, {"a": value})
        value = grown if restarts else value + grown
        total += grown
        counted += increase(before, [Series("a", value)], started_at=None)
    assert 0 <= counted <= total


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=30))
def test_with_a_start_time_nothing_is_lost(steps: list[tuple[int, bool]]) -> None:
    value = total = counted = began = 0.0
    for grown, restarts in steps:
        before = Scrape(AT, {"a": value}, began)
        value, began = (float(grown), began + 1) if restarts else (value + grown, began)
        total += grown
        counted += increase(before, [Series("a", value)], started_at=began)
    assert counted == total
