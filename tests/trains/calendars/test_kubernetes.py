"""Kubernetes: freezes that end anywhere on Earth, counted back from the release (real case O6)."""

import csv
import re
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from releasetrain.calendars.ics.reader import read
from releasetrain.lib import deadlines as lib
from releasetrain.trains import actions
from releasetrain.trains.actions.refusals import BoardingClosed
from releasetrain.trains.models import Train
from tests import make
from tests.trains import world
from tests.trains.calendars.published import (
    SHARED,
    WHY_NOT,
    aoe_day,
    at,
    days,
    milestone,
    train,
)

TIMELINES = SHARED / "kubernetes"
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not TIMELINES.is_dir(), reason=WHY_NOT),
]
VERSIONS = ("1.35", "1.36", "1.37")
NOW = at("2025-09-14")
GREENWICH = ZoneInfo("UTC")
DATE = re.compile(r"(\d+)(?:st|nd|rd|th) (\w+) (\d{4})")

# What the freezes of v1.36 are, as weeks before the release; v1.35 and v1.37 are told by their differences.
RULE = {
    "Begin Production Readiness Freeze": (11, "WE"),
    "Begin Enhancements Freeze": (10, "WE"),
    "Begin Feature blog freeze - Open placeholder PRs": (7, "TH"),
    "Begin Code Freeze and Test Freeze": (5, "WE"),
    "Docs Freeze": (2, "WE"),
    "Release blog ready to review": (2, "TH"),
}
IRREGULAR = {
    # v1.35 froze on Thursdays, and its code a week earlier: KubeCon NA was in week 9, the week after.
    "1.35": {
        "Begin Production Readiness Freeze": (10, "TH"),
        "Begin Enhancements Freeze": (9, "TH"),
        "Begin Code Freeze and Test Freeze": (6, "TH"),
        "Docs Freeze": (2, "TU"),
        "Release blog ready to review": (4, "TH"),
    },
    # v1.37 froze on Tuesdays before KubeCon India, and has one week more between its candidates.
    "1.37": {
        "Begin Production Readiness Freeze": (11, "TU"),
        "Begin Enhancements Freeze": (10, "TU"),
        "Docs Freeze": (3, "WE"),
    },
}


def rows(version: str) -> list[dict[str, str]]:
    with (TIMELINES / f"v{version}-timeline.csv").open() as lines:
        return list(csv.DictReader(lines))


def day_of(text: str) -> date:
    match = DATE.search(text)
    assert match, text
    return datetime.strptime(f"{match[1]} {match[2]} {match[3]}", "%d %B %Y").replace(tzinfo=UTC).date()


def anywhere(version: str) -> dict[str, tuple[date, datetime]]:
    """Return the deadlines that are published as a date anywhere on Earth, with their instant in UTC."""
    found = {}
    for row in rows(version):
        day, _, instant = row["when"].partition(" (AoE) / ")
        if instant:
            noon = datetime.combine(day_of(instant), datetime.min.time(), UTC) + timedelta(hours=12)
            assert instant.endswith("12:00 UTC")
            found[row["what"]] = (day_of(day), noon)
    return found


def released(version: str, what: str) -> str:
    (when,) = [row["when"] for row in rows(version) if row["what"] == f"v{version}.0{what} released"]
    return day_of(when).isoformat()


def releases() -> Train:
    """Put the three releases on one train, each with the freezes that it has."""
    made = train(
        rule="RDATE:" + ",".join(released(version, "").replace("-", "") for version in VERSIONS),
        first="2025-12-17T16:00",
        now=NOW,
        until=at("2026-09-30"),
        cut_offs=[{"category": "", **freeze("Begin Code Freeze and Test Freeze")}],
        milestones=[milestone(name, **freeze(name)) for name in RULE if "Code" not in name],
        boarding=timedelta(days=105),
    )
    for place, version in enumerate(VERSIONS):
        row = made.departures.order_by("planned_at")[place]
        for name in IRREGULAR.get(version, {}):
            actions.move_deadline(
                row,
                what="cut_off:" if "Code" in name else f"milestone:{name}",
                to=lib.read(freeze(name, version)).instant(row.departs_at, GREENWICH),
                reason="This release freezes on another day",
                by=world.manager(),
                now=NOW,
            )
            row.refresh_from_db()
    return made


