"""Find when a decision is due, and when it has to be looked at again by itself (RULES D7)."""

from datetime import date, datetime, timedelta

from django.db.models import QuerySet

from releasetrain.calendars.models import Holidays
from releasetrain.calendars.queries.holidays import dates_of
from releasetrain.lib import deadlines
from releasetrain.lib.recurrence import BadRule
from releasetrain.lib.schedule import read_zone
from releasetrain.trains.models import Departure, Vote
from releasetrain.trains.queries.decision import Standing
from releasetrain.trains.rules.ballots import FILLS, Ballot
from releasetrain.trains.rules.lasting import Given, next_look
from releasetrain.trains.rules.plan import Plan
from releasetrain.trains.rules.states import DepartureState

# A deadline may lie so long before its departure, and days off may push it farther.
WAY_BACK = timedelta(days=400)
OPEN = (DepartureState.DECIDING, DepartureState.CLEARED)


def decide_by_of(departure: Departure, plan: Plan) -> datetime | None:
    """Return the deadline of a sealed departure's decision, None where its policy sets none.

    It never lies before the seal: nobody could have decided then. One that can no longer be read counts as
    none; forms refuse it.
    """
    if not plan.decide_by or departure.sealed_at is None:
        return None
    try:
        deadline = deadlines.read(plan.decide_by)
        zone = read_zone(departure.train.time_zone)
        off = _days_off(deadline.holidays, departure.departs_at)
        at = deadline.instant(departure.departs_at, zone, off)
    except BadRule:
        return None
    return max(at, departure.sealed_at)


def _days_off(calendar: int | None, departs_at: datetime) -> frozenset[date]:
    row = Holidays.objects.filter(pk=calendar).first() if calendar else None
    if row is None:
        return frozenset()
    return frozenset(dates_of(row, (departs_at - WAY_BACK).date(), (departs_at + timedelta(days=1)).date()))


def aging(standing: Standing) -> list[tuple[Ballot, Given]]:
    """Return every go that counts and may expire, with its lifetime; `told` is what its row says."""
    lasts, count = standing.plan.votes_last, standing.tally
    if lasts is None or count is None:
        return []
    lost = {one.ballot.pk for one in count.not_counted if not _has_expired(one.ballot, lasts, standing.at)}
    alive = [one for one in standing.ballots if one.choice in FILLS and one.pk not in lost]
    told = dict(Vote.objects.filter(pk__in=[one.pk for one in alive]).values_list("pk", "reminded"))
    return [(one, Given(one.at, lasts, told.get(one.pk, 0))) for one in alive]


def _has_expired(ballot: Ballot, lasts: timedelta, at: datetime) -> bool:
    return at >= ballot.at + lasts


def next_look_at(standing: Standing, decide_by_at: datetime | None, now: datetime) -> datetime | None:
    """Return when the decision has to be looked at next without anybody doing anything, or None."""
    departure = standing.departure
    if departure.state not in OPEN or standing.tally is None:
        return None
    is_open = departure.state == DepartureState.DECIDING and departure.escalated_at is None
    return next_look(
        now=now,
        departs_at=departure.departs_at,
        given=[given for _, given in aging(standing)],
        silent_yes=[
            line.seat.silent_yes_at
            for line in standing.tally.lines
            if line.seat and line.seat.silent_yes_at and not line.is_met
        ],
        decide_by_at=decide_by_at if is_open else None,
    )


def due_to_decide(now: datetime) -> QuerySet[Departure]:
    """Return departures whose decision has to be looked at again by itself."""
    return Departure.objects.filter(decide_at__lte=now, state__in=OPEN).exclude(held_kind="error")
