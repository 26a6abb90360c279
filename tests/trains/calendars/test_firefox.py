"""Firefox: a release every fourth Tuesday, merged and frozen so many working days before."""

import json
from datetime import timedelta
from typing import Any

import pytest

from releasetrain.trains.models import Train
from tests.trains.calendars.published import (
    SHARED,
    WHY_NOT,
    at,
    days,
    milestone,
    train,
)

PUBLISHED = SHARED / "firefox"
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not PUBLISHED.is_dir(), reason=WHY_NOT),
]
FOUR_WEEKS = "FREQ=WEEKLY;INTERVAL=4;BYDAY=TU"
# Merge on the Monday before, strings frozen on the Friday, features on the Thursday before that.
CUT_OFFS = [{"category": "", "kind": "workdays", "days": 3, "time": "17:00"}]
MILESTONES = [
    milestone("STRINGFREEZE", kind="workdays", days=2, time="17:00"),
    milestone("MERGE", kind="workdays", days=1, time="17:00"),
]


def published(name: str) -> dict[str, str]:
    found: dict[str, str] = json.loads((PUBLISHED / f"firefox_{name}.json").read_text())
    return found


def major(first: str, last: str) -> list[str]:
    """Return the days of the major releases in a span, both included."""
    dates = published("history_major_releases").values()
    return sorted(day for day in dates if first <= day <= last)


def firefox(rule: str, first: str, until: str, **fields: Any) -> Train:
    now = at(first) - timedelta(days=150)
    return train(
        rule=rule,
        first=f"{first}T14:00",
        now=now,
        until=at(until, 23),
        cut_offs=CUT_OFFS,
        milestones=MILESTONES,
        **fields,
    )


@pytest.mark.parametrize(
    ("rule", "first", "last"),
    [
        # Every four weeks within a year. Over the turn of the year one release waits a fifth week, so each
        # year is an edit of the train with another first date.
        (FOUR_WEEKS, "2022-01-11", "2022-12-13"),
        (FOUR_WEEKS, "2023-01-17", "2023-12-19"),
        (FOUR_WEEKS, "2024-01-23", "2024-05-14"),
        # In 2021 it went from six weeks to four, and released 88.0 on a Monday.
        (
            f"{FOUR_WEEKS};UNTIL=20211102\nRDATE:20210323,20210419,20210601,20211207",
            "2021-07-13",
            "2021-12-07",
        ),
    ],
)
def test_the_releases_are_those_published(rule: str, first: str, last: str) -> None:
    made = firefox(rule, first, last)
    assert days(made, last) == major(days(made)[0], last)


def test_the_next_dates_are_those_that_the_project_foretold() -> None:
    versions = published("versions")
    made = firefox(FOUR_WEEKS, "2024-01-23", versions["NEXT_RELEASE_DATE"])
    last, following = made.departures.order_by("planned_at")[4:6]
    for row, when in ((last, "LAST"), (following, "NEXT")):
        named = dict(row.milestone_times)
        assert {
            "RELEASE": f"{row.departs_at:%Y-%m-%d}",
            "SOFTFREEZE": f"{row.cut_off_at:%Y-%m-%d}",
            "STRINGFREEZE": f"{named['STRINGFREEZE']:%Y-%m-%d}",
            "MERGE": f"{named['MERGE']:%Y-%m-%d}",
        } == {
            key: versions[f"{when}_{key}_DATE"] for key in ("RELEASE", "SOFTFREEZE", "STRINGFREEZE", "MERGE")
        }


def test_a_dot_release_between_two_trains_is_a_single_date() -> None:
    stability = published("history_stability_releases")
    assert stability["126.0.1"] == "2024-05-28"
    made = firefox("FREQ=WEEKLY;INTERVAL=4\nRDATE:20240528", "2024-05-14", "2024-06-11")
    assert days(made, "2024-06-11") == ["2024-05-14", "2024-05-28", "2024-06-11"]
