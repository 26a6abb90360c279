"""A deadline falls where people who work that way expect it (RULES T1 to T3, T13)."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from releasetrain.lib.deadlines import (
    Deadline,
    Kind,
    before,
    end_anywhere,
    read,
    working_day_before,
)
from releasetrain.lib.recurrence import BadRule

BERLIN, NEW_YORK = ZoneInfo("Europe/Berlin"), ZoneInfo("America/New_York")
ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "Pacific/Kiritimati",
    "Australia/Lord_Howe",
    "Africa/Cairo",
    "UTC",
]
TUESDAY = datetime(2026, 11, 24, 13, tzinfo=UTC)  # 14:00 in Berlin


def at(
    departs_at: datetime = TUESDAY, own: ZoneInfo = BERLIN, off: Any = frozenset(), /, **spec: Any
) -> datetime:
    return read(spec).instant(departs_at, own, off)


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc,arg-type]


def test_a_lead_is_elapsed_time() -> None:
    assert at(kind="lead", seconds=7200) == TUESDAY - timedelta(hours=2)
    assert read(before(timedelta(hours=2))) == Deadline(kind=Kind.LEAD, seconds=7200)


def test_t6_a_lead_across_a_change_of_clocks_is_elapsed_time() -> None:
    after_the_change = utc(2026, 10, 25, 12)
    assert at(after_the_change, kind="lead", seconds=86400) == utc(2026, 10, 24, 12)


def test_t1_a_wall_time_stays_on_the_wall_when_the_clocks_change() -> None:
    cut_off = {"kind": "wall", "days": 1, "time": "17:00", "zone": "America/New_York"}
    departs = [utc(2026, 10, 29, 14), utc(2026, 11, 5, 15)]
    assert [at(one, NEW_YORK, **cut_off) for one in departs] == [utc(2026, 10, 28, 21), utc(2026, 11, 4, 22)]


def test_t2_a_deadline_that_does_not_exist_uses_the_offset_before_the_gap() -> None:
    assert at(utc(2026, 3, 29, 12), kind="wall", days=0, time="02:30") == utc(2026, 3, 29, 1, 30)


def test_t3_a_deadline_that_occurs_twice_is_the_first() -> None:
    assert at(utc(2026, 10, 25, 12), kind="wall", days=0, time="02:30") == utc(2026, 10, 25, 0, 30)


def test_the_day_of_departure_is_the_trains_own() -> None:
    evening = utc(2026, 11, 24, 23, 30)  # Wednesday in Berlin already
    assert at(evening, kind="wall", days=0, time="09:00") == utc(2026, 11, 25, 8)


def test_an_instant_is_what_it_says() -> None:
    assert at(kind="instant", at="2026-11-20T17:00:00-05:00") == utc(2026, 11, 20, 22)


def test_t13_o6_a_date_anywhere_on_earth_ends_when_it_ends_in_the_last_zone() -> None:
    freeze = at(kind="aoe", date="2026-03-18")
    assert freeze == utc(2026, 3, 19, 12)
    assert utc(2026, 3, 19, 11, 59, 59) < freeze
    assert freeze <= utc(2026, 3, 19, 12, 0, 0)


def test_days_before_departure_may_end_anywhere_on_earth() -> None:
    assert at(kind="aoe", days=7) == utc(2026, 11, 18, 12)


def test_o9_a_thursday_of_a_week_counted_back_from_release_week() -> None:
    release = utc(2026, 9, 30, 10)
    library = at(release, kind="week", weeks=6, weekday="TH")
    assert library == end_anywhere(date(2026, 8, 20))
    assert at(release, kind="week", weeks=5, weekday="TH") == end_anywhere(date(2026, 8, 27))
    assert at(release, kind="week", weeks=6, weekday="TH", time="18:00") == utc(2026, 8, 20, 16)
    assert at(release + timedelta(weeks=1), kind="week", weeks=6, weekday="TH") - library == timedelta(
        weeks=1
    )


def test_weeks_below_zero_lie_after_the_departure() -> None:
    trailing = read({"kind": "week", "weeks": -2, "weekday": "TH"})
    assert trailing.is_after
    assert trailing.instant(utc(2026, 9, 30, 10), BERLIN) == end_anywhere(date(2026, 10, 15))


def test_working_days_leave_out_weekends_and_holidays() -> None:
    easter_tuesday = utc(2026, 4, 7, 12)
    off = {date(2026, 4, 3), date(2026, 4, 6)}
    assert at(easter_tuesday, kind="workdays", days=2, time="12:00") == utc(2026, 4, 3, 10)
    assert at(easter_tuesday, BERLIN, off, kind="workdays", days=2, time="12:00", holidays=1) == utc(
        2026, 4, 1, 10
    )


def test_from_a_day_off_one_counts_back_to_a_working_day() -> None:
    sunday = date(2026, 11, 29)
    assert working_day_before(sunday, 0, ()) == date(2026, 11, 27)
    assert working_day_before(sunday, 1, ()) == date(2026, 11, 26)


def test_a_calendar_without_a_working_day_is_refused() -> None:
    class Always:
        def __contains__(self, day: object) -> bool:
            return True

    with pytest.raises(BadRule, match="no working day"):
        working_day_before(date(2026, 11, 24), 1, Always())


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"kind": "lead", "seconds": 5400}, "1 h 30 min before departure"),
        ({"kind": "lead", "seconds": 0}, "at departure"),
        ({"kind": "wall", "days": 0, "time": "09:00"}, "on the day of departure at 09:00"),
        ({"kind": "wall", "days": 1, "time": "17:00"}, "the day before departure at 17:00"),
        (
            {"kind": "wall", "days": 3, "time": "17:00:30", "zone": "UTC"},
            "3 days before departure at 17:00:30 UTC",
        ),
        ({"kind": "wall", "days": -1, "time": "17:00"}, "the day after departure at 17:00"),
        ({"kind": "instant", "at": "2026-11-20T22:00:00Z"}, "Fri 20 Nov 2026 22:00 UTC"),
        ({"kind": "aoe", "date": "2026-03-18"}, "the end of Wed 18 Mar 2026, anywhere on Earth"),
        ({"kind": "aoe", "days": 7}, "7 days before departure, anywhere on Earth"),
        ({"kind": "week", "weeks": 6, "weekday": "TH"}, "Thursday of week R−6, anywhere on Earth"),
        ({"kind": "week", "weeks": -2, "weekday": "TH"}, "Thursday of week R+2, anywhere on Earth"),
        (
            {"kind": "week", "weeks": 0, "weekday": "MO", "time": "10:00"},
            "Monday of the week of departure at 10:00",
        ),
        (
            {"kind": "workdays", "days": 2, "time": "17:00", "holidays": 1},
            "2 working days before departure at 17:00",
        ),
        ({"kind": "workdays", "days": 1, "time": "17:00"}, "1 working day before departure at 17:00"),
        (
            {"kind": "workdays", "days": 0, "time": "17:00"},
            "on the day of departure or the working day before it at 17:00",
        ),
    ],
)
def test_a_deadline_is_said_in_words_and_kept_as_it_was_read(spec: dict[str, Any], words: str) -> None:
    one = read(spec)
    assert one.in_words() == words
    assert one.to_json() == spec
    assert one.is_fixed == bool(spec.get("at") or spec.get("date"))


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ({}, "is no kind of deadline"),
        ({"kind": "someday"}, "is no kind of deadline"),
        ({"kind": "lead"}, "lacks how long before"),
        ({"kind": "lead", "seconds": -60}, "from 0 minutes"),
        ({"kind": "lead", "seconds": 400 * 86400}, "from 0 minutes"),
        ({"kind": "lead", "seconds": "soon"}, "from 0 minutes"),
        ({"kind": "wall", "days": 1}, "lacks the time of day"),
        ({"kind": "wall", "time": "17:00"}, "lacks the number of days"),
        ({"kind": "wall", "days": 1.5, "time": "17:00"}, "whole number"),
        ({"kind": "wall", "days": 1, "time": "5pm"}, "not a time of day"),
        ({"kind": "wall", "days": 1, "time": "17:00+01:00"}, "not a time of day"),
        ({"kind": "wall", "days": 1, "time": "17:00", "zone": "Europe/Berln"}, "Did you mean Europe/Berlin"),
        ({"kind": "instant", "at": "2026-11-20T17:00"}, "not an instant"),
        ({"kind": "instant", "at": "soon"}, "not an instant"),
        ({"kind": "aoe"}, "either a day itself or a number of days"),
        ({"kind": "aoe", "days": 1, "date": "2026-03-18"}, "either a day itself or a number of days"),
        ({"kind": "aoe", "date": "18 March"}, "not a date"),
        ({"kind": "week", "weeks": 60, "weekday": "TH"}, "from -52 to 52"),
        ({"kind": "week", "weeks": 6, "weekday": "Thursday"}, "not a weekday"),
        ({"kind": "week", "weeks": 6, "weekday": "TH", "zone": "UTC"}, "Without a time of day"),
        ({"kind": "workdays", "days": -1, "time": "17:00"}, "from 0 to 250"),
        ({"kind": "workdays", "days": 1, "time": "17:00", "holidays": "DE"}, "holiday calendar"),
    ],
)
def test_a_deadline_that_cannot_be_used_is_refused_in_a_sentence(spec: dict[str, Any], says: str) -> None:
    with pytest.raises(BadRule, match=says):
        read(spec)


@given(
    st.sampled_from([{"kind": "wall", "days": 1}, {"kind": "week", "weeks": 2, "weekday": "WE"}]),
    st.times(),
    st.sampled_from(ZONES),
    st.datetimes(datetime(2000, 1, 1), datetime(2037, 1, 1)),  # noqa: DTZ001 - made aware below
)
@settings(deadline=None)
def test_t1_t2_t3_a_wall_deadline_shows_its_time_or_follows_a_gap(
    spec: dict[str, Any], clock: Any, zone: str, departs: datetime
) -> None:
    clock = clock.replace(second=0, microsecond=0)
    found = at(departs.replace(tzinfo=UTC), ZoneInfo(zone), **spec, time=clock.isoformat())
    shown = found.astimezone(ZoneInfo(zone))
    if shown.time() != clock:
        gap = shown.utcoffset() - (found - timedelta(hours=3)).astimezone(ZoneInfo(zone)).utcoffset()  # type: ignore[operator]
        assert timedelta(0) < gap <= timedelta(hours=24)
    else:
        assert shown.fold == 0


@given(st.datetimes(datetime(2000, 1, 1), datetime(2037, 1, 1)), st.integers(0, 60))  # noqa: DTZ001
def test_working_days_are_counted_as_by_hand(departs: datetime, count: int) -> None:
    day = departs.date()
    found = working_day_before(day, count, ())
    between = [found + timedelta(days=step) for step in range((day - found).days + 1)]
    working = [one for one in between if one.weekday() < 5]
    assert found.weekday() < 5
    assert len(working) == count + 1
