"""Windows come again by rules and on holidays, on the wall clock (RULES T1, T3, T4, T5, T7, W5)."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releasetrain.calendars.rules.holidays import holiday_dates
from releasetrain.calendars.rules.times import MOST_TIMES, BadTime, Plan, Spec, plan, read_end
from releasetrain.calendars.rules.windows import DayMode, Effect
from releasetrain.lib.schedule import known_zones

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
ANGELES = "America/Los_Angeles"


def utc(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def spec(start: str, end: str, zone: str = "UTC", **fields: Any) -> Spec:
    """Make the times of a window; whole days where only dates are given."""
    is_all_day = len(start) == 10
    last = datetime.fromisoformat(end) + (DAY if is_all_day else timedelta(0))
    return Spec(datetime.fromisoformat(start), last, ZoneInfo(zone), is_all_day=is_all_day, **fields)


def planned(wanted: Spec, after: str, days: float = 400, **fields: Any) -> Plan:
    fields.setdefault("regions", {})
    return plan(wanted, after=utc(after), until=utc(after) + DAY * days, **fields)


def starts(wanted: Spec, after: str, days: float = 400) -> list[str]:
    return [f"{one.span.start:%Y-%m-%d %H:%M}" for one in planned(wanted, after, days).times]


def test_t1_real_case_o1_windows_pinned_to_san_francisco_move_in_utc() -> None:
    backport = spec("2026-03-02T13:00", "2026-03-02T14:00", ANGELES, rule="FREQ=WEEKLY;BYDAY=MO,TU,WE")
    found = {one.span.start.date(): one.span for one in planned(backport, "2026-03-01", 250).times}
    asked = [date(2026, 3, 2), date(2026, 3, 9), date(2026, 10, 26), date(2026, 11, 2)]
    assert [f"{found[day].start:%H:%M}Z" for day in asked] == ["21:00Z", "20:00Z", "20:00Z", "21:00Z"]
    berlin = ZoneInfo("Europe/Berlin")
    seen = [f"{found[day].start.astimezone(berlin):%H:%M}" for day in asked]
    assert seen == ["22:00", "21:00", "21:00", "22:00"]
    assert {one.end - one.start for one in found.values()} == {HOUR}


def test_t5_every_weekend_has_its_own_length() -> None:
    weekends = spec("2026-03-20T18:00", "2026-03-23T06:00", "Europe/Berlin", rule="FREQ=WEEKLY")
    found = planned(weekends, "2026-03-01", 40)
    assert [(one.span.end - one.span.start) / HOUR for one in found.times[:3]] == [60, 59, 60]
    assert found.notes == (
        "What opens on Fri 27 Mar 2026 at 18:00 lasts 59 h, not 60 h: the clocks change in Europe/Berlin.",
    )


def test_t2_a_nightly_window_in_the_gap_opens_once_that_night() -> None:
    nightly = spec("2026-03-27T02:30", "2026-03-27T04:00", "Europe/Berlin", rule="FREQ=DAILY")
    assert starts(nightly, "2026-03-28T00:00", 3) == [
        "2026-03-28 01:30",
        "2026-03-29 01:30",
        "2026-03-30 00:30",
        "2026-03-31 00:30",
    ]


@pytest.mark.parametrize(("effect", "minutes"), [(Effect.DENY, 119), (Effect.ALLOW, 59)])
def test_t3_a_window_in_the_doubled_hour_is_as_wide_as_it_protects(effect: Effect, minutes: int) -> None:
    night = spec("2026-10-25T02:00", "2026-10-25T02:59", "Europe/Berlin", effect=effect)
    [time] = planned(night, "2026-10-20").times
    assert time.span.end - time.span.start == timedelta(minutes=minutes)


def test_t4_whole_days_that_come_again_start_at_their_first_instant() -> None:
    fridays = spec("2026-04-17", "2026-04-17", "Africa/Cairo", rule="FREQ=WEEKLY")
    assert starts(fridays, "2026-04-16", 9)[:2] == ["2026-04-16 22:00", "2026-04-23 22:00"]
    [_, jump] = planned(fridays, "2026-04-16", 9).times[:2]
    assert jump.span.end - jump.span.start == 23 * HOUR


def test_t4_every_day_of_a_zone_that_skipped_one_is_there_once() -> None:
    daily = spec("2011-12-28", "2011-12-28", "Pacific/Apia", rule="FREQ=DAILY;COUNT=5")
    found = planned(daily, "2011-12-01", 60)
    assert [one.span.end - one.span.start for one in found.times] == [DAY] * 4
    assert "Fri 30 Dec 2011 does not exist in Pacific/Apia." in found.notes


def test_t7_a_day_in_one_zone_in_each_region_or_anywhere_on_earth() -> None:
    regions = {1: ZoneInfo("Asia/Tokyo"), 2: ZoneInfo(ANGELES)}
    found = {
        mode: [
            (one.region, f"{one.span.start:%d %H}", f"{one.span.end:%d %H}")
            for one in planned(
                spec("2026-11-27", "2026-11-27", "Europe/Berlin", day_mode=mode),
                "2026-11-01",
                regions=regions,
            ).times
        ]
        for mode in DayMode
    }
    assert found == {
        DayMode.ZONE: [(None, "26 23", "27 23")],
        DayMode.REGIONS: [(1, "26 15", "27 15"), (2, "27 08", "28 08")],
        DayMode.ANYWHERE: [(None, "26 10", "28 12")],
    }


def test_a_window_lies_on_each_holiday_from_its_first_day_on() -> None:
    def dates(first: date, last: date) -> list[date]:
        return list(holiday_dates("DE", "BE", first, last))

    whole = spec("2026-12-01", "2026-12-01", "Europe/Berlin", dates=dates)
    found = planned(whole, "2026-11-01", 100)
    assert [f"{one.span.end - HOUR:%d %b}" for one in found.times[:3]] == ["25 Dec", "26 Dec", "01 Jan"]
    assert not found.is_last
    eves = spec("2026-12-01T18:00", "2026-12-02T06:00", "Europe/Berlin", dates=dates)
    assert starts(eves, "2026-11-01", 55)[:1] == ["2026-12-25 17:00"]


def test_only_what_is_not_over_is_planned_and_a_long_one_that_is_open_counts() -> None:
    monthly = spec("2026-01-01T00:00", "2026-01-20T00:00", rule="FREQ=MONTHLY")
    assert starts(monthly, "2026-11-19T23:00", 1) == ["2026-11-01 00:00", "2026-12-01 00:00"]
    assert starts(monthly, "2026-11-20T00:00", 1) == ["2026-12-01 00:00"]


def test_the_next_time_is_known_however_far_it_lies() -> None:
    leap = spec("2024-02-29", "2024-02-29", rule="FREQ=YEARLY")
    found = planned(leap, "2024-03-01", 400)
    assert [f"{one.span.start:%Y-%m-%d}" for one in found.times] == ["2028-02-29"]
    assert not found.is_last


@pytest.mark.parametrize("rule", ["FREQ=DAILY;COUNT=3", "FREQ=DAILY;UNTIL=20261125T130000Z"])
def test_a_rule_that_ends_says_which_time_is_the_last(rule: str) -> None:
    found = planned(spec("2026-11-23T12:00", "2026-11-23T13:00", rule=rule), "2026-11-01")
    assert (len(found.times), found.is_last) == (3, True)


def test_until_an_instant_means_that_day_for_whole_days() -> None:
    last = "FREQ=DAILY;UNTIL=20261124T230000Z"  # midnight in Berlin, where Wednesday begins
    found = planned(spec("2026-11-23", "2026-11-23", "Europe/Berlin", rule=last), "2026-11-01")
    assert [f"{one.span.start:%d}" for one in found.times] == ["22", "23", "24"]


def test_single_dates_are_added_and_left_out() -> None:
    lines = "RRULE:FREQ=DAILY;COUNT=3\nEXDATE:20261124\nRDATE:20261201"
    found = planned(spec("2026-11-23", "2026-11-23", rule=lines), "2026-11-01")
    assert [f"{one.span.start:%d}" for one in found.times] == ["23", "25", "01"]


def test_what_opens_every_hour_is_planned_less_far() -> None:
    found = planned(spec("2026-11-01T00:00", "2026-11-01T00:10", rule="FREQ=HOURLY"), "2026-11-01", 800)
    assert (len(found.times), found.is_last) == (MOST_TIMES, False)


@pytest.mark.parametrize(
    ("text", "is_all_day", "says"),
    [
        ("soon", False, "is not a local time such as 2026-11-27T18:00"),
        ("27.11.2026", True, "is not a day such as 2026-11-27"),
        ("2026-11-27T18:00+01:00", False, "leave its offset out"),
        ("1826-11-27T18:00", False, "The year 1826 lies outside 1970 to 2200."),
    ],
)
def test_w10_an_end_that_cannot_be_read_is_refused(text: str, is_all_day: bool, says: str) -> None:
    with pytest.raises(BadTime) as refused:
        read_end(text, is_all_day=is_all_day)
    assert says in str(refused.value)


def test_an_end_may_be_typed_with_or_without_its_time_of_day() -> None:
    assert read_end("2026-11-27T18:00", is_all_day=True) == datetime(2026, 11, 27)  # noqa: DTZ001
    assert read_end("2026-11-27", is_all_day=False) == datetime(2026, 11, 27)  # noqa: DTZ001


rules = st.sampled_from(
    (
        "FREQ=DAILY",
        "FREQ=DAILY;INTERVAL=3",
        "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
        "FREQ=WEEKLY;INTERVAL=2;BYDAY=SU",
        "FREQ=MONTHLY;BYDAY=-1FR",
        "FREQ=MONTHLY;BYMONTHDAY=31",
        "FREQ=YEARLY;BYMONTH=3,10;BYDAY=-1SU",
    )
)
specs = st.builds(
    lambda day, minute, length, zone, rule, is_all_day, effect: Spec(
        start=datetime.combine(day, datetime.min.time()) + timedelta(minutes=0 if is_all_day else minute),
        end=datetime.combine(day, datetime.min.time())
        + (DAY * (1 + length // 1440) if is_all_day else timedelta(minutes=minute + length)),
        zone=ZoneInfo(zone),
        rule=rule,
        is_all_day=is_all_day,
        effect=effect,
    ),
    st.dates(date(2000, 1, 1), date(2058, 12, 31)),
    st.integers(0, 1439),
    st.integers(1, 6000),
    st.sampled_from(sorted(known_zones())),
    rules,
    st.booleans(),
    st.sampled_from(Effect),
)


@given(specs, st.integers(0, 500))
def test_t12_what_is_planned_does_not_depend_on_when(wanted: Spec, days: int) -> None:
    start = wanted.start.replace(tzinfo=UTC)
    until = start + 700 * DAY
    whole = plan(wanted, regions={}, after=start - 2 * DAY, until=until)
    later = plan(wanted, regions={}, after=start + DAY * days, until=until)
    assert later.times == tuple(one for one in whole.times if one.span.end > start + DAY * days)


@given(specs)
def test_t1_every_time_opens_at_the_same_wall_time_where_that_exists(wanted: Spec) -> None:
    start = wanted.start.replace(tzinfo=UTC)
    found = plan(wanted, regions={}, after=start - 2 * DAY, until=start + 800 * DAY)
    excused = " ".join(found.notes)
    for one in found.times:
        local = one.span.start.astimezone(wanted.zone)
        if local.time().replace(tzinfo=None) != wanted.start.time():
            assert f"{local:%Y}" in excused
            assert "does not exist" in excused


@given(specs)
def test_w5_uniting_the_times_of_a_window_changes_no_instant(wanted: Spec) -> None:
    start = wanted.start.replace(tzinfo=UTC)
    found = plan(wanted, regions={}, after=start - 2 * DAY, until=start + 120 * DAY)
    joined = found.united()
    edges = {at for one in found.times for at in (one.span.start, one.span.end)}
    tiny = timedelta(seconds=1)
    for at in (at + step for at in edges for step in (-tiny, timedelta(0))):
        assert any(at in one.span for one in found.times) == any(at in one.span for one in joined)
    assert all(one.span.end < other.span.start for one, other in pairwise(joined))
