"""Bake and soak a verified weight: credit the time, follow drift, and decide whether it may go on."""

from datetime import timedelta

from releasetrain.lib.spans import in_words
from releasetrain.rollouts.rules.draft import Draft
from releasetrain.rollouts.rules.guardrails import Judgement, Verdict, worst_of
from releasetrain.rollouts.rules.moves import enter_stage, succeed
from releasetrain.rollouts.rules.readback import Seen, call_of, is_on_its_way
from releasetrain.rollouts.rules.snapshot import EventKind, IntentAction, Readings, Snapshot
from releasetrain.rollouts.rules.standstill import stop_after_stage
from releasetrain.rollouts.rules.states import HoldKind, RolloutKind, RolloutState
from releasetrain.rollouts.rules.watch import (
    abort,
    are_data_fresh,
    deciding,
    follow_approval,
    follow_blocks,
    held_sentence,
    is_stable_broken,
    judge_all,
)

UNREADABLE_LIMIT = timedelta(seconds=60)
# An inconclusive bake grows by half of its time, up to three times of it.
EXTENSION = 0.5
LONGEST_EXTENSION = 3.0
NOTHING_JUDGES = "No required guardrail judges this rollout"
# Look again soon where the weight was contradicted or could not be read.
CONTRADICTED_SECONDS = 1.0
SHORTEST_WAIT_SECONDS = 0.5


def bake(draft: Draft, readings: Readings, seen: Seen) -> None:
    """T5, T8: go on when the bake is done, nothing holds, and every guardrail that decides passes."""
    if _comes_back_unreadable(draft, readings, seen):
        return
    _follow_drift(draft, readings, seen)
    _follow_stable(draft, readings)
    _credit(draft)
    is_done = is_bake_done(draft.rollout)
    if is_done:
        follow_blocks(draft, readings)
    judgements = judge_all(draft, is_bake_done=is_done)
    _follow_doubt(draft, judgements, is_done=is_done)
    is_passed = is_bake_done(draft.rollout) and worst_verdict(draft.rollout, judgements) is Verdict.PASS
    if is_passed and not draft.rollout.is_last_stage:
        follow_approval(draft, draft.rollout.stage_index + 1)
        stop_after_stage(draft)
    if (waiting := why_not_go_on(draft.rollout, readings, judgements)) is not None:
        draft.waiting = waiting
        draft.due_in(_wait_seconds(draft.rollout, seen))
        return
    go_on(draft, "The bake is done and every guardrail passes.")


def go_on(draft: Draft, reason: str) -> None:
    """Enter the next stage, or finish where there is none."""
    if draft.rollout.state is RolloutState.SOAKING:
        succeed(draft, reason)
    else:
        enter_stage(draft, draft.rollout.stage_index + 1, "T5", reason)


def is_bake_done(rollout: Snapshot) -> bool:
    return rollout.bake_credit_seconds >= rollout.bake_needed_seconds


def _comes_back_unreadable(draft: Draft, readings: Readings, seen: Seen) -> bool:
    """T9: a driver that cannot say for a minute what users get is not one to wait for."""
    if seen is not Seen.UNREADABLE:
        draft.change(deadline_at=None)
        return False
    deadline = draft.rollout.deadline_at or draft.now + UNREADABLE_LIMIT
    draft.change(deadline_at=deadline)
    limit = in_words(UNREADABLE_LIMIT)
    reason = f"The driver could not read the weight for {limit}."
    return draft.now >= deadline and abort(draft, readings, "T9", reason)


def _follow_stable(draft: Draft, readings: Readings) -> None:
    """Hold where the old version fails by itself: neither side is then a safe place to send more users to."""
    rollout = draft.rollout
    is_comparing = rollout.state is RolloutState.BAKING and rollout.hold(HoldKind.ERROR) is None
    if is_comparing and not rollout.is_hotfix and is_stable_broken(rollout, readings):
        draft.open_hold(HoldKind.ERROR, "The old version itself is unhealthy.", pages=True)


def _follow_drift(draft: Draft, readings: Readings, seen: Seen) -> None:
    """R11: contradicted twice, the weight is set once more; contradicted again, somebody must look."""
    rollout = draft.rollout
    is_first_time = draft.before.agreed_at is not None
    if seen is not Seen.DISAGREES or is_first_time or rollout.hold(HoldKind.DRIFT) is not None:
        return
    call = call_of(rollout, readings.call)
    if call is not None and is_on_its_way(draft.rollout, call, draft.now):
        return
    told = f"{rollout.observed_weight} % was read back where {rollout.desired_weight} % is wanted."
    if rollout.drift_reasserted:
        draft.open_hold(HoldKind.DRIFT, f"{told} Something else moves this traffic.", pages=True)
        return
    draft.set_again(IntentAction.APPLY)
    draft.change(drift_reasserted=True)
    draft.tell(EventKind.WEIGHT_REASSERTED, weight=rollout.desired_weight, reason=told)


