"""Chrome: a release every fourth Tuesday, with one that waits a week for a holiday."""

import json
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from releasetrain.trains import actions
from releasetrain.trains.models import Departure, Train
from tests.trains import world
from tests.trains.calendars.published import (
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

PUBLISHED = SHARED / "chrome" / "milestones_141_on.json"
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not PUBLISHED.is_file(), reason=WHY_NOT),
]
NOW = at("2025-08-20")
CUT_OFFS = [{"category": "", "kind": "week", "weeks": 4, "weekday": "MO"}]
MILESTONES = [
    milestone("earliest_beta", kind="week", weeks=4, weekday="WE"),
    milestone("earliest_beta_chromeos", kind="week", weeks=2, weekday="TU"),
    milestone("latest_beta", kind="week", weeks=2, weekday="TH"),
    milestone("final_beta_cut", kind="week", weeks=1, weekday="TU"),
    milestone("stable_cut", kind="week", weeks=1, weekday="TU"),
    milestone("final_beta", kind="week", weeks=1, weekday="WE"),
    milestone("early_stable", kind="week", weeks=1, weekday="WE"),
    milestone("stable_refresh_first", kind="week", weeks=-2, weekday="TU"),
]


def channels() -> dict[int, dict[str, date]]:
    """Return the published dates of each version."""
    found: dict[str, dict[str, Any]] = json.loads(PUBLISHED.read_text())
    return {
        one["version"]: {
            key: datetime.fromisoformat(value).replace(tzinfo=UTC).date()
            for key, value in one.items()
            if isinstance(value, str)
        }
        for one in found.values()
    }


def chrome() -> Train:
    """Let every fourth Tuesday be a release; the third one waits a week and its deadlines stay.

    The fourth Tuesday after 142 is that of Thanksgiving week, in which nobody is there to watch.
    """
    made = train(
        rule="FREQ=WEEKLY;INTERVAL=4;BYDAY=TU;COUNT=3",
        first="2025-09-30T18:00",
        now=NOW,
        until=at("2026-01-01"),
        cut_offs=CUT_OFFS,
        milestones=MILESTONES,
        boarding=5 * WEEK,
    )
    last = made.departures.order_by("planned_at")[2]
    actions.postpone(last, to=last.departs_at + WEEK, reason="Thanksgiving week", by=world.manager(), now=NOW)
    return made


def row(of: Train, version: int) -> Departure:
    return of.departures.order_by("planned_at")[version - 141]


def test_the_releases_are_those_published() -> None:
    assert days(chrome()) == [one["stable_date"].isoformat() for one in channels().values()]


@pytest.mark.parametrize("version", [141, 142, 143])
def test_every_deadline_is_the_published_one(version: int) -> None:
    dates = channels()[version]
    found = {name or "branch_point": aoe_day(at) for name, at in deadlines(row(chrome(), version)).items()}
    known = found.keys() & dates.keys()
    assert len(known) == (8 if version == 143 else 9), "143 names no refresh yet"
    assert {name: found[name] for name in known} == {name: dates[name] for name in known}


def test_a_release_that_waits_keeps_the_deadlines_that_people_know() -> None:
    late = row(chrome(), 143)
    assert late.departs_at - late.planned_at == WEEK
    assert late.cut_off_at < late.planned_at - timedelta(days=27)
