"""Take in what was counted and judge guardrails by it (ENGINE section 5)."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from releasetrain.lib.spans import in_words
from releasetrain.rollouts.rules.guardrails import (
    HOLD_ALPHA,
    NOTHING_COUNTED,
    Counts,
    Guardrail,
    GuardrailKind,
    GuardrailState,
    Judgement,
    Measurement,
    NoData,
    Verdict,
    read,
)
from releasetrain.rollouts.rules.statistics import (
    Arm,
    Dispersion,
    detectable_ratio,
    ratio_to_exclude,
    reference_rate,
    units_needed,
)

STALE_AFTER = timedelta(seconds=60)
# A suspicion opens at E = 20 and ends at E = 5, so that a hold does not flicker around one line.
SUSPECT_LOG_E = -math.log(HOLD_ALPHA)
TRUST_LOG_E = math.log(5)
# Users who come back make the share of requests lumpy: only more than this is a mismatch.
SHARE_TOLERANCE = 1.25
SHARE_LIMIT = 2.0
# Bursts never put the absolute limit further off than this many times its minimum.
LARGEST_BURST = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Say from where a stage is looked at."""

    now: datetime
    stage_index: int
    weight: int
    entered_at: datetime
    warm_up_seconds: float = 30.0
    interval_seconds: float = 10.0
    sharing: int = 1
    is_bake_done: bool = False
    is_weight_settled: bool = True


def absorb(
    guardrail: Guardrail, state: GuardrailState, points: Iterable[Counts], look: Look
) -> GuardrailState:
    """Take in the counts that are newer than the newest taken in, so that repeating is harmless."""
    for counts in sorted(points, key=lambda point: point.at):
        if state.at is None or counts.at > state.at:
            state = _take(guardrail, state, counts, look)
    return state


def _take(guardrail: Guardrail, state: GuardrailState, counts: Counts, look: Look) -> GuardrailState:
    counts = _with_idle_arm(counts, look.weight)
    fresh_at = counts.at if counts.says_units else state.fresh_at
    arms = read(guardrail, counts)
    if isinstance(arms, Measurement):
        state = state.changed(at=counts.at, fresh_at=fresh_at, last=arms)
        counts_as_bad = arms is Measurement.UNKNOWN and guardrail.no_data is NoData.BAD
        return _measured(guardrail, state, Measurement.BAD, counts.at, look) if counts_as_bad else state
    candidate, baseline = arms
    state = state.changed(
        at=counts.at,
        fresh_at=fresh_at,
        compared_at=counts.at,
        last=state.last if guardrail.kind is GuardrailKind.THRESHOLD else Measurement.OK,
        candidate=state.candidate.plus(candidate),
        baseline=state.baseline.plus(baseline),
    )
    if guardrail.kind is GuardrailKind.THRESHOLD:
        return _take_threshold(guardrail, state, candidate, counts.at, look)
    if guardrail.kind is GuardrailKind.SAMPLE_RATIO:
        return _take_shares(guardrail, state, candidate.units, baseline.units, counts.at, look)
    return _take_ratio(guardrail, state, candidate, baseline, look)


def _with_idle_arm(counts: Counts, weight: int) -> Counts:
    """Read the missing series of an arm that gets no traffic as zero: there is nothing to report."""
    if weight <= 0 and counts.candidate_units is None:
        return replace(counts, candidate_units=0, candidate_bad=0)
    if weight >= 100 and counts.baseline_units is None:
        return replace(counts, baseline_units=0, baseline_bad=0)
    return counts


def _take_ratio(
    guardrail: Guardrail, state: GuardrailState, candidate: Arm, baseline: Arm, look: Look
) -> GuardrailState:
    dispersion = state.dispersion.after(baseline)
    changes: dict[str, Any] = {"dispersion": dispersion}
    if guardrail.absolute_limit is not None:
        minimum = _limit_minimum(guardrail, dispersion)
        changes |= _look_at_limit(guardrail, state, candidate, baseline, minimum)
    if look.weight >= 100:
        return state.changed(**changes)
    better, worse = (candidate, baseline) if guardrail.fewer_is_worse else (baseline, candidate)
    test = state.test("worse").after(worse, better, allowed=guardrail.ratio, dispersion=dispersion.value)
    state = state.changed(
        **changes, tests={"worse": test}, is_suspected=_is_suspected(state.is_suspected, test.log_e)
    )
    if not state.failed and guardrail.rolls_back and test.log_e >= _fail_line(guardrail, look):
        return state.changed(failed=_comparison(guardrail, state))
    return state


