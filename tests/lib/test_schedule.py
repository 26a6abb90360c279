"""Departures keep their time on the wall, whatever the clocks do (RULES T1 to T3, T13)."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from releasetrain.lib.recurrence import BadRule
from releasetrain.lib.schedule import (
    MOST_AHEAD_SUB_DAILY,
    at_words,
    flaws,
    known_zones,
    nearest,
    occurrences,
    read,
    read_first,
    read_zone,
    resolve,
    time_words,
)

ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "America/Santiago",
    "Africa/Cairo",
    "Asia/Beirut",
    "Australia/Lord_Howe",
    "Pacific/Apia",
    "Asia/Kathmandu",
    "UTC",
]
wall_times = st.datetimes(datetime(1990, 1, 1), datetime(2037, 12, 31))  # noqa: DTZ001 - wall times


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def instants(rule: str, first: str, zone: str, after: datetime, until: datetime) -> list[datetime]:
    return [one.at for one in occurrences(read(rule, first, zone), after=after, until=until)]


def test_t1_a_weekly_departure_stays_at_17_00_on_the_wall_when_the_clocks_change() -> None:
    found = instants(
        "FREQ=WEEKLY", "2026-10-28T17:00", "America/New_York", utc(2026, 10, 25), utc(2026, 11, 12)
    )
    assert found == [utc(2026, 10, 28, 21), utc(2026, 11, 4, 22), utc(2026, 11, 11, 22)]


def test_t1_real_case_o1_backport_window_pinned_to_san_francisco() -> None:
    found = instants(
        "FREQ=WEEKLY;BYDAY=MO,TU,WE",
        "2026-03-02T13:00",
        "America/Los_Angeles",
        utc(2026, 3, 1),
        utc(2026, 11, 3),
    )
    mondays = [utc(2026, 3, 2, 21), utc(2026, 3, 9, 20), utc(2026, 10, 26, 20), utc(2026, 11, 2, 21)]
    assert [one for one in found if one in mondays] == mondays


def test_t2_a_time_that_does_not_exist_uses_the_offset_before_the_gap_and_fires_once() -> None:
    schedule = read("FREQ=DAILY", "2026-03-28T02:30", "Europe/Berlin")
    found = occurrences(schedule, after=utc(2026, 3, 28), until=utc(2026, 3, 31))
    assert [one.at for one in found] == [
        utc(2026, 3, 28, 1, 30),
        utc(2026, 3, 29, 1, 30),
        utc(2026, 3, 30, 0, 30),
    ]
    assert [one.note for one in found] == [
        "",
        "02:30 does not exist on Sun 29 Mar 2026 in Europe/Berlin; 03:30 is taken instead.",
        "",
    ]


def test_t2_an_hourly_train_fires_once_at_the_instant_that_two_wall_times_mean() -> None:
    found = instants(
        "FREQ=HOURLY", "2026-03-29T00:00", "Europe/Berlin", utc(2026, 3, 28, 23), utc(2026, 3, 29, 4)
    )
    assert found == [utc(2026, 3, 28, 23) + timedelta(hours=hour) for hour in range(5)]


def test_t2_a_day_that_a_zone_skipped_fires_once() -> None:
    found = instants("FREQ=DAILY", "2011-12-29T14:00", "Pacific/Apia", utc(2011, 12, 29), utc(2012, 1, 2))
    assert found == [utc(2011, 12, 30), utc(2011, 12, 31), utc(2012, 1, 1)]


def test_t3_a_time_that_occurs_twice_departs_the_first_time_and_once() -> None:
    schedule = read("FREQ=DAILY", "2026-10-25T02:30", "Europe/Berlin")
    found = occurrences(schedule, after=utc(2026, 10, 24), until=utc(2026, 10, 26))
    assert [one.at for one in found] == [utc(2026, 10, 25, 0, 30)]
    assert found[0].note == "02:30 occurs twice on Sun 25 Oct 2026 in Europe/Berlin; the first one counts."


def test_t4_a_midnight_that_does_not_exist_is_the_days_first_instant() -> None:
    cairo = resolve(datetime(2026, 4, 24), ZoneInfo("Africa/Cairo"))  # noqa: DTZ001
    assert cairo.at == utc(2026, 4, 23, 22)
    assert time_words(cairo.at, "Africa/Cairo") == "01:00"


def test_t13_a_span_holds_its_start_and_not_its_end() -> None:
    at = utc(2026, 11, 24, 13)
    schedule = read("FREQ=WEEKLY", "2026-11-24T14:00", "Europe/Berlin")
    assert [one.at for one in occurrences(schedule, after=at, until=at + timedelta(days=7))] == [at]
    assert occurrences(schedule, after=at - timedelta(days=1), until=at) == []


def test_until_in_utc_is_judged_on_the_instant() -> None:
    found = instants(
        "FREQ=DAILY;UNTIL=20261025T003000Z",
        "2026-10-24T02:30",
        "Europe/Berlin",
        utc(2026, 10, 23),
        utc(2026, 11, 1),
    )
    assert found == [utc(2026, 10, 24, 0, 30), utc(2026, 10, 25, 0, 30)]


def test_until_as_a_date_holds_that_day() -> None:
    found = instants(
        "FREQ=DAILY;UNTIL=20261125",
        "2026-11-24T23:30",
        "America/New_York",
        utc(2026, 11, 20),
        utc(2026, 12, 1),
    )
    assert found == [utc(2026, 11, 25, 4, 30), utc(2026, 11, 26, 4, 30)]


def test_an_hourly_train_is_planned_for_two_days_only() -> None:
    schedule = read("FREQ=HOURLY", "2026-01-01T00:00", "UTC")
    found = occurrences(schedule, after=utc(2026, 6, 1), until=utc(2026, 8, 1))
    assert len(found) == MOST_AHEAD_SUB_DAILY
    assert found[0].at == utc(2026, 6, 1)


@given(wall_times, st.sampled_from(ZONES))
@settings(deadline=None)
def test_t1_an_instant_reads_as_its_wall_time_wherever_that_exists_once(wall: datetime, zone: str) -> None:
    one = resolve(wall.replace(microsecond=0), ZoneInfo(zone))
    if not one.note:
        assert one.at.astimezone(ZoneInfo(zone)).replace(tzinfo=None) == one.wall


@given(wall_times, st.sampled_from(ZONES))
@settings(deadline=None)
def test_t2_t3_a_wall_time_means_the_earliest_instant_that_shows_it_or_follows_its_gap(
    wall: datetime, zone: str
) -> None:
    """Compare with a search over instants, which knows nothing of folds."""
    wall = wall.replace(minute=wall.minute // 15 * 15, second=0, microsecond=0)
    place = ZoneInfo(zone)
    start = wall.replace(tzinfo=UTC) - timedelta(hours=15)
    around = (start + timedelta(minutes=15 * step) for step in range(30 * 4))
    showing = [at for at in around if at.astimezone(place).replace(tzinfo=None) == wall]
    one = resolve(wall, place)
    if showing:
        assert one.at == showing[0]
    else:
        assert "does not exist" in one.note
        assert one.at.astimezone(place).replace(tzinfo=None) > wall


@given(
    st.sampled_from(
        ["FREQ=DAILY", "FREQ=WEEKLY;BYDAY=SU", "FREQ=HOURLY;INTERVAL=3", "FREQ=MONTHLY;BYDAY=-1SU"]
    ),
    st.sampled_from(ZONES),
    st.times(),
    st.dates(min_value=date(2000, 1, 1), max_value=date(2030, 1, 1)),
)
@settings(deadline=None, max_examples=60)
def test_t2_t3_departures_ascend_and_none_fires_twice(rule: str, zone: str, at: object, day: date) -> None:
    first = f"2000-01-01T{str(at)[:5]}"
    start = datetime(day.year, day.month, day.day, tzinfo=UTC)
    found = instants(rule, first, zone, start, start + timedelta(days=370))
    assert found == sorted(set(found))
    assert all(start <= one < start + timedelta(days=370) for one in found)


@given(
    st.sampled_from(["FREQ=DAILY", "FREQ=WEEKLY;BYDAY=SU", "FREQ=HOURLY;INTERVAL=5"]),
    st.sampled_from(ZONES),
    st.integers(1, 200),
)
@settings(deadline=None, max_examples=40)
def test_t13_neighbouring_spans_share_no_departure_and_lose_none(rule: str, zone: str, hours: int) -> None:
    schedule = read(rule, "2026-03-01T02:30", zone)
    start, middle, end = utc(2026, 3, 20), utc(2026, 3, 20) + timedelta(hours=hours), utc(2026, 3, 29)
    middle = min(middle, end)

    def between(after: datetime, until: datetime) -> list[datetime]:
        return [one.at for one in occurrences(schedule, after=after, until=until, limit=1000)]

    assert between(start, middle) + between(middle, end) == between(start, end)


def test_a_likely_zone_is_named() -> None:
    with pytest.raises(BadRule, match=r"Did you mean Europe/Berlin\?"):
        read_zone("Europe/Berln")


@pytest.mark.parametrize("zone", ["", "Europe", "../../etc/passwd", "Mars/Olympus", "a" * 300])
def test_an_unknown_zone_is_refused(zone: str) -> None:
    with pytest.raises(BadRule, match="is not a time zone"):
        read_zone(zone)


def test_every_known_zone_can_be_read() -> None:
    assert all(read_zone(name).key == name for name in known_zones())


@pytest.mark.parametrize(
    "first", ["", "tomorrow", "2026-11-24T14:00+01:00", "2026-11-24T14:00Z", "0001-01-01T00:00"]
)
def test_a_first_departure_that_is_no_wall_time_is_refused(first: str) -> None:
    with pytest.raises(BadRule):
        read_first(first)


def test_every_field_that_cannot_be_used_is_named_at_once() -> None:
    assert sorted(flaws("FREQ=NEVER", "soon", "Nowhere")) == ["first_departs_at_local", "rule", "time_zone"]
    assert flaws("FREQ=WEEKLY", "2026-11-24T14:00", "Europe/Berlin") == {}
    assert list(flaws("FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30", "2026-11-24T14:00", "UTC")) == ["rule"]


def test_an_instant_is_said_on_the_clocks_of_its_zone() -> None:
    assert at_words(utc(2026, 11, 24, 13), "Europe/Berlin") == "Tue 24 Nov 2026 14:00 Europe/Berlin"
    assert time_words(utc(2026, 7, 1, 12), "Europe/Berlin") == "14:00"


def test_single_dates_are_added_and_left_out_and_none_counts_twice() -> None:
    lines = "FREQ=WEEKLY\nRDATE:20261126,20261201\nEXDATE:20261208\nEXDATE:20261215T140000"
    found = instants(lines, "2026-11-24T14:00", "Europe/Berlin", utc(2026, 11, 20), utc(2026, 12, 20))
    assert found == [utc(2026, 11, 24, 13), utc(2026, 11, 26, 13), utc(2026, 12, 1, 13)]


def test_several_rules_are_united() -> None:
    lines = "RRULE:FREQ=WEEKLY;BYDAY=TU\nRRULE:FREQ=WEEKLY;BYDAY=WE,TH;BYHOUR=1,11"
    found = instants(lines, "2026-06-09T11:00", "America/Los_Angeles", utc(2026, 6, 8), utc(2026, 6, 15))
    assert found == [
        utc(2026, 6, 9, 18),
        utc(2026, 6, 10, 8),
        utc(2026, 6, 10, 18),
        utc(2026, 6, 11, 8),
        utc(2026, 6, 11, 18),
    ]


def test_each_rule_ends_by_its_own_until() -> None:
    lines = "RRULE:FREQ=DAILY;UNTIL=20261125T130000Z\nRRULE:FREQ=DAILY;BYHOUR=9"
    found = instants(lines, "2026-11-24T14:00", "Europe/Berlin", utc(2026, 11, 24, 12), utc(2026, 11, 27))
    assert found == [utc(2026, 11, 24, 13), utc(2026, 11, 25, 8), utc(2026, 11, 25, 13), utc(2026, 11, 26, 8)]


def test_t2_a_single_date_that_does_not_exist_fires_once_after_the_gap() -> None:
    schedule = read("RDATE:20260329", "2026-03-29T02:30", "Europe/Berlin")
    found = occurrences(schedule, after=utc(2026, 3, 1), until=utc(2026, 4, 1))
    assert [one.at for one in found] == [utc(2026, 3, 29, 1, 30)]
    assert found[0].note.endswith("03:30 is taken instead.")


def test_how_near_to_each_other_times_come_is_known() -> None:
    assert nearest(read("FREQ=DAILY;BYHOUR=9;BYMINUTE=0,4", "2026-11-24T09:00", "UTC")) == timedelta(
        minutes=4
    )
    assert nearest(read("RDATE:20261124", "2026-11-24T09:00", "UTC")) is None
