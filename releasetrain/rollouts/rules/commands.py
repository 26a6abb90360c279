"""Do what an operator asks, or say in a sentence why not (ENGINE section 3).

Each command has a `why_not_…`: the same answer disables its button and refuses its request. Who may press it
is asked elsewhere (access). All of them leave automatic rollback armed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from releasetrain.lib.spans import in_words
from releasetrain.rollouts.rules.baking import extend, go_on, is_bake_done, worst_verdict
from releasetrain.rollouts.rules.draft import Draft
from releasetrain.rollouts.rules.guardrails import Verdict
from releasetrain.rollouts.rules.moves import cancel, enter_stage, start_rollback
from releasetrain.rollouts.rules.snapshot import EventKind, IntentAction, Snapshot, Step
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
from releasetrain.rollouts.rules.watch import held_sentence, judge_all, needs_approval

REVERT_WINDOW = timedelta(hours=24)
REVERT_VERSIONS = 3
NO_LIMIT = float("inf")


class CommandKind(StrEnum):
    """What an operator can ask of a rollout, strongest first: the first one wins where several arrive."""

    ROLLBACK = "rollback"
    MARK_RESOLVED = "mark_resolved"
    REJECT = "reject"
    CANCEL = "cancel"
    PAUSE = "pause"
    EXTEND_BAKE = "extend_bake"
    RESUME = "resume"
    APPROVE = "approve"
    PROMOTE = "promote"
    SKIP_BAKE = "skip_bake"
    PROMOTE_FULL = "promote_full"


PRECEDENCE: Sequence[CommandKind] = tuple(CommandKind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Ask for something: who, why, on which state of the page, and with whom where two are needed."""

    kind: CommandKind
    by: str
    reason: str = ""
    expected_seq: int | None = None
    second: str = ""


@dataclass(frozen=True, slots=True)
class Refusal:
    """Say no in a sentence; a stale one was decided on a page that showed an older state."""

    sentence: str
    is_stale: bool = False


def command(snapshot: Snapshot, asked: Command, now: datetime) -> Step | Refusal:
    """Return the step that a command causes, or why it is refused.

    A rollback that is pressed twice is one rollback: the second changes nothing and is no refusal.
    """
    is_repeated = asked.kind is CommandKind.ROLLBACK and snapshot.state is RolloutState.ROLLING_BACK
    if is_repeated:
        return Draft(snapshot, now).step()
    if asked.expected_seq is not None and asked.expected_seq != snapshot.seq:
        return Refusal(f"The page was out of date: {standing(snapshot)}", is_stale=True)
    if why_not := WHY_NOT[asked.kind](snapshot, now):
        return Refusal(why_not)
    if not asked.reason.strip() and (wanted := reason_wanted(snapshot, asked.kind, now)):
        return Refusal(wanted)
    if asked.kind is CommandKind.PROMOTE_FULL and asked.second.strip() in ("", asked.by):
        return Refusal("Going straight to 100 % needs a second person, who is not the one who asks.")
    draft = Draft(snapshot, now)
    # A worker that decided before this must not commit after it: its claim is under the older fence.
    draft.change(fence=snapshot.fence + 1)
    DOES[asked.kind](draft, asked)
    return draft.step()


def in_order(commands: Sequence[Command]) -> list[Command]:
    """Sort commands that arrived together: rollback before pause before promote."""
    return sorted(commands, key=lambda asked: PRECEDENCE.index(asked.kind))


def standing(rollout: Snapshot) -> str:
    """Say where a rollout stands, for somebody whose page was older."""
    if rollout.state in TERMINAL_STATES:
        return f"this rollout is {_word(rollout.state)}."
    held = f" {held_sentence(rollout)}" if rollout.holds else ""
    return f"this rollout is {_word(rollout.state)} at {rollout.desired_weight} %.{held}"


def _word(state: RolloutState) -> str:
    return state.value.replace("_", " ")


def reason_wanted(rollout: Snapshot, kind: CommandKind, now: datetime) -> str | None:
    """Return the sentence that asks for a reason where a command needs one."""
    if kind is CommandKind.PROMOTE and present_verdict(rollout, now) is not Verdict.PASS:
        return "The guardrails do not pass: say why it may go on all the same."
    return REASONS_WANTED.get(kind)