def freeze(name: str, version: str = "1.36") -> dict[str, Any]:
    weeks, weekday = IRREGULAR.get(version, {}).get(name, RULE[name])
    return {"kind": "week", "weeks": weeks, "weekday": weekday}


def test_o6_every_published_date_anywhere_on_earth_is_the_published_instant() -> None:
    known = [pair for version in VERSIONS for pair in anywhere(version).values()]
    assert len(known) == 20
    for day, instant in known:
        spec = {"kind": "aoe", "date": day.isoformat()}
        assert lib.read(spec).instant(NOW, GREENWICH) == instant


def test_the_releases_are_those_published() -> None:
    assert days(releases()) == [released(version, "") for version in VERSIONS]


@pytest.mark.parametrize("version", VERSIONS)
def test_o6_every_freeze_is_the_published_date_anywhere_on_earth(version: str) -> None:
    row = releases().departures.order_by("planned_at")[VERSIONS.index(version)]
    found = {**dict(row.milestone_times), "Begin Code Freeze and Test Freeze": row.cut_off_at}
    known = anywhere(version)
    assert found == {name: known[name][1] for name in RULE}
    assert {name: aoe_day(instant) for name, instant in found.items()} == {
        name: known[name][0] for name in RULE
    }


def test_o6_t10_a_change_is_judged_by_its_receive_time_against_the_date_anywhere_on_earth() -> None:
    row = releases().departures.order_by("planned_at")[VERSIONS.index("1.36")]
    first, second = (make.change(author=world.submitter()) for _ in range(2))
    actions.board(first, row, by=world.submitter(), now=datetime(2026, 3, 19, 11, 59, 59, tzinfo=UTC))
    with pytest.raises(BoardingClosed, match=r"The cut-off was on Thu 19 Mar 2026 12:00 UTC"):
        actions.board(second, row, by=world.submitter(), now=datetime(2026, 3, 19, 12, tzinfo=UTC))


@pytest.mark.parametrize(
    ("version", "rule", "first"),
    [
        # Alphas and the beta every second Wednesday; the candidates and the release are single dates.
        ("1.35", "FREQ=WEEKLY;INTERVAL=2;COUNT=4\nRDATE:20251202,20251209,20251217", "2025-10-08T16:00"),
        # The beta comes a week after the last alpha, the second candidate on a Tuesday.
        (
            "1.36",
            "FREQ=WEEKLY;INTERVAL=2;COUNT=3\nRDATE:20260311,20260408,20260414,20260422",
            "2026-02-04T16:00",
        ),
        # As v1.36, with a candidate every second week.
        (
            "1.37",
            "FREQ=WEEKLY;INTERVAL=2;COUNT=3\nRDATE:20260715,20260805,20260819,20260826",
            "2026-06-10T16:00",
        ),
    ],
)
def test_every_version_is_released_on_its_published_date(version: str, rule: str, first: str) -> None:
    now = at(first[:10]) - timedelta(days=20)
    made = train(rule=rule, first=first, now=now, until=now + timedelta(days=200))
    stages = ("-alpha.1", "-alpha.2", "-alpha.3", "-beta.0", "-rc.0", "-rc.1", "")
    assert days(made) == [released(version, stage) for stage in stages]


def test_the_published_calendar_of_v1_35_says_the_same_instants() -> None:
    events = read((TIMELINES / "v1.35-schedule.ics").read_bytes(), zone="UTC").events
    instants = {one.title: one.times(NOW, at("2026-01-01"))[0].start for one in events if not one.is_all_day}
    row = releases().departures.order_by("planned_at")[0]
    found = {**dict(row.milestone_times), "Code & Test Freeze": row.cut_off_at}
    for title, name in (
        ("🚨 Production Readiness Freeze (PRR)", "Begin Production Readiness Freeze"),
        ("🚨 Enhancements Freeze", "Begin Enhancements Freeze"),
        ("🚨 Feature Blog Freeze", "Begin Feature blog freeze - Open placeholder PRs"),
        ("🚨 Code & Test Freeze", "Code & Test Freeze"),
    ):
        assert instants[title] == found[name], title
