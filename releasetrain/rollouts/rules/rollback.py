"""Bring traffic back, at once and for as long as it takes (ENGINE T9, T10, T11, T14)."""

from datetime import datetime, timedelta

from releasetrain.rollouts.rules.draft import Draft
from releasetrain.rollouts.rules.moves import start_rollback
from releasetrain.rollouts.rules.readback import Seen, see
from releasetrain.rollouts.rules.snapshot import (
    VERIFIED_AFTER,
    EventKind,
    IntentAction,
    Readings,
    Snapshot,
    Step,
)
from releasetrain.rollouts.rules.states import RolloutState

RETRY_SECONDS = (0.1, 0.2, 0.5, 1.0, 2.0)
SHORTEST_WAIT = timedelta(seconds=0.2)
STUCK_AFTER = timedelta(seconds=10)


def roll_back(
    snapshot: Snapshot, reason: str, now: datetime, *, rule: str = "T9", is_superseded: bool = False
) -> Step:
    """Decide a rollback inline: fence + 1, ROLLING_BACK, weight 0, and the intent to ask the driver at once.

    Whoever decides it calls this, web request or worker; the tick only goes on with it. Pressed twice it is
    one rollback: a rollout on its way back, or over, stays as it is.
    """
    draft = Draft(snapshot, now)
    start_rollback(draft, rule, reason, is_superseded=is_superseded)
    return draft.step()


def go_on(draft: Draft, readings: Readings) -> None:
    """Ask until 0 is read back twice (T10); the driver may fail for ever, this does not give up (T11)."""
    seen = see(draft, readings)
    if _is_back(draft.rollout) and not readings.compensating:
        _finish(draft)
        return
    if draft.rollout.agreed_at is None and draft.in_state >= STUCK_AFTER:
        _mark_stuck(draft)
    is_due = draft.before.next_due_at is None or draft.now >= draft.before.next_due_at
    if is_due and (seen is not Seen.AGREES or draft.rollout.settle_seconds > 0):
        _retry(draft, readings)
    if _is_back(draft.rollout):
        draft.waiting = readings.compensating
        draft.due_in(RETRY_SECONDS[-1])
    elif draft.rollout.agreed_at is not None:
        second_look_at = draft.rollout.agreed_at + VERIFIED_AFTER
        draft.due(max(second_look_at, draft.now + SHORTEST_WAIT))
        draft.waiting = "The weight was read back as 0 once; a second time makes it certain."
    else:
        draft.waiting = f"Bringing users back: attempt {draft.rollout.rollback_attempts}."


def retry_seconds(attempts: int) -> float:
    """Return how long to wait after so many attempts: quickly at first, then every 2 s for ever."""
    return RETRY_SECONDS[min(max(attempts, 1), len(RETRY_SECONDS)) - 1]


def _is_back(rollout: Snapshot) -> bool:
    if not rollout.is_verified or rollout.agreed_at is None or rollout.observed_at is None:
        return False
    return (rollout.observed_at - rollout.agreed_at).total_seconds() >= rollout.settle_seconds


def _finish(draft: Draft) -> None:
    if draft.rollout.makes_way:
        draft.move(RolloutState.QUEUED, "T14", draft.rollout.reason)
        draft.due(draft.now)
        return
    state = RolloutState.SUPERSEDED if draft.rollout.is_superseded else RolloutState.ROLLED_BACK
    draft.move(state, "T10", draft.rollout.reason, holds=())
    draft.tell(EventKind.ROLLBACK_FINISHED, attempts=draft.rollout.rollback_attempts)
    draft.due(None)


def _mark_stuck(draft: Draft) -> None:
    if draft.rollout.stuck_at is None:
        draft.change(stuck_at=draft.now)
        draft.tell(EventKind.ROLLBACK_STUCK, pages=True, attempts=draft.rollout.rollback_attempts)


def _retry(draft: Draft, readings: Readings) -> None:
    """Ask again; the longer it takes, the further down the ladder of drivers."""
    agreed_at = draft.rollout.agreed_at
    attempts = draft.rollout.rollback_attempts + 1
    above = readings.observed.fence if readings.observed else None
    draft.set_again(IntentAction.ROLLBACK, above=above, rung=draft.in_state // STUCK_AFTER)
    # Re-asserting 0 while settling does not make the agreeing read-backs worthless.
    draft.change(rollback_attempts=attempts, agreed_at=agreed_at)
    draft.due_in(retry_seconds(attempts))
