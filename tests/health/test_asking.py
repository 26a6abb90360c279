"""What may be asked, which spans are due, and what an answer without a number means."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from releasetrain.health.rules.asking import (
    CATCH_UP,
    FIRST_LOOK,
    Counted,
    Missing,
    SourceKind,
    amount_of,
    bad_of,
    due_spans,
    fill,
    next_due,
    problems_of,
)
from releasetrain.lib.spans import Span

NOW = datetime(2026, 11, 27, 12, 0, 7, tzinfo=UTC)
GOOD = {
    "kind": SourceKind.PROMETHEUS,
    "address": "https://prometheus.example.org",
    "metric": "errors",
    "units": 'sum(increase(http_requests_total{version="{{version}}"}[{{window}}]))',
    "bad": 'sum(increase(http_requests_total{version="{{version}}",code=~"5.."}[{{window}}]))',
    "every_seconds": 30,
}


def problems(**changes: object) -> dict[str, str]:
    return problems_of(**{**GOOD, **changes})  # type: ignore[arg-type]


def test_a_good_query_has_no_problem() -> None:
    assert problems() == {}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"metric": "Errors %"}, "lower-case"),
        ({"every_seconds": 4}, "5 to 60"),
        ({"every_seconds": 61}, "5 to 60"),
        ({"units": " "}, "what to count"),
        ({"units": "x" * 2001}, "at most 2000"),
        ({"bad": "x{{verison}}"}, "Nobody knows {{verison}}"),
        ({"bad": "sum(increase(x[{{window}}]))"}, "counted alike"),
        ({"bad": 'x{version="{{version}}"}[30s]'}, "[{{window}}]"),
        ({"bad": 'x{version="{{version}}"}[ 5m]'}, "[{{window}}]"),
    ],
)
def test_what_cannot_be_asked_is_refused_in_its_own_field(change: dict[str, object], words: str) -> None:
    (field,) = change
    found = problems(**change)
    assert set(found) == {field}
    assert words in found[field]


def test_an_address_may_tell_the_arms_apart_instead() -> None:
    page = {"kind": SourceKind.SCRAPE, "address": "http://{{arm}}.shop/metrics"}
    assert problems(**page, units="requests_total", bad="errors_total") == {}


def test_a_bracket_in_a_pattern_is_no_range() -> None:
    pattern = 'sum(increase(x{version="{{version}}",code=~"5[0-9]{2}"}[{{window}}]))'
    assert problems(units=pattern, bad=pattern) == {}


@pytest.mark.parametrize(
    ("value", "amount"),
    [
        (0.0, 0.0),
        (12.5, 12.5),
        (float("nan"), Missing.NAN),
        (float("inf"), Missing.INFINITE),
        (float("-inf"), Missing.INFINITE),
        (-1.0, Missing.NEGATIVE),
        (1e12, Missing.TOO_MANY),
    ],
)
def test_nan_inf_and_nonsense_are_told_apart(value: float, amount: object) -> None:
    assert amount_of(value) == amount


def test_good_units_become_bad_ones() -> None:
    assert bad_of(100.0, 97.0, counts_good=True) == 3.0
    assert bad_of(100.0, 101.0, counts_good=True) == 0.0
    assert bad_of(100.0, 3.0, counts_good=False) == 3.0
    assert bad_of(100.0, Missing.EMPTY, counts_good=True) is Missing.EMPTY
    assert bad_of(Missing.STALE, 3.0, counts_good=True) is Missing.STALE


def test_a_count_is_whole_and_bad_units_are_among_the_units() -> None:
    span = Span(NOW, NOW + timedelta(seconds=30))
    assert Counted(span, 10.4, 10.6).whole_units == 10
    assert Counted(span, 10.4, 10.6).whole_bad == 10
    assert Counted(span, 10.4, Missing.EMPTY).whole_bad is None
    assert Counted(span, Missing.EMPTY, 1.0).whole_bad is None


def test_placeholders_are_filled_with_what_was_made_harmless() -> None:
    said = fill('a{v="{{ version }}"} {{nothing}}', {"version": 'v"2'}, lambda text: text.replace('"', "'"))
    assert said == 'a{v="v\'2"} '


def test_the_first_look_goes_ten_minutes_back_on_the_grid() -> None:
    spans = due_spans(None, 30, NOW)
    assert len(spans) == FIRST_LOOK // timedelta(seconds=30) - 1
    assert spans[-1].end == NOW.replace(second=0)
    assert all(one.start.second in {0, 30} for one in spans)


@settings(deadline=None)
@given(st.integers(0, 7200), st.integers(5, 60))
def test_spans_follow_each_other_without_gap_or_overlap(behind: int, every: int) -> None:
    told_until = NOW - timedelta(seconds=behind)
    spans = due_spans(told_until, every, NOW)
    assert all(one.end == other.start for one, other in pairwise(spans))
    assert all(told_until <= one.start and one.end <= NOW for one in spans)
    assert all(one.start >= NOW - CATCH_UP for one in spans)
    if spans:
        assert due_spans(spans[-1].end, every, NOW) == ()
        assert NOW - spans[-1].end < timedelta(seconds=every)


@settings(deadline=None)
@given(st.integers(0, 100_000), st.integers(5, 60))
def test_what_is_due_next_has_ended_and_settled_by_then(later: int, every: int) -> None:
    now, settles = NOW + timedelta(seconds=later), timedelta(seconds=2)
    told = due_spans(now - timedelta(seconds=3 * every), every, now - settles)
    due = next_due(now, every, settles=settles)
    assert now < due <= now + timedelta(seconds=every)
    assert due_spans(told[-1].end, every, due - settles)
    assert not due_spans(told[-1].end, every, due - settles - timedelta(seconds=1))
