"""Put changes on locked departures and take them off: aboard where there is room, else on stand-by."""

from datetime import datetime
from typing import Any

from releasetrain.accounts.models import User
from releasetrain.events.actions import SYSTEM, record
from releasetrain.trains.actions.bundles import found_again
from releasetrain.trains.actions.ledger import enter
from releasetrain.trains.actions.locking import lock_line, lock_room, locked_change
from releasetrain.trains.actions.passes import end_passes_of
from releasetrain.trains.actions.placing import note_left, take_off
from releasetrain.trains.actions.sealing import seal_again
from releasetrain.trains.models import Change, Departure
from releasetrain.trains.queries import Action, By, verdict
from releasetrain.trains.queries.room import riders
from releasetrain.trains.rules.standby import STAND_BY, full_words, taken, to_promote
from releasetrain.trains.rules.states import BOARDING_STATES, ChangeState
from releasetrain.trains.webhooks.reading import clean

STANDING = ["stand_by_for", "stood_by_at", "stand_by_place"]
SEATED = ["bundle", "departure", "state", "boarded_at", "submitted_by", "expires_at", *STANDING]


def stands_by(reasons: tuple[Any, ...]) -> bool:
    """Tell whether nothing but the room of its departure keeps a change from coming aboard."""
    return bool(reasons) and all(reason.code == STAND_BY for reason in reasons)


def come_aboard(change: Change, locked: Departure, *, by: By, now: datetime, bundle: str) -> None:
    """Put a change on a locked departure that is open for it and has room."""
    _seat(change, locked, by=by, now=now, bundle=bundle)
    record(kind="trains.change.boarded", subject=locked, actor=by, now=now, **_facts(change))
    if locked.state not in BOARDING_STATES:
        seal_again(locked, now)


def _seat(change: Change, locked: Departure, *, by: By, now: datetime, bundle: str) -> None:
    _join(change, locked, bundle)
    change.departure = locked
    change.state = ChangeState.ABOARD.value
    change.boarded_at = now
    change.expires_at = change.stand_by_for = change.stood_by_at = change.stand_by_place = None
    if change.author is None and change.submitted_by is None and isinstance(by, User):
        change.submitted_by = by  # somebody here answers for it (RULES D5)
    change.save(update_fields=SEATED)
    enter(change, locked, by=by, now=now)
    is_late = now >= locked.cut_off_for(change.boarding_category)
    end_passes_of(
        change, by=by, now=now, reason=f"it came aboard {locked}", aboard=locked if is_late else None
    )


def _join(change: Change, locked: Departure, bundle: str) -> None:
    name = clean(bundle).strip()
    change.bundle = locked.bundles.get_or_create(name=name)[0] if name else None
    if change.bundle:
        found_again(change.bundle, [change.pk])


def stand_by(
    change: Change, locked: Departure, *, by: By, now: datetime, why: str = "", bundle: str = ""
) -> None:
    """Let a change wait for the room of a locked departure (RULES I11).

    :param why: why there is none; found out where it is empty
    """
    why = why or full_words(locked.room, taken(riders(locked)[0]), change.risk_points)
    _join(change, locked, bundle)
    change.state = ChangeState.STAND_BY.value
    change.stand_by_for, change.stood_by_at, change.stand_by_place = locked, now, None
    change.departure = change.boarded_at = change.expires_at = None
    if change.author is None and change.submitted_by is None and isinstance(by, User):
        change.submitted_by = by
    change.save(update_fields=SEATED)
    record(kind="trains.change.stood_by", subject=locked, actor=by, now=now, why=why, **_facts(change))


def stand_down(
    change: Change, locked: Departure, *, by: By, now: datetime, reason: str, state: ChangeState
) -> None:
    """Take a change out of the stand-by line of a locked departure."""
    bundle = change.bundle
    change.state = state.value
    change.stand_by_for = change.stood_by_at = change.stand_by_place = change.bundle = None
    change.save(update_fields=["state", "bundle", *STANDING])
    note_left(bundle, change)
    locked.bundles.filter(changes__isnull=True).delete()
    record(
        kind="trains.change.stood_down", subject=locked, actor=by, now=now, reason=reason, **_facts(change)
    )


def leave(
    change: Change,
    locked: Departure,
    *,
    by: By,
    now: datetime,
    reason: str,
    state: ChangeState,
    to: Departure | None = None,
) -> None:
    """Take a change off a locked departure; the room that it leaves goes to who stands by.

    :param to: the departure that it goes on to
    """
    take_off(change, state, by=by, now=now, reason=reason, to=to)
    locked.bundles.filter(changes__isnull=True).delete()
    record(
        kind="trains.change.left",
        subject=locked,
        actor=by,
        now=now,
        change=change.pk,
        title=change.title,
        reason=reason,
    )
    if locked.state not in BOARDING_STATES:
        seal_again(locked, now)
    elif locked.room.is_limited:
        promote(locked, now)


def promote(locked: Departure, now: datetime) -> list[Change]:
    """Let who stands by come aboard a locked departure, in their order, as far as there is room (RULES I11).

    Whom anything else keeps out, such as a cut-off of its own category, stays where it is.
    """
    if locked.state not in BOARDING_STATES or now >= locked.cut_off_at:
        return []
    lock_line(locked)
    aboard, waiting = riders(locked)
    if not waiting:
        return []
    lock_room(locked)
    found = []
    for rider in to_promote(waiting, aboard, locked.room):
        change = locked_change(rider.change)
        if not verdict(Action.BOARD, change, SYSTEM, now, departure=locked).is_allowed:
            continue
        _seat(change, locked, by=SYSTEM, now=now, bundle=change.bundle.name if change.bundle else "")
        record(kind="trains.change.promoted", subject=locked, actor=SYSTEM, now=now, **_facts(change))
        found.append(change)
    return found


def _facts(change: Change) -> dict[str, object]:
    return {
        "change": change.pk,
        "title": change.title,
        "service": change.service.name,
        "version": change.version,
        "author_id": change.author_id,
        "submitter_id": change.submitted_by_id,
    }
