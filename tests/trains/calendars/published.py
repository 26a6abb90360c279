"""Read calendars that real projects have published, and put trains that follow them on the timetable."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from releasetrain.trains import actions
from releasetrain.trains.actions import TrainSettings
from releasetrain.trains.models import Departure, Policy, Train
from releasetrain.trains.rules.times import cut_off_before
from tests import make
from tests.trains import world

SHARED = Path(__file__).parents[4] / "shared" / "data" / "calendars"
WHY_NOT = "the shared data are not beside this checkout"
DAY, WEEK = timedelta(days=1), timedelta(weeks=1)


def at(day: str, hour: int = 12) -> datetime:
    return datetime.fromisoformat(day).replace(hour=hour, tzinfo=UTC)


def train(
    *,
    rule: str,
    first: str,
    now: datetime,
    until: datetime,
    cut_offs: list[dict[str, Any]] | None = None,
    milestones: list[dict[str, Any]] | None = None,
    zone: str = "UTC",
    boarding: timedelta = 30 * DAY,
) -> Train:
    """Create a train by its action, and materialise its departures up to an instant."""
    manager = world.manager()
    made = actions.create_train(
        TrainSettings(
            name="Real train",
            slug="real-train",
            team=make.team(),
            environment=make.environment(),
            services=(make.service(),),
            policy=Policy.objects.first() or make.policy(release_manager=1),
            time_zone=zone,
            rule=rule,
            first_departs_at_local=first,
            boarding_lead=boarding,
            milestones=milestones or [],
            cut_offs=cut_offs or cut_off_before(timedelta(hours=2)),
        ),
        by=manager,
        now=now,
    )
    actions.materialise(made, until=until, now=now)
    return made


def days(of: Train, last: str = "9999") -> list[str]:
    """Return the days in UTC on which a train departs, up to the last one."""
    found = [f"{row.departs_at:%Y-%m-%d}" for row in of.departures.order_by("departs_at")]
    return [day for day in found if day <= last]


def aoe_day(instant: datetime) -> date:
    """Return the day that ends anywhere on Earth at an instant."""
    return (instant - timedelta(hours=12) - DAY).date()


def deadlines(row: Departure) -> dict[str, datetime]:
    """Return every cut-off and milestone of a departure by its name."""
    return {**row.cut_off_times, **dict(row.milestone_times)}


def milestone(name: str, **deadline: Any) -> dict[str, Any]:
    return {"name": name, **deadline}