def present_verdict(rollout: Snapshot, now: datetime) -> Verdict:
    """Return what the guardrails that decide say of the stage by now."""
    judgements = judge_all(Draft(rollout, now), is_bake_done=is_bake_done(rollout))
    return worst_verdict(rollout, judgements)


REASONS_WANTED: Mapping[CommandKind, str] = {
    CommandKind.SKIP_BAKE: "Say why the bake may be cut short.",
    CommandKind.PROMOTE_FULL: "Say why all users may go to the new version at once.",
    CommandKind.REJECT: "Say why the next stage is rejected.",
    CommandKind.MARK_RESOLVED: "Say how you know that no user is on the new version any more.",
}


def _over(rollout: Snapshot) -> str | None:
    if rollout.state in TERMINAL_STATES:
        return f"This rollout is over: {_word(rollout.state)}."
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


def _failing(rollout: Snapshot) -> str | None:
    states = [
        rollout.state_of(guardrail)
        for guardrail in rollout.guardrails
        if guardrail.decides_at(rollout.desired_weight)
    ]
    failed = next((state.failed for state in states if state.failed), None)
    return f"A guardrail fails. {failed}" if failed else None


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
    if any(hold.kind in RESUMABLE_HOLDS for hold in rollout.holds):
        return None
    return _held_by_other(rollout) or "Nothing holds it."


def why_not_approve(rollout: Snapshot, now: datetime) -> str | None:
    """Return why there is nothing to approve."""
    if (over := _over(rollout)) is not None:
        return over
    following = _stage_to_approve(rollout)
    if following > rollout.ladder.last_index or not rollout.ladder.stage(following).needs_approval:
        return "The next stage needs no approval."
    weight = rollout.ladder.stage(following).weight
    return None if rollout.approved_stage < following else f"{weight} % is approved already."


def why_not_reject(rollout: Snapshot, now: datetime) -> str | None:
    """Return why there is nothing to reject."""
    return why_not_approve(rollout, now)


def why_not_promote(rollout: Snapshot, now: datetime) -> str | None:
    """Return why a rollout cannot go on to its next stage: the bake has to be done."""
    if (reason := _not_watched(rollout) or _held_by_other(rollout, HoldKind.INCONCLUSIVE)) is not None:
        return reason
    if not is_bake_done(rollout):
        left = in_words(rollout.bake_needed_seconds - rollout.bake_credit_seconds)
        return f"It has to bake for another {left}; cutting that short needs a reason."
    return _why_not_further(rollout)


def why_not_skip_bake(rollout: Snapshot, now: datetime) -> str | None:
    """Return why a bake cannot be cut short: a failing guardrail still blocks."""
    held = _held_by_other(rollout, HoldKind.INCONCLUSIVE)
    return _not_watched(rollout) or held or _why_not_further(rollout)


def why_not_promote_full(rollout: Snapshot, now: datetime) -> str | None:
    """Return why a rollout cannot go straight to 100 %."""
    if (reason := _not_watched(rollout)) is not None:
        return reason
    if rollout.is_last_stage:
        return "All users are on the new version already."
    # With the old version broken (hold: error) going forward may be the way out.
    held = _held_by_other(rollout, HoldKind.INCONCLUSIVE, HoldKind.ERROR)
    return held or _why_not_further(rollout, asks_approval=False)


def _why_not_further(rollout: Snapshot, *, asks_approval: bool = True) -> str | None:
    if (failing := _failing(rollout)) is not None:
        return failing
    if not rollout.is_verified:
        return f"{rollout.desired_weight} % is not what was read back last."
    return _unapproved(rollout) if asks_approval else None


def why_not_extend_bake(rollout: Snapshot, now: datetime) -> str | None:
    """Return why a bake cannot be extended."""
    return _not_watched(rollout)


def why_not_rollback(rollout: Snapshot, now: datetime) -> str | None:
    """Return why there is nothing to bring back; no hold, window or guardrail ever is a reason."""
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


def _stage_to_approve(rollout: Snapshot) -> int:
    return 0 if rollout.state in WAITING_STATES else rollout.stage_index + 1


def _said(asked: Command, otherwise: str) -> str:
    reason = asked.reason.strip()
    return f"{reason} ({asked.by})" if reason else f"{otherwise} by {asked.by}"


def _pause(draft: Draft, asked: Command) -> None:
    draft.open_hold(HoldKind.OPERATOR, _said(asked, "Paused"), by=asked.by)


