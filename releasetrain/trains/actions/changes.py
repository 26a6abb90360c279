"""Submit changes, put them aboard and take them off again."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.db import transaction

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.catalog.access import may, roles_of
from releasetrain.catalog.models import Service
from releasetrain.events.actions import record
from releasetrain.lib.errors import Invalid, NotAllowed
from releasetrain.lib.verdict import Reason
from releasetrain.trains.actions.locking import (
    lock_room,
    locked_change,
    locked_departure,
    locked_departures,
)
from releasetrain.trains.actions.placing import take_off
from releasetrain.trains.actions.refusals import BoardingClosed, CannotLeave, refuse_unless
from releasetrain.trains.actions.sealing import seal_again
from releasetrain.trains.models import Change, Departure
from releasetrain.trains.queries import Action, By, verdict
from releasetrain.trains.rules.boarding import MAY_COME_ABOARD
from releasetrain.trains.rules.states import BOARDING_STATES, ChangeState
from releasetrain.trains.rules.times import CATEGORY
from releasetrain.trains.webhooks import github

FLAG_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")
LENGTHS = {"title": 300, "url": 500, "version": 100, "flag_key": 100, "bundle": 100, "category": 50}
LONGEST_TEXT = 20_000
MOVED = "Somebody moved this change at the same moment; look at where it is now."


@dataclass(frozen=True, slots=True)
class Submitted:
    """A saved change, and why it is not aboard where it is not: nothing typed is lost (RULES I1)."""

    change: Change
    why_not_aboard: Reason | None = None

    @property
    def is_aboard(self) -> bool:
        return self.change.state == ChangeState.ABOARD


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
) -> Submitted:
    """Save a change and put it aboard a departure if that is open; otherwise it waits, and says why.

    A pull request that a code host has told us about already is completed, not doubled.

    :param category: whose cut-off counts for it; the service's where it is empty
    :param departure: the one to board; None submits only
    :raises Invalid: a field cannot be used, with its name
    :raises NotAllowed: this person is no submitter of the service
    :raises BoardingClosed: the pull request is aboard a departure already
    """
    typed = _checked(
        title=title,
        url=url,
        version=version,
        flag_key=flag_key,
        description=description,
        rollback_plan=rollback_plan,
        category=category or service.category,
    )
    _check_bundle(bundle)
    if not may(roles_of(by), Role.SUBMITTER, service):
        raise NotAllowed(
            f"To submit changes of {service.name} one needs the role submitter there.", who="an administrator"
        )
    if service.archived_at:
        raise Invalid(f"{service.name} is archived; an administrator can bring it back.", field="service")
    locked = locked_departure(departure.pk) if departure else None
    change = _save(typed, service, by, now)
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
    if not answer.is_allowed:
        return Submitted(change, answer.reasons[0])
    _come_aboard(change, locked, by=by, now=now, bundle=bundle)
    return Submitted(change)


@transaction.atomic
def board(change: Change, departure: Departure, *, by: By, now: datetime, bundle: str = "") -> Change:
    """Put a change on a departure.

    :param now: when the request was received; that decides, not when a tick seals (RULES T10)
    :raises BoardingClosed: too early, too late, aboard another one, or not this train's
    :raises NotAllowed: this person is no submitter of the service
    """
    _check_bundle(bundle)
    locked = locked_departure(departure.pk)
    waiting = locked_change(change.pk)
    lock_room(locked)
    refuse_unless(verdict(Action.BOARD, waiting, by, now, departure=locked), BoardingClosed)
    _come_aboard(waiting, locked, by=by, now=now, bundle=bundle)
    return waiting


@transaction.atomic
def move(change: Change, to: Departure, *, by: By, now: datetime, bundle: str = "") -> Change:
    """Take a change from one departure to another at once, or not at all (RULES I7).

    :raises CannotLeave: the first is sealed or gone
    :raises BoardingClosed: the other is not open
    """
    _check_bundle(bundle)
    current = Change.objects.values_list("departure_id", flat=True).get(pk=change.pk)
    departures = locked_departures([to.pk, *([current] if current else [])])
    moving = locked_change(change.pk)
    if moving.departure_id not in departures:
        raise CannotLeave(MOVED, code="stale")
    refuse_unless(verdict(Action.WITHDRAW, moving, by, now), CannotLeave)
    left = departures[moving.departure_id] if moving.departure_id else None
    if left is not None:
        _leave(
            moving, left, by=by, now=now, reason=f"moved to {departures[to.pk]}", state=ChangeState.SUBMITTED
        )
    lock_room(departures[to.pk])
    refuse_unless(verdict(Action.BOARD, moving, by, now, departure=departures[to.pk]), BoardingClosed)
    _come_aboard(moving, departures[to.pk], by=by, now=now, bundle=bundle)
    return moving


@transaction.atomic
def withdraw(change: Change, *, by: By, now: datetime, reason: str = "") -> Change:
    """Take a change back, from its departure too where the cut-off has not passed (RULES I2 to I4).

    :raises CannotLeave: its departure is sealed or gone, or there is nothing to withdraw
    :raises NotAllowed: it is not this person's to withdraw
    """
    current = Change.objects.values_list("departure_id", flat=True).get(pk=change.pk)
    departure = locked_departure(current) if current else None
    leaving = locked_change(change.pk)
    if leaving.departure_id != current:
        raise CannotLeave(MOVED, code="stale")
    refuse_unless(verdict(Action.WITHDRAW, leaving, by, now), CannotLeave)
    why = reason.strip()[:300] or "withdrawn"
    if departure is not None and leaving.state == ChangeState.ABOARD:
        _leave(leaving, departure, by=by, now=now, reason=why, state=ChangeState.WITHDRAWN)
        return leaving
    leaving.state = ChangeState.WITHDRAWN.value
    leaving.save(update_fields=["state"])
    record(kind="trains.change.withdrawn", subject=leaving, actor=by, now=now, reason=why)
    return leaving


def _checked(**typed: str) -> dict[str, str]:
    """Return the fields stripped, or say which one cannot be used."""
    clean = {field: github.clean(text).strip() for field, text in typed.items()}
    for field, what in (
        ("title", "a title"),
        ("version", "a version: the commit, tag or build that goes out"),
    ):
        if not clean[field]:
            raise Invalid(f"A change needs {what}.", field=field)
    for field, text in clean.items():
        longest = LENGTHS.get(field, LONGEST_TEXT)
        if len(text) > longest:
            raise Invalid(f"The {field.replace('_', ' ')} has at most {longest} characters.", field=field)
    if clean["url"] and not is_web_address(clean["url"]):
        raise Invalid("The address must be one such as https://github.com/owner/name/pull/1.", field="url")
    if clean["category"] and not CATEGORY.fullmatch(clean["category"]):
        raise Invalid("A category is made of letters, digits, “_” and “-”.", field="category")
    if clean["flag_key"] and not FLAG_KEY.fullmatch(clean["flag_key"]):
        raise Invalid("A flag's key is made of letters, digits, “.”, “_” and “-”.", field="flag_key")
    return clean


def _check_bundle(bundle: str) -> None:
    if len(bundle.strip()) > LENGTHS["bundle"]:
        raise Invalid(f"The bundle's name has at most {LENGTHS['bundle']} characters.", field="bundle")


def is_web_address(text: str) -> bool:
    """Tell whether a text is an http(s) address with a host."""
    try:
        parts = urlsplit(text)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def _save(typed: dict[str, str], service: Service, by: User, now: datetime) -> Change:
    """Write a new change, or complete the one that the code host has told us about."""
    external_id = github.external_id_of(typed["url"])
    fields: dict[str, Any] = {
        **typed,
        "service": service,
        "submitted_by": by,
        "submitted_at": now,
        "state": ChangeState.SUBMITTED.value,
    }
    new = {**fields, "author": by, "author_label": str(by)}
    if not external_id:
        return Change.objects.create(**new)
    known, is_new = Change.objects.get_or_create(external_id=external_id, defaults=new)
    if is_new:
        return known
    change = locked_change(known.pk)
    if change.state not in MAY_COME_ABOARD:
        where = f"aboard {change.departure}" if change.departure else change.state.replace("_", " ")
        raise BoardingClosed(f"This pull request is known already: “{change}” is {where}.", code="elsewhere")
    for field, value in fields.items():
        setattr(change, field, value)
    change.save(update_fields=list(fields))
    return change


def _come_aboard(change: Change, locked: Departure, *, by: By, now: datetime, bundle: str) -> None:
    """Put a change on a locked departure that is open for it."""
    name = github.clean(bundle).strip()
    change.bundle = locked.bundles.get_or_create(name=name)[0] if name else None
    change.departure = locked
    change.state = ChangeState.ABOARD.value
    change.boarded_at = now
    if change.author is None and change.submitted_by is None and isinstance(by, User):
        change.submitted_by = by  # somebody here answers for it (RULES D5)
    change.save(update_fields=["bundle", "departure", "state", "boarded_at", "submitted_by"])
    record(
        kind="trains.change.boarded",
        subject=locked,
        actor=by,
        now=now,
        change=change.pk,
        title=change.title,
        service=change.service.name,
        version=change.version,
    )
    if locked.state not in BOARDING_STATES:
        seal_again(locked, now)


def _leave(
    change: Change, locked: Departure, *, by: By, now: datetime, reason: str, state: ChangeState
) -> None:
    """Take a change off a locked departure."""
    take_off(change, state)
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