def _credit(draft: Draft) -> None:
    """Credit the time since the last tick if it was spent baking; down-time and holds never count."""
    rollout, last = draft.rollout, draft.rollout.last_credit_at
    earned = 0.0
    if last is not None and _earns(draft):
        passed = (draft.now - last).total_seconds()
        earned = min(max(passed, 0.0), 2 * rollout.interval_seconds)
    draft.change(
        bake_credit_seconds=rollout.bake_credit_seconds + earned,
        last_credit_at=max(draft.now, last) if last is not None else draft.now,
    )


def _earns(draft: Draft) -> bool:
    rollout = draft.rollout
    if draft.before.holds or rollout.holds or rollout.observed_at is None:
        return False
    was_read = draft.now - rollout.observed_at <= timedelta(seconds=2 * rollout.interval_seconds)
    return was_read and rollout.is_verified and are_data_fresh(rollout, draft.now)


def worst_verdict(rollout: Snapshot, judgements: list[Judgement]) -> Verdict:
    """Return the worst verdict of the guardrails that decide; without any, nothing was run.

    A way back needs none, and neither does a soak of which every earlier stage has passed.
    """
    names = {guardrail.name for guardrail in deciding(rollout)}
    if not names and (rollout.kind is RolloutKind.ROLLBACK or _has_passed_earlier(rollout)):
        return Verdict.PASS
    return worst_of(judgement.verdict for judgement in judgements if judgement.guardrail in names)


def _has_passed_earlier(rollout: Snapshot) -> bool:
    is_compared = any(guardrail.is_required for guardrail in rollout.guardrails)
    return rollout.state is RolloutState.SOAKING and rollout.stage_index > 0 and is_compared


def _follow_doubt(draft: Draft, judgements: list[Judgement], *, is_done: bool) -> None:
    """Extend a bake that ends without an answer; hold where that does not help, or where doubt is strong."""
    rollout = draft.rollout
    names = {guardrail.name for guardrail in deciding(rollout)}
    suspected = [
        judgement
        for judgement in judgements
        if judgement.guardrail in names and judgement.state.is_suspected and not judgement.state.failed
    ]
    if suspected:
        draft.open_hold(HoldKind.INCONCLUSIVE, suspected[0].sentence, pages=True)
        return
    worst = worst_verdict(rollout, judgements)
    if worst is Verdict.ERROR:
        return
    is_open = is_done and worst in (Verdict.NOT_RUN, Verdict.INCONCLUSIVE)
    if not is_open:
        draft.clear_hold(HoldKind.INCONCLUSIVE, "The guardrails have an answer.")
    elif names and not rollout.holds and extend(draft):
        return
    elif rollout.hold(HoldKind.INCONCLUSIVE) or not rollout.holds:
        draft.open_hold(HoldKind.INCONCLUSIVE, _why_inconclusive(rollout, judgements), pages=True)


def extend(draft: Draft, *, longest: float = LONGEST_EXTENSION) -> bool:
    """Lengthen the bake by half of the stage's own; returns whether there was any length left."""
    rollout = draft.rollout
    own = float(rollout.stage.bake_seconds)
    needed = min(rollout.bake_needed_seconds + EXTENSION * own, longest * own)
    if needed <= rollout.bake_needed_seconds:
        return False
    draft.change(bake_needed_seconds=needed)
    draft.tell(EventKind.BAKE_EXTENDED, weight=rollout.desired_weight, seconds=needed)
    return True


def _why_inconclusive(rollout: Snapshot, judgements: list[Judgement]) -> str:
    names = {guardrail.name for guardrail in deciding(rollout)}
    if not names:
        is_dismissed = any(one.verdict is Verdict.DISMISSED for one in judgements)
        which = "Every guardrail that decides is dismissed" if is_dismissed else NOTHING_JUDGES
        return f"{which}, so nothing says that it is well."
    return next(
        judgement.sentence
        for judgement in judgements
        if judgement.guardrail in names and judgement.verdict is not Verdict.PASS
    )


def why_not_go_on(rollout: Snapshot, readings: Readings, judgements: list[Judgement]) -> str | None:
    """Return what keeps a rollout at its stage, or None when it may go on by itself."""
    if rollout.holds:
        return held_sentence(rollout)
    left = rollout.bake_needed_seconds - rollout.bake_credit_seconds
    if left > 0:
        return f"Baking at {rollout.desired_weight} %: {in_words(left)} left."
    if not rollout.is_verified:
        return f"Waits for {rollout.desired_weight} % to be read back again."
    if readings.driver_healthy is False:
        return "The driver is unhealthy, so nothing is promoted."
    if worst_verdict(rollout, judgements) is not Verdict.PASS:
        return "Waits for the guardrails to answer."
    return None


def _wait_seconds(rollout: Snapshot, seen: Seen) -> float:
    interval = rollout.interval_seconds
    if seen in (Seen.DISAGREES, Seen.UNREADABLE):
        return min(interval, CONTRADICTED_SECONDS)
    left = rollout.bake_needed_seconds - rollout.bake_credit_seconds
    if rollout.holds or left <= 0:
        return interval
    return min(interval, max(left, SHORTEST_WAIT_SECONDS))
