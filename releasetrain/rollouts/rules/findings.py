"""Say in sentences what a guardrail has found."""

from datetime import datetime

from releasetrain.health.rules.severity import Severity
from releasetrain.rollouts.rules.guardrails import Guardrail, GuardrailKind, GuardrailState
from releasetrain.rollouts.rules.statistics import Arm


def promised(guardrail: Guardrail) -> str:
    """Say what a guardrail asks of the new version."""
    limit, fewer = guardrail.absolute_limit, guardrail.fewer_is_worse
    if guardrail.kind is GuardrailKind.SAMPLE_RATIO:
        return "The new version must get the share of users that it was given."
    if guardrail.kind is GuardrailKind.NEW_ERRORS:
        severity = Severity(guardrail.least_severity).name.lower()
        return f"Must bring no new kind of error line that is {severity} or worse."
    if guardrail.kind is GuardrailKind.THRESHOLD:
        return f"Must stay {'above' if fewer else 'below'} {limit or 0:.1%}."
    never = f", and never {'below' if fewer else 'above'} {limit:.0%}" if limit is not None else ""
    if fewer:
        return f"May be at least 1/{guardrail.ratio:g} of the old version{never}."
    return f"May be at most ×{guardrail.ratio:g} of the old version{never}."


def ratio_words(ratio: float) -> str:
    """Write the smallest ratio that can be detected; one below 1 is of what there must not be fewer of."""
    return f"≥ ×{ratio:.1f}" if ratio > 1 else f"≤ ×{ratio:.2f}"


def ratio_of(state: GuardrailState) -> float | None:
    """Return how many times the old version's rate the new one's is; None where the old one has none."""
    return state.candidate.rate / state.baseline.rate if state.baseline.bad > 0 else None


def comparison(guardrail: Guardrail, state: GuardrailState) -> str:
    """Hold the counts of both versions against each other."""
    mine, others, ratio = state.candidate, state.baseline, ratio_of(state)
    times = f", ×{ratio:.1f}" if ratio is not None else ""
    return (
        f"{guardrail.name}: {mine.bad:,.0f} of {mine.units:,.0f} on the new version against "
        f"{others.bad:,.0f} of {others.units:,.0f} on the old one{times}."
    )


def beyond(guardrail: Guardrail, arm: Arm) -> str:
    """Say that the newest units of the new version lie beyond the limit."""
    side = "below" if guardrail.fewer_is_worse else "above"
    return (
        f"{guardrail.name}: {arm.bad:,.0f} of the newest {arm.units:,.0f} on the new version "
        f"({arm.rate:.0%}), {side} the limit of {guardrail.absolute_limit:.0%}."
    )


def too_many_bad(guardrail: Guardrail, bads: int) -> str:
    """Say that a plain threshold was crossed too often."""
    times = "1 bad measurement" if bads == 1 else f"{bads} bad measurements"
    allowed = f"{guardrail.bad_allowed} are allowed" if guardrail.bad_allowed else "none is allowed"
    return f"{guardrail.name}: {times} in this stage; {allowed}."


def shares(guardrail: Guardrail, state: GuardrailState, weight: int) -> str:
    """Hold the share that the new version gets against the one it was given."""
    seen = state.dispersion
    return (
        f"{guardrail.name}: the new version gets {seen.bad:,.0f} of {seen.units:,.0f}, "
        f"{Arm(seen.units, seen.bad).rate:.1%} where {weight} % are wanted."
    )


def worse_than_dismissed(sentence: str) -> str:
    """Say that a finding is worse than what somebody had accepted."""
    return f"{sentence} That is worse than what was dismissed."


def dismissed(guardrail: Guardrail, state: GuardrailState, now: datetime) -> str:
    """Say who has accepted what was found, why, and for how long."""
    given = state.dismissal
    if given is None:
        return ""
    minutes = max(1, round((given.until - now).total_seconds() / 60))
    return f"{guardrail.name}: dismissed by {given.by} for another {minutes} min: {given.reason}"
