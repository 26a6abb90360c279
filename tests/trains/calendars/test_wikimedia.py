"""Wikimedia: a week of windows and trains, pinned to the wall clock of San Francisco (real cases O1, O2)."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml

from releasetrain.accounts.rules import Role
from releasetrain.calendars.actions import open_window
from releasetrain.calendars.models import Occurrence
from releasetrain.calendars.queries.settings import WindowSettings
from releasetrain.calendars.rules.windows import Stops
from releasetrain.trains import actions
from tests import make
from tests.trains import world
from tests.trains.calendars.published import SHARED, WHY_NOT, at, train

PUBLISHED = SHARED / "wikimedia" / "deployments-calendar.2022-12-14.yaml"
pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(not PUBLISHED.is_file(), reason=WHY_NOT),
]
PACIFIC = ZoneInfo("America/Los_Angeles")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
NOW = at("2022-12-01")
# Two weeks in winter, and two around the change of the clocks on 12 March 2023.
MONDAYS = (date(2022, 12, 12), date(2022, 12, 19), date(2023, 3, 6), date(2023, 3, 13))


def calendar() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(PUBLISHED.read_text().replace("\t", " "))
    return found


def days_of(key: str) -> list[int]:
    """Read "mon-wed" or "tue,thu"."""
    if "-" in key:
        first, last = (DAYS.index(part) for part in key.split("-"))
        return list(range(first, last + 1))
    return [DAYS.index(part) for part in key.split(",")]


def slots(schedule: str) -> list[tuple[str, list[int], timedelta, timedelta]]:
    """Return each slot of a week: its name, its weekdays, when it starts and how long it lasts."""
    return [
        (
            slot["name"],
            days_of(key),
            timedelta(hours=int(slot["hour"]), minutes=int(slot.get("minute", 0))),
            timedelta(hours=float(slot.get("length", 1))),
        )
        for key, entries in calendar()[schedule].items()
        for slot in entries
    ]


def on_the_wall(day: date, clock: timedelta) -> datetime:
    return datetime(day.year, day.month, day.day) + clock  # noqa: DTZ001 - a wall time


def test_o1_every_window_opens_at_its_published_time_on_the_wall_of_san_francisco() -> None:
    nadia = make.user("Nadia", Role.RELEASE_MANAGER)
    published: set[tuple[str, datetime, datetime]] = set()
    for number, (name, weekdays, start, length) in enumerate(slots("schedule")):
        first = on_the_wall(MONDAYS[0] + timedelta(days=weekdays[0]), start)
        open_window(
            WindowSettings(
                name=f"{name} {number}",
                reason="As published",
                starts_local=first.isoformat(timespec="minutes"),
                ends_local=(first + length).isoformat(timespec="minutes"),
                time_zone=PACIFIC.key,
                rule="FREQ=WEEKLY;BYDAY=" + ",".join(DAYS[day][:2].upper() for day in weekdays),
                level=Stops.HARD if name == "no_deploy_day" else Stops.NOTICE,
            ),
            by=nadia,
            now=NOW,
            is_confirmed=True,
        )
        for monday in MONDAYS:
            for weekday in weekdays:
                wall = on_the_wall(monday + timedelta(days=weekday), start)
                ends = [end.replace(tzinfo=PACIFIC).astimezone(UTC) for end in (wall, wall + length)]
                published.add((f"{name} {number}", ends[0], ends[1]))
    found = {
        (one.window.name, one.during.lower, one.during.upper)
        for monday in MONDAYS
        for one in Occurrence.objects.select_related("window").filter(
            during__startswith__gte=on_the_wall(monday, timedelta()).replace(tzinfo=PACIFIC),
            during__startswith__lt=on_the_wall(monday + timedelta(days=7), timedelta()).replace(
                tzinfo=PACIFIC
            ),
        )
    }
    assert found == published
    assert len(slots("schedule")) == 27


@pytest.mark.parametrize(
    ("schedule", "rule", "clock"),
    [
        ("schedule@UTC-7", "FREQ=WEEKLY;BYDAY=TU,WE,TH", "11:00"),
        ("schedule@UTC-0", "FREQ=WEEKLY;BYDAY=TU,WE,TH", "01:00"),
        ("schedule@NoTrain", "", "11:00"),
        (
            "schedule@UTC-7+UTC-0",
            "RRULE:FREQ=WEEKLY;BYDAY=TU\nRRULE:FREQ=WEEKLY;BYDAY=WE,TH;BYHOUR=1,11",
            "11:00",
        ),
        ("schedule@UTC-0+UTC-7", "FREQ=WEEKLY;BYDAY=TU,WE,TH;BYHOUR=1,11", "01:00"),
    ],
)
def test_o2_each_template_is_a_variant_whose_departures_are_the_published_ones(
    schedule: str, rule: str, clock: str
) -> None:
    # The usual week departs on Mondays only, so that whatever is found comes from the variant.
    made = train(
        rule="FREQ=WEEKLY;BYDAY=MO",
        first="2022-12-05T12:00",
        zone=PACIFIC.key,
        now=NOW,
        until=at("2023-04-01"),
    )
    variant = actions.save_variant(
        made,
        name=schedule,
        rule=rule,
        first_departs_at_local=f"2022-12-06T{clock}",
        time_zone="",
        by=world.manager(),
        now=NOW,
    )
    for monday in MONDAYS:
        actions.choose_week(made, monday=monday, variant=variant, by=world.manager(), now=NOW)
        start, end = (
            on_the_wall(monday + timedelta(days=count), timedelta()).replace(tzinfo=PACIFIC)
            for count in (0, 7)
        )
        found = made.departures.filter(planned_at__gte=start, planned_at__lt=end)
        assert sorted(found.values_list("planned_at", flat=True)) == sorted(
            on_the_wall(monday + timedelta(days=weekday), at_hour).replace(tzinfo=PACIFIC).astimezone(UTC)
            for _, weekdays, at_hour, _ in slots(schedule)
            for weekday in weekdays
        )
