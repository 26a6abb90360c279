"""Read schedules: what a train's rule means, its next dates, and what an edit would move."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Count

from releasetrain.accounts.rules import Role
from releasetrain.lib import schedule
from releasetrain.lib.recurrence import BadRule
from releasetrain.lib.schedule import Occurrence, Schedule, occurrences
from releasetrain.trains.models import Train
from releasetrain.trains.rules.plan import Ask, Plan
from releasetrain.trains.rules.states import BOARDING_STATES
from releasetrain.trains.rules.timetable import Standing, Timetable, rematch

AHEAD = timedelta(days=60)
YEARS = timedelta(days=366 * 5)


@dataclass(frozen=True, slots=True)
class NextDate:
    """A future date of a train; `shift` is how far its clocks moved since the date before."""

    occurrence: Occurrence
    shift: timedelta = timedelta(0)


def schedule_of(train: Train) -> Schedule:
    """Read the schedule that a train keeps.

    :raises BadRule: what is kept cannot be used (a zone that this machine no longer knows)
    """
    return schedule.read(train.rule, train.first_departs_at_local, train.time_zone)


def schedule_in_words(train: Train) -> str:
    """Say a train's schedule, also where it can no longer be followed."""
    try:
        return schedule_of(train).in_words()
    except BadRule as refusal:
        return str(refusal)


def plan_of(train: Train) -> Plan:
    """Return the plan that a departure takes over from its train."""
    asks = tuple(Ask(Role(one.role), one.quorum) for one in train.policy.requirements.all())
    return Plan(
        ladder=tuple(train.ladder),
        is_accelerated=train.is_accelerated,
        asks=asks,
        no_approval_needed=train.policy.no_approval_needed,
        policy=train.policy.name,
        policy_owner=train.policy.owner.name,
        grace=train.grace,
    )


def dates(of: Schedule, now: datetime, limit: int = 10) -> list[NextDate]:
    """Return the next dates of a schedule, with the shifts of its clocks marked (RULES T1)."""
    found = occurrences(of, after=now, until=now + YEARS, limit=limit)
    return [
        NextDate(one, one.offset - before.offset)
        for before, one in zip([*found[:1], *found], found, strict=False)
    ]


def next_dates(train: Train, now: datetime, limit: int = 10) -> list[NextDate]:
    """Return the next dates on which a train departs; none for a retired one."""
    return [] if train.retired_at else dates(schedule_of(train), now, limit)


def may_still_move(train: Train, now: datetime) -> list[Standing]:
    """Return the departures that an edit may move: ahead, not past their cut-off, not sealed (T9, T12)."""
    rows = train.departures.filter(
        state__in=BOARDING_STATES, planned_at__gt=now, cut_off_at__gt=now, imported_from=""
    )
    return [
        Standing(row.pk, row.planned_at, row.aboard)
        for row in rows.annotate(aboard=Count("changes")).order_by("planned_at")
    ]


def moves(train: Train, edited: Schedule, cut_off_lead: timedelta, now: datetime) -> Timetable:
    """Return what an edit of the schedule does to the departures that stand; the form shows it first (T9)."""
    standing = may_still_move(train, now)
    until = max([now + AHEAD, *(one.planned_at + timedelta(seconds=1) for one in standing)])
    planned = {one.planned_at for one in standing}
    ahead = occurrences(edited, after=now, until=until)
    # A departure that stands keeps its date although a longer lead would have closed it already.
    instants = [one.at for one in ahead if one.at - cut_off_lead > now or one.at in planned]
    return rematch(standing, instants)


def dates_to_board(
    of: Schedule, cut_off_lead: timedelta, *, until: datetime, now: datetime
) -> list[Occurrence]:
    """Return the dates up to `until` whose cut-off is still ahead; the past never fires (RULES T12)."""
    return occurrences(of, after=now + cut_off_lead + timedelta(microseconds=1), until=until)
