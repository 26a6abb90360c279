"""Make the moves that both the machine and people cause; nothing here decides whether they may."""

from datetime import timedelta

from releasetrain.rollouts.rules.draft import Draft
from releasetrain.rollouts.rules.guardrails import GuardrailState
from releasetrain.rollouts.rules.judging import judge
from releasetrain.rollouts.rules.measuring import Look
from releasetrain.rollouts.rules.snapshot import EventKind, IntentAction
from releasetrain.rollouts.rules.states import MOVING_STATES, WAITING_STATES, RolloutState

FIRST_READ_BACK_SECONDS = 0.2
FIRST_ROLLBACK_RETRY_SECONDS = 0.1


def look_at(draft: Draft, *, is_bake_done: bool = False) -> Look:
    """Return from where the guardrails of a rollout look at its stage."""
    rollout = draft.rollout
    sharing = sum(guardrail.rolls_back and rollout.decides(guardrail) for guardrail in rollout.guardrails)
    return Look(
        now=draft.now,
        stage_index=rollout.stage_index,
        weight=rollout.judged_weight,
        entered_at=rollout.state_entered_at,
        warm_up_seconds=rollout.warm_up_seconds,
        interval_seconds=rollout.interval_seconds,
        sharing=max(sharing, 1),
        is_bake_done=is_bake_done,
        is_weight_settled=rollout.state is RolloutState.BAKING,
    )


def enter_stage(draft: Draft, index: int, rule: str, reason: str, *, above: int | None = None) -> None:
    """Send the next share of users: a new weight, no old evidence, no old bake."""
    rollout = draft.rollout
    stage = rollout.ladder.stage(index)
    states: dict[str, GuardrailState] = {
        guardrail.name: rollout.state_of(guardrail).for_next_stage(guardrail)
        for guardrail in rollout.guardrails
    }
    draft.set_weight(stage.weight, IntentAction.APPLY, above=above)
    draft.move(
        RolloutState.SHIFTING,
        rule,
        reason,
        stage_index=index,
        drift_reasserted=False,
        guardrail_states=states,
    )
    draft.change(
        bake_credit_seconds=0.0,
        bake_needed_seconds=float(stage.bake_seconds),
        last_credit_at=None,
        deadline_at=draft.now + timedelta(seconds=rollout.patience_seconds),
    )
    look = look_at(draft)
    draft.record(judge(guardrail, states[guardrail.name], look) for guardrail in rollout.guardrails)
    draft.tell(EventKind.SHIFT_STARTED, weight=stage.weight, stage=index, reason=reason)
    draft.due_in(FIRST_READ_BACK_SECONDS)


def succeed(draft: Draft, reason: str) -> None:
    """Finish: the candidate is the stable version from now on."""
    draft.move(RolloutState.SUCCEEDED, "T8", reason, holds=())
    draft.tell(EventKind.ROLLOUT_SUCCEEDED, weight=draft.rollout.desired_weight)
    draft.due(None)


def cancel(draft: Draft, reason: str, *, pages: bool = False) -> None:
    """End a rollout that has moved nothing."""
    draft.move(RolloutState.CANCELLED, "T2x", reason, holds=())
    draft.tell(EventKind.ROLLOUT_CANCELLED, pages=pages, reason=reason)
    draft.due(None)


def start_rollback(
    draft: Draft, rule: str, reason: str, *, is_superseded: bool = False, above: int | None = None
) -> None:
    """Bring every user back: a higher fence makes all older intents obsolete, and no hold is asked.

    Where nothing has moved yet the rollout is cancelled; where it is on its way back, or over, nothing
    changes, unless it was only making way: then it does not come again.
    """
    state, weight = draft.rollout.state, draft.rollout.desired_weight
    if state in WAITING_STATES:
        cancel(draft, reason)
    elif state in MOVING_STATES:
        draft.set_weight(0, IntentAction.ROLLBACK, above=above)
        draft.move(
            RolloutState.ROLLING_BACK,
            rule,
            reason,
            is_superseded=is_superseded,
            rollback_attempts=1,
            stuck_at=None,
        )
        draft.tell(EventKind.ROLLBACK_STARTED, pages=True, weight=weight, reason=reason)
        draft.due_in(FIRST_ROLLBACK_RETRY_SECONDS)
    elif state is RolloutState.ROLLING_BACK and draft.rollout.makes_way:
        draft.change(makes_way=False, is_superseded=is_superseded, reason=reason)
        draft.tell(EventKind.ROLLBACK_STARTED, pages=True, weight=weight, reason=reason)
