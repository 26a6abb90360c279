"""Judge guardrails by what they have taken in: a verdict, a sentence, and the figures (ENGINE section 5)."""

from releasetrain.lib.spans import in_words
from releasetrain.rollouts.rules.findings import comparison, dismissed, ratio_of, shares
from releasetrain.rollouts.rules.guardrails import (
    Guardrail,
    GuardrailKind,
    GuardrailState,
    Judgement,
    Measurement,
    Verdict,
)
from releasetrain.rollouts.rules.measuring import STALE_AFTER, Look, fail_line, limit_minimum
from releasetrain.rollouts.rules.new_errors import find_lines
from releasetrain.rollouts.rules.statistics import (
    EXCLUDED_LOG,
    Arm,
    detectable_ratio,
    log_excluded,
    ratio_to_exclude,
    reference_rate,
    units_needed,
)


def judge(guardrail: Guardrail, state: GuardrailState, look: Look) -> Judgement:
    """Say what a guardrail finds so far."""
    verdict, sentence = _find(guardrail, state, look)
    if look.is_bake_done and verdict in (Verdict.NOT_RUN, Verdict.PENDING):
        verdict = Verdict.INCONCLUSIVE
    return Judgement(
        guardrail=guardrail.name,
        stage_index=look.stage_index,
        at=look.now,
        is_required=guardrail.is_required,
        verdict=verdict,
        sentence=sentence,
        figures=_figures(guardrail, state, look),
        state=state,
    )


def _find(guardrail: Guardrail, state: GuardrailState, look: Look) -> tuple[Verdict, str]:
    if state.failed:
        return Verdict.FAIL, state.failed
    if state.dismissal is not None:
        return Verdict.DISMISSED, dismissed(guardrail, state, look.now)
    if state.last is Measurement.ERROR:
        return Verdict.ERROR, f"{guardrail.name}: the source of “{guardrail.metric}” answers with an error."
    nothing_yet = Verdict.NOT_RUN, f"{guardrail.name}: nothing has been measured yet."
    if state.fresh_at is None:
        return nothing_yet
    if look.now - state.fresh_at > STALE_AFTER:
        silent = in_words(look.now - state.fresh_at)
        return Verdict.PENDING, f"{guardrail.name}: no fresh measurement for {silent}."
    if state.candidate.units + state.baseline.units == 0:
        return nothing_yet
    if guardrail.kind is GuardrailKind.NEW_ERRORS:
        return find_lines(guardrail, state)
    if state.is_suspected:
        return Verdict.INCONCLUSIVE, _suspicion(guardrail, state, look)
    if guardrail.kind is GuardrailKind.THRESHOLD:
        return _find_threshold(guardrail, state)
    if state.compared_at is None or look.now - state.compared_at > STALE_AFTER:
        return Verdict.PENDING, f"{guardrail.name}: one of the versions reports nothing."
    if guardrail.kind is GuardrailKind.SAMPLE_RATIO:
        return _find_shares(guardrail, state, look)
    return _find_absolute(guardrail, state) if look.weight >= 100 else _find_ratio(guardrail, state, look)


def _find_ratio(guardrail: Guardrail, state: GuardrailState, look: Look) -> tuple[Verdict, str]:
    needed, seen = _needed(guardrail, state, look), state.candidate.units
    if needed is None or seen < needed:
        wanted = f"{needed:,}" if needed is not None else "an unknown number"
        return Verdict.PENDING, f"{guardrail.name}: {seen:,.0f} of {wanted} needed seen on the new version."
    if not _is_excluded(guardrail, state, look):
        worst = guardrail.excludes or ratio_to_exclude(look.weight)
        return Verdict.PENDING, f"{comparison(guardrail, state)} That does not rule ×{worst:g} out yet."
    return Verdict.PASS, f"{comparison(guardrail, state)} {_power(guardrail, state)}"


def _find_absolute(guardrail: Guardrail, state: GuardrailState) -> tuple[Verdict, str]:
    if guardrail.absolute_limit is None:
        return Verdict.NOT_RUN, f"{guardrail.name}: at 100 % there is nothing to compare with, and no limit."
    if state.limit_candidate is Measurement.OK:
        return Verdict.PASS, (
            f"{guardrail.name}: {state.candidate.rate:.2%}, "
            f"within the limit of {guardrail.absolute_limit:.0%}."
        )
    needed, seen = limit_minimum(guardrail, state.dispersion), state.candidate.units
    return Verdict.PENDING, f"{guardrail.name}: {min(seen, needed):,.0f} of {needed:,.0f} needed seen."


