"""Two ends on the wall clock become the right span, whatever the clocks do there (RULES T2 to T5, T7)."""

from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from releasetrain.lib.schedule import known_zones
from releasetrain.lib.spans import Span
from releasetrain.lib.wallspans import (
    Reads,
    between,
    days,
    days_anywhere,
    hours_words,
    length_of,
    midnight,
    reads,
    united,
)

BERLIN = ZoneInfo("Europe/Berlin")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
QUARTER = timedelta(minutes=15)


def wall(text: str) -> datetime:
    return datetime.fromisoformat(text)


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def span(start: str, end: str, *, zone: ZoneInfo = BERLIN, is_widest: bool = True) -> Span:
    found = between(wall(start), wall(end), zone, is_widest=is_widest).span
    assert found
    return found


def day(zone: str, on: str, *, is_widest: bool = True) -> Span:
    found = days(date.fromisoformat(on), date.fromisoformat(on), ZoneInfo(zone), is_widest=is_widest).span
    assert found
    return found


def test_t2_a_start_in_the_gap_takes_the_offset_before_it_and_says_so() -> None:
    found = between(wall("2026-03-29T02:30"), wall("2026-03-29T06:00"), BERLIN)
    assert found.span == Span(utc("2026-03-29T01:30"), utc("2026-03-29T04:00"))
    assert found.notes[0] == "02:30 does not exist on Sun 29 Mar 2026 in Europe/Berlin; it opens at 03:30."


def test_t2_an_end_in_the_gap_takes_the_offset_before_it_and_says_so() -> None:
    found = between(wall("2026-03-29T00:00"), wall("2026-03-29T02:30"), BERLIN)
    assert found.span == Span(utc("2026-03-28T23:00"), utc("2026-03-29T01:30"))
    assert found.notes == ("02:30 does not exist on Sun 29 Mar 2026 in Europe/Berlin; it closes at 03:30.",)


def test_t2_a_start_in_the_gap_never_lies_behind_its_end() -> None:
    assert span("2026-03-29T02:30", "2026-03-29T03:15") == Span(
        utc("2026-03-29T01:00"), utc("2026-03-29T01:15")
    )


def test_t2_a_span_that_is_the_gap_itself_does_not_exist_and_says_so() -> None:
    found = between(wall("2026-03-29T02:00"), wall("2026-03-29T03:00"), BERLIN)
    assert found.span is None
    assert found.notes == ("Sun 29 Mar 2026 02:00 to 03:00 does not exist in Europe/Berlin.",)


def test_t3_what_protects_takes_the_widest_reading_and_says_so() -> None:
    found = between(wall("2026-10-25T02:10"), wall("2026-10-25T02:50"), BERLIN)
    assert found.span == Span(utc("2026-10-25T00:10"), utc("2026-10-25T01:50"))
    opens, closes, lasts = found.notes
    assert opens == "02:10 occurs twice on Sun 25 Oct 2026 in Europe/Berlin; it opens the first time."
    assert closes == "02:50 occurs twice on Sun 25 Oct 2026 in Europe/Berlin; it closes the second time."
    assert "lasts 1 h 40 min, not 40 min: the clocks change in Europe/Berlin." in lasts


def test_t3_what_lets_things_happen_takes_the_narrowest_reading() -> None:
    assert span("2026-10-25T02:10", "2026-10-25T05:00", is_widest=False).start == utc("2026-10-25T01:10")
    assert span("2026-10-24T22:00", "2026-10-25T02:50", is_widest=False).end == utc("2026-10-25T00:50")


def test_t3_what_lets_things_happen_within_the_hour_that_occurs_twice_happens_the_first_time() -> None:
    found = span("2026-10-25T02:10", "2026-10-25T02:50", is_widest=False)
    assert found == Span(utc("2026-10-25T00:10"), utc("2026-10-25T00:50"))


@pytest.mark.parametrize(
    ("zone", "on", "starts", "hours"),
    [
        ("Africa/Cairo", "2026-04-24", "2026-04-23T22:00", 23),
        ("America/Santiago", "2026-09-06", "2026-09-06T04:00", 23),
        ("Asia/Beirut", "2026-03-29", "2026-03-28T22:00", 23),
        ("America/Scoresbysund", "2025-03-29", "2025-03-29T02:00", 23),
        ("America/Toronto", "1919-03-31", "1919-03-31T04:30", 23.5),
        ("America/Havana", "2026-10-31", "2026-10-31T04:00", 24),
        ("America/Havana", "2026-11-01", "2026-11-01T04:00", 25),
        ("America/Santiago", "2026-04-04", "2026-04-04T03:00", 25),
        ("America/St_Johns", "2010-11-06", "2010-11-06T02:30", 25),
        ("Europe/Berlin", "2026-11-27", "2026-11-26T23:00", 24),
    ],
)
def test_t4_a_day_starts_at_its_first_valid_instant(zone: str, on: str, starts: str, hours: float) -> None:
    found = day(zone, on)
    assert (found.start, found.end - found.start) == (utc(starts), HOUR * hours)


