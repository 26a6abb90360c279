"""Place the changes of a departure that will not go: on the next one, or with their authors (RULES I12)."""

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

from releasetrain.trains.actions.locking import locked_departures
from releasetrain.trains.models import Change, Departure
from releasetrain.trains.queries import next_to_board
from releasetrain.trains.rules.states import BOARDING_STATES, ChangeState

OFF = ["state", "departure", "bundle", "boarded_at", "checked_in_at", "checked_in_by_label"]


class Placement(StrEnum):
    """Where a change goes when its departure does not go (RULES I12)."""

    NEXT = "next"
    RETURN = "return"


def locked_with_next(departure: Departure, now: datetime) -> tuple[Departure, Departure | None]:
    """Lock a departure and the next one of its train that still boards, if there is one."""
    following = next_to_board(departure, now)
    rows = locked_departures([departure.pk, *([following.pk] if following else [])])
    to = rows[following.pk] if following else None
    if to is not None and (to.state not in BOARDING_STATES or now >= to.cut_off_at):
        to = None
    return rows[departure.pk], to


def place(
    locked: Departure, to: Departure | None, placements: Mapping[int, Placement], now: datetime
) -> dict[str, object]:
    """Move or return every change aboard a locked departure; tell which went where.

    :param to: the locked next departure; whose cut-off there has passed is returned all the same
    :param placements: by change id; the next departure where nothing is said
    """
    moved: list[int] = []
    returned: list[int] = []
    rows = locked.changes.select_for_update(no_key=True, of=("self",)).select_related("bundle", "service")
    for change in rows.filter(state=ChangeState.ABOARD):
        wanted = placements.get(change.pk, Placement.NEXT)
        if to is not None and wanted is Placement.NEXT and now < to.cut_off_for(change.boarding_category):
            _roll_over(change, to, now)
            moved.append(change.pk)
        else:
            take_off(change, ChangeState.RETURNED)
            returned.append(change.pk)
    return {"moved": moved, "moved_to": to.pk if to and moved else None, "returned": returned}


def take_off(change: Change, state: ChangeState) -> None:
    """Take a locked change off its departure; who has checked in for that has not for another."""
    change.state = state.value
    change.departure = change.bundle = change.boarded_at = None
    _forget_check_in(change)
    change.save(update_fields=OFF)


def _roll_over(change: Change, to: Departure, now: datetime) -> None:
    change.bundle = to.bundles.get_or_create(name=change.bundle.name)[0] if change.bundle else None
    change.departure = to
    change.boarded_at = now
    _forget_check_in(change)
    change.save(update_fields=OFF)


def _forget_check_in(change: Change) -> None:
    change.checked_in_at, change.checked_in_by_label = None, ""
