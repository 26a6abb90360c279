"""Make way for a hotfix, stand aside while it has the service, and come again (RULES H2, H3, ENGINE T14)."""

from datetime import datetime

from releasetrain.rollouts.rules.draft import Draft
from releasetrain.rollouts.rules.moves import FIRST_ROLLBACK_RETRY_SECONDS
from releasetrain.rollouts.rules.snapshot import EventKind, IntentAction, Readings, Snapshot, Step
from releasetrain.rollouts.rules.states import MOVING_STATES, HoldKind, RolloutKind, RolloutState

GOES_ON = "No hotfix needs it to stand aside any more."
CAME_BACK = "The hotfix came back."
MAKING_WAY = frozenset({*MOVING_STATES, RolloutState.PREFLIGHT})


def make_way(snapshot: Snapshot, reason: str, now: datetime, *, is_for_hotfix: bool = True) -> Step:
    """Give up the target: everybody back on the last good version, the stage kept for later (T14).

    A higher fence makes all older intents obsolete. What waits, comes back or is over stays as it is.

    :param is_for_hotfix: hold it until the hotfix says how it goes on; it only queues again otherwise
    """
    draft = Draft(snapshot, now)
    if snapshot.state not in MAKING_WAY:
        return draft.step()
    weight = snapshot.desired_weight
    if snapshot.state is RolloutState.PREFLIGHT:
        draft.change(fence=snapshot.fence + 1)
        draft.move(RolloutState.QUEUED, "T14", reason, makes_way=True)
        draft.due(draft.now)
    else:
        draft.set_weight(0, IntentAction.ROLLBACK)
        draft.move(
            RolloutState.ROLLING_BACK,
            "T14",
            reason,
            makes_way=True,
            is_superseded=False,
            rollback_attempts=1,
            stuck_at=None,
        )
        draft.due_in(FIRST_ROLLBACK_RETRY_SECONDS)
    draft.tell(EventKind.WAY_MADE, pages=True, weight=weight, reason=reason)
    if is_for_hotfix:
        draft.open_hold(HoldKind.HOTFIX, reason)
    return draft.step()


def follow_hotfix(draft: Draft, readings: Readings) -> None:
    """Stand aside while a hotfix asks for it; afterwards the bake starts again. A way back never waits.

    After one that failed a person decides: what it should have mended is not.
    """
    if draft.rollout.kind is RolloutKind.ROLLBACK:
        return
    detour = readings.detour
    if detour is not None and not detour.has_failed:
        draft.open_hold(HoldKind.HOTFIX, detour.reason)
    elif draft.rollout.hold(HoldKind.HOTFIX) is not None:
        draft.clear_hold(HoldKind.HOTFIX, GOES_ON if detour is None else CAME_BACK)
        _bake_again(draft)
        if detour is not None and draft.rollout.hold(HoldKind.OPERATOR) is None:
            draft.open_hold(HoldKind.OPERATOR, detour.reason, pages=True)


def _bake_again(draft: Draft) -> None:
    if draft.rollout.state in (RolloutState.BAKING, RolloutState.SOAKING):
        needed = float(draft.rollout.stage.bake_seconds)
        draft.change(bake_credit_seconds=0.0, bake_needed_seconds=needed, last_credit_at=draft.now)
