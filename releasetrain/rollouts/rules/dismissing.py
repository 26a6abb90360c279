"""Dismiss what a guardrail has found, for a while (ENGINE section 3)."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from releasetrain.rollouts.rules.dismissals import ALONE_UP_TO, Dismissal, why_not_minutes
from releasetrain.rollouts.rules.guardrails import Guardrail, GuardrailKind, GuardrailState, Measurement
from releasetrain.rollouts.rules.snapshot import Snapshot
from releasetrain.rollouts.rules.states import MOVING_STATES
from releasetrain.rollouts.rules.statistics import Dispersion, EProcess, reference_rate


def guardrail_named(rollout: Snapshot, name: str) -> Guardrail | None:
    """Return the guardrail of a rollout that is called so."""
    return next((one for one in rollout.guardrails if one.name == name), None)


def why_not_dismiss(rollout: Snapshot, name: str) -> str | None:
    """Return why what a guardrail found cannot be dismissed."""
    guardrail = guardrail_named(rollout, name)
    if guardrail is None:
        return f"No guardrail of this rollout is called “{name}”."
    if rollout.state not in MOVING_STATES:
        return "No user is on the new version, or they are on their way back: there is nothing to dismiss."
    if guardrail.is_critical:
        return f"{name} is critical: nobody can dismiss it. It passes, or users go back."
    if not guardrail.is_required:
        return f"{name} is advisory: it keeps nothing back."
    state = rollout.state_of(guardrail)
    if state.dismissal is not None:
        return f"{name} is dismissed already, by {state.dismissal.by}."
    return None if has_found(state) else f"{name} has found nothing that could be dismissed."


def needs_second(rollout: Snapshot) -> bool:
    """Tell whether a dismissal needs a second person, who is not the one that asks."""
    return rollout.desired_weight > ALONE_UP_TO


def has_found(state: GuardrailState) -> bool:
    """Tell whether a guardrail has found anything that speaks against the new version, or cannot tell."""
    is_bad = Measurement.BAD in (state.limit_candidate, state.last) or state.bads > 0
    return bool(state.failed) or state.is_suspected or is_bad or state.last is Measurement.ERROR


def dismiss(
    rollout: Snapshot, name: str, *, minutes: int, by: str, reason: str, now: datetime
) -> Mapping[str, GuardrailState]:
    """Return what all guardrails carry once one of them is dismissed for so many minutes.

    What it found so far is accepted; evidence that the new version is worse than that is gathered anew, and
    arms it again at once.

    :raises ValueError: it cannot be dismissed; ask `why_not_dismiss` and `why_not_minutes` first
    """
    guardrail = guardrail_named(rollout, name)
    why_not = why_not_dismiss(rollout, name) or why_not_minutes(minutes)
    if why_not is not None or guardrail is None:
        raise ValueError(why_not)
    state = rollout.state_of(guardrail)
    given = Dismissal(
        until=now + timedelta(minutes=minutes),
        by=by,
        reason=reason,
        ratio=accepted_ratio(guardrail, state, rollout.desired_weight),
        rate=state.limit_rate if state.limit_candidate is Measurement.BAD else None,
        lines=state.lines,
    )
    armed = replace(state, dismissal=given, failed="", is_suspected=False, bads=0)
    if guardrail.kind is GuardrailKind.SAMPLE_RATIO:
        armed = replace(armed, tests={}, dispersion=Dispersion())
    else:
        armed = replace(armed, tests={**state.tests, "accepted": EProcess()})
    return {**rollout.guardrail_states, name: armed}


def accepted_ratio(guardrail: Guardrail, state: GuardrailState, weight: int) -> float:
    """Return how much worse the new version was found to be, and never less than is allowed anyway."""
    if guardrail.kind is GuardrailKind.SAMPLE_RATIO:
        seen = state.dispersion
        wanted = (seen.units - seen.bad) * weight
        return max(guardrail.ratio, seen.bad * (100 - weight) / wanted) if wanted > 0 else guardrail.ratio
    mine = state.candidate.rate
    others = reference_rate(state.baseline, tolerated=guardrail.tolerated_rate) or 0.0
    better, worse = (mine, others) if guardrail.fewer_is_worse else (others, mine)
    return max(guardrail.ratio, worse / better) if better > 0 else guardrail.ratio
