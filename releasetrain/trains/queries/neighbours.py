"""Read which departures of a train go around another one, and when that one could go instead."""

from dataclasses import replace
from datetime import datetime, timedelta

from releasetrain.lib.once import once
from releasetrain.lib.verdict import Reason
from releasetrain.trains.models import Departure
from releasetrain.trains.queries.terms import terms_of
from releasetrain.trains.queries.timetable import times_of
from releasetrain.trains.rules.moving import Neighbour, why_not_go_at
from releasetrain.trains.rules.states import DepartureState
from releasetrain.trains.rules.times import Times
from releasetrain.trains.rules.timetable import CUT_OFF, MILESTONE

D = DepartureState
TO_GO = (D.SCHEDULED, D.BOARDING, D.DECIDING, D.CLEARED)
A_DAY = timedelta(days=1)


@once(lambda departure: (departure.pk, departure.departs_at))
def neighbours_of(departure: Departure) -> tuple[Neighbour, ...]:
    """Return the departures of the same train that go before and after one and are still to go."""
    others = Departure.objects.filter(train=departure.train_id, state__in=TO_GO).exclude(pk=departure.pk)
    before = others.filter(departs_at__lte=departure.departs_at).order_by("-departs_at")[:1]
    after = others.filter(departs_at__gt=departure.departs_at).order_by("departs_at")[:1]
    rows = before.union(after, all=True).order_by("departs_at")
    return tuple(Neighbour(row.code, row.departs_at) for row in rows)


def times_at(departure: Departure, to: datetime, *, moves_deadlines: bool, now: datetime) -> Times:
    """Return the times of a departure that goes at another time.

    :param moves_deadlines: what is ahead of its cut-offs and milestones falls where its train sets it for the
        new time; what a person has moved by hand goes along by the same length. After the seal no cut-off
        moves
    """
    before = times_of(departure)
    if not moves_deadlines:
        return replace(before, departs_at=to)
    by = to - before.departs_at
    usual = terms_of(departure.train, after=to - A_DAY, until=to + A_DAY).times(to)

    def moved(key: str, old: datetime, new: datetime | None) -> datetime:
        wanted = old + by if new is None or key in departure.moved else new
        return old if wanted <= now < old else wanted

    cut_offs = {
        category: min(moved(CUT_OFF + category, old, usual.cut_offs.get(category)), to)
        for category, old in before.cut_offs.items()
    }
    named = dict(usual.milestones)
    milestones = tuple(
        (name, moved(MILESTONE + name, old, named.get(name)) if old > now else old)
        for name, old in before.milestones
    )
    is_open = departure.state == D.SCHEDULED
    return Times(
        departs_at=to,
        boards_at=usual.boards_at if is_open else before.boards_at,
        cut_offs=cut_offs if departure.sealed_at is None else before.cut_offs,
        milestones=milestones,
    )


def why_not_postpone_to(
    departure: Departure, to: datetime, *, moves_deadlines: bool, now: datetime
) -> tuple[Times, Reason | None]:
    """Return the times of a departure that goes at another time, and why it cannot, or None."""
    after = times_at(departure, to, moves_deadlines=moves_deadlines, now=now)
    why = why_not_go_at(
        after,
        before=times_of(departure),
        neighbours=neighbours_of(departure),
        zone=departure.train.time_zone,
        now=now,
    )
    return after, why
