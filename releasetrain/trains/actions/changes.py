"""Submit changes, put them aboard, move them and take them off again."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction

from releasetrain.accounts.models import User
from releasetrain.catalog.models import Service
from releasetrain.events.actions import record
from releasetrain.lib.verdict import Reason
from releasetrain.trains.actions.boarding import come_aboard, leave, stand_by, stand_down, stands_by
from releasetrain.trains.actions.drafts import locked_draft, refuse_no_submitter
from releasetrain.trains.actions.locking import (
    lock_line,
    lock_room,
    locked_change,
    locked_departure,
    locked_departures,
)
from releasetrain.trains.actions.passes import end_passes_of, keep_price
from releasetrain.trains.actions.refusals import BoardingClosed, CannotLeave, refuse_unless
from releasetrain.trains.actions.typed import check_bundle, checked, weighed
from releasetrain.trains.models import Change, Departure, LatePass
from releasetrain.trains.queries import Action, By, verdict
from releasetrain.trains.queries.room import why_stand_by
from releasetrain.trains.rules.boarding import MAY_COME_ABOARD
from releasetrain.trains.rules.standby import Priority
from releasetrain.trains.rules.states import ChangeState
from releasetrain.trains.webhooks.hosts import external_id_of

MOVED = "Somebody moved this change at the same moment; look at where it is now."


@dataclass(frozen=True, slots=True)
class Submitted:
    """A saved change, and why it is not aboard where it is not: nothing typed is lost (RULES I1).

    `late` is its late pass with the price where it only came too late; nobody has been asked yet.
    """

    change: Change
    why_not_aboard: Reason | None = None
    late: LatePass | None = None

    @property
    def is_aboard(self) -> bool:
        return self.change.state == ChangeState.ABOARD

    @property
    def stands_by(self) -> bool:
        return self.change.state == ChangeState.STAND_BY


@transaction.atomic
def submit_change(
    *,
    title: str,
    service: Service,
    version: str,
    by: User,
    now: datetime,
    url: str = "",
    description: str = "",
    rollback_plan: str = "",
    flag_key: str = "",
    bundle: str = "",
    category: str = "",
    departure: Departure | None = None,
    answers: Mapping[str, object] | None = None,
    traits: Collection[str] = (),
    priority: int = Priority.NORMAL,
    is_ready: bool = True,
    draft: Change | None = None,
) -> Submitted:
    """Save a change and put it aboard a departure if that is open; otherwise it waits, and says why.

    A pull request that a code host has told us about already is completed, not doubled. Where the departure
    is full, the change stands by for it (RULES I11).

    :param category: whose cut-off counts for it; the service's where it is empty
    :param departure: the one to board; None submits only
    :param answers: {question: answer} of rules/risk.py
    :param is_ready: False keeps a place for it until the cut-off, by which it has to be ready
    :param draft: the draft that this completes
    :raises Invalid: a field cannot be used, with its name
    :raises NotAllowed: this person is no submitter of the service, or the draft is somebody else's
    :raises BoardingClosed: the pull request is aboard a departure already
    :raises Stale: the draft is none any more
    """
    typed = checked(
        title=title,
        url=url,
        version=version,
        flag_key=flag_key,
        description=description,
        rollback_plan=rollback_plan,
        category=category or service.category,
    )
    check_bundle(bundle)
    weight = weighed(
        answers or {}, traits, priority, flag_key=typed["flag_key"], rollback_plan=typed["rollback_plan"]
    )
    refuse_no_submitter(by, service)
    locked = locked_departure(departure.pk) if departure else None
    fields = {
        **typed,
        **weight,
        "service": service,
        "submitted_by": by,
        "submitted_at": now,
        "state": ChangeState.SUBMITTED.value,
        "awaits_ready": not is_ready,
        "ready_at": now if is_ready else None,
        "expires_at": None,
    }
    change = _save(fields, by, draft)
    record(
        kind="trains.change.submitted",
        subject=change,
        actor=by,
        now=now,
        service=service.name,
        version=change.version,
    )
    if locked is None:
        return Submitted(change)
    lock_room(locked)
    answer = verdict(Action.BOARD, change, by, now, departure=locked)
    if answer.is_allowed:
        come_aboard(change, locked, by=by, now=now, bundle=bundle)
        return Submitted(change)
    if stands_by(answer.reasons):
        stand_by(change, locked, by=by, now=now, bundle=bundle)
        return Submitted(change, why_stand_by(change, locked))
    is_late = all(reason.code == "cut_off" for reason in answer.reasons)
    priced = keep_price(change, locked, by=by, now=now, bundle=bundle) if is_late else None
    return Submitted(change, answer.reasons[0], priced)


@transaction.atomic
def board(change: Change, departure: Departure, *, by: By, now: datetime, bundle: str = "") -> Change:
    """Put a change on a departure; where that is full, the change stands by for it (RULES I11).

    :param now: when the request was received; that decides, not when a tick seals (RULES T10)
    :raises BoardingClosed: too early, too late, aboard another one, or not this train's
    :raises NotAllowed: this person is no submitter of the service
    """
    check_bundle(bundle)
    locked = locked_departure(departure.pk)
    waiting = locked_change(change.pk)
    lock_room(locked)
    answer = verdict(Action.BOARD, waiting, by, now, departure=locked)
    if stands_by(answer.reasons) and waiting.state != ChangeState.STAND_BY:
        stand_by(waiting, locked, by=by, now=now, bundle=bundle)
        return waiting
    refuse_unless(answer, BoardingClosed)
    come_aboard(waiting, locked, by=by, now=now, bundle=bundle)
    return waiting


@transaction.atomic
def move(change: Change, to: Departure, *, by: By, now: datetime, bundle: str = "") -> Change:
    """Take a change from one departure to another at once, or not at all (RULES I7).

    One that is aboard moves only where there is room; one that stands by may stand by elsewhere.

    :raises CannotLeave: the first is sealed or gone
    :raises BoardingClosed: the other is not open, or is full
    """
    check_bundle(bundle)
    current = _place_of(change)
    departures = locked_departures([to.pk, *([current] if current else [])])
    moving = locked_change(change.pk)
    if _place_of(moving) != current or (current and current not in departures):
        raise CannotLeave(MOVED, code="stale")
    refuse_unless(verdict(Action.WITHDRAW, moving, by, now), CannotLeave)
    was_aboard = moving.state == ChangeState.ABOARD
    if current == to.pk:
        raise BoardingClosed(f"It is on {departures[to.pk]} already.", code="here")
    if current:
        lock_line(departures[current])
    lock_room(*departures.values())
    if current:
        _let_go(
            moving,
            departures[current],
            by=by,
            now=now,
            reason=f"moved to {departures[to.pk]}",
            state=ChangeState.SUBMITTED,
            to=departures[to.pk],
        )
    answer = verdict(Action.BOARD, moving, by, now, departure=departures[to.pk])
    if stands_by(answer.reasons) and not was_aboard:
        stand_by(moving, departures[to.pk], by=by, now=now, bundle=bundle)
        return moving
    refuse_unless(answer, BoardingClosed)
    come_aboard(moving, departures[to.pk], by=by, now=now, bundle=bundle)
    return moving


@transaction.atomic
def withdraw(change: Change, *, by: By, now: datetime, reason: str = "") -> Change:
    """Take a change back, from its departure too where the cut-off has not passed (RULES I2 to I4).

    :raises CannotLeave: its departure is sealed or gone, or there is nothing to withdraw
    :raises NotAllowed: it is not this person's to withdraw
    """
    current = _place_of(change)
    departure = locked_departure(current) if current else None
    leaving = locked_change(change.pk)
    if _place_of(leaving) != current:
        raise CannotLeave(MOVED, code="stale")
    refuse_unless(verdict(Action.WITHDRAW, leaving, by, now), CannotLeave)
    why = reason.strip()[:300] or "withdrawn"
    end_passes_of(leaving, by=by, now=now, reason=why)
    if departure is not None and leaving.state in (ChangeState.ABOARD, ChangeState.STAND_BY):
        _let_go(leaving, departure, by=by, now=now, reason=why, state=ChangeState.WITHDRAWN)
        return leaving
    leaving.state, leaving.expires_at = ChangeState.WITHDRAWN.value, None
    leaving.save(update_fields=["state", "expires_at"])
    record(kind="trains.change.withdrawn", subject=leaving, actor=by, now=now, reason=why)
    return leaving


def _place_of(change: Change) -> int | None:
    """Return the departure that a change is on or stands by for, as the database has it now."""
    places = Change.objects.values_list("departure_id", "stand_by_for_id").get(pk=change.pk)
    return places[0] or places[1]


def _let_go(
    change: Change,
    locked: Departure,
    *,
    by: By,
    now: datetime,
    reason: str,
    state: ChangeState,
    to: Departure | None = None,
) -> None:
    if change.state == ChangeState.STAND_BY:
        stand_down(change, locked, by=by, now=now, reason=reason, state=state)
    else:
        leave(change, locked, by=by, now=now, reason=reason, state=state, to=to)


def _save(fields: dict[str, Any], by: User, draft: Change | None) -> Change:
    """Write a new change, or complete its draft or the one that the code host has told us about."""
    kept = locked_draft(draft, by) if draft else None
    external_id = external_id_of(fields["url"])
    known = Change.objects.filter(external_id=external_id).first() if external_id else None
    if known is None and kept is not None:
        return _complete(kept, {**fields, "external_id": external_id})
    if known is None:
        new = {**fields, "author": by, "author_label": str(by)}
        if not external_id:
            return Change.objects.create(**new)
        known, is_new = Change.objects.get_or_create(external_id=external_id, defaults=new)
        if is_new:
            return known
    change = locked_change(known.pk)
    if change.state not in MAY_COME_ABOARD:
        raise BoardingClosed(f"This pull request is known already: {where_words(change)}.", code="elsewhere")
    if kept is not None:
        kept.delete()  # all of it is in the change that the code host has told us about
    return _complete(change, fields)


def _complete(change: Change, fields: dict[str, Any]) -> Change:
    for field, value in fields.items():
        setattr(change, field, value)
    change.save(update_fields=list(fields))
    return change


def where_words(change: Change) -> str:
    """Say where a change is, e.g. “Prices” is aboard RT-5."""
    if change.stand_by_for_id:
        return f"“{change}” stands by for {change.stand_by_for}"
    where = f"aboard {change.departure}" if change.departure else change.state.replace("_", " ")
    return f"“{change}” is {where}"