def _look_at_limit(
    guardrail: Guardrail, state: GuardrailState, candidate: Arm, baseline: Arm, minimum: float
) -> dict[str, Any]:
    """Look at each arm as soon as enough units came since the last look; old good ones dilute nothing."""
    candidate, baseline = state.recent_candidate.plus(candidate), state.recent_baseline.plus(baseline)
    changes: dict[str, Any] = {"recent_candidate": candidate, "recent_baseline": baseline}
    if candidate.units >= minimum:
        crossed = guardrail.crosses(candidate)
        changes["recent_candidate"] = NOTHING_COUNTED
        changes["limit_candidate"] = Measurement.BAD if crossed else Measurement.OK
        if crossed and not state.failed:
            changes["failed"] = _beyond(guardrail, candidate)
    if baseline.units >= minimum:
        changes["recent_baseline"] = NOTHING_COUNTED
        changes["limit_baseline"] = Measurement.BAD if guardrail.crosses(baseline) else Measurement.OK
    return changes


def _limit_minimum(guardrail: Guardrail, dispersion: Dispersion) -> float:
    """Return from how many units the absolute limit may be looked at.

    Five errors of one client that tries again are one event: the burstier errors come, the more it takes.
    """
    return guardrail.absolute_minimum * min(dispersion.value, LARGEST_BURST)


def _take_threshold(
    guardrail: Guardrail, state: GuardrailState, candidate: Arm, at: datetime, look: Look
) -> GuardrailState:
    if at <= look.entered_at + timedelta(seconds=look.warm_up_seconds):
        return state.changed(measured_at=at, window=Arm())
    state = state.changed(window=state.window.plus(candidate))
    if state.window.units < guardrail.absolute_minimum:
        measurement = Measurement.UNKNOWN
    else:
        measurement = Measurement.BAD if guardrail.crosses(state.window) else Measurement.OK
    return _measured(guardrail, state, measurement, at, look)


def _measured(
    guardrail: Guardrail, state: GuardrailState, measurement: Measurement, at: datetime, look: Look
) -> GuardrailState:
    """Count a measurement at most once an interval; one more bad one than the limit fails."""
    since = state.measured_at or look.entered_at
    if (at - since).total_seconds() < look.interval_seconds:
        return state
    state = state.changed(
        last=measurement,
        measured_at=at,
        window=Arm(),
        oks=state.oks + (measurement is Measurement.OK),
        bads=state.bads + (measurement is Measurement.BAD),
    )
    if state.bads > guardrail.failure_limit and not state.failed:
        return state.changed(
            failed=f"{guardrail.name}: {state.bads} bad measurements in this stage; "
            f"{guardrail.failure_limit} are allowed."
        )
    return state


def _take_shares(
    guardrail: Guardrail, state: GuardrailState, candidate: float, baseline: float, at: datetime, look: Look
) -> GuardrailState:
    """Test the share of units against the configured weight (sample-ratio mismatch)."""
    is_warm = at > look.entered_at + timedelta(seconds=look.warm_up_seconds)
    if not (is_warm and look.is_weight_settled and 0 < look.weight < 100):
        return state
    dispersion = state.dispersion.after(Arm(candidate + baseline, candidate))
    mine, others = Arm(look.weight, candidate), Arm(100 - look.weight, baseline)
    by = dispersion.value
    tests = {
        "above": state.test("above").after(mine, others, allowed=SHARE_TOLERANCE, dispersion=by),
        "below": state.test("below").after(others, mine, allowed=SHARE_TOLERANCE, dispersion=by),
        "far": state.test("far").after(mine, others, allowed=SHARE_LIMIT, dispersion=by),
    }
    log_e = max(tests["above"].log_e, tests["below"].log_e)
    suspected = _is_suspected(state.is_suspected, log_e)
    state = state.changed(tests=tests, dispersion=dispersion, is_suspected=suspected)
    if not state.failed and guardrail.rolls_back and tests["far"].log_e >= _fail_line(guardrail, look):
        return state.changed(failed=_shares(guardrail, state, look))
    return state


def _is_suspected(was_suspected: bool, log_e: float) -> bool:  # noqa: FBT001 - a state, no switch
    return log_e >= (TRUST_LOG_E if was_suspected else SUSPECT_LOG_E)


def _fail_line(guardrail: Guardrail, look: Look) -> float:
    """Return ln(1 / alpha), alpha being shared among the guardrails that roll back."""
    return math.log(max(look.sharing, 1) / guardrail.alpha)


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
    return Verdict.PASS, f"{_comparison(guardrail, state)} {_power(guardrail, state)}"


