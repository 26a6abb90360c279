"""Stand still while windows are open, and go on in good order when they are over (RULES W1, W2, W3)."""

from datetime import datetime, timedelta

from releasetrain.calendars.rules.windows import Behaviour
from releasetrain.lib.spans import in_words
from releasetrain.rollouts.rules.draft import Draft
from releasetrain.rollouts.rules.snapshot import Hold, Readings, Snapshot
from releasetrain.rollouts.rules.states import MOVING_STATES, HoldKind, RolloutKind, RolloutState
from releasetrain.rollouts.rules.watch import are_data_fresh, is_stable_broken
from releasetrain.rollouts.rules.windows import (
    OpenWindow,
    keeping,
    latest_end,
    stands_sentence,
    strictest,
    to_the_second,
)

MAX_HOLD = timedelta(hours=24)
MAX_HOLD_WORDS = "24 h"
OVER = "The window is over."


def follow_windows(draft: Draft, readings: Readings) -> None:
    """Hold while a window keeps a rollout where it is; a way back never waits (W1, W9).

    One that lets the stage finish holds what no user sees yet; the rest is held by `stop_after_stage`.
    """
    if draft.rollout.kind is RolloutKind.ROLLBACK:
        return
    kept = kept_by(draft.rollout)
    if not kept:
        _let_go(draft, readings)
    elif draft.rollout.hold(HoldKind.BLACKOUT) or not _may_finish_stage(draft.rollout, kept):
        _stand(draft, kept)


def stop_after_stage(draft: Draft) -> None:
    """Hold before the next weight where a window is open that let the stage finish."""
    if kept := kept_by(draft.rollout):
        _stand(draft, kept)


def kept_by(rollout: Snapshot) -> tuple[OpenWindow, ...]:
    """Return the windows that keep a rollout from advancing; nothing keeps a way back."""
    if rollout.kind is RolloutKind.ROLLBACK:
        return ()
    return keeping(rollout.windows, is_seen=rollout.state in MOVING_STATES)


def _may_finish_stage(rollout: Snapshot, kept: tuple[OpenWindow, ...]) -> bool:
    return rollout.state in MOVING_STATES and strictest(kept) is Behaviour.FINISH_STAGE


def _stand(draft: Draft, kept: tuple[OpenWindow, ...]) -> None:
    rollout, until = draft.rollout, latest_end(kept)
    is_seen = rollout.state in MOVING_STATES
    doing = f"Holding at {rollout.desired_weight} %" if is_seen else "Waiting"
    text = stands_sentence(doing, kept, rollout.zone)
    held = rollout.hold(HoldKind.BLACKOUT)
    since = held.opened_at if held is not None else draft.now
    if until is not None and until - since > MAX_HOLD:
        text += f" It is held for more than {MAX_HOLD_WORDS} then, so a person has to resume it."
    draft.open_hold(HoldKind.BLACKOUT, text, until=until)


def _let_go(draft: Draft, readings: Readings) -> None:
    """W2: wait for the turn, look at everything again, and go on; or leave it to a person."""
    held = draft.rollout.hold(HoldKind.BLACKOUT)
    if held is None:
        return
    if (why := _why_a_person(draft, held, readings)) is not None:
        draft.clear_hold(HoldKind.BLACKOUT, OVER)
        if draft.rollout.hold(HoldKind.OPERATOR) is None:
            draft.open_hold(HoldKind.OPERATOR, why, pages=True)
        return
    turn = held.resumes_at or readings.turn_at or draft.now
    if draft.now < turn:
        when = to_the_second(turn, draft.rollout.zone)
        text = f"{OVER} What it held goes on one after the other; it is this one’s turn on {when}."
        draft.open_hold(HoldKind.BLACKOUT, text, until=turn, resumes_at=turn)
    elif problems := _problems(draft.rollout, readings, draft.now):
        text = f"{OVER} Before it goes on: {' '.join(problems)}"
        draft.open_hold(HoldKind.BLACKOUT, text, resumes_at=turn)
    else:
        draft.clear_hold(HoldKind.BLACKOUT, f"{OVER} Health, votes and target were checked again.")


def _why_a_person(draft: Draft, held: Hold, readings: Readings) -> str | None:
    """Return why it does not go on by itself: held for too long, or no longer decided."""
    length = draft.now - held.opened_at
    if length > MAX_HOLD:
        return (
            f"A window held it for {in_words(length)}, longer than {MAX_HOLD_WORDS}: "
            "a person has to look at it and resume it."
        )
    if readings.undecided:
        return (
            f"{OVER} The decision to go no longer stands, so a person has to resume it. {readings.undecided}"
        )
    return None


def _problems(rollout: Snapshot, readings: Readings, now: datetime) -> list[str]:
    """Return a sentence for each thing that is not well; before the first user preflight asks all this."""
    if rollout.state not in MOVING_STATES:
        return []
    problems = []
    if is_stable_broken(rollout, readings):
        problems.append("The old version is unhealthy.")
    if readings.driver_healthy is False:
        problems.append("The driver is unhealthy.")
    if not are_data_fresh(rollout, now):
        problems.append("No fresh measurements have arrived.")
    if not readings.is_target_free:
        problems.append("Another rollout has its target.")
    if rollout.state is not RolloutState.SHIFTING and not rollout.is_verified:
        problems.append(f"{rollout.desired_weight} % is not what was read back last.")
    return problems
