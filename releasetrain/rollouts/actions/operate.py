"""Carry out what operators ask of a rollout; a rollback is carried out inline by whoever decides it."""

import logging
import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from django.db import IntegrityError

from releasetrain.accounts.models import User
from releasetrain.events.actions import Actor, record
from releasetrain.lib.errors import Refused, Stale
from releasetrain.lib.transactions import brief
from releasetrain.lib.unblocked import insist
from releasetrain.lib.words import listed
from releasetrain.rollouts.actions.drive import carry_out
from releasetrain.rollouts.actions.launch import settle_ended, settle_return
from releasetrain.rollouts.actions.tick import carry_out_back
from releasetrain.rollouts.actions.versions import settle_version
from releasetrain.rollouts.models import Command, Intent, Rollout
from releasetrain.rollouts.rules import commands, rollback
from releasetrain.rollouts.rules.commands import CommandKind, Refusal
from releasetrain.rollouts.rules.snapshot import Step
from releasetrain.rollouts.rules.states import TERMINAL_STATES, RolloutState
from releasetrain.rollouts.store import snapshot_of, write
from releasetrain.rollouts.together import last_moved_first
from releasetrain.rollouts.windows import snapshot_now
from releasetrain.trains.models import Departure

logger = logging.getLogger(__name__)

# What a second person has to agree to is asked for anew after this long.
SECOND_LIMIT = timedelta(minutes=15)


class CommandRefused(Refused):
    """Refuse a command that this rollout cannot take now."""

    code = "command_refused"


class NotAllBack(Refused):
    """Say which rollouts of a departure could not be brought back; the others are on their way."""

    code = "not_all_back"
    status = 500


@dataclass(frozen=True, slots=True)
class Order:
    """What a page sent: which command, under which uuid, decided on which state.

    A dismissal names its guardrail and for how many minutes.
    """

    kind: CommandKind
    id: uuid.UUID
    expected_seq: int | None = None
    reason: str = ""
    guardrail: str = ""
    minutes: int = 0

    @property
    def details(self) -> dict[str, Any]:
        """Return what the command says beside its reason."""
        return {"guardrail": self.guardrail, "minutes": self.minutes} if self.guardrail else {}


def operate(rollout: Rollout, order: Order, *, by: User, now: datetime) -> Rollout:
    """Carry out a command once; the same uuid again changes nothing.

    :raises Stale: the page showed an older state (never for a rollback)
    :raises CommandRefused: it cannot be done now, with the reason
    """
    try:
        return _operate(rollout.pk, order, by=by, now=now)
    except IntegrityError:
        # The same uuid arrived twice at once: the first one has it, and this one is its echo.
        return Rollout.objects.get(pk=rollout.pk)


def _operate(pk: int, order: Order, *, by: User, now: datetime) -> Rollout:
    decide = partial(_decide, pk, order, by=by, now=now)
    row, intents = insist(decide) if order.kind is CommandKind.ROLLBACK else decide()
    _carry_out(intents, row, now)
    if row.is_finished:
        settle_ended([row.pk])
    return row


def _carry_out(intents: list[Intent], row: Rollout, now: datetime) -> None:
    if intents and row.state == RolloutState.ROLLING_BACK:
        carry_out_back(intents, row, now)
    else:
        carry_out(intents, row)


@brief()
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
        **order.details,
    )
    answer = commands.command(snapshot_now(row, now), asked, now)
    if isinstance(answer, Refusal) and answer.needs_second:
        _ask_second(row, order, by=by, now=now)
        return row, []
    step = _refused_unless_step(answer)
    _keep(row, order, by=by, now=now, answer=step.waiting[:500])
    return row, _write(step, row, by, now)


def _refused_unless_step(answer: Step | Refusal) -> Step:
    if not isinstance(answer, Refusal):
        return answer
    if answer.is_stale:
        raise Stale(answer.sentence)
    raise CommandRefused(answer.sentence, until=answer.until, who=answer.who)


def _keep(row: Rollout, order: Order, *, by: User, now: datetime, **fields: Any) -> Command:
    return Command.objects.create(
        id=order.id,
        rollout=row,
        kind=order.kind,
        reason=order.reason[:500],
        expected_seq=order.expected_seq,
        details=order.details,
        actor=by,
        at=now,
        **fields,
    )


def _ask_second(row: Rollout, order: Order, *, by: User, now: datetime) -> None:
    """Keep a command until somebody else seconds it; a new one replaces an older one of its kind."""
    Command.objects.filter(rollout=row, kind=order.kind, waits_until__isnull=False).update(waits_until=None)
    seq = row.seq if order.expected_seq is None else order.expected_seq
    asked = replace(order, expected_seq=seq)
    _keep(row, asked, by=by, now=now, waits_until=now + SECOND_LIMIT, answer="Waits for a second person.")
    record(
        kind="rollouts.command.asked",
        subject=row,
        actor=by,
        now=now,
        command=order.kind.value.replace("_", " "),
        reason=order.reason[:500],
    )


