"""Decide what a rollout does next, from values alone (ENGINE section 2).

Precedence within a tick: a rollback under way, then a reason to abort, then being superseded, then holds, and
only then advancing. Every rule is named by its number in ENGINE.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from releasetrain.lib.spans import in_words
from releasetrain.rollouts.rules import rollback
from releasetrain.rollouts.rules.baking import bake
from releasetrain.rollouts.rules.draft import Draft
from releasetrain.rollouts.rules.moves import cancel, enter_stage, start_rollback
from releasetrain.rollouts.rules.preflight import problems_before_start, waits_before_start
from releasetrain.rollouts.rules.readback import call_of, must_ask_again, see
from releasetrain.rollouts.rules.snapshot import (
    VERIFIED_AFTER,
    EventKind,
    IntentAction,
    Outcome,
    Readings,
    Snapshot,
    Step,
)
from releasetrain.rollouts.rules.standstill import follow_windows
from releasetrain.rollouts.rules.states import TERMINAL_STATES, HoldKind, RolloutKind, RolloutState
from releasetrain.rollouts.rules.watch import (
    abort,
    follow_approval,
    follow_blocks,
    follow_outage,
    held_sentence,
    is_overdue,
    judge_all,
    take_in,
    why_abort,
)
from releasetrain.rollouts.rules.way import follow_hotfix

WAITS_FOR_TARGET = "Waits for another rollout of this target to finish."
PREFLIGHT_LIMIT = timedelta(minutes=10)
QUEUE_POLL_SECONDS = 5.0
PREFLIGHT_POLL_SECONDS = 2.0
# Seconds after a shift began at which its weight is read back; after the last one, every 5 s.
RECONCILE_SECONDS = (0.2, 0.5, 1.0, 2.0, 5.0)


def tick(snapshot: Snapshot, readings: Readings, now: datetime) -> Step:
    """Return the step that a rollout takes now; terminal states absorb, and repeating a tick is harmless.

    :param snapshot: the rollout as claimed; its fence is the one that every write has to carry
    :param readings: what was learnt from outside since the last tick, network calls already made
    :param now: the database's clock
    """
    draft = Draft(snapshot, now)
    if snapshot.state in TERMINAL_STATES:
        draft.due(None)
        return draft.step()
    draft.change(windows=readings.windows)
    HANDLERS[snapshot.state](draft, readings)
    _wake_for_windows(draft)
    return draft.step()


def _wake_for_windows(draft: Draft) -> None:
    """Look again at the very instant at which a window is over, or a turn has come."""
    held, due_at = draft.rollout.hold(HoldKind.BLACKOUT), draft.rollout.next_due_at
    until = held.until if held is not None else None
    if until is not None and due_at is not None and draft.now < until < due_at:
        draft.due(until)


def _queued(draft: Draft, readings: Readings) -> None:
    """T1: take the target once the departure is GO, its time has come, and nothing holds."""
    if reason := _end_before_start(draft, readings):
        cancel(draft, reason)
        return
    follow_blocks(draft, readings)
    follow_hotfix(draft, readings)
    follow_windows(draft, readings)
    waiting = _waits_in_queue(draft.rollout, readings, draft.now)
    if waiting is not None or not readings.is_target_free:
        draft.takes_target = waiting is None and readings.may_take
        draft.waiting = waiting or readings.waits_for or WAITS_FOR_TARGET
        starts_at = draft.rollout.starts_at
        poll_at = draft.now + timedelta(seconds=QUEUE_POLL_SECONDS)
        draft.due(max(starts_at, draft.now) if starts_at and starts_at > draft.now else poll_at)
        return
    draft.move(RolloutState.PREFLIGHT, "T1", "The departure is GO and its target is free.")
    draft.change(deadline_at=draft.now + PREFLIGHT_LIMIT)
    if draft.rollout.overall_deadline_at is not None:
        # Waiting in the line is no lateness of its own.
        waited = draft.now - draft.before.state_entered_at
        draft.change(overall_deadline_at=draft.rollout.overall_deadline_at + waited)
    draft.tell(EventKind.PREFLIGHT_STARTED)
    draft.due(draft.now)


def _waits_in_queue(rollout: Snapshot, readings: Readings, now: datetime) -> str | None:
    if not readings.is_go and rollout.kind is RolloutKind.FORWARD:
        return "Waits for the departure to be GO."
    if rollout.starts_at is not None and now < rollout.starts_at:
        return f"Starts in {in_words(rollout.starts_at - now)}."
    return held_sentence(rollout) if rollout.holds else None


def _end_before_start(draft: Draft, readings: Readings) -> str | None:
    if readings.must_return and draft.rollout.kind is RolloutKind.FORWARD:
        return readings.must_return
    if draft.rollout.is_superseded:
        return "A newer version takes its place."
    is_late = draft.rollout.state is RolloutState.PREFLIGHT and is_overdue(draft.rollout, draft.now)
    return "Its overall deadline has passed." if is_late else None


def _preflight(draft: Draft, readings: Readings) -> None:
    """T2: send the first users once all is known to be well; T2x: give up after 10 min or a failed check."""
    if reason := _end_before_start(draft, readings):
        cancel(draft, reason)
        return
    above = readings.observed.fence if readings.observed else None
    if draft.rollout.kind is RolloutKind.ROLLBACK:
        enter_stage(draft, 0, "T13", "Straight back to the version before.", above=above)
        return
    see(draft, readings)
    take_in(draft, readings)
    judge_all(draft)
    follow_blocks(draft, readings)
    follow_hotfix(draft, readings)
    follow_windows(draft, readings)
    if problems := problems_before_start(draft.rollout, readings):
        cancel(draft, " ".join(problems), pages=True)
        return
    follow_approval(draft, draft.rollout.stage_index)
    waits = waits_before_start(draft.rollout, readings, draft.now)
    if draft.rollout.holds:
        # A person or a window keeps it here: the time to get ready starts again afterwards.
        draft.change(deadline_at=draft.now + PREFLIGHT_LIMIT)
        draft.waiting = held_sentence(draft.rollout)
    elif not waits:
        draft.change(makes_way=False)
        stage = draft.rollout.stage_index
        enter_stage(draft, stage, "T2", "Every check before the start is green.", above=above)
        return
    elif draft.rollout.deadline_at is not None and draft.now >= draft.rollout.deadline_at:
        limit = in_words(PREFLIGHT_LIMIT)
        cancel(draft, f"Not ready after {limit}. {' '.join(waits)}", pages=True)
        return
    else:
        draft.waiting = " ".join(waits)
    draft.due_in(PREFLIGHT_POLL_SECONDS)


def _moving(draft: Draft, readings: Readings) -> None:
    """Watch a rollout that users see: abort first, then be superseded, then hold, then go on."""
    seen = see(draft, readings)
    take_in(draft, readings)
    if why := why_abort(draft, readings):
        judge_all(draft)
        if abort(draft, readings, "T9", why.reason, is_window=why.is_window):
            return
    if draft.rollout.is_superseded:
        above = readings.observed.fence if readings.observed else None
        start_rollback(draft, "T9", "A newer version takes its place.", is_superseded=True, above=above)
        return
    follow_blocks(draft, readings)
    follow_hotfix(draft, readings)
    follow_windows(draft, readings)
    follow_outage(draft, readings)
    if draft.rollout.state is RolloutState.SHIFTING:
        _shift(draft, readings)
    else:
        bake(draft, readings, seen)


def _shift(draft: Draft, readings: Readings) -> None:
    """T3, T7: go on once the weight is verified; T4: come back when it is not within its time."""
    judge_all(draft)
    rollout = draft.rollout
    if rollout.is_verified:
        _arrive(draft)
        return
    if (failure := _shift_failure(rollout, readings, draft.now)) and abort(draft, readings, "T4", failure):
        return
    if rollout.agreed_at is None and must_ask_again(rollout, readings.call, draft.now):
        draft.set_again(IntentAction.APPLY)
    draft.waiting = f"Waits for {rollout.desired_weight} % to be read back."
    draft.due(_next_read_back(draft))


def _shift_failure(rollout: Snapshot, readings: Readings, now: datetime) -> str | None:
    call = call_of(rollout, readings.call)
    if call is not None and call.outcome is Outcome.REFUSED:
        detail = f": {call.detail}" if call.detail else ""
        return f"The driver refused {rollout.desired_weight} %{detail}."
    if rollout.deadline_at is not None and now >= rollout.deadline_at:
        seen = "nothing" if rollout.observed_weight is None else f"{rollout.observed_weight} %"
        return f"{rollout.desired_weight} % was not verified in time; {seen} was read back last."
    return None


def _next_read_back(draft: Draft) -> datetime:
    rollout, now = draft.rollout, draft.now
    elapsed = draft.in_state.total_seconds()
    step = next((at for at in RECONCILE_SECONDS if at > elapsed), elapsed + RECONCILE_SECONDS[-1])
    due_at = now + timedelta(seconds=step - elapsed)
    if rollout.agreed_at is not None:
        due_at = max(rollout.agreed_at + VERIFIED_AFTER, now + timedelta(seconds=RECONCILE_SECONDS[0]))
    # Held here by T12 the deadline lies behind; it must not make the tick due for ever.
    deadline = rollout.deadline_at
    return min(due_at, deadline) if deadline is not None and deadline > now else due_at


def _arrive(draft: Draft) -> None:
    rollout = draft.rollout
    weight = rollout.desired_weight
    if rollout.is_last_stage:
        draft.move(RolloutState.SOAKING, "T7", f"All users are at {weight} %; the old version stays warm.")
        draft.tell(EventKind.SOAK_STARTED, weight=weight)
    else:
        draft.move(RolloutState.BAKING, "T3", f"{weight} % was read back twice.")
        draft.tell(EventKind.BAKE_STARTED, weight=weight, seconds=rollout.bake_needed_seconds)
    draft.change(last_credit_at=draft.now)
    draft.due_in(rollout.interval_seconds)


HANDLERS: dict[RolloutState, Callable[[Draft, Readings], None]] = {
    RolloutState.QUEUED: _queued,
    RolloutState.PREFLIGHT: _preflight,
    RolloutState.SHIFTING: _moving,
    RolloutState.BAKING: _moving,
    RolloutState.SOAKING: _moving,
    RolloutState.ROLLING_BACK: rollback.go_on,
}
