"""Read what a train says about its times: the schedule, other ones for single weeks, and its deadlines."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

from releasetrain.accounts.models import Team, User
from releasetrain.calendars.models import Holidays
from releasetrain.calendars.queries.holidays import dates_of
from releasetrain.calendars.rules.windows import Lane
from releasetrain.catalog.models import Environment, Service
from releasetrain.lib import schedule
from releasetrain.lib.schedule import Schedule
from releasetrain.trains.models import Policy, Train, Variant
from releasetrain.trains.rules.ladder import DEFAULT_LADDER
from releasetrain.trains.rules.states import OnNewVersion, Turns
from releasetrain.trains.rules.times import Terms, cut_off_before
from releasetrain.trains.rules.timetable import Date
from releasetrain.trains.rules.weeks import dates_between

# A deadline may lie so long before its departure, and days off may push it farther.
LONGEST_WAY_BACK = timedelta(days=400)


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainSettings:
    """Everything that a person decides about a train; `captains` take turns in their order."""

    name: str
    slug: str
    team: Team
    environment: Environment
    services: tuple[Service, ...]
    policy: Policy
    time_zone: str
    rule: str
    first_departs_at_local: str
    lane: str = Lane.TRAIN.value
    cut_offs: list[dict[str, Any]] = field(default_factory=lambda: cut_off_before(timedelta(hours=2)))
    milestones: list[dict[str, Any]] = field(default_factory=list)
    boarding_lead: timedelta = timedelta(days=7)
    grace: timedelta = timedelta(minutes=30)
    ladder: list[dict[str, Any]] = field(default_factory=lambda: list(DEFAULT_LADDER))
    is_accelerated: bool = False
    on_new_version: str = OnNewVersion.QUEUE.value
    captain: User | None = None
    captains: tuple[User, ...] = ()
    turns: str = Turns.DEPARTURE.value
    check_in_lead: timedelta | None = None
    capacity: int | None = None
    risk_budget: int | None = None
    refuses: list[str] = field(default_factory=list)
    takes_only: list[str] = field(default_factory=list)
    checks: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, train: Train) -> "TrainSettings":
        """Return the settings that a train has now, to be edited."""
        own = {name: getattr(train, name) for name in PLAIN}
        seats = train.captain_seats.select_related("user")
        return cls(**own, services=tuple(train.services.all()), captains=tuple(one.user for one in seats))


# What is kept on the train's own row.
PLAIN = [name for name in TrainSettings.__dataclass_fields__ if name not in ("services", "captains")]


def schedule_of(source: Train | TrainSettings) -> Schedule:
    """Read the schedule that a train keeps, or would keep.

    :raises BadRule: it cannot be used (a zone that this machine no longer knows)
    """
    return schedule.read(source.rule, source.first_departs_at_local, source.time_zone)


def variant_schedule(variant: Variant, time_zone: str) -> Schedule | None:
    """Read the schedule of a variant, None where nothing departs by it.

    :param time_zone: the train's, for a variant that names none
    :raises BadRule: it cannot be used
    """
    if not variant.rule:
        return None
    return schedule.read(variant.rule, variant.first_departs_at_local, variant.time_zone or time_zone)


def weeks_of(train: Train | None, time_zone: str = "") -> dict[date, Schedule | None]:
    """Return the schedules of the weeks that run by a variant, by their Mondays."""
    if train is None:
        return {}
    rows = train.weeks.select_related("variant")
    return {row.monday: variant_schedule(row.variant, time_zone or train.time_zone) for row in rows}


def terms_of(source: Train | TrainSettings, *, after: datetime, until: datetime) -> Terms:
    """Read what a train says about the times of departures in a span, with the days off that it counts by.

    :raises BadRule: a deadline cannot be used
    """
    zone = schedule.read_zone(source.time_zone)
    terms = Terms.read(zone, source.boarding_lead, source.cut_offs, source.milestones)
    calendars = terms.calendars()
    if not calendars:
        return terms
    first, last = (after - LONGEST_WAY_BACK).date(), (until + timedelta(days=1)).date()
    rows = Holidays.objects.filter(pk__in=calendars)
    return terms.with_holidays({row.pk: dates_of(row, first, last) for row in rows})


def dates_ahead(
    source: Train | TrainSettings,
    weeks: Mapping[date, Schedule | None],
    *,
    after: datetime,
    until: datetime,
    limit: int | None = None,
) -> list[Date]:
    """Return the dates of a train in a span, each with all its times.

    :param weeks: the schedules of single weeks, as `weeks_of` reads them
    :raises BadRule: the schedule or a deadline cannot be used
    """
    terms = terms_of(source, after=after, until=until)
    return dates_between(schedule_of(source), weeks, terms, after=after, until=until, limit=limit)
