"""Order the stand-by line of a departure, and place who is left standing when it has closed (RULES I11)."""

from collections.abc import Sequence
from datetime import datetime

from django.db import transaction

from releasetrain.events.actions import SYSTEM, record
from releasetrain.lib.errors import Invalid, Stale
from releasetrain.trains.actions.boarding import come_aboard, promote, stand_by, stand_down, stands_by
from releasetrain.trains.actions.locking import lock_room, locked_change, locked_departure, locked_departures
from releasetrain.trains.actions.placing import take_off
from releasetrain.trains.actions.refusals import SteeringRefused, refuse_unless
from releasetrain.trains.models import Change, Departure
from releasetrain.trains.queries import Action, By, next_to_board, verdict
from releasetrain.trains.queries.room import riders
from releasetrain.trains.rules.ledger import End
from releasetrain.trains.rules.standby import in_line, to_put_off, why_not_order
from releasetrain.trains.rules.states import BOARDING_STATES, ChangeState

LONGEST_REASON = 300


@transaction.atomic
def reorder_stand_by(
    departure: Departure, *, order: Sequence[int], reason: str, by: By, now: datetime
) -> list[int]:
    """Put the stand-by line of a departure into another order, for a reason; who fits comes aboard.

    :param order: the ids of everybody who stands by, first in line first
    :return: the line as it was before
    :raises SteeringRefused: nobody can board it any more
    :raises Stale: somebody came or left meanwhile
    :raises Invalid: no reason
    :raises NotAllowed: this person does not run the departure
    """
    locked = locked_departure(departure.pk)
    refuse_unless(verdict(Action.REORDER, locked, by, now), SteeringRefused)
    said = _said(reason, "Say why the order changes; everybody who stands by will read it.")
    before = [one.change for one in in_line(riders(locked)[1])]
    if why := why_not_order(before, order):
        raise Stale(why)
    people: set[int | None] = set()
    for place, pk in enumerate(order, 1):
        change = locked_change(pk)
        change.stand_by_place = place
        change.save(update_fields=["stand_by_place"])
        people |= {change.author_id, change.submitted_by_id}
    record(
        kind="trains.stand_by.reordered",
        subject=locked,
        actor=by,
        now=now,
        reason=said,
        order=list(order),
        before=before,
        people_ids=sorted(one for one in people if one is not None),
    )
    promote(locked, now)
    return before


@transaction.atomic
def fill_up(departure: Departure, *, now: datetime) -> list[Change]:
    """Let who stands by come aboard where room has been made in whatever way."""
    return promote(locked_departure(departure.pk), now)


def share_out(locked: Departure, *, by: By, now: datetime, reason: str) -> list[Change]:
    """Put the last in of a locked departure on stand-by after its room has shrunk; else fill it up."""
    off = []
    for rider in to_put_off(riders(locked)[0], locked.room):
        change = locked_change(rider.change)
        bundle = change.bundle.name if change.bundle else ""
        take_off(change, ChangeState.SUBMITTED, by=by, now=now, reason=reason, end=End.STOOD_BY)
        stand_by(change, locked, by=by, now=now, why=reason, bundle=bundle)
        off.append(change)
    if not off:
        promote(locked, now)
    locked.bundles.filter(changes__isnull=True).delete()
    return off


@transaction.atomic
def seat_left_standing(change: Change, *, now: datetime) -> Change:
    """Give a change that stood by for a closed departure a place on the next one of its train, or none.

    It comes aboard the next departure, stands by there where that is full, or waits with its author.
    """
    closed = change.stand_by_for
    if closed is None:
        raise Stale("This change stands by for nothing any more.")
    following = next_to_board(closed, now)
    rows = locked_departures([closed.pk, *([following.pk] if following else [])])
    waiting, left = locked_change(change.pk), rows[closed.pk]
    is_open = left.state in BOARDING_STATES and now < left.cut_off_at
    if waiting.stand_by_for_id != closed.pk or is_open:
        raise Stale("Somebody moved this change at the same moment; look at where it is now.")
    stand_down(
        waiting,
        left,
        by=SYSTEM,
        now=now,
        reason="there was no room until it closed",
        state=ChangeState.SUBMITTED,
    )
    if following is not None:
        to = rows[following.pk]
        lock_room(to)
        answer = verdict(Action.BOARD, waiting, SYSTEM, now, departure=to)
        if answer.is_allowed:
            come_aboard(waiting, to, by=SYSTEM, now=now, bundle="")
        elif stands_by(answer.reasons):
            stand_by(waiting, to, by=SYSTEM, now=now)
    return waiting


def _said(reason: str, sentence: str) -> str:
    said = reason.strip()
    if not said:
        raise Invalid(sentence, field="reason")
    if len(said) > LONGEST_REASON:
        raise Invalid(f"The reason has at most {LONGEST_REASON} characters.", field="reason")
    return said
