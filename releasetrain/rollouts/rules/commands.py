"""Do what an operator asks, or say in a sentence why not (ENGINE section 3).

Who may press a button is asked elsewhere (access), why not in refusals. All commands leave automatic rollback
armed.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from releasetrain.rollouts.rules.baking import extend, go_on
from releasetrain.rollouts.rules.dismissals import ALONE_UP_TO, why_not_minutes
from releasetrain.rollouts.rules.dismissing import dismiss, needs_second, why_not_dismiss
from releasetrain.rollouts.rules.draft import Draft
from releasetrain.rollouts.rules.moves import cancel, enter_stage, start_rollback
from releasetrain.rollouts.rules.refusals import WHY_NOT as WHY_NOT
from releasetrain.rollouts.rules.refusals import CommandKind as CommandKind
from releasetrain.rollouts.rules.refusals import acknowledgeable, stage_to_approve, why_closed, word_of
from releasetrain.rollouts.rules.refusals import reason_wanted as reason_wanted
from releasetrain.rollouts.rules.snapshot import EventKind, IntentAction, Snapshot, Step
from releasetrain.rollouts.rules.states import (
    MOVING_STATES,
    RESUMABLE_HOLDS,
    TERMINAL_STATES,
    HoldKind,
    RolloutState,
)
from releasetrain.rollouts.rules.watch import held_sentence

NO_LIMIT = float("inf")

PRECEDENCE: Sequence[CommandKind] = tuple(CommandKind)


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Ask for something: who, why, on which state of the page, and with whom where two are needed.

    A dismissal names its guardrail and for how many minutes.
    """

    kind: CommandKind
    by: str
    reason: str = ""
    expected_seq: int | None = None
    second: str = ""
    guardrail: str = ""
    minutes: int = 0


@dataclass(frozen=True, slots=True)
class Refusal:
    """Say no in a sentence; a stale one was decided on a page that showed an older state.

    `until` and `who` are filled where windows refuse: when they are over, and who can change that.
    `needs_second` says that nothing but a second person is missing.
    """

    sentence: str
    is_stale: bool = False
    needs_second: bool = False
    until: datetime | None = None
    who: str = ""


def command(snapshot: Snapshot, asked: Command, now: datetime) -> Step | Refusal:
    """Return the step that a command causes, or why it is refused.

    A rollback that is pressed twice is one rollback: the second changes nothing and is no refusal.
    """
    is_on_its_way = snapshot.state is RolloutState.ROLLING_BACK and not snapshot.makes_way
    if asked.kind is CommandKind.ROLLBACK and is_on_its_way:
        return Draft(snapshot, now).step()
    if asked.expected_seq is not None and asked.expected_seq != snapshot.seq:
        return Refusal(f"The page was out of date: {standing(snapshot)}", is_stale=True)
    if why_not := WHY_NOT[asked.kind](snapshot, now):
        return _refusal(snapshot, asked.kind, why_not)
    if not asked.reason.strip() and (wanted := reason_wanted(snapshot, asked.kind, now)):
        return Refusal(wanted)
    if asked.kind is CommandKind.DISMISS and (
        why_not := why_not_dismiss(snapshot, asked.guardrail) or why_not_minutes(asked.minutes)
    ):
        return Refusal(why_not)
    if (wants_two := _wants_two(snapshot, asked.kind)) and asked.second.strip() in ("", asked.by):
        return Refusal(f"{wants_two} needs a second person, who is not the one who asks.", needs_second=True)
    draft = Draft(snapshot, now)
    # A worker that decided before this must not commit after it: its claim is under the older fence.
    draft.change(fence=snapshot.fence + 1)
    DOES[asked.kind](draft, asked)
    return draft.step()


def _wants_two(rollout: Snapshot, kind: CommandKind) -> str:
    """Name what two people have to agree to, "" where one is enough."""
    if kind is CommandKind.PROMOTE_FULL:
        return "Going straight to 100 %"
    if kind is CommandKind.DISMISS and needs_second(rollout):
        return f"Dismissing what a guardrail found above {ALONE_UP_TO} %"
    return ""


def _refusal(snapshot: Snapshot, kind: CommandKind, sentence: str) -> Refusal:
    closed = why_closed(snapshot, kind)
    if closed is None or closed.text != sentence:
        return Refusal(sentence)
    return Refusal(sentence, until=closed.until, who=closed.who)


def in_order(commands: Sequence[Command]) -> list[Command]:
    """Sort commands that arrived together: rollback before pause before promote."""
    return sorted(commands, key=lambda asked: PRECEDENCE.index(asked.kind))


def standing(rollout: Snapshot) -> str:
    """Say where a rollout stands, for somebody whose page was older."""
    if rollout.state in TERMINAL_STATES:
        return f"this rollout is {word_of(rollout.state)}."
    held = f" {held_sentence(rollout)}" if rollout.holds else ""
    return f"this rollout is {word_of(rollout.state)} at {rollout.desired_weight} %.{held}"


def _said(asked: Command, otherwise: str) -> str:
    reason = asked.reason.strip()
    return f"{reason} ({asked.by})" if reason else f"{otherwise} by {asked.by}"


def _pause(draft: Draft, asked: Command) -> None:
    draft.open_hold(HoldKind.OPERATOR, _said(asked, "Paused"), by=asked.by)


def _resume(draft: Draft, asked: Command) -> None:
    had_drifted = draft.rollout.hold(HoldKind.DRIFT) is not None
    for kind in [hold.kind for hold in draft.rollout.holds if hold.kind in RESUMABLE_HOLDS]:
        draft.clear_hold(kind, _said(asked, "Resumed"))
    if accepted := acknowledgeable(draft.rollout):
        known = {*draft.rollout.acknowledged_windows, *accepted}
        draft.change(acknowledged_windows=tuple(sorted(known)), windows=())
        draft.clear_hold(HoldKind.BLACKOUT, _said(asked, "Acknowledged"))
    if had_drifted and draft.rollout.state in MOVING_STATES:
        draft.set_again(IntentAction.APPLY)
        draft.change(drift_reasserted=False)
    _wake(draft)


def _approve(draft: Draft, asked: Command) -> None:
    stage = stage_to_approve(draft.rollout)
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


def _dismiss(draft: Draft, asked: Command) -> None:
    by = f"{asked.by} and {asked.second.strip()}" if asked.second.strip() else asked.by
    minutes, reason = asked.minutes, asked.reason.strip()
    states = dismiss(draft.rollout, asked.guardrail, minutes=minutes, by=by, reason=reason, now=draft.now)
    draft.change(guardrail_states=states)
    draft.tell(
        EventKind.GUARDRAIL_DISMISSED,
        guardrail=asked.guardrail,
        minutes=minutes,
        weight=draft.rollout.desired_weight,
        reason=f"{reason} ({by})",
    )
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


DOES: Mapping[CommandKind, Callable[[Draft, Command], None]] = {
    CommandKind.ROLLBACK: _rollback,
    CommandKind.MARK_RESOLVED: _mark_resolved,
    CommandKind.REJECT: _reject,
    CommandKind.CANCEL: _cancel,
    CommandKind.PAUSE: _pause,
    CommandKind.EXTEND_BAKE: _extend_bake,
    CommandKind.DISMISS: _dismiss,
    CommandKind.RESUME: _resume,
    CommandKind.APPROVE: _approve,
    CommandKind.PROMOTE: _promote,
    CommandKind.SKIP_BAKE: _skip_bake,
    CommandKind.PROMOTE_FULL: _promote_full,
}
