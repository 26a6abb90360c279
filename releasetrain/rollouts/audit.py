"""Read the past of rollouts from their rows and from the driver's own journal, and have it judged."""

from collections import Counter
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from releasetrain.events.models import Event
from releasetrain.lib import clock
from releasetrain.rollouts.drivers import driver_for
from releasetrain.rollouts.models import Rollout
from releasetrain.rollouts.rules.audit import Asked, Passage, Past, Set, what_is_wrong
from releasetrain.rollouts.rules.commands import CommandKind
from releasetrain.rollouts.rules.ladder import Ladder
from releasetrain.rollouts.rules.states import RolloutKind, RolloutState

CUT_SHORT = [CommandKind.SKIP_BAKE, CommandKind.PROMOTE, CommandKind.PROMOTE_FULL]
OBSERVE_SECONDS = 1.0


def faults_of(rollouts: Iterable[Rollout]) -> list[str]:
    """Return a sentence for each promise of ENGINE section 6 that one of them breaks."""
    return [sentence for row in rollouts for sentence in what_is_wrong(past_of(row))]


def past_of(row: Rollout) -> Past:
    """Read everything that is known of a rollout; nothing is locked, so it should stand still meanwhile."""
    row.refresh_from_db()
    kinds = Event.objects.filter(subject_kind=row._meta.label_lower, subject_id=row.pk)
    return Past(
        name=f"Rollout {row.pk}",
        kind=RolloutKind(row.kind),
        state=RolloutState(row.state),
        seq=row.seq,
        fence=row.fence,
        ladder=Ladder.from_json(row.ladder),
        is_due=row.next_due_at is not None,
        open_holds=row.holds.filter(cleared_at=None).count(),
        is_cut_short=row.commands.filter(kind__in=CUT_SHORT).exists(),
        passages=_passages(row),
        asked=[
            Asked(weight=one.weight, fence=one.fence, at=one.created_at)
            for one in row.intents.order_by("fence")
        ],
        sets=_sets(row),
        target_weight=_target_weight(row),
        told=Counter(kinds.values_list("kind", flat=True)),
    )


def _passages(row: Rollout) -> list[Passage]:
    return [
        Passage(
            seq=one.seq,
            rule=one.rule,
            from_state=RolloutState(one.from_state),
            to_state=RolloutState(one.to_state),
            stage_index=one.stage_index,
            weight=one.weight,
            fence=one.fence,
            bake_credit_seconds=one.bake_credit_seconds,
            at=one.at,
        )
        for one in row.transitions.order_by("seq", "pk")
    ]


def _sets(row: Rollout) -> list[Set] | None:
    """Read the simulated proxy's journal; the fences of one target belong to one rollout each."""
    row.target.refresh_from_db()
    journal: list[dict[str, Any]] | None = row.target.driver_config.get("world", {}).get("asked")
    if journal is None or row.target.driver != "simulated":
        return None
    others = Rollout.objects.filter(target=row.target_id).exclude(pk=row.pk)
    foreign = set(others.filter(intents__fence__gt=0).values_list("intents__fence", flat=True))
    return [
        Set(
            weight=_seen_from(row, one["weight"]),
            fence=one["fence"],
            at=datetime.fromisoformat(one["at"]),
            is_taken=one["taken"],
        )
        for one in journal
        if one["fence"] not in foreign
    ]


def _target_weight(row: Rollout) -> int | None:
    """Read the target back, unless another rollout has had it since."""
    later = Rollout.objects.filter(target=row.target_id, transitions__to_state=RolloutState.SHIFTING)
    ended_at = row.finished_at or clock.now()
    if later.exclude(pk=row.pk).filter(transitions__at__gte=ended_at).exists():
        return None
    weight = driver_for(row.target.driver).observe(row.target, deadline=OBSERVE_SECONDS).weight
    return None if weight is None else _seen_from(row, weight)


def _seen_from(row: Rollout, weight: int) -> int:
    """Return a target's weight as a rollout counts it: a way back counts from the other end."""
    return weight if row.kind == RolloutKind.FORWARD else 100 - weight