def test_t4_a_midnight_that_does_not_exist_is_said() -> None:
    found = days(date(2026, 4, 24), date(2026, 4, 24), ZoneInfo("Africa/Cairo"))
    assert found.notes == (
        "Midnight does not exist on Fri 24 Apr 2026 in Africa/Cairo; the day starts at 01:00.",
        "What opens on Fri 24 Apr 2026 at 01:00 lasts 23 h, not 24 h: the clocks change in Africa/Cairo.",
    )


def test_t4_a_day_that_a_zone_skipped_does_not_exist_and_its_neighbours_do() -> None:
    apia = ZoneInfo("Pacific/Apia")
    assert days(date(2011, 12, 30), date(2011, 12, 30), apia).span is None
    before, after = day("Pacific/Apia", "2011-12-29"), day("Pacific/Apia", "2011-12-31")
    assert (before.end, after.start) == (utc("2011-12-30T10:00"), utc("2011-12-30T10:00"))
    around = days(date(2011, 12, 29), date(2011, 12, 31), apia).span
    assert around == Span(before.start, after.end)


def test_t4_a_minute_of_the_next_day_that_comes_before_the_last_hour_belongs_to_both_days() -> None:
    """The clocks of St. John's went from 00:01 back to 23:01: Sunday began, and Saturday came again."""
    saturday, sunday = day("America/St_Johns", "2010-11-06"), day("America/St_Johns", "2010-11-07")
    assert saturday.end - sunday.start == HOUR
    assert day("America/St_Johns", "2010-11-07", is_widest=False).start == saturday.end


@pytest.mark.parametrize(
    ("starts", "ends", "hours"),
    [
        ("2026-11-20T18:00", "2026-11-23T06:00", 60),
        ("2026-03-27T18:00", "2026-03-30T06:00", 59),
        ("2026-10-23T18:00", "2026-10-26T06:00", 61),
    ],
)
def test_t5_from_friday_18_00_to_monday_06_00_takes_60_or_59_or_61_hours(
    starts: str, ends: str, hours: int
) -> None:
    found = span(starts, ends)
    assert found.end - found.start == HOUR * hours
    assert f"{found.end.astimezone(BERLIN):%a %H:%M}" == "Mon 06:00"


def test_t5_a_length_that_the_clocks_change_is_said_in_hours() -> None:
    found = between(wall("2026-10-23T18:00"), wall("2026-10-26T06:00"), BERLIN)
    assert found.notes == (
        "What opens on Fri 23 Oct 2026 at 18:00 lasts 61 h, not 60 h: the clocks change in Europe/Berlin.",
    )


def test_t7_a_day_anywhere_on_earth_lasts_50_hours() -> None:
    found = days_anywhere(date(2026, 11, 27), date(2026, 11, 27)).span
    assert found == Span(utc("2026-11-26T10:00"), utc("2026-11-28T12:00"))
    assert length_of([found]) == 50 * HOUR


def test_t7_real_case_o6_a_date_anywhere_on_earth_ends_at_noon_of_the_next_day() -> None:
    found = days_anywhere(date(2026, 3, 18), date(2026, 3, 18)).span
    assert found
    assert utc("2026-03-19T11:59:59") in found
    assert utc("2026-03-19T12:00:00") not in found


def test_w5_spans_that_overlap_or_touch_are_united_and_an_instant_counts_once() -> None:
    start = utc("2026-11-27T00:00")
    spans = [
        Span(start + HOUR * first, start + HOUR * last) for first, last in ((6, 7), (0, 2), (1, 4), (4, 5))
    ]
    assert united(spans) == [Span(start, start + 5 * HOUR), Span(start + 6 * HOUR, start + 7 * HOUR)]
    assert length_of(spans) == 6 * HOUR


@pytest.mark.parametrize(
    ("length", "words"),
    [
        (60 * HOUR, "60 h"),
        (36.5 * HOUR, "36 h 30 min"),
        (40 * timedelta(minutes=1), "40 min"),
        (timedelta(), "0 h"),
    ],
)
def test_lengths_are_said_in_hours(length: timedelta, words: str) -> None:
    assert hours_words(length) == words


zones = st.sampled_from(sorted(known_zones())).map(ZoneInfo)
dates = st.dates(date(2000, 1, 1), date(2060, 12, 31))


@lru_cache(maxsize=4096)
def jumps(zone: ZoneInfo, year: int) -> tuple[datetime, ...]:
    """Return the hours of a year in which the clocks of a zone change."""
    hours = [datetime(year, 1, 1, tzinfo=UTC) + HOUR * step for step in range(366 * 24)]
    offsets = [
        (hour + HOUR).astimezone(zone).utcoffset() != hour.astimezone(zone).utcoffset() for hour in hours
    ]
    return tuple(hour for hour, changes in zip(hours, offsets, strict=True) if changes)


