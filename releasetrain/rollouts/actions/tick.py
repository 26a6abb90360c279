"""Take one rollout one step further: claim, look, decide, write, ask (ENGINE section 6)."""

import logging
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import F

from releasetrain.events.actions import SystemActor
from releasetrain.rollouts.actions.drive import carry_out
from releasetrain.rollouts.actions.versions import settle_version
from releasetrain.rollouts.actions.way import take_service
from releasetrain.rollouts.models import Rollout
from releasetrain.rollouts.readings import gather
from releasetrain.rollouts.rules.machine import tick
from releasetrain.rollouts.rules.snapshot import Step
from releasetrain.rollouts.rules.states import RolloutState
from releasetrain.rollouts.store import LostClaim, snapshot_of, write

logger = logging.getLogger(__name__)

ENGINE = SystemActor("rollout engine")
# A claim that its worker did not live to use is free again after this long.
LEASE = timedelta(seconds=15)
ROLLBACK_LEASE = timedelta(seconds=3)
# A row that fails this often is held, so that it blocks no other (ENGINE R10).
POISON_FAILURES = 5


@transaction.atomic
def claim(pk: int, now: datetime) -> Rollout | None:
    """Take a due rollout under a new fence; None when it is not due or somebody else has it."""
    row = (
        Rollout.objects.select_for_update(no_key=True, skip_locked=True, of=("self",))
        .select_related(
            "target__service", "target__environment", "departure__train__environment", "yielded_to__departure"
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


def tick_one(pk: int, now: datetime) -> Step | None:
    """Take a due rollout one step further; None when another worker has it or has overtaken this one."""
    row = claim(pk, now)
    if row is None:
        return None
    try:
        return _advance(row, now)
    except LostClaim:
        return None
    except Exception as error:
        _note_failure(row, now, error)
        raise


def _advance(row: Rollout, now: datetime) -> Step:
    snapshot = snapshot_of(row)
    gathered = gather(row, now)
    step = tick(snapshot, gathered.readings, now)
    with transaction.atomic():
        intents = write(step, row, actor=ENGINE, now=now, counted_reading=gathered.counted_reading)
        if step.snapshot.state is RolloutState.SUCCEEDED and step.transitions:
            settle_version(row, by=ENGINE, now=now)
    carry_out(intents, row)
    if step.takes_target:
        take_service(row, now)
    return step


def _note_failure(row: Rollout, now: datetime, error: Exception) -> None:
    """Count an unexpected failure, and hold the rollout once there were too many."""
    mine = Rollout.objects.filter(pk=row.pk, fence=row.fence)
    mine.update(failures=F("failures") + 1, next_due_at=now + timedelta(seconds=2))
    if row.failures + 1 == POISON_FAILURES:
        row.holds.get_or_create(
            kind="error",
            cleared_at=None,
            defaults={
                "reason": f"The engine failed on it {POISON_FAILURES} times: {type(error).__name__}.",
                "opened_at": now,
            },
        )
