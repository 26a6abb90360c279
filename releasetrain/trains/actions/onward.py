"""Place the changes of a departure that will not go: on the next one, or with their authors (RULES I12)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from releasetrain.trains.actions.boarding import stand_by
from releasetrain.trains.actions.ledger import close, enter
from releasetrain.trains.actions.locking import locked_departures
from releasetrain.trains.actions.placing import OFF, forget_check_in, off
from releasetrain.trains.models import Change, Departure
from releasetrain.trains.queries import By, next_to_board
from releasetrain.trains.queries.placing import expresses_for, shared_out
from releasetrain.trains.rules.ledger import End
from releasetrain.trains.rules.states import BOARDING_STATES, ChangeState


class Placement(StrEnum):
    """Where a change goes when its departure does not go (RULES I12)."""

    NEXT = "next"
    RETURN = "return"
    EXPRESS = "express"


@dataclass(frozen=True, slots=True)
class Platforms:
    """The locked departures that changes may go on to: the next of their train, and expresses by service."""

    next: Departure | None
    expresses: Mapping[int, Departure]

    def to(self, change: Change, placement: Placement, now: datetime) -> Departure | None:
        """Return where a change goes on to; None for its author, also where its cut-off has passed."""
        if placement is Placement.RETURN:
            return None
        there = self.next if placement is Placement.NEXT else self.expresses.get(change.service_id)
        return there if there is not None and now < there.cut_off_for(change.boarding_category) else None


@dataclass(frozen=True, slots=True)
class Placed:
    """Which changes went on, by id to the departure that they went to, and which were returned.

    `standing` are those that stand by where they went, as there was no room for them.
    """

    moved: dict[int, int]
    standing: dict[int, int]
    returned: list[int]

    def to_json(self) -> dict[str, object]:
        return {
            "moved": list(self.moved),
            "moved_to": next(iter(self.moved.values()), None),
            "standing_by": list(self.standing),
            "returned": self.returned,
        }


def locked_with_platforms(
    departure: Departure, placements: Mapping[int, Placement], now: datetime
) -> tuple[Departure, Platforms]:
    """Lock a departure and every one that its changes may go on to, if it still boards."""
    following = next_to_board(departure, now)
    wanted = [pk for pk, placement in placements.items() if placement is Placement.EXPRESS]
    services = Change.objects.filter(pk__in=wanted).values_list("service_id", flat=True)
    expresses = expresses_for(set(services), departure, now) if wanted else {}
    others = [*([following] if following else []), *expresses.values()]
    rows = locked_departures([departure.pk, *(one.pk for one in others)])
    still = {pk: row for pk, row in rows.items() if row.state in BOARDING_STATES and now < row.cut_off_at}
    return rows[departure.pk], Platforms(
        next=still.get(following.pk) if following else None,
        expresses={service: still[one.pk] for service, one in expresses.items() if one.pk in still},
    )


def place(
    locked: Departure,
    platforms: Platforms,
    placements: Mapping[int, Placement],
    *,
    by: By,
    now: datetime,
    reason: str,
    states: Iterable[ChangeState] = (ChangeState.ABOARD,),
) -> Placed:
    """Move or return every change aboard a locked departure; tell which went where.

    What cannot go where it is placed is returned, or stays so. Bundles go together or not at all, nothing
    goes without what it needs, and whoever finds no room stands by there (RULES I8, I9, I11).

    :param placements: by change id; the next departure where nothing is said
    :param states: of the changes that are placed
    """
    rows = locked.changes.select_for_update(no_key=True, of=("self",)).select_related("bundle", "service")
    changes = {one.pk: one for one in rows.filter(state__in=list(states)).order_by("pk")}
    to = {pk: platforms.to(one, placements.get(pk, Placement.NEXT), now) for pk, one in changes.items()}
    shared = shared_out(changes.values(), to)
    known = {one.pk: one for one in to.values() if one is not None}
    for pk, where in shared.aboard.items():
        close([changes[pk]], locked, End.ROLLED_OVER, by=by, now=now, reason=reason, to=known[where])
        _roll_over(changes[pk], known[where], by=by, now=now)
    for pk, where in shared.standing.items():
        close([changes[pk]], locked, End.STOOD_BY, by=by, now=now, reason=reason, to=known[where])
        _wait_there(changes[pk], known[where], by=by, now=now)
    gone = shared.aboard.keys() | shared.standing.keys()
    stay = [one for one in changes.values() if one.pk not in gone]
    returned = [one for one in stay if one.state != ChangeState.RETURNED]
    close(returned, locked, End.RETURNED, by=by, now=now, reason=reason)
    for change in returned:
        off(change, ChangeState.RETURNED)
    return Placed(dict(shared.aboard), dict(shared.standing), [change.pk for change in returned])


def _roll_over(change: Change, to: Departure, *, by: By, now: datetime) -> None:
    if change.bundle is not None:
        left = {"missing": change.bundle.missing}
        change.bundle, _ = to.bundles.get_or_create(name=change.bundle.name, defaults=left)
    change.departure = to
    change.state = ChangeState.ABOARD.value
    change.boarded_at = now
    forget_check_in(change)
    change.save(update_fields=OFF)
    enter(change, to, by=by, now=now)


def _wait_there(change: Change, to: Departure, *, by: By, now: datetime) -> None:
    """Let a change wait for the room of the departure that it goes on to (RULES I11)."""
    bundle = change.bundle.name if change.bundle else ""
    forget_check_in(change)
    change.save(update_fields=OFF)
    stand_by(change, to, by=by, now=now, bundle=bundle)
