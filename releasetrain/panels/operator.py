"""Gather what an operator may do about a rollout now; what is off says why and until when."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from releasetrain.accounts.rules import Roles
from releasetrain.lib.spans import in_words
from releasetrain.lib.verdict import Reason
from releasetrain.panels import links
from releasetrain.panels.afterwards import afterwards, dismissing, to_second
from releasetrain.panels.audience import Audience
from releasetrain.panels.rollouts import moving
from releasetrain.panels.shapes import Action, Operator, Tone
from releasetrain.panels.stages import Moving
from releasetrain.rollouts.access import may_operate
from releasetrain.rollouts.models import Rollout, Transition
from releasetrain.rollouts.rules.baking import is_bake_done
from releasetrain.rollouts.rules.commands import WHY_NOT, CommandKind, reason_wanted
from releasetrain.rollouts.rules.refusals import why_closed
from releasetrain.rollouts.rules.snapshot import Snapshot
from releasetrain.rollouts.rules.states import TERMINAL_STATES, WAITING_STATES, HoldKind, RolloutState
from releasetrain.rollouts.windows import snapshot_now

K = CommandKind
R = RolloutState


def operator_context(
    pk: int, roles: Roles, now: datetime, *, error: str = "", command_id: str = ""
) -> dict[str, Any]:
    """Return what rollouts/_operator.html is drawn from, for the answer to somebody's command."""
    one = moving(pk)
    if one is None or not may_operate(roles, one.rollout):
        return {"operator": None, "now": now}
    return {"operator": replace(operator_of(one, now), error=error, command_id=command_id), "now": now}


def load_operator(pk: int, audience: Audience, now: datetime) -> Operator | None:
    """Gather the controls of a rollout; only operators have any."""
    one = moving(pk) if audience is Audience.OPERATOR else None
    return None if one is None else operator_of(one, now)


def operator_of(one: Moving, now: datetime) -> Operator:
    """Offer every command that makes sense here, the brake first."""
    snapshot = snapshot_now(one.rollout, now)
    last, tone = last_words(one.rollout)
    brake = _action(K.ROLLBACK, one, snapshot, now)
    if snapshot.state in TERMINAL_STATES:
        after = afterwards(one.rollout, snapshot, now)
        is_arrived = snapshot.state is R.SUCCEEDED
        brake, commands = (after[0], after[1:]) if is_arrived else (brake, after)
    else:
        commands = [_action(kind, one, snapshot, now) for kind in offered(snapshot)]
        commands += dismissing(snapshot)
    return Operator(
        pk=one.rollout.pk,
        seq=one.rollout.seq,
        rollback=brake,
        commands=list(commands),
        last=last,
        last_tone=tone,
        waiting=to_second(one.rollout, now),
    )


def offered(snapshot: Snapshot) -> list[CommandKind]:
    """Choose the commands to show beside the brake; they stay where they are while a rollout moves."""
    if snapshot.state is R.ROLLING_BACK:
        return [K.MARK_RESOLVED]
    resumes = (
        snapshot.hold(HoldKind.OPERATOR) is not None
        or WHY_NOT[K.RESUME](snapshot, snapshot.state_entered_at) is None
    )
    kinds = [K.RESUME if resumes else K.PAUSE]
    if any(stage.needs_approval for stage in snapshot.ladder.stages):
        kinds += [K.APPROVE, K.REJECT]
    if snapshot.state in WAITING_STATES:
        return [*kinds, K.CANCEL]
    return [*kinds, K.PROMOTE, K.EXTEND_BAKE, K.SKIP_BAKE, K.PROMOTE_FULL]


def _action(kind: CommandKind, one: Moving, snapshot: Snapshot, now: datetime) -> Action:
    words = WORDS[kind]
    return Action(
        name=kind.value,
        label=words.label(snapshot),
        url=links.command(snapshot.id, kind.value),
        icon=words.icon,
        kind=words.kind,
        reason=_why_not(kind, one, snapshot, now),
        asks="required" if reason_wanted(snapshot, kind, now) else words.asks,
        consequence=words.consequence(snapshot) if words.consequence else "",
    )


def _why_not(kind: CommandKind, one: Moving, snapshot: Snapshot, now: datetime) -> Reason | None:
    """Ask the rule itself; where windows or only the bake stand against it, say until when."""
    sentence = WHY_NOT[kind](snapshot, now)
    if sentence is None:
        return None
    if (closed := why_closed(snapshot, kind)) is not None and closed.text == sentence:
        return closed
    if not is_bake_done(snapshot) and kind is K.PROMOTE:
        baked = replace(snapshot, bake_credit_seconds=snapshot.bake_needed_seconds)
        if WHY_NOT[kind](baked, now) != sentence:
            return Reason("bake", "The bake is not over; cutting it short needs a reason.", one.bake_ends_at)
    return Reason(kind.value, sentence)