def _find_absolute(guardrail: Guardrail, state: GuardrailState) -> tuple[Verdict, str]:
    if guardrail.absolute_limit is None:
        return Verdict.NOT_RUN, f"{guardrail.name}: at 100 % there is nothing to compare with, and no limit."
    if state.limit_candidate is Measurement.OK:
        return Verdict.PASS, (
            f"{guardrail.name}: {state.candidate.rate:.2%}, "
            f"within the limit of {guardrail.absolute_limit:.0%}."
        )
    needed, seen = _limit_minimum(guardrail, state.dispersion), state.candidate.units
    return Verdict.PENDING, f"{guardrail.name}: {min(seen, needed):,.0f} of {needed:,.0f} needed seen."


def _find_threshold(guardrail: Guardrail, state: GuardrailState) -> tuple[Verdict, str]:
    told = f"{guardrail.name}: {state.oks} good and {state.bads} bad measurements in this stage."
    return (Verdict.PASS if state.last is Measurement.OK and state.oks else Verdict.PENDING), told


def _find_shares(guardrail: Guardrail, state: GuardrailState, look: Look) -> tuple[Verdict, str]:
    is_tested = state.dispersion.units >= guardrail.absolute_minimum
    return (Verdict.PASS if is_tested else Verdict.PENDING), _shares(guardrail, state, look)


def _needed(guardrail: Guardrail, state: GuardrailState, look: Look) -> int | None:
    rate = reference_rate(state.baseline, tolerated=guardrail.tolerated_rate)
    excluded = guardrail.excludes or ratio_to_exclude(look.weight)
    if rate is None:
        return None
    return units_needed(rate, 1 / excluded if guardrail.fewer_is_worse else excluded)


def _detectable(guardrail: Guardrail, state: GuardrailState) -> float | None:
    rate = reference_rate(state.baseline, tolerated=guardrail.tolerated_rate)
    return detectable_ratio(state.candidate.units, rate) if rate is not None else None


def _ratio(state: GuardrailState) -> float | None:
    return state.candidate.rate / state.baseline.rate if state.baseline.bad > 0 else None


def _figures(guardrail: Guardrail, state: GuardrailState, look: Look) -> dict[str, object]:
    test = "far" if guardrail.kind is GuardrailKind.SAMPLE_RATIO else "worse"
    compares, at_once = look.weight < 100, _limit_minimum(guardrail, state.dispersion)
    return {
        "candidate_units": state.candidate.units,
        "candidate_bad": state.candidate.bad,
        "baseline_units": state.baseline.units,
        "baseline_bad": state.baseline.bad,
        "ratio": _ratio(state),
        "needed_units": _needed(guardrail, state, look) if compares else at_once,
        "detectable_ratio": _detectable(guardrail, state) if compares else None,
        "log_e": state.test(test).log_e,
        "log_e_limit": _fail_line(guardrail, look),
        "dispersion": state.dispersion.value,
        "bad_measurements": state.bads,
    }


def _comparison(guardrail: Guardrail, state: GuardrailState) -> str:
    mine, others, ratio = state.candidate, state.baseline, _ratio(state)
    times = f", ×{ratio:.1f}" if ratio is not None else ""
    return (
        f"{guardrail.name}: {mine.bad:,.0f} of {mine.units:,.0f} on the new version against "
        f"{others.bad:,.0f} of {others.units:,.0f} on the old one{times}."
    )


def _power(guardrail: Guardrail, state: GuardrailState) -> str:
    ratio = None if guardrail.fewer_is_worse else _detectable(guardrail, state)
    return f"This stage can detect ×{ratio:.1f} or more." if ratio is not None else ""


def _suspicion(guardrail: Guardrail, state: GuardrailState, look: Look) -> str:
    if guardrail.kind is GuardrailKind.SAMPLE_RATIO:
        return _shares(guardrail, state, look)
    return f"{_comparison(guardrail, state)} That is suspicious, but not certain enough to roll back."


def _beyond(guardrail: Guardrail, arm: Arm) -> str:
    side = "below" if guardrail.fewer_is_worse else "above"
    return (
        f"{guardrail.name}: {arm.bad:,.0f} of the newest {arm.units:,.0f} on the new version "
        f"({arm.rate:.0%}), {side} the limit of {guardrail.absolute_limit:.0%}."
    )


def _shares(guardrail: Guardrail, state: GuardrailState, look: Look) -> str:
    return (
        f"{guardrail.name}: the new version gets {state.dispersion.bad:,.0f} of "
        f"{state.dispersion.units:,.0f}, {Arm(state.dispersion.units, state.dispersion.bad).rate:.1%} "
        f"where {look.weight} % are wanted."
    )
