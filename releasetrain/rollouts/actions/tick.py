"""Take one rollout one step further: claim, look, decide, write, ask (ENGINE section 6)."""

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

from django.db import connection, transaction

from releasetrain.events.actions import SystemActor, record
from releasetrain.lib.unblocked import insist, unblocked
from releasetrain.rollouts.actions.compensate import compensate, note_compensations
from releasetrain.rollouts.actions.drive import carry_out, hear_of_accepted
from releasetrain.rollouts.actions.launch import settle_return
from releasetrain.rollouts.actions.versions import ask_to_settle, settle_version
from releasetrain.rollouts.actions.way import take_service
from releasetrain.rollouts.due import Common
from releasetrain.rollouts.models import Intent, Rollout
from releasetrain.rollouts.readings import Gathered, gather
from releasetrain.rollouts.rules.machine import tick
from releasetrain.rollouts.rules.snapshot import EventKind, Snapshot, Step
from releasetrain.rollouts.rules.states import HoldKind, RolloutKind, RolloutState
from releasetrain.rollouts.store import LostClaim, snapshot_of, write
from releasetrain.rollouts.together import in_reverse

logger = logging.getLogger(__name__)

ENGINE = SystemActor("rollout engine")
# A claim that its worker did not live to use is free again after this long.
LEASE = timedelta(seconds=15)
ROLLBACK_LEASE = timedelta(seconds=3)
# A row that fails this often is held, so that it blocks no other (ENGINE R10).
POISON_FAILURES = 5
AGAIN, LONGEST_WAIT = timedelta(seconds=2), timedelta(minutes=1)
MOST_COUNTED = 30_000
R = RolloutState


@transaction.atomic
def claim(pk: int, now: datetime) -> Rollout | None:
    """Take a due rollout under a new fence; None when it is not due or somebody else has it."""
    row = (
        Rollout.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
        .select_related(
            "target__service",
            "target__environment",
            "target__standing",
            "departure__train__environment",
            "yielded_to__departure",
        )
        .filter(pk=pk, next_due_at__lte=now)
        .first()
    )
    if row is None:
        return None
    was_due_at, row.fence = row.next_due_at, row.fence + 1
    row.next_due_at = now + (ROLLBACK_LEASE if row.state == RolloutState.ROLLING_BACK else LEASE)
    row.save(update_fields=["fence", "next_due_at"])
    row.next_due_at = was_due_at
    return row


CLAIM = """
UPDATE rollouts_rollout SET fence = fence + 1, next_due_at = %s WHERE id IN (
    SELECT id FROM rollouts_rollout WHERE id = %s AND fence = %s AND next_due_at <= %s
    FOR NO KEY UPDATE SKIP LOCKED
)
"""


def claim_loaded(row: Rollout, now: datetime) -> bool:
    """Take a due rollout as it was loaded; false when anybody has decided something about it since.

    Whoever decides takes a higher fence, so an unmoved one says that what was loaded is still true.
    """
    lease = ROLLBACK_LEASE if row.state == RolloutState.ROLLING_BACK else LEASE
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, [now + lease, row.pk, row.fence, now])
        is_mine = bool(cursor.rowcount == 1)
    row.fence += is_mine
    return is_mine


def tick_loaded(row: Rollout, now: datetime, common: Common) -> Step | None:
    """Take a rollout of a batch one step further; None when another worker has it, or has overtaken it."""
    return _step(row, now, common) if claim_loaded(row, now) else None


def tick_one(pk: int, now: datetime, *, alone: bool = False) -> Step | None:
    """Take a due rollout one step further; None when another worker has it or has overtaken this one.

    :param alone: leave the rest of its departure to whoever brings that back already
    """
    row = claim(pk, now)
    return None if row is None else _step(row, now, alone=alone)


def _step(row: Rollout, now: datetime, common: Common | None = None, *, alone: bool = False) -> Step | None:
    try:
        return _advance(row, now, common, alone=alone)
    except LostClaim:
        return None
    except Exception as error:
        _note_failure(row, now, error)
        raise


def _advance(row: Rollout, now: datetime, common: Common | None, *, alone: bool) -> Step:
    snapshot = snapshot_of(row)
    hear_of_accepted(row)
    gathered, step = _decide(row, snapshot, now, common)
    if common is not None and step.snapshot.desired_weight > snapshot.desired_weight:
        # Nobody more gets it by what was read for the whole batch: the line may have been stopped since.
        gathered, step = _decide(row, snapshot, now, None)
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


def _decide(row: Rollout, snapshot: Snapshot, now: datetime, common: Common | None) -> tuple[Gathered, Step]:
    gathered = gather(row, now, common)
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