def _resume(draft: Draft, asked: Command) -> None:
    had_drifted = draft.rollout.hold(HoldKind.DRIFT) is not None
    for kind in [hold.kind for hold in draft.rollout.holds if hold.kind in RESUMABLE_HOLDS]:
        draft.clear_hold(kind, _said(asked, "Resumed"))
    if had_drifted and draft.rollout.state in MOVING_STATES:
        draft.set_again(IntentAction.APPLY)
        draft.change(drift_reasserted=False)
    _wake(draft)


def _approve(draft: Draft, asked: Command) -> None:
    stage = _stage_to_approve(draft.rollout)
    draft.change(approved_stage=stage)
    draft.tell(EventKind.STAGE_APPROVED, weight=draft.rollout.ladder.stage(stage).weight, stage=stage)
    draft.clear_hold(HoldKind.APPROVAL, _said(asked, "Approved"))
    _wake(draft)


def _reject(draft: Draft, asked: Command) -> None:
    start_rollback(draft, "T9", _said(asked, "Rejected"))


def _promote(draft: Draft, asked: Command) -> None:
    draft.clear_hold(HoldKind.INCONCLUSIVE, _said(asked, "Promoted"))
    go_on(draft, _said(asked, "Promoted"))


def _skip_bake(draft: Draft, asked: Command) -> None:
    said = _said(asked, "Bake cut short")
    credit = draft.rollout.bake_credit_seconds
    draft.tell(EventKind.BAKE_SKIPPED, weight=draft.rollout.desired_weight, seconds=credit, reason=said)
    draft.clear_hold(HoldKind.INCONCLUSIVE, said)
    go_on(draft, said)


def _promote_full(draft: Draft, asked: Command) -> None:
    said = f"{_said(asked, 'Straight to 100 %')}, with {asked.second.strip()}"
    for kind in (HoldKind.INCONCLUSIVE, HoldKind.ERROR):
        draft.clear_hold(kind, said)
    enter_stage(draft, draft.rollout.ladder.last_index, "T5", said)


def _extend_bake(draft: Draft, asked: Command) -> None:
    extend(draft, longest=NO_LIMIT)
    draft.clear_hold(HoldKind.INCONCLUSIVE, _said(asked, "Bake extended"))
    _wake(draft)


def _rollback(draft: Draft, asked: Command) -> None:
    start_rollback(draft, "T9", _said(asked, "Rolled back"))


def _cancel(draft: Draft, asked: Command) -> None:
    cancel(draft, _said(asked, "Cancelled"))


def _mark_resolved(draft: Draft, asked: Command) -> None:
    superseded = draft.rollout.is_superseded
    state = RolloutState.SUPERSEDED if superseded else RolloutState.ROLLED_BACK
    said = _said(asked, "Attested")
    draft.move(state, "T10", said, holds=())
    draft.tell(EventKind.ROLLBACK_FINISHED, attempts=draft.rollout.rollback_attempts, reason=said)
    draft.due(None)


def _wake(draft: Draft) -> None:
    draft.due(draft.now)


WHY_NOT: Mapping[CommandKind, Callable[[Snapshot, datetime], str | None]] = {
    CommandKind.ROLLBACK: why_not_rollback,
    CommandKind.MARK_RESOLVED: why_not_mark_resolved,
    CommandKind.REJECT: why_not_reject,
    CommandKind.CANCEL: why_not_cancel,
    CommandKind.PAUSE: why_not_pause,
    CommandKind.EXTEND_BAKE: why_not_extend_bake,
    CommandKind.RESUME: why_not_resume,
    CommandKind.APPROVE: why_not_approve,
    CommandKind.PROMOTE: why_not_promote,
    CommandKind.SKIP_BAKE: why_not_skip_bake,
    CommandKind.PROMOTE_FULL: why_not_promote_full,
}

DOES: Mapping[CommandKind, Callable[[Draft, Command], None]] = {
    CommandKind.ROLLBACK: _rollback,
    CommandKind.MARK_RESOLVED: _mark_resolved,
    CommandKind.REJECT: _reject,
    CommandKind.CANCEL: _cancel,
    CommandKind.PAUSE: _pause,
    CommandKind.EXTEND_BAKE: _extend_bake,
    CommandKind.RESUME: _resume,
    CommandKind.APPROVE: _approve,
    CommandKind.PROMOTE: _promote,
    CommandKind.SKIP_BAKE: _skip_bake,
    CommandKind.PROMOTE_FULL: _promote_full,
}
