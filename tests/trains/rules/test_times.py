"""Every time of a departure follows from what its train says, and none is promised that cannot be kept."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from releasetrain.lib.recurrence import BadRule
from releasetrain.trains.rules.times import (
    Terms,
    Times,
    cut_off_before,
    in_words,
    moved_deadlines,
    read_cut_offs,
    read_milestones,
    with_cut_off,
    with_milestone,
)

BERLIN = ZoneInfo("Europe/Berlin")
ZONES = [
    "Europe/Berlin",
    "America/New_York",
    "America/Santiago",
    "Africa/Cairo",
    "Australia/Lord_Howe",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Pacific/Apia",
    "UTC",
]
TUESDAY = datetime(2026, 12, 1, 13, tzinfo=UTC)
HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(weeks=1)


def terms(
    *cut_offs: dict[str, Any], milestones: Any = (), zone: ZoneInfo = BERLIN, boarding: timedelta = WEEK
) -> Terms:
    return Terms.read(zone, boarding, cut_offs or cut_off_before(2 * HOUR), milestones)


def test_a_departure_has_its_boarding_its_cut_offs_and_its_milestones() -> None:
    found = terms(
        {"category": "", "kind": "lead", "seconds": 7200},
        {"category": "library", "kind": "wall", "days": 1, "time": "17:00"},
        milestones=[{"name": "Dry run", "kind": "wall", "days": 2, "time": "10:00"}],
    ).times(TUESDAY)
    assert found.boards_at == TUESDAY - WEEK
    assert found.cut_offs == {
        "": TUESDAY - 2 * HOUR,
        "library": datetime(2026, 11, 30, 16, tzinfo=UTC),
    }
    assert found.cut_off_at == TUESDAY - 2 * HOUR, "the seal is at the latest cut-off"
    assert found.milestones == (("Dry run", datetime(2026, 11, 29, 9, tzinfo=UTC)),)


def test_working_days_are_counted_by_the_calendar_that_a_deadline_names() -> None:
    own = terms({"category": "", "kind": "workdays", "days": 1, "time": "12:00", "holidays": 7})
    assert own.calendars() == {7}
    assert own.times(TUESDAY).cut_off_at == datetime(2026, 11, 30, 11, tzinfo=UTC)
    off = own.with_holidays({7: {date(2026, 11, 30)}})
    assert off.times(TUESDAY).cut_off_at == datetime(2026, 11, 27, 11, tzinfo=UTC)


@pytest.mark.parametrize(
    ("cut_off", "says"),
    [
        (
            {"kind": "wall", "days": 0, "time": "15:00"},
            "on Tue 1 Dec 2026 15:00 Europe/Berlin, which is too late for the departure on Tue 1 Dec",
        ),
        (
            {"kind": "wall", "days": 8, "time": "15:00"},
            "14:00 Europe/Berlin, but boarding opens on Tue 24 Nov 2026 14:00 Europe/Berlin only.",
        ),
        ({"kind": "lead", "seconds": 0}, None),
        ({"kind": "lead", "seconds": 7 * 86400 - 1}, None),
        ({"kind": "lead", "seconds": 7 * 86400}, "but boarding opens on"),
    ],
)
def test_a_cut_off_outside_boarding_is_refused_with_the_date_on_which_it_would_be(
    cut_off: dict[str, Any], says: str | None
) -> None:
    why = terms({"category": "", **cut_off}).why_not_cut_offs(TUESDAY)
    assert (why is None) if says is None else (why is not None and says in why)


def test_a_category_and_a_milestone_are_named_in_the_refusal() -> None:
    own = terms(
        {"category": "", "kind": "lead", "seconds": 60},
        {"category": "library", "kind": "aoe", "days": 0},
        milestones=[{"name": "Freeze", "kind": "aoe", "date": "2026-12-24"}],
    )
    assert (own.why_not_cut_offs(TUESDAY) or "").startswith("The cut-off of library would be on Wed 2 Dec")
    assert (own.why_not_milestones(TUESDAY) or "").startswith("The milestone Freeze would be on Fri 25 Dec")


def test_a_milestone_that_is_counted_forward_is_meant_to_come_after_the_departure() -> None:
    after = terms(milestones=[{"name": "Review", "kind": "week", "weeks": -1, "weekday": "TH"}])
    assert after.why_not_milestones(TUESDAY) is None


def test_a_cut_off_is_never_after_its_departure_even_where_nobody_has_looked() -> None:
    late = terms({"category": "", "kind": "aoe", "days": 0})
    assert late.times(TUESDAY).cut_off_at == TUESDAY


@pytest.mark.parametrize(
    ("cut_offs", "says"),
    [
        ([], "until when everything may board"),
        ([{"category": "library", "kind": "lead", "seconds": 60}], "until when everything may board"),
        (cut_off_before(HOUR) * 2, "of everything else is given twice"),
        ([{"category": "two words", "kind": "lead", "seconds": 60}], "is no category"),
        ([{"category": "", "kind": "lead"}], "The cut-off of everything else: A deadline of this kind lacks"),
        ([{"category": "", "kind": "week", "weeks": -1, "weekday": "TH"}], "must lie before the departure"),
        (
            [{"category": f"c{number}", "kind": "lead", "seconds": 60} for number in range(31)]
            + cut_off_before(HOUR),
            "at most 30",
        ),
    ],
)
def test_cut_offs_that_cannot_be_used_are_refused(cut_offs: list[dict[str, Any]], says: str) -> None:
    with pytest.raises(BadRule, match=says):
        read_cut_offs(cut_offs)


@pytest.mark.parametrize(
    ("milestones", "says"),
    [
        ([{"name": " ", "kind": "lead", "seconds": 60}], "needs a name"),
        ([{"name": "x" * 61, "kind": "lead", "seconds": 60}], "needs a name"),
        ([{"name": "RC", "kind": "lead", "seconds": 60}] * 2, "The milestone RC is given twice"),
        ([{"name": "RC", "kind": "someday"}], "The milestone RC: .* is no kind"),
    ],
)
def test_milestones_that_cannot_be_used_are_refused(milestones: list[dict[str, Any]], says: str) -> None:
    with pytest.raises(BadRule, match=says):
        read_milestones(milestones)


def test_cut_offs_are_said_in_words() -> None:
    assert in_words(read_cut_offs(cut_off_before(2 * HOUR))) == "2 h before departure"
    own = [{"category": "library", "kind": "week", "weeks": 6, "weekday": "TH"}, *cut_off_before(HOUR)]
    assert in_words(read_cut_offs(own)) == (
        "library: Thursday of week R−6, anywhere on Earth; everything else: 1 h before departure"
    )


def test_what_moves_between_two_readings_is_named() -> None:
    before = Times(
        TUESDAY, TUESDAY - WEEK, {"": TUESDAY - HOUR, "library": TUESDAY - DAY}, (("RC", TUESDAY),)
    )
    after = with_milestone(with_cut_off(before, "library", TUESDAY - 2 * DAY), "RC", TUESDAY - HOUR)
    assert [(one.what, one.after) for one in moved_deadlines(before, after)] == [
        ("the cut-off of library", TUESDAY - 2 * DAY),
        ("the milestone RC", TUESDAY - HOUR),
    ]
    new = Times(TUESDAY, TUESDAY - WEEK, {"": TUESDAY - HOUR, "docs": TUESDAY})
    assert moved_deadlines(before, new) == [], "what is new or gone has not moved"


wall_instants = st.datetimes(datetime(1995, 1, 1), datetime(2037, 1, 1)).map(  # noqa: DTZ001 - made aware
    lambda one: one.replace(second=0, microsecond=0, tzinfo=UTC)
)


@given(wall_instants, st.sampled_from(ZONES), st.integers(0, 40 * 86400))
@settings(deadline=None)
def test_t6_a_lead_is_elapsed_time_in_every_zone_and_year(departs: datetime, zone: str, seconds: int) -> None:
    own = terms({"category": "", "kind": "lead", "seconds": seconds}, zone=ZoneInfo(zone))
    assert departs - own.times(departs).cut_off_at == timedelta(seconds=seconds)


@given(wall_instants, st.sampled_from(ZONES), st.integers(1, 20), st.times())
@settings(deadline=None)
def test_t1_t2_a_wall_deadline_stays_on_the_wall_in_every_zone_and_year(
    departs: datetime, zone: str, days: int, clock: Any
) -> None:
    own = terms(
        {"category": "", "kind": "wall", "days": days, "time": clock.isoformat("minutes")},
        zone=ZoneInfo(zone),
    )
    shown = own.times(departs).cut_off_at.astimezone(ZoneInfo(zone))
    wanted = datetime.combine(
        departs.astimezone(ZoneInfo(zone)).date() - days * DAY, clock.replace(second=0, microsecond=0)
    )
    if shown.replace(tzinfo=None, fold=0) != wanted:
        assert shown.replace(tzinfo=None, fold=0) > wanted, "the offset before the gap shows a later time"
    assert shown.fold == 0, "the first of two"


@given(wall_instants, st.integers(1, 52), st.sampled_from(["MO", "TU", "WE", "TH", "FR", "SA", "SU"]))
@settings(deadline=None)
def test_o9_a_week_counted_back_shifts_by_seven_days_with_its_release(
    departs: datetime, weeks: int, weekday: str
) -> None:
    spec = {"category": "", "kind": "week", "weeks": weeks, "weekday": weekday}
    own = terms(spec, zone=ZoneInfo("UTC"))
    assert own.times(departs + WEEK).cut_off_at - own.times(departs).cut_off_at == WEEK
