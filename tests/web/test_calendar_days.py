"""Days, bars and spans are laid out so that nothing covers another, and no day is lost to the clocks."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releasetrain.lib.spans import Span
from releasetrain.web.contexts.calendar.days import (
    VIEWS,
    clocks_on,
    day_start,
    lanes_of,
    last_day,
    local_day,
    shares,
    span_words,
    stretch_of,
    title_of,
)

BERLIN, CAIRO = ZoneInfo("Europe/Berlin"), ZoneInfo("Africa/Cairo")
ZONES = st.sampled_from(["UTC", "Europe/Berlin", "Africa/Cairo", "America/Santiago", "Australia/Lord_Howe"])
DAYS = st.dates(date(1980, 1, 1), date(2080, 1, 1))
PAIRS = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)).map(lambda pair: (min(pair), max(pair))))


@given(day=DAYS, view=st.sampled_from(VIEWS))
def test_a_view_shows_its_day_and_its_neighbours_follow_on(day: date, view: str) -> None:
    stretch = stretch_of(view, day)
    assert stretch.first <= day <= stretch.last
    assert len(stretch.dates) == stretch.days
    assert stretch_of(view, stretch.later).first <= stretch.last + timedelta(days=1)
    assert stretch_of(view, stretch_of(view, stretch.later).earlier).first == stretch.first


@given(day=DAYS)
def test_a_month_is_whole_weeks_from_monday(day: date) -> None:
    stretch = stretch_of("month", day)
    assert (stretch.first.weekday(), stretch.days % 7) == (0, 0)
    assert 28 <= stretch.days <= 42


@given(day=DAYS, zone=ZONES)
def test_t4_a_day_starts_with_its_first_instant_and_follows_the_one_before(day: date, zone: str) -> None:
    there = ZoneInfo(zone)
    start, following = day_start(day, there), day_start(day + timedelta(days=1), there)
    assert local_day(start, there) == day
    assert local_day(start - timedelta(microseconds=1), there) < day
    assert timedelta(hours=22) < following - start < timedelta(hours=26)


@given(day=DAYS, zone=ZONES)
def test_the_clocks_are_named_on_every_day_that_is_not_of_24_hours(day: date, zone: str) -> None:
    there = ZoneInfo(zone)
    length = day_start(day + timedelta(days=1), there) - day_start(day, there)
    if length != timedelta(days=1):
        assert clocks_on([day], there)


def test_t4_clocks_that_change_at_midnight_are_named_on_the_day_that_lacks_it() -> None:
    named = clocks_on([date(2026, 4, 23), date(2026, 4, 24), date(2026, 4, 25)], CAIRO)
    assert named == {date(2026, 4, 24): "Clocks go forward 1 h at 00:00"}


@given(pairs=PAIRS)
def test_no_two_bars_of_a_lane_touch(pairs: list[tuple[int, int]]) -> None:
    pairs.sort()
    lanes = lanes_of(pairs)
    for index, (first, last) in enumerate(pairs):
        for other in range(index):
            if lanes[other] == lanes[index]:
                assert pairs[other][1] < first <= last


@given(minutes=st.lists(st.integers(0, 1439)).map(sorted))
def test_cards_that_would_cover_each_other_stand_side_by_side(minutes: list[int]) -> None:
    found = shares(minutes, 75)
    assert len(found) == len(minutes)
    for index, (lane, lanes) in enumerate(found):
        assert 0 <= lane < lanes
        for other in range(index):
            if minutes[index] - minutes[other] < 75:
                assert found[other][0] != lane


def test_t13_a_span_that_ends_at_midnight_ends_the_day_before() -> None:
    span = Span(datetime(2026, 11, 22, 23, tzinfo=UTC), datetime(2026, 11, 23, 23, tzinfo=UTC))
    assert last_day(span, BERLIN) == date(2026, 11, 23)
    assert span_words(span, BERLIN, is_all_day=True) == "Mon 23 Nov"


def test_a_span_is_said_as_short_as_it_goes() -> None:
    start = datetime(2026, 11, 23, 8, tzinfo=UTC)
    assert span_words(Span(start, start + timedelta(hours=2)), BERLIN) == "Mon 23 Nov 09:00–11:00"
    assert span_words(Span(start, start + timedelta(days=2)), UTC) == "Mon 23 Nov 08:00 – Wed 25 Nov 08:00"


@pytest.mark.parametrize(
    ("view", "on", "title"),
    [
        ("month", date(2026, 11, 23), "November 2026"),
        ("week", date(2026, 11, 23), "23 – 29 November 2026"),
        ("week", date(2026, 12, 1), "30 November – 6 December 2026"),
        ("week", date(2026, 12, 31), "28 December 2026 – 3 January 2027"),
    ],
)
def test_a_view_is_headed_by_its_days(view: str, on: date, title: str) -> None:
    assert title_of(view, on, stretch_of(view, on)) == title
