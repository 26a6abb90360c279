"""Python: bugfix releases on the first Tuesday of every second month, and a new version every October."""

import tomllib
from datetime import date, timedelta
from typing import Any

import pytest

from releasetrain.trains import actions
from releasetrain.trains.models import Train
from tests.trains import world
from tests.trains.calendars.published import (
    DAY,
    SHARED,
    WHY_NOT,
    aoe_day,
    at,
    days,
    milestone,
    train,
)

PUBLISHED = SHARED / "python" / "python-releases.toml"
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not PUBLISHED.is_file(), reason=WHY_NOT),
]
EVERY_SECOND_MONTH = "FREQ=MONTHLY;INTERVAL=2;BYDAY=1TU"


def stages(version: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = tomllib.loads(PUBLISHED.read_text())["release"][version]
    return found


def bugfixes(version: str, state: str) -> list[str]:
    """Return the days of the releases after the first, candidates left out."""
    return [
        one["date"].isoformat()
        for one in stages(version)
        if one["state"] == state
        and not one["stage"].startswith(f"{version}.0")
        and "cand" not in one["stage"]
    ]


def bimonthly(first: str, now: str, more: str = "") -> Train:
    rule = f"{EVERY_SECOND_MONTH}\nRDATE:{more}" if more else EVERY_SECOND_MONTH
    return train(rule=rule, first=f"{first}T12:00", now=at(now), until=at(now) + timedelta(days=800))


def test_the_releases_that_are_expected_are_those_of_the_rule() -> None:
    expected = bugfixes("3.14", "expected")
    assert days(bimonthly("2026-10-06", "2026-08-10"), expected[-1]) == expected


def test_the_releases_that_took_place_are_those_of_the_rule_with_what_people_changed() -> None:
    """3.14.2 and 3.14.5 were extra releases; June's took place eight days late and August's one day late."""
    made = bimonthly("2025-12-02", "2025-10-10", more="20251205,20260510")
    for planned, took_place in (("2026-06-02", "2026-06-10"), ("2026-08-04", "2026-08-05")):
        row = made.departures.get(planned_at__date=date.fromisoformat(planned))
        actions.postpone(
            row,
            to=row.departs_at + (date.fromisoformat(took_place) - date.fromisoformat(planned)),
            reason="Not ready",
            by=world.manager(),
            now=at("2025-10-10"),
            moves_deadlines=True,
        )
    actual = bugfixes("3.14", "actual")
    assert days(made, actual[-1]) == actual


@pytest.mark.parametrize("version", ["3.12", "3.13", "3.14", "3.15"])
def test_a_version_is_a_single_date_with_its_stages_before_it(version: str) -> None:
    """No rule holds for the stages, alphas least: each is a date of its own; the last beta ends features."""
    known = {one["stage"]: one["date"] for one in stages(version) if one["stage"].startswith(f"{version}.0")}
    final = known.pop(f"{version}.0 final")
    now = at(min(known.values()).isoformat()) - 60 * DAY
    made = train(
        rule=f"RDATE:{final:%Y%m%d}",
        first=f"{final}T16:00",
        now=now,
        until=now + timedelta(days=800),
        cut_offs=[{"category": "", "kind": "aoe", "date": str(max(known.values()))}],
        milestones=[milestone(name, kind="aoe", date=str(day)) for name, day in known.items()],
        boarding=365 * DAY,
    )
    (row,) = made.departures.all()
    assert row.departs_at.date() == final
    assert {name: aoe_day(instant) for name, instant in row.milestone_times} == known
    assert aoe_day(row.cut_off_at) == max(known.values())


def test_features_freeze_with_the_first_beta() -> None:
    metadata = tomllib.loads(PUBLISHED.read_text())["metadata"]
    for version in ("3.12", "3.13", "3.14", "3.15"):
        (beta,) = [one["date"] for one in stages(version) if one["stage"] == f"{version}.0 beta 1"]
        assert metadata[version]["feature-freeze"] == beta