def waiting_for_second(rollout: int, now: datetime) -> list[Command]:
    """Return the commands of a rollout that wait for a second person, oldest first."""
    rows = Command.objects.filter(rollout=rollout, waits_until__gt=now).select_related("actor", "rollout")
    return list(rows)


def why_not_second(waiting: Command, by: User, now: datetime) -> str | None:
    """Return why somebody cannot second a command."""
    if waiting.waits_until is None or now >= waiting.waits_until:
        return "It no longer waits for a second person: it was given, replaced, or too long ago. Ask again."
    if waiting.actor_id is None or waiting.actor_id == by.pk:
        return "It needs a second person, who is not the one who asks."
    return None


def second(waiting: Command, *, by: User, now: datetime) -> Rollout:
    """Carry out a command that somebody else asked for; both names go on record.

    :raises CommandRefused: it cannot be done now, or not by this person
    :raises Stale: the rollout has moved on since it was asked for
    """
    row, intents = _decide_seconded(waiting.pk, by=by, now=now)
    _carry_out(intents, row, now)
    return row


@brief()
def _decide_seconded(pk: uuid.UUID, *, by: User, now: datetime) -> tuple[Rollout, list[Intent]]:
    row = _lock(Command.objects.values_list("rollout", flat=True).get(pk=pk))
    waiting = Command.objects.select_related("actor").get(pk=pk)
    if why_not := why_not_second(waiting, by, now):
        raise CommandRefused(why_not)
    asker = str(waiting.actor)
    asked = commands.Command(
        kind=CommandKind(waiting.kind),
        by=asker,
        reason=waiting.reason,
        expected_seq=waiting.expected_seq,
        second=str(by) if str(by) != asker else by.email,
        **waiting.details,
    )
    step = _refused_unless_step(commands.command(snapshot_now(row, now), asked, now))
    waiting.waits_until, waiting.seconded_by, waiting.seconded_at = None, by, now
    waiting.answer = step.waiting[:500]
    waiting.save(update_fields=["waits_until", "seconded_by", "seconded_at", "answer"])
    return row, _write(step, row, waiting.actor, now)


def roll_back(rollout: Rollout, *, reason: str, by: Actor | None, now: datetime) -> Rollout:
    """Bring a rollout back at once; one that is on its way back, or over, stays as it is."""
    row, intents = decide_back(rollout.pk, reason=reason, by=by, now=now)
    if intents:
        carry_out_back(intents, row, now)
    if row.is_finished:
        settle_ended([row.pk])
    return row


def decide_back(pk: int, *, reason: str, by: Actor | None, now: datetime) -> tuple[Rollout, list[Intent]]:
    """Write down that a rollout comes back; the intents are to be carried out after the commit."""
    return insist(partial(_decide_back, pk, reason=reason, by=by, now=now))


@brief()
def _decide_back(pk: int, *, reason: str, by: Actor | None, now: datetime) -> tuple[Rollout, list[Intent]]:
    row = _lock(pk)
    step = rollback.roll_back(snapshot_of(row), reason, now)
    return row, _write(step, row, by, now)


def roll_back_departure(
    departure: Departure, *, reason: str, by: Actor | None, now: datetime
) -> list[Rollout]:
    """Bring back everything of a departure that is not over, last moved first; one that fails stops no other.

    :raises NotAllBack: one or more could not even be decided; the others are on their way
    """
    unfinished = departure.rollouts.exclude(state__in=sorted(TERMINAL_STATES)).select_related(
        "target__service"
    )
    back, lost = [], []
    for rollout in sorted(unfinished, key=last_moved_first):
        try:
            back.append(roll_back(rollout, reason=reason, by=by, now=now))
        except Exception:
            logger.exception("Rollout %s could not be brought back.", rollout.pk)
            lost.append(str(rollout.target.service))
    if lost:
        raise NotAllBack(
            f"{listed(lost)} could not be brought back. Press again, or use a shell. The rest is on its way."
        )
    return back


def _lock(pk: int) -> Rollout:
    rows = Rollout.objects.select_for_update(no_key=True, of=("self",))
    return rows.select_related("target__service", "target__environment", "departure__train").get(pk=pk)


def _write(step: Step, row: Rollout, by: Actor | None, now: datetime) -> list[Intent]:
    intents = write(step, row, actor=by, now=now)
    if step.transitions and step.snapshot.state is RolloutState.SUCCEEDED:
        settle_version(row, by=by, now=now)
        settle_return(row, now)
    return intents
