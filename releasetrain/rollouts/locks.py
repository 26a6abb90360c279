"""Write who has a target, together with the rollout: the database lets exactly one (RULES H1)."""

from datetime import datetime

from django.db import IntegrityError, transaction
from django.db.models import F, Max, Q

from releasetrain.catalog.models import Target
from releasetrain.lib.errors import Refused
from releasetrain.rollouts.models import UNBOUND_STATES, Lock, Rollout
from releasetrain.rollouts.rules.snapshot import Snapshot
from releasetrain.rollouts.rules.states import RolloutKind, RolloutState

EXPIRED = "It was not renewed in time."


class LostClaim(Refused):
    """Stop: somebody else has taken this rollout, or its target, in the meantime (ENGINE R1, RULES H1)."""

    code = "lost_claim"


def open_lock(target: int) -> Lock | None:
    """Return who has a target now, as far as anybody has told; a rollout's lock needs no renewal."""
    rows = Lock.objects.filter(target=target, ended_at__isnull=True)
    return rows.select_related("rollout__departure__train", "holder", "target__service").first()


def stands(lock: Lock | None, now: datetime) -> bool:
    """Tell whether a lock still keeps others out: a person's ends at its very expiry (T13)."""
    if lock is None:
        return False
    return lock.rollout_id is not None or lock.expires_at is None or now < lock.expires_at


def next_fence(target: int) -> int:
    """Return the fence of the next holder of a target."""
    return int(Lock.objects.filter(target=target).aggregate(fence=Max("fence"))["fence"] or 0) + 1


def end(lock: Lock, *, by: str, reason: str, now: datetime) -> None:
    """Close a lock that is open."""
    lock.ended_at, lock.ended_by_label, lock.ended_reason = now, by[:200], reason[:500]
    lock.save(update_fields=["ended_at", "ended_by_label", "ended_reason"])


def take_for(row: Rollout, after: Snapshot, now: datetime) -> None:
    """Give a rollout that starts its target; whoever asks while somebody has it, has lost.

    A way back takes no lock, and no lock stands in its way.

    :raises LostClaim: another one was faster
    """
    if row.kind == RolloutKind.ROLLBACK:
        return
    # The target's row orders those who ask at the same moment, so that each sees the one before.
    Target.objects.select_for_update(no_key=True).get(pk=row.target_id)
    standing = open_lock(row.target_id)
    if standing is not None and stands(standing, now):
        raise LostClaim(f"{standing.holder_label} has {row.target}: {standing.reason}")
    if standing is not None:
        end(standing, by="Release Train", reason=EXPIRED, now=now)
    if occupied(row.target_id, row.pk):
        raise LostClaim(f"Another rollout has {row.target}.")
    name = row.departure.code if row.departure else "A rollout"
    try:
        with transaction.atomic():
            Lock.objects.create(
                target=row.target,
                fence=next_fence(row.target_id),
                rollout=row,
                holder_label=name,
                reason=f"{row.to_version} goes out, stage by stage.",
                taken_at=now,
                expires_at=after.overall_deadline_at,
            )
    except IntegrityError:
        raise LostClaim(f"Another rollout has {row.target}.") from None


def give_back(row: Rollout, now: datetime) -> None:
    """End the lock of a rollout that has ended or makes way, and wake whoever waits for the target."""
    mine = Lock.objects.filter(rollout=row, ended_at__isnull=True)
    mine.update(ended_at=now, ended_by_label=F("holder_label"), ended_reason="It is done with it.")
    wake_line(row.target_id, now)


def wake_line(target: int, now: datetime) -> None:
    """Let those who wait for a target look again at once."""
    waiting = Rollout.objects.filter(target=target, state=RolloutState.QUEUED, next_due_at__gt=now)
    waiting.update(next_due_at=now)


def occupied(target_id: int, besides: int) -> bool:
    """Tell whether another rollout has the target (RULES H1)."""
    rows = Rollout.objects.filter(target=target_id)
    return rows.exclude(Q(pk=besides) | Q(state__in=UNBOUND_STATES)).exists()
