"""Say why an operator cannot have what they ask for: it disables the button and refuses the request."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from enum import StrEnum

from releasetrain.lib.moments import moment
from releasetrain.lib.spans import in_words
from releasetrain.lib.verdict import Reason
from releasetrain.rollouts.rules.baking import is_bake_done, worst_verdict
from releasetrain.rollouts.rules.dismissing import why_not_dismiss
from releasetrain.rollouts.rules.draft import Draft
from releasetrain.rollouts.rules.guardrails import Verdict
from releasetrain.rollouts.rules.snapshot import Snapshot
from releasetrain.rollouts.rules.standstill import kept_by
from releasetrain.rollouts.rules.states import (
    CLEARING,
    MOVING_STATES,
    RESUMABLE_HOLDS,
    TERMINAL_STATES,
    WAITING_STATES,
    HoldKind,
    RolloutKind,
    RolloutState,
)
from releasetrain.rollouts.rules.watch import deciding, judge_all, needs_approval
from releasetrain.rollouts.rules.windows import OpenWindow, latest_end

REVERT_WINDOW = timedelta(hours=24)
REVERT_VERSIONS = 3


class CommandKind(StrEnum):
    """What an operator can ask of a rollout, strongest first: the first one wins where several arrive."""

    ROLLBACK = "rollback"
    MARK_RESOLVED = "mark_resolved"
    REJECT = "reject"
    CANCEL = "cancel"
    PAUSE = "pause"
    EXTEND_BAKE = "extend_bake"
    DISMISS = "dismiss"
    RESUME = "resume"
    APPROVE = "approve"
    PROMOTE = "promote"
    SKIP_BAKE = "skip_bake"
    PROMOTE_FULL = "promote_full"


# Each of these sends more users to the new version, or ends the watch over them.
ADVANCING = (CommandKind.PROMOTE, CommandKind.SKIP_BAKE, CommandKind.PROMOTE_FULL)


def word_of(state: RolloutState) -> str:
    """Name a state for people."""
    return state.value.replace("_", " ")


def reason_wanted(rollout: Snapshot, kind: CommandKind, now: datetime) -> str | None:
    """Return the sentence that asks for a reason where a command needs one."""
    if kind is CommandKind.PROMOTE and present_verdict(rollout, now) is not Verdict.PASS:
        return "The guardrails do not pass: say why it may go on all the same."
    if kind is CommandKind.RESUME and acknowledgeable(rollout):
        return "A soft window asks for an acknowledgement: say why it may go on all the same."
    return REASONS_WANTED.get(kind)


def why_closed(rollout: Snapshot, kind: CommandKind) -> Reason | None:
    """Return which windows forbid a command, until when, and who can change it (RULES W12).

    An approval moves nobody: only stopping the line refuses it.
    """
    if rollout.kind is RolloutKind.ROLLBACK or kind not in (*ADVANCING, CommandKind.APPROVE):
        return None
    kept = kept_by(rollout) if kind in ADVANCING else ()
    closing = [one for one in rollout.windows if one in kept or one.stops_the_line]
    return _closed(closing, rollout.zone) if closing else None


def _closed(windows: list[OpenWindow], zone: str) -> Reason:
    until = latest_end(windows)
    when = f"Not before {moment(until, zone)}." if until is not None else "Not now."
    return Reason(
        "window",
        " ".join([when, *(one.reason for one in windows)]),
        until,
        next((one.who for one in windows if one.who), ""),
    )


def acknowledgeable(rollout: Snapshot) -> tuple[int, ...]:
    """Return the soft windows that alone hold a rollout: whoever resumes it with a reason accepts them."""
    kept = kept_by(rollout)
    is_held = rollout.hold(HoldKind.BLACKOUT) is not None
    return tuple(one.id for one in kept) if is_held and all(one.is_soft for one in kept) else ()


def present_verdict(rollout: Snapshot, now: datetime) -> Verdict:
    """Return what the guardrails that decide say of the stage by now."""
    judgements = judge_all(Draft(rollout, now), is_bake_done=is_bake_done(rollout))
    return worst_verdict(rollout, judgements)


REASONS_WANTED: Mapping[CommandKind, str] = {
    CommandKind.SKIP_BAKE: "Say why the bake may be cut short.",
    CommandKind.PROMOTE_FULL: "Say why all users may go to the new version at once.",
    CommandKind.DISMISS: "Say why what the guardrail found may be passed over.",
    CommandKind.REJECT: "Say why the next stage is rejected.",
    CommandKind.MARK_RESOLVED: "Say how you know that no user is on the new version any more.",
}


def _over(rollout: Snapshot) -> str | None:
    if rollout.state in TERMINAL_STATES:
        return f"This rollout is over: {word_of(rollout.state)}."
    if rollout.state is RolloutState.ROLLING_BACK:
        return "This rollout is on its way back already."
    return None


def _not_watched(rollout: Snapshot) -> str | None:
    if (over := _over(rollout)) is not None:
        return over
    if rollout.state in WAITING_STATES:
        return "No user is on the new version yet."
    return "The weight is still being set." if rollout.state is RolloutState.SHIFTING else None


def _held_by_other(rollout: Snapshot, *passable: HoldKind) -> str | None:
    for hold in rollout.holds:
        if hold.kind not in passable:
            return f"Held: {hold.reason} {CLEARING[hold.kind].sentence}"
    return None


def _sentence(reason: Reason | None) -> str | None:
    return reason.text if reason is not None else None


def _failing(rollout: Snapshot) -> str | None:
    states = [rollout.state_of(guardrail) for guardrail in rollout.guardrails if rollout.decides(guardrail)]
    failed = next((state.failed for state in states if state.failed), None)
    return f"A guardrail fails. {failed}" if failed else None


def _unproven(rollout: Snapshot, now: datetime) -> str | None:
    """Return which critical guardrail does not pass; nobody promotes past one."""
    critical = {one.name for one in deciding(rollout) if one.is_critical}
    if not critical:
        return None
    judgements = judge_all(Draft(rollout, now), is_bake_done=is_bake_done(rollout))
    open_ones = [one for one in judgements if one.guardrail in critical and one.verdict is not Verdict.PASS]
    if not open_ones:
        return None
    return f"{open_ones[0].guardrail} is critical and does not pass, so nobody promotes past it."


def _unapproved(rollout: Snapshot) -> str | None:
    following = rollout.stage_index + 1
    if rollout.is_last_stage or not needs_approval(rollout, following):
        return None
    return f"{rollout.ladder.stage(following).weight} % needs an approval first."


def why_not_pause(rollout: Snapshot, now: datetime) -> str | None:
    """Return why a rollout cannot be paused."""
    if (over := _over(rollout)) is not None:
        return over
    return "It is paused already." if rollout.hold(HoldKind.OPERATOR) is not None else None


def why_not_resume(rollout: Snapshot, now: datetime) -> str | None:
    """Return why a rollout cannot be resumed; some holds end only by themselves."""
    if (over := _over(rollout)) is not None:
        return over
    if any(hold.kind in RESUMABLE_HOLDS for hold in rollout.holds) or acknowledgeable(rollout):
        return None
    return _held_by_other(rollout) or "Nothing holds it."


def why_not_approve(rollout: Snapshot, now: datetime) -> str | None:
    """Return why there is nothing to approve."""
    if (over := _over(rollout)) is not None:
        return over
    following = stage_to_approve(rollout)
    if following > rollout.ladder.last_index or not rollout.ladder.stage(following).needs_approval:
        return "The next stage needs no approval."
    weight = rollout.ladder.stage(following).weight
    if rollout.approved_stage >= following:
        return f"{weight} % is approved already."
    return _sentence(why_closed(rollout, CommandKind.APPROVE))


def why_not_reject(rollout: Snapshot, now: datetime) -> str | None:
    """Return why there is nothing to reject; no window is a reason."""
    return why_not_approve(replace(rollout, windows=()), now)


def why_not_promote(rollout: Snapshot, now: datetime) -> str | None:
    """Return why a rollout cannot go on to its next stage: the bake has to be done."""
    closed = _sentence(why_closed(rollout, CommandKind.PROMOTE))
    held = _held_by_other(rollout, HoldKind.INCONCLUSIVE)
    if (reason := _not_watched(rollout) or closed or held) is not None:
        return reason
    if not is_bake_done(rollout):
        left = in_words(rollout.bake_needed_seconds - rollout.bake_credit_seconds)
        return f"It has to bake for another {left}; cutting that short needs a reason."
    return _why_not_further(rollout) or _unproven(rollout, now)


def why_not_skip_bake(rollout: Snapshot, now: datetime) -> str | None:
    """Return why a bake cannot be cut short: a failing guardrail still blocks."""
    closed = _sentence(why_closed(rollout, CommandKind.SKIP_BAKE))
    held = _held_by_other(rollout, HoldKind.INCONCLUSIVE)
    return _not_watched(rollout) or closed or held or _why_not_further(rollout) or _unproven(rollout, now)


def why_not_promote_full(rollout: Snapshot, now: datetime) -> str | None:
    """Return why a rollout cannot go straight to 100 %."""
    if (reason := _not_watched(rollout)) is not None:
        return reason
    if rollout.is_last_stage:
        return "All users are on the new version already."
    if (closed := why_closed(rollout, CommandKind.PROMOTE_FULL)) is not None:
        return closed.text
    # With the old version broken (hold: error) going forward may be the way out.
    held = _held_by_other(rollout, HoldKind.INCONCLUSIVE, HoldKind.ERROR)
    return held or _why_not_further(rollout, asks_approval=False) or _unproven(rollout, now)


def _why_not_further(rollout: Snapshot, *, asks_approval: bool = True) -> str | None:
    if (failing := _failing(rollout)) is not None:
        return failing
    if not rollout.is_verified:
        return f"{rollout.desired_weight} % is not what was read back last."
    return _unapproved(rollout) if asks_approval else None


def why_not_extend_bake(rollout: Snapshot, now: datetime) -> str | None:
    """Return why a bake cannot be extended."""
    return _not_watched(rollout)


def why_not_dismiss_any(rollout: Snapshot, now: datetime) -> str | None:
    """Return why there is nothing to dismiss; which guardrail is meant is asked with the command."""
    refusals = [why_not_dismiss(rollout, one.name) for one in rollout.guardrails]
    if None in refusals:
        return None
    return _over(rollout) or next(iter(filter(None, refusals)), "No guardrail watches this rollout.")


def why_not_rollback(rollout: Snapshot, now: datetime) -> str | None:
    """Return why there is nothing to bring back; no hold, window, lock or guardrail ever is one."""
    if rollout.state is RolloutState.ROLLING_BACK and rollout.makes_way:
        return None
    return _over(rollout)


def why_not_cancel(rollout: Snapshot, now: datetime) -> str | None:
    """Return why a rollout cannot be cancelled."""
    if (over := _over(rollout)) is not None:
        return over
    return "Users are on the new version: roll it back instead." if rollout.state in MOVING_STATES else None


def why_not_mark_resolved(rollout: Snapshot, now: datetime) -> str | None:
    """Return why nobody can attest that traffic is back."""
    if rollout.state is not RolloutState.ROLLING_BACK:
        return "It is not on its way back."
    return None if rollout.stuck_at is not None else "It is not stuck: the weight is still being read back."


def why_not_retry(rollout: Snapshot, now: datetime) -> str | None:
    """Return why no new attempt can be made; one starts as a new rollout at stage 0, with no old evidence."""
    if rollout.state not in TERMINAL_STATES:
        return "This attempt is not over yet."
    return "It has arrived already." if rollout.state is RolloutState.SUCCEEDED else None


def why_not_revert(
    rollout: Snapshot, now: datetime, *, finished_at: datetime, versions_since: int
) -> str | None:
    """Return why a finished rollout cannot be taken straight back in one click (T13)."""
    if rollout.state is not RolloutState.SUCCEEDED:
        return "Only a rollout that has arrived can be taken back afterwards."
    if rollout.kind is RolloutKind.ROLLBACK:
        return "This was the way back itself."
    if now - finished_at > REVERT_WINDOW:
        return f"It arrived more than {in_words(REVERT_WINDOW)} ago: send the old version as a rollout."
    if versions_since >= REVERT_VERSIONS:
        return f"{versions_since} versions came after it: send the old version as a rollout."
    return None


def stage_to_approve(rollout: Snapshot) -> int:
    """Return the stage that an approval given now would open."""
    return rollout.stage_index + (rollout.state not in WAITING_STATES)


WHY_NOT: Mapping[CommandKind, Callable[[Snapshot, datetime], str | None]] = {
    CommandKind.ROLLBACK: why_not_rollback,
    CommandKind.MARK_RESOLVED: why_not_mark_resolved,
    CommandKind.REJECT: why_not_reject,
    CommandKind.CANCEL: why_not_cancel,
    CommandKind.PAUSE: why_not_pause,
    CommandKind.EXTEND_BAKE: why_not_extend_bake,
    CommandKind.DISMISS: why_not_dismiss_any,
    CommandKind.RESUME: why_not_resume,
    CommandKind.APPROVE: why_not_approve,
    CommandKind.PROMOTE: why_not_promote,
    CommandKind.SKIP_BAKE: why_not_skip_bake,
    CommandKind.PROMOTE_FULL: why_not_promote_full,
}
