"""Place the changes of a departure that will not go: on the next one, or with their authors (RULES I12)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from releasetrain.trains.actions.ledger import close, enter
from releasetrain.trains.actions.locking import locked_departures
from releasetrain.trains.models import Bundle, Change, Departure
from releasetrain.trains.queries import By, next_to_board
from releasetrain.trains.queries.placing import expresses_for
from releasetrain.trains.rules.ledger import ENDS, End
from releasetrain.trains.rules.states import BOARDING_STATES, ChangeState

OFF = ["state", "departure", "bundle", "boarded_at", "checked_in_at", "checked_in_by_label"]


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

    def of(self, placement: Placement, change: Change) -> Departure | None:
        if placement is Placement.RETURN:
            return None
        return self.next if placement is Placement.NEXT else self.expresses.get(change.service_id)


@dataclass(frozen=True, slots=True)
class Placed:
    """Which changes went on, by id to the departure that they went to, and which were returned."""

    moved: dict[int, int]
    returned: list[int]

    def to_json(self) -> dict[str, object]:
        return {
            "moved": list(self.moved),
            "moved_to": next(iter(self.moved.values()), None),
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

    What cannot go where it is placed is returned, or stays so. A bundle goes together or not at all (I9).

    :param placements: by change id; the next departure where nothing is said
    :param states: of the changes that are placed
    """
    rows = locked.changes.select_for_update(no_key=True, of=("self",)).select_related("bundle", "service")
    going: dict[int, Departure | None] = {}
    changes = list(rows.filter(state__in=list(states)).order_by("pk"))
    for change in changes:
        to = platforms.of(placements.get(change.pk, Placement.NEXT), change)
        fits = to is not None and now < to.cut_off_for(change.boarding_category)
        going[change.pk] = to if fits else None
    stay = _torn(changes, going)
    moved = [change for change in changes if change.pk not in stay and going[change.pk] is not None]
    for change in moved:
        to = going[change.pk]
        if to is not None:
            close([change], locked, End.ROLLED_OVER, by=by, now=now, reason=reason, to=to)
            _roll_over(change, to, now)
            enter(change, to, by=by, now=now)
    returned = [one for one in changes if one not in moved and one.state != ChangeState.RETURNED]
    close(returned, locked, End.RETURNED, by=by, now=now, reason=reason)
    for change in returned:
        _off(change, ChangeState.RETURNED)
    return Placed(
        moved={change.pk: to.pk for change in moved if (to := going[change.pk])},
        returned=[change.pk for change in returned],
    )


def _torn(changes: Iterable[Change], going: Mapping[int, Departure | None]) -> set[int]:
    """Return the changes whose bundle would not arrive whole at one departure."""
    bundles: dict[int, list[int]] = {}
    for change in changes:
        if change.bundle_id is not None:
            bundles.setdefault(change.bundle_id, []).append(change.pk)
    whole = {bundle: len({going[pk] for pk in members}) == 1 for bundle, members in bundles.items()}
    return {pk for bundle, members in bundles.items() if not whole[bundle] for pk in members}


def take_off(
    change: Change,
    state: ChangeState,
    *,
    by: By,
    now: datetime,
    reason: str,
    to: Departure | None = None,
    end: End | None = None,
) -> None:
    """Take a locked change off its locked departure; the ledger says how, by whom and why (RULES I16).

    :param to: the departure that it goes on to
    :param end: how its stay ends, where its state does not say so
    """
    if change.departure is not None:
        close([change], change.departure, end or ENDS[state], by=by, now=now, reason=reason, to=to)
    _off(change, state)


def _off(change: Change, state: ChangeState) -> None:
    bundle = change.bundle
    change.state = state.value
    change.departure = change.bundle = change.boarded_at = None
    _forget_check_in(change)
    change.save(update_fields=OFF)
    note_left(bundle, change)


def note_left(bundle: Bundle | None, change: Change) -> None:
    """Let a bundle remember who has left it while others stay: it cannot be sealed like that (RULES I9)."""
    if bundle is None or not bundle.changes.exists():
        return
    bundle.refresh_from_db(fields=["missing"])
    known = [one for one in bundle.missing if one["change"] != change.pk]
    bundle.missing = [*known, {"change": change.pk, "title": change.title}]
    bundle.save(update_fields=["missing"])


def _roll_over(change: Change, to: Departure, now: datetime) -> None:
    change.bundle = to.bundles.get_or_create(name=change.bundle.name)[0] if change.bundle else None
    change.departure = to
    change.state = ChangeState.ABOARD.value
    change.boarded_at = now
    _forget_check_in(change)
    change.save(update_fields=OFF)


def _forget_check_in(change: Change) -> None:
    """Who has checked in for one departure has not for another."""
    change.checked_in_at, change.checked_in_by_label = None, ""
