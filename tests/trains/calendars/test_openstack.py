"""OpenStack: one train of five series, its deadlines Thursdays of weeks counted back (real case O9)."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import pytest
import yaml

from releasetrain.trains import actions
from releasetrain.trains.actions import TrainSettings
from releasetrain.trains.actions.refusals import BoardingClosed
from releasetrain.trains.models import Departure, Train
from tests import make
from tests.trains import world
from tests.trains.calendars.published import (
    DAY,
    SHARED,
    WEEK,
    WHY_NOT,
    aoe_day,
    at,
    days,
    deadlines,
    milestone,
    train,
)

SCHEDULES = SHARED / "openstack"
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not SCHEDULES.is_dir(), reason=WHY_NOT),
]
SERIES = ("epoxy", "flamingo", "gazpacho", "hibiscus", "indri")
NOW = at("2024-10-07")
END = at("2027-04-01")

# A release every 26 weeks; Indri's cycle is published a week shorter.
RULE = "FREQ=WEEKLY;INTERVAL=26;COUNT=4\nRDATE:20270324"
CUT_OFFS = [
    {"category": "library", "kind": "week", "weeks": 6, "weekday": "TH"},
    {"category": "client-library", "kind": "week", "weeks": 5, "weekday": "TH"},
    {"category": "service", "kind": "week", "weeks": 5, "weekday": "TH"},
    {"category": "", "kind": "week", "weeks": 1, "weekday": "TH"},
]
# Each key of the published weeks, and the deadline that stands for it.
NAMES = {
    "1": "Milestone 1",
    "2": "Milestone 2",
    "extra-acs": "Extra ACs freeze",
    "final-lib": "library",
    "3": "Milestone 3",
    "ff": "service",
    "final-clientlib": "client-library",
    "soft-sf": "Soft string freeze",
    "rf": "Requirements freeze",
    "cycle-highlights": "Cycle highlights",
    "rc1": "RC1",
    "hard-sf": "Hard string freeze",
    "finalrc": "",
    "mf": "Membership freeze",
}
WEEKS = {
    "Milestone 1": 20,
    "Milestone 2": 12,
    "Membership freeze": 12,
    "Extra ACs freeze": 7,
    "Milestone 3": 5,
    "Soft string freeze": 5,
    "Requirements freeze": 5,
    "Cycle highlights": 4,
    "RC1": 3,
    "Hard string freeze": 3,
    "Trailing release": -9,
}
# Where a series differs from the rule: between 26 and 25 weeks are published, and the second milestone lies
# twelve or thirteen weeks before the release in turn; Indri, which is shorter, has both milestones later.
IRREGULAR = {
    "flamingo": {"Milestone 2": 13, "Membership freeze": 13},
    "hibiscus": {"Milestone 2": 13, "Membership freeze": 13},
    "indri": {"Milestone 1": 18, "Milestone 2": 10, "Membership freeze": 10},
}


def schedule(series: str) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((SCHEDULES / f"{series}-schedule.yaml").read_text())
    return found


def published(series: str) -> dict[str, date]:
    """Return the Monday of the week in which each deadline of a series is published."""
    return {
        NAMES[key.partition("-")[2]]: date.fromisoformat(week["start"])
        for week in schedule(series)["cycle"]
        for key in week.get("x-project", [])
        if key[0] == series[0] and key.partition("-")[2] in NAMES
    }


def openstack() -> Train:
    made = train(
        rule=RULE,
        first="2025-04-02T12:00",
        now=NOW,
        until=END,
        cut_offs=CUT_OFFS,
        milestones=[milestone(name, kind="week", weeks=weeks, weekday="TH") for name, weeks in WEEKS.items()],
        boarding=26 * WEEK,
    )
    for series, moved in IRREGULAR.items():
        for name, weeks in moved.items():
            _move(release(made, series), name, weeks)
    return made


def _move(row: Departure, name: str, weeks: int) -> None:
    actions.move_deadline(
        row,
        what=f"milestone:{name}",
        to=dict(row.milestone_times)[name] - (weeks - WEEKS[name]) * WEEK,
        reason="This cycle is cut otherwise",
        by=world.manager(),
        now=NOW,
    )


def release(of: Train, series: str) -> Departure:
    return of.departures.order_by("planned_at")[SERIES.index(series)]


def test_the_releases_are_those_published() -> None:
    status = yaml.safe_load((SCHEDULES / "series_status.yaml").read_text())
    released = {one["name"]: str(one["initial-release"]) for one in status}
    assert days(openstack()) == [released[series] for series in SERIES]


@pytest.mark.parametrize("series", SERIES)
def test_every_deadline_is_the_thursday_of_its_published_week(series: str) -> None:
    found = {name: aoe_day(at) for name, at in deadlines(release(openstack(), series)).items()}
    mondays = published(series)
    assert set(mondays) == set(NAMES.values())
    assert {name: found[name] for name in mondays} == {
        name: monday + timedelta(days=3) for name, monday in mondays.items()
    }


def test_what_trails_a_release_is_a_deadline_after_it() -> None:
    made = openstack()
    for series, following in pairwise(SERIES):
        trailing = dict(release(made, series).milestone_times)["Trailing release"]
        weeks = schedule(following)["cycle"]
        (monday,) = [
            one["start"] for one in weeks if f"{following[0]}-cycle-trail" in one.get("x-project", [])
        ]
        assert aoe_day(trailing) == date.fromisoformat(monday) + timedelta(days=3)


def test_o9_cut_offs_by_category_shift_with_the_release_and_everyone_affected_is_told() -> None:
    made = openstack()
    hibiscus = release(made, "hibiscus")
    world.aboard(hibiscus)
    before = {name: aoe_day(at) for name, at in hibiscus.cut_off_times.items()}
    assert (before["library"], before["client-library"], before["service"]) == (
        date(2026, 8, 20),
        date(2026, 8, 27),
        date(2026, 8, 27),
    )
    edited = replace(TrainSettings.of(made), rule=RULE.replace("COUNT=4", "COUNT=3") + ",20261007")
    actions.save_train(made, edited, by=world.manager(), now=NOW)
    hibiscus.refresh_from_db()
    assert {name: aoe_day(at) for name, at in hibiscus.cut_off_times.items()} == {
        name: day + 7 * DAY for name, day in before.items()
    }
    assert world.kinds(hibiscus)[-1] == "departure.moved"


def test_o9_t10_each_category_boards_until_its_own_thursday_anywhere_on_earth() -> None:
    hibiscus = release(openstack(), "hibiscus")
    late = make.change(category="library", author=world.submitter())
    service = make.change(category="service", author=world.submitter())
    at_the_end = at("2026-08-21")  # Thursday has ended anywhere on Earth
    with pytest.raises(BoardingClosed, match="The cut-off of library was on"):
        actions.board(late, hibiscus, by=world.submitter(), now=at_the_end)
    actions.board(service, hibiscus, by=world.submitter(), now=at_the_end)
    actions.board(late, hibiscus, by=world.submitter(), now=at_the_end - timedelta(microseconds=1))
    assert hibiscus.changes.count() == 2