@st.composite
def walls(draw: st.DrawFn) -> tuple[datetime, datetime, ZoneInfo]:
    """Draw two ends in a zone, every other time near a change of its clocks."""
    zone = draw(zones)
    year = draw(st.integers(2000, 2060))
    changes = jumps(zone, year)
    is_near = draw(st.booleans())
    if changes and is_near:
        change = draw(st.sampled_from(changes)).astimezone(zone).replace(tzinfo=None, minute=0, second=0)
        start = change + QUARTER * draw(st.integers(-12, 12))
    else:
        start = midnight(draw(dates)) + QUARTER * draw(st.integers(0, 95))
    return start.replace(fold=0), (start + QUARTER * draw(st.integers(1, 16))).replace(fold=0), zone


def shown(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


@given(walls())
def test_t5_each_end_shows_its_own_wall_time_where_that_exists(
    ends: tuple[datetime, datetime, ZoneInfo],
) -> None:
    start, end, zone = ends
    for is_widest in (True, False):
        found = between(start, end, zone, is_widest=is_widest)
        if found.span is None:
            assert reads(start, zone) is Reads.NEVER
            continue
        assert found.span.start < found.span.end
        assert reads(start, zone) is Reads.NEVER or shown(found.span.start, zone) == start
        assert reads(end, zone) is Reads.NEVER or shown(found.span.end, zone) == end


@given(walls())
def test_t3_no_reading_of_either_end_lies_outside_what_protects(
    ends: tuple[datetime, datetime, ZoneInfo],
) -> None:
    start, end, zone = ends
    widest, narrowest = between(start, end, zone), between(start, end, zone, is_widest=False)
    assume(widest.span and narrowest.span)
    assert widest.span
    assert narrowest.span
    assert widest.span.start <= narrowest.span.start < narrowest.span.end <= widest.span.end
    steps = int((widest.span.end - widest.span.start) / QUARTER) + 40
    around = [widest.span.start + QUARTER * step for step in range(-40, steps)]
    if Reads.NEVER not in (reads(start, zone), reads(end, zone)):
        assert [one for one in around if shown(one, zone) == start and one not in widest.span] == []
        late = [one for one in around if shown(one, zone) == end and one > widest.span.end]
        assert late == []


JUMPING = (
    "Africa/Cairo",
    "Africa/Casablanca",
    "America/New_York",
    "America/Santiago",
    "Antarctica/Troll",
    "Asia/Beirut",
    "Asia/Gaza",
    "Australia/Lord_Howe",
    "Europe/Berlin",
)


@st.composite
def gaps(draw: st.DrawFn) -> tuple[datetime, ZoneInfo]:
    """Draw a wall time that a zone jumps over."""
    zone = ZoneInfo(draw(st.sampled_from(JUMPING)))
    hours = jumps(zone, draw(st.integers(2023, 2060)))
    inside = [
        shown(hour, zone).replace(minute=0) + QUARTER * step
        for hour in hours
        for step in range(13)
        if reads(shown(hour, zone).replace(minute=0) + QUARTER * step, zone) is Reads.NEVER
    ]
    assume(inside)
    return draw(st.sampled_from(inside)), zone


@given(gaps())
def test_t2_a_time_in_a_gap_is_moved_by_the_length_of_the_gap(gap: tuple[datetime, ZoneInfo]) -> None:
    start, zone = gap
    found = between(start, start + 3 * DAY, zone).span
    assert found
    before, after = (start.replace(tzinfo=zone, fold=fold).utcoffset() for fold in (0, 1))
    assert before is not None
    assert after is not None
    assert shown(found.start, zone) == start + (after - before)


@given(zones, dates, st.integers(0, 20))
def test_t4_whole_days_hold_exactly_the_instants_that_show_them(
    zone: ZoneInfo, first: date, more: int
) -> None:
    last = first + DAY * more
    found = days(first, last, zone)
    if found.span is None:
        assert (zone.key, first) in SKIPPED
        return
    tiny = timedelta(seconds=1)
    assert first <= shown(found.span.start, zone).date() <= last
    assert first <= shown(found.span.end - tiny, zone).date() <= last
    assert shown(found.span.start - tiny, zone).date() < first
    assert shown(found.span.end, zone).date() > last


SKIPPED = {(zone, date(2011, 12, 30)) for zone in ("Pacific/Apia", "Pacific/Fakaofo")}


@given(zones, dates, dates)
def test_t4_days_follow_each_other_without_a_gap(zone: ZoneInfo, one: date, other: date) -> None:
    first, last = sorted((one, other))
    middle = first + (last - first) // 2
    assume(first <= middle < last)
    early, late = days(first, middle, zone).span, days(middle + DAY, last, zone).span
    whole = days(first, last, zone).span
    assume(early and late)
    assert early
    assert late
    assert united([early, late]) == [whole]


@given(zones, dates, st.integers(0, 3))
def test_t7_each_zone_has_its_days_within_those_anywhere_on_earth(
    zone: ZoneInfo, first: date, more: int
) -> None:
    everywhere = days_anywhere(first, first + DAY * more).span
    here = days(first, first + DAY * more, zone).span
    assume(here)
    assert here
    assert everywhere
    assert everywhere.start <= here.start < here.end <= everywhere.end
