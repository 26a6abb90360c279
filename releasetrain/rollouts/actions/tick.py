"""Take one rollout one step further: claim, look, decide, write, ask (ENGINE section 6)."""

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from django.db import transaction

from releasetrain.events.actions import SystemActor, record
from releasetrain.lib.unblocked import insist, unblocked
from releasetrain.rollouts.actions.compensate import compensate, note_compensations
from releasetrain.rollouts.actions.drive import carry_out, hear_of_accepted
from releasetrain.rollouts.actions.launch import settle_return
from releasetrain.rollouts.actions.versions import ask_to_settle, settle_version
from releasetrain.rollouts.actions.way import take_service
from releasetrain.rollouts.due import claim_one
from releasetrain.rollouts.models import Intent, Rollout
from releasetrain.rollouts.readings import Gathered, gather
from releasetrain.rollouts.rules.machine import tick
from releasetrain.rollouts.rules.snapshot import EventKind, Snapshot, Step
from releasetrain.rollouts.rules.states import HoldKind, RolloutKind, RolloutState
from releasetrain.rollouts.store import LostClaim, snapshot_of, write
from releasetrain.rollouts.together import in_reverse

logger = logging.getLogger(__name__)

ENGINE = SystemActor("rollout engine")
# A row that fails this often is held, so that it blocks no other (ENGINE R10).
POISON_FAILURES = 5
AGAIN, LONGEST_WAIT = timedelta(seconds=2), timedelta(minutes=1)
MOST_COUNTED = 30_000
R = RolloutState


def tick_one(pk: int, now: datetime, *, alone: bool = False) -> Step | None:
    """Take a due rollout one step further; None when another worker has it or has overtaken this one.

    :param alone: leave the rest of its departure to whoever brings that back already
    """
    row = claim_one(pk, now)
    return None if row is None else _step(row, now, alone=alone)


def _step(row: Rollout, now: datetime, *, alone: bool) -> Step | None:
    try:
        return _advance(row, now, alone=alone)
    except LostClaim:
        return None
    except Exception as error:
        _note_failure(row, now, error)
        raise


def _advance(row: Rollout, now: datetime, *, alone: bool) -> Step:
    hear_of_accepted(row)
    gathered, step = _decide(row, snapshot_of(row), now)
    commit = partial(_commit, step, row, gathered.counted_reading, now)
    intents = insist(commit) if is_coming_back(step) else commit()
    if is_coming_back(step) and not alone:
        carry_out_back(intents, row, now)
    else:
        carry_out(intents, row)
    if step.takes_target:
        take_service(row, now)
    if step.snapshot.state is R.QUEUED and not gathered.readings.is_target_free:
        ask_to_settle(row, gathered.readings.observed, by=ENGINE, now=now)
    return step


@transaction.atomic
def _commit(step: Step, row: Rollout, counted_reading: int | None, now: datetime) -> list[Intent]:
    intents = write(step, row, actor=ENGINE, now=now, counted_reading=counted_reading)
    if step.snapshot.state is R.PREFLIGHT and step.transitions:
        note_compensations(row)
    if step.snapshot.state is R.SUCCEEDED and step.transitions:
        settle_version(row, by=ENGINE, now=now)
        settle_return(row, now)
    return intents


def _decide(row: Rollout, snapshot: Snapshot, now: datetime) -> tuple[Gathered, Step]:
    gathered = gather(row, now)
    readings = gathered.readings
    if snapshot.state is R.ROLLING_BACK and not snapshot.makes_way and row.kind == RolloutKind.FORWARD:
        readings = replace(readings, compensating=compensate(row, now))
    return gathered, tick(snapshot, readings, now)


def is_coming_back(step: Step) -> bool:
    """Tell whether a step has just begun to bring users back for good; making way brings back nobody else."""
    return bool(step.transitions) and step.snapshot.state is R.ROLLING_BACK and not step.snapshot.makes_way


def carry_out_back(intents: list[Intent], row: Rollout, now: datetime) -> None:
    """Bring a rollout back, and the rest of its departure in the reverse of the order in which they moved.

    What goes after it comes back before it, what goes before it after it; each decides for itself by a tick
    at once, and one that fails stops no other: its own ticks go on with it (ENGINE T9, T12).
    """
    with unblocked():
        after, before = in_reverse(row) if row.kind == RolloutKind.FORWARD else ([], [])
        _bring_each_back(after, now)
        carry_out(intents, row)
        _bring_each_back(before, now)


def _bring_each_back(pks: list[int], now: datetime) -> None:
    for pk in pks:
        try:
            Rollout.objects.filter(pk=pk, next_due_at__gt=now).update(next_due_at=now)
            tick_one(pk, now, alone=True)
        except Exception:
            logger.exception("Rollout %s could not be brought back with the rest.", pk)


def _note_failure(row: Rollout, now: datetime, error: Exception) -> None:
    """Count an unexpected failure in a row, and hold the rollout once there were too many (ENGINE R10).

    It is looked at more and more seldom then, but for a rollback, which goes on at its own pace.
    """
    failures = row.failures + 1
    is_returning = row.state == RolloutState.ROLLING_BACK
    wait = AGAIN if is_returning else min(AGAIN * 2 ** min(failures - 1, 10), LONGEST_WAIT)
    with transaction.atomic():
        mine = Rollout.objects.filter(pk=row.pk, fence=row.fence)
        if not mine.update(failures=min(failures, MOST_COUNTED), next_due_at=now + wait):
            return
        if failures >= POISON_FAILURES and not is_returning:
            _hold_for_trouble(row, now, error)


def _hold_for_trouble(row: Rollout, now: datetime, error: Exception) -> None:
    reason = f"The engine failed on it {POISON_FAILURES} times: {type(error).__name__}."
    _, is_new = row.holds.get_or_create(
        kind=HoldKind.ERROR, cleared_at=None, defaults={"reason": reason, "opened_at": now}
    )
    if is_new:
        said = {"hold": HoldKind.ERROR, "reason": reason, "pages": True, "seq": row.seq}
        record(kind=EventKind.HOLD_OPENED, subject=row, actor=ENGINE, now=now, **said)
