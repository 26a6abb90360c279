"""Read who is aboard a departure and who stands by for it, to share out its room (RULES I11)."""

from datetime import datetime

from django.db.models import F, Q, QuerySet

from releasetrain.lib.verdict import Reason
from releasetrain.trains.models import Change, Departure
from releasetrain.trains.queries.leaving import runner_words
from releasetrain.trains.rules.standby import Rider, in_line, taken, why_full
from releasetrain.trains.rules.states import BOARDING_STATES, ChangeState


def rider_of(change: Change) -> Rider:
    """Say how a change stands in line; its time aboard, else on stand-by, else since it was submitted."""
    since = change.boarded_at or change.stood_by_at or change.submitted_at
    return Rider(change.pk, change.risk_points, change.priority, since, change.stand_by_place)


def riders(departure: Departure) -> tuple[list[Rider], list[Rider]]:
    """Return who is aboard a departure and who stands by for it, in one query."""
    on_it = Q(departure=departure, state=ChangeState.ABOARD) | Q(stand_by_for=departure)
    rows = list(Change.objects.filter(on_it).order_by("pk"))
    aboard = [rider_of(one) for one in rows if one.state == ChangeState.ABOARD]
    return aboard, [rider_of(one) for one in rows if one.state == ChangeState.STAND_BY]


def why_stand_by(change: Change, departure: Departure) -> Reason | None:
    """Return why a departure has no room for a change, saying which place in line it has or would have.

    Costs nothing where the departure has no limits; else one query.
    """
    if not departure.room.is_limited:
        return None
    aboard, waiting = riders(departure)
    now = taken(one for one in aboard if one.change != change.pk)
    line = [one.change for one in in_line(waiting)]
    is_waiting = change.pk in line
    return why_full(
        departure.room,
        now,
        change.risk_points,
        ahead=line.index(change.pk) if is_waiting else len(line),
        who=runner_words(departure),
        is_waiting=is_waiting,
    )


def standing_by(departure: Departure) -> list[Change]:
    """Return the changes that stand by for a departure, in their order."""
    rows = {one.pk: one for one in departure.standing_by.select_related("service", "author")}
    return [rows[one.change] for one in in_line(rider_of(row) for row in rows.values())]


def due_to_promote(now: datetime) -> QuerySet[Departure]:
    """Return the departures that still board and that somebody stands by for."""
    rows = Departure.objects.filter(state__in=BOARDING_STATES, cut_off_at__gt=now)
    return rows.filter(standing_by__isnull=False).distinct()


def left_standing(now: datetime) -> QuerySet[Change]:
    """Return the changes that stand by for a departure that nobody can board any more."""
    over = ~Q(stand_by_for__state__in=BOARDING_STATES) | Q(stand_by_for__cut_off_at__lte=now)
    return Change.objects.filter(over, state=ChangeState.STAND_BY).order_by(F("stood_by_at"), "pk")