def _weight(snapshot: Snapshot) -> str:
    return snapshot.stage.words if snapshot.mirror else f"{snapshot.desired_weight} %"


def _next(snapshot: Snapshot) -> str:
    stage = snapshot.ladder.stage(snapshot.stage_index + 1)
    return stage.words if stage.mirror else f"{stage.weight} %"


def _next_share(snapshot: Snapshot) -> str:
    stage = snapshot.ladder.stage(snapshot.stage_index + 1)
    return f"{stage.weight} % of {stage.segment or 'users'}"


def _share(snapshot: Snapshot) -> str:
    return f"{_weight(snapshot)} of {snapshot.stage.segment or 'users'}"


def _everybody(snapshot: Snapshot) -> str:
    return (
        f"All users get the new version at once, where {_share(snapshot)} have it now. It waits until a "
        "second person agrees; the automatic rollback stays armed."
    )


def _promoted(snapshot: Snapshot) -> str:
    if snapshot.is_last_stage:
        return "It counts as arrived at once. The old version is no longer kept warm."
    return f"{_next_share(snapshot)} get the new version, where {_share(snapshot)} have it now."


def _skipped(snapshot: Snapshot) -> str:
    bake = in_words(snapshot.bake_needed_seconds)
    early = f"before the bake of {bake} is over. A failing guardrail still blocks."
    if snapshot.is_last_stage:
        return f"It counts as arrived at once, {early}"
    return f"{_share(snapshot)} become {_next_share(snapshot)} at once, {early}"


Say = Callable[[Snapshot], str]


def _just(text: str) -> Say:
    return lambda _: text


@dataclass(frozen=True, slots=True)
class Words:
    """How a command looks and what it says; `asks` is "", "optional" or "required": a reason is asked for."""

    label: Say
    icon: str
    kind: str = "secondary"
    asks: str = ""
    consequence: Say | None = None


def _paused(snapshot: Snapshot) -> str:
    return f"It stays at {_weight(snapshot)}; what is left of the bake is kept. A rollback stays possible."


def _rejected(snapshot: Snapshot) -> str:
    return f"The next stage is refused and {_share(snapshot)} go back to the old version."


def _promote(snapshot: Snapshot) -> str:
    return "Finish" if snapshot.is_last_stage else f"Promote to {_next(snapshot)}"


def _approve(snapshot: Snapshot) -> str:
    return f"Approve {_next(snapshot)}"


NOBODY_SAW_IT = _just("No user has seen the new version, and none will.")
ON_YOUR_WORD = _just("The rollout ends as rolled back on your word, although the driver cannot be read.")
WORDS: dict[CommandKind, Words] = {
    K.ROLLBACK: Words(_just("Roll back to 0 %"), "undo-2", "danger"),
    K.PAUSE: Words(_just("Pause"), "pause", asks="optional", consequence=_paused),
    K.RESUME: Words(_just("Resume"), "play"),
    K.PROMOTE: Words(_promote, "fast-forward", asks="optional", consequence=_promoted),
    K.EXTEND_BAKE: Words(_just("Extend the bake"), "timer"),
    K.SKIP_BAKE: Words(_just("Skip the bake"), "skip-forward", asks="required", consequence=_skipped),
    K.PROMOTE_FULL: Words(_just("Straight to 100 %"), "rocket", asks="required", consequence=_everybody),
    K.APPROVE: Words(_approve, "circle-check", "primary"),
    K.REJECT: Words(_just("Reject"), "octagon-x", asks="required", consequence=_rejected),
    K.CANCEL: Words(_just("Cancel"), "ban", asks="optional", consequence=NOBODY_SAW_IT),
    K.MARK_RESOLVED: Words(
        _just("Attest that it is back"), "badge-check", asks="required", consequence=ON_YOUR_WORD
    ),
}


def last_words(rollout: Rollout) -> tuple[str, Tone]:
    """Tell how the rollback went: asked at, traffic at 0 % verified after."""
    if rollout.state not in {R.ROLLING_BACK, R.ROLLED_BACK, R.SUPERSEDED}:
        return "", "ok"
    start = Transition.objects.filter(rollout=rollout, to_state=R.ROLLING_BACK).order_by("-seq").first()
    if start is None:
        return "", "ok"
    asked = f"Asked {start.at:%H:%M:%S} UTC"
    if rollout.agreed_at is None or rollout.agreed_at < start.at:
        return f"{asked} → waiting for 0 % to be read back.", "warn"
    seconds = (rollout.agreed_at - start.at).total_seconds()
    return f"{asked} → traffic at 0 %, read back after {seconds:.2f} s.", "ok"
