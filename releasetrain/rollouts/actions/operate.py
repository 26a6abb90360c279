"""Carry out what operators ask of a rollout; a rollback is carried out inline by whoever decides it."""

import uuid
from dataclasses import dataclass
from datetime import datetime

from django.db import IntegrityError, transaction

from releasetrain.accounts.models import User
from releasetrain.events.actions import Actor
from releasetrain.lib.errors import Refused, Stale
from releasetrain.rollouts.actions.drive import carry_out
from releasetrain.rollouts.actions.versions import settle_version
from releasetrain.rollouts.models import Command, Intent, Rollout
from releasetrain.rollouts.rules import commands, rollback
from releasetrain.rollouts.rules.commands import CommandKind, Refusal
from releasetrain.rollouts.rules.snapshot import Step
from releasetrain.rollouts.rules.states import TERMINAL_STATES, RolloutState
from releasetrain.rollouts.store import snapshot_of, write
from releasetrain.rollouts.windows import snapshot_now
from releasetrain.trains.models import Departure


class CommandRefused(Refused):
    """Refuse a command that this rollout cannot take now."""

    code = "command_refused"


@dataclass(frozen=True, slots=True)
class Order:
    """What a page sent: which command, under which uuid, decided on which state."""

    kind: CommandKind
    id: uuid.UUID
    expected_seq: int | None = None
    reason: str = ""


def operate(rollout: Rollout, order: Order, *, by: User, now: datetime) -> Rollout:
    """Carry out a command once; the same uuid again changes nothing.

    :raises Stale: the page showed an older state (never for a rollback)
    :raises CommandRefused: it cannot be done now, with the reason
    """
    try:
        row, intents = _decide(rollout.pk, order, by=by, now=now)
    except IntegrityError:
        # The same uuid arrived twice at once: the first one has it, and this one is its echo.
        return Rollout.objects.get(pk=rollout.pk)
    carry_out(intents, row)
    return row


@transaction.atomic
def _decide(pk: int, order: Order, *, by: User, now: datetime) -> tuple[Rollout, list[Intent]]:
    row = _lock(pk)
    if Command.objects.filter(pk=order.id).exists():
        return row, []
    asked = commands.Command(
        kind=order.kind,
        by=str(by),
        reason=order.reason,
        # A rollback is never refused for being decided on an older page (RULES L7).
        expected_seq=None if order.kind is CommandKind.ROLLBACK else order.expected_seq,
    )
    answer = commands.command(snapshot_now(row, now), asked, now)
    if isinstance(answer, Refusal):
        if answer.is_stale:
            raise Stale(answer.sentence)
        raise CommandRefused(answer.sentence, until=answer.until, who=answer.who)
    Command.objects.create(
        id=order.id,
        rollout=row,
        kind=order.kind,
        reason=order.reason[:500],
        expected_seq=order.expected_seq,
        actor=by,
        at=now,
        answer=answer.waiting[:500],
    )
    return row, _write(answer, row, by, now)


def roll_back(rollout: Rollout, *, reason: str, by: Actor | None, now: datetime) -> Rollout:
    """Bring a rollout back at once; one that is on its way back, or over, stays as it is."""
    row, intents = decide_back(rollout.pk, reason=reason, by=by, now=now)
    carry_out(intents, row)
    return row


@transaction.atomic
def decide_back(pk: int, *, reason: str, by: Actor | None, now: datetime) -> tuple[Rollout, list[Intent]]:
    """Write down that a rollout comes back; the intents are to be carried out after the commit."""
    row = _lock(pk)
    step = rollback.roll_back(snapshot_of(row), reason, now)
    return row, _write(step, row, by, now)


def roll_back_departure(
    departure: Departure, *, reason: str, by: Actor | None, now: datetime
) -> list[Rollout]:
    """Bring back everything of a departure that is not over yet; one that fails stops no other."""
    unfinished = departure.rollouts.exclude(state__in=sorted(TERMINAL_STATES))
    return [roll_back(rollout, reason=reason, by=by, now=now) for rollout in unfinished]


def _lock(pk: int) -> Rollout:
    rows = Rollout.objects.select_for_update(no_key=True, of=("self",))
    return rows.select_related("target__service", "target__environment", "departure__train").get(pk=pk)


def _write(step: Step, row: Rollout, by: Actor | None, now: datetime) -> list[Intent]:
    intents = write(step, row, actor=by, now=now)
    if step.transitions and step.snapshot.state is RolloutState.SUCCEEDED:
        settle_version(row, by=by, now=now)
    return intents