def _find_threshold(guardrail: Guardrail, state: GuardrailState) -> tuple[Verdict, str]:
    told = f"{guardrail.name}: {state.oks} good and {state.bads} bad measurements in this stage."
    return (Verdict.PASS if state.last is Measurement.OK and state.oks else Verdict.PENDING), told


def _find_shares(guardrail: Guardrail, state: GuardrailState, look: Look) -> tuple[Verdict, str]:
    is_tested = state.dispersion.units >= guardrail.absolute_minimum
    return (Verdict.PASS if is_tested else Verdict.PENDING), shares(guardrail, state, look.weight)


def _is_excluded(guardrail: Guardrail, state: GuardrailState, look: Look) -> bool:
    """Tell whether what was seen speaks against the worst ratio that a stage must exclude."""
    evidence = log_excluded(
        state.candidate,
        state.baseline,
        ratio_to_pass(guardrail, look.weight),
        tolerated=guardrail.tolerated_rate,
        dispersion=state.dispersion.value,
    )
    return evidence >= EXCLUDED_LOG


def _needed(guardrail: Guardrail, state: GuardrailState, look: Look) -> int | None:
    return units_to_pass(guardrail, state.baseline, look.weight)


def units_to_pass(guardrail: Guardrail, baseline: Arm, weight: int) -> int | None:
    """Return how many units a stage of this weight needs to pass; None where that cannot be known."""
    rate = reference_rate(baseline, tolerated=guardrail.tolerated_rate)
    if rate is None:
        return None
    return units_needed(rate, ratio_to_pass(guardrail, weight))


def ratio_to_pass(guardrail: Guardrail, weight: int) -> float:
    """Return the worst ratio that a stage must exclude; under 1 where fewer is worse."""
    excluded = guardrail.excludes or ratio_to_exclude(weight)
    return 1 / excluded if guardrail.fewer_is_worse else excluded


def _detectable(guardrail: Guardrail, state: GuardrailState) -> float | None:
    rate = reference_rate(state.baseline, tolerated=guardrail.tolerated_rate)
    if rate is None:
        return None
    return detectable_ratio(state.candidate.units, rate, fewer_is_worse=guardrail.fewer_is_worse)


def _figures(guardrail: Guardrail, state: GuardrailState, look: Look) -> dict[str, object]:
    if guardrail.kind is GuardrailKind.NEW_ERRORS:
        return {"candidate_units": state.candidate.units, "new_lines": len(state.lines)}
    test = "far" if guardrail.kind is GuardrailKind.SAMPLE_RATIO else "worse"
    compares = look.weight < 100 and guardrail.kind is GuardrailKind.RATIO
    return {
        "candidate_units": state.candidate.units,
        "candidate_bad": state.candidate.bad,
        "baseline_units": state.baseline.units,
        "baseline_bad": state.baseline.bad,
        "ratio": ratio_of(state),
        "needed_units": _needed(guardrail, state, look) if compares else _needed_at_once(guardrail, state),
        "detectable_ratio": _detectable(guardrail, state) if compares else None,
        "log_e": state.test(test).log_e,
        "log_e_limit": fail_line(guardrail, look),
        "dispersion": state.dispersion.value,
        "bad_measurements": state.bads,
    }


def _needed_at_once(guardrail: Guardrail, state: GuardrailState) -> float | None:
    """Return from how many units the absolute limit alone answers; other kinds count measurements."""
    has_limit = guardrail.kind is GuardrailKind.RATIO and guardrail.absolute_limit is not None
    return limit_minimum(guardrail, state.dispersion) if has_limit else None


def _power(guardrail: Guardrail, state: GuardrailState) -> str:
    ratio = _detectable(guardrail, state)
    if ratio is None:
        return ""
    if guardrail.fewer_is_worse:
        return f"This stage can detect ×{ratio:.2f} or less."
    return f"This stage can detect ×{ratio:.1f} or more."


def _suspicion(guardrail: Guardrail, state: GuardrailState, look: Look) -> str:
    if guardrail.kind is GuardrailKind.SAMPLE_RATIO:
        return shares(guardrail, state, look.weight)
    return f"{comparison(guardrail, state)} That is suspicious, but not certain enough to roll back."
