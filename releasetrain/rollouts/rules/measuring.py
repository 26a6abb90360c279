"""Take in what was counted, tick by tick, and notice at once what must not be (ENGINE section 5)."""

import math
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from releasetrain.rollouts.rules.findings import (
    beyond,
    comparison,
    shares,
    too_many_bad,
    worse_than_dismissed,
)
from releasetrain.rollouts.rules.guardrails import (
    HOLD_ALPHA,
    NOTHING_COUNTED,
    WARM_UP_SECONDS,
    WINDOW_SECONDS,
    Counts,
    Guardrail,
    GuardrailKind,
    GuardrailState,
    Measurement,
    NoData,
    read,
)
from releasetrain.rollouts.rules.statistics import Arm, Dispersion, EProcess

STALE_AFTER = timedelta(seconds=60)
# A suspicion opens at E = 20 and ends at E = 5, so that a hold does not flicker around one line.
SUSPECT_LOG_E = -math.log(HOLD_ALPHA)
TRUST_LOG_E = math.log(5)
# Users who come back make the share of requests lumpy: only more than this is a mismatch.
SHARE_TOLERANCE = 1.25
SHARE_LIMIT = 2.0
# Bursts put neither the absolute limit nor a changed share further off than this many times.
LARGEST_BURST = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Say from where a stage is looked at."""

    now: datetime
    stage_index: int
    weight: int
    entered_at: datetime
    warm_up_seconds: float = WARM_UP_SECONDS
    interval_seconds: float = WINDOW_SECONDS
    sharing: int = 1
    is_bake_done: bool = False
    is_weight_settled: bool = True


def absorb(
    guardrail: Guardrail, state: GuardrailState, points: Iterable[Counts], look: Look
) -> GuardrailState:
    """Take in the counts that are newer than the newest taken in, so that repeating is harmless."""
    if state.dismissal is not None and look.now >= state.dismissal.until:
        state = state.changed(dismissal=None)
    for counts in sorted(points, key=lambda point: point.at):
        if state.at is None or counts.at > state.at:
            state = _take(guardrail, state, counts, look)
    return _notice_silence(guardrail, state, look)


def _notice_silence(guardrail: Guardrail, state: GuardrailState, look: Look) -> GuardrailState:
    """Count a series that has stopped as bad, once an interval, where its guardrail asks for that."""
    heard_at = max(state.compared_at or look.entered_at, look.entered_at)
    is_watched = look.is_weight_settled or look.weight >= 100
    is_silent = is_watched and look.now - heard_at > STALE_AFTER
    if guardrail.no_data is not NoData.BAD or not is_silent:
        return state
    return _measured(guardrail, state, Measurement.BAD, look.now, look)


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
        return _take_threshold(guardrail, state, candidate, baseline, look)
    if guardrail.kind is GuardrailKind.NEW_ERRORS:
        return state
    if guardrail.kind is GuardrailKind.SAMPLE_RATIO:
        return _take_shares(guardrail, state, candidate.units, baseline.units, look)
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
        minimum = limit_minimum(guardrail, dispersion)
        changes |= _look_at_limit(guardrail, state, candidate, baseline, minimum)
    if look.weight >= 100:
        return state.changed(**changes)
    better, worse = (candidate, baseline) if guardrail.fewer_is_worse else (baseline, candidate)
    test = state.test("worse").after(worse, better, allowed=guardrail.ratio, dispersion=dispersion.value)
    state = state.changed(**changes, tests={**state.tests, "worse": test})
    if state.dismissal is not None:
        accepted = state.test("accepted").after(
            worse, better, allowed=state.dismissal.ratio, dispersion=dispersion.value
        )
        return _decided(
            guardrail, state.changed(tests={**state.tests, "accepted": accepted}), accepted, accepted, look
        )
    return _decided(guardrail, state, test, test, look)


def _decided(
    guardrail: Guardrail, state: GuardrailState, doubt: EProcess, proof: EProcess, look: Look
) -> GuardrailState:
    """Suspect by one test and fail by another; where something is dismissed, a finding arms it again."""
    is_armed = state.dismissal is None
    suspected = is_armed and _is_suspected(state.is_suspected, doubt.log_e)
    state = state.changed(is_suspected=suspected)
    if state.failed or not guardrail.rolls_back or proof.log_e < fail_line(guardrail, look):
        return state
    is_shares = guardrail.kind is GuardrailKind.SAMPLE_RATIO
    found = shares(guardrail, state, look.weight) if is_shares else comparison(guardrail, state)
    return _failed(state, found)


def _failed(state: GuardrailState, sentence: str) -> GuardrailState:
    """Fail; a guardrail that was dismissed is armed again by something worse."""
    if state.dismissal is None:
        return state.changed(failed=sentence)
    return state.changed(failed=worse_than_dismissed(sentence), dismissal=None)


def _look_at_limit(
    guardrail: Guardrail, state: GuardrailState, candidate: Arm, baseline: Arm, minimum: float
) -> dict[str, Any]:
    """Look at each arm as soon as enough units came since the last look; old good ones dilute nothing."""
    candidate, baseline = state.recent_candidate.plus(candidate), state.recent_baseline.plus(baseline)
    changes: dict[str, Any] = {"recent_candidate": candidate, "recent_baseline": baseline}
    if candidate.units >= minimum:
        crossed = guardrail.crosses(candidate)
        changes |= {"recent_candidate": NOTHING_COUNTED, "limit_rate": candidate.rate}
        changes["limit_candidate"] = Measurement.BAD if crossed else Measurement.OK
        if crossed and not state.failed and not _is_accepted(guardrail, state, candidate):
            failed = _failed(state, beyond(guardrail, candidate))
            changes |= {"failed": failed.failed, "dismissal": failed.dismissal}
    if baseline.units >= minimum:
        changes["recent_baseline"] = NOTHING_COUNTED
        changes["limit_baseline"] = Measurement.BAD if guardrail.crosses(baseline) else Measurement.OK
    return changes


def _is_accepted(guardrail: Guardrail, state: GuardrailState, arm: Arm) -> bool:
    given = state.dismissal
    return given is not None and given.accepts(arm.rate, fewer_is_worse=guardrail.fewer_is_worse)


def limit_minimum(guardrail: Guardrail, dispersion: Dispersion) -> float:
    """Return from how many units the absolute limit may be looked at.

    Five errors of one client that tries again are one event: the burstier errors come, the more it takes.
    """
    return guardrail.absolute_minimum * min(dispersion.value, LARGEST_BURST)


def _take_threshold(
    guardrail: Guardrail, state: GuardrailState, candidate: Arm, baseline: Arm, look: Look
) -> GuardrailState:
    """Measure both arms against the limit; only the new version's bad measurements count against it."""
    at = state.at or look.now
    if look.weight > 0 and at <= look.entered_at + timedelta(seconds=look.warm_up_seconds):
        return state.changed(
            measured_at=at, recent_candidate=NOTHING_COUNTED, recent_baseline=NOTHING_COUNTED
        )
    state = state.changed(
        recent_candidate=state.recent_candidate.plus(candidate),
        recent_baseline=state.recent_baseline.plus(baseline),
    )
    return _measured(guardrail, state, _against_limit(guardrail, state.recent_candidate), at, look)


def _against_limit(guardrail: Guardrail, arm: Arm) -> Measurement:
    if arm.units < guardrail.absolute_minimum:
        return Measurement.UNKNOWN
    return Measurement.BAD if guardrail.crosses(arm) else Measurement.OK


def _measured(
    guardrail: Guardrail, state: GuardrailState, measurement: Measurement, at: datetime, look: Look
) -> GuardrailState:
    """Count a measurement at most once a window; one more bad one than is allowed fails."""
    since = state.measured_at or (look.entered_at if look.weight > 0 else None)
    window = look.interval_seconds * guardrail.window_seconds / WINDOW_SECONDS
    if since is not None and (at - since).total_seconds() < window:
        return state
    is_bad = measurement is Measurement.BAD and not _is_accepted(guardrail, state, state.recent_candidate)
    state = _with_limits(guardrail, state).changed(
        last=measurement,
        measured_at=at,
        oks=state.oks + (measurement is Measurement.OK),
        bads=state.bads + is_bad,
    )
    if state.bads > guardrail.bad_allowed and not state.failed:
        return _failed(state, too_many_bad(guardrail, state.bads))
    return state


def _with_limits(guardrail: Guardrail, state: GuardrailState) -> GuardrailState:
    """Remember how both arms of a plain threshold stand, and begin a new window."""
    if guardrail.kind is not GuardrailKind.THRESHOLD:
        return state
    candidate, baseline = state.recent_candidate, state.recent_baseline
    return state.changed(
        limit_candidate=_against_limit(guardrail, candidate),
        limit_baseline=_against_limit(guardrail, baseline),
        limit_rate=candidate.rate,
        recent_candidate=NOTHING_COUNTED,
        recent_baseline=NOTHING_COUNTED,
    )


def _take_shares(
    guardrail: Guardrail, state: GuardrailState, candidate: float, baseline: float, look: Look
) -> GuardrailState:
    """Test the share of units against the configured weight (sample-ratio mismatch)."""
    is_warm = state.at is not None and state.at > look.entered_at + timedelta(seconds=look.warm_up_seconds)
    if not (is_warm and look.is_weight_settled and 0 < look.weight < 100):
        return state
    dispersion = state.dispersion.after(Arm(candidate + baseline, candidate))
    mine, others = Arm(look.weight, candidate), Arm(100 - look.weight, baseline)
    # A share that jumps looks bursty by itself; that must not hide the jump.
    by = min(dispersion.value, LARGEST_BURST)
    far = SHARE_LIMIT if state.dismissal is None else max(SHARE_LIMIT, state.dismissal.ratio)
    tests = {
        "above": state.test("above").after(mine, others, allowed=SHARE_TOLERANCE, dispersion=by),
        "below": state.test("below").after(others, mine, allowed=SHARE_TOLERANCE, dispersion=by),
        "far": state.test("far").after(mine, others, allowed=far, dispersion=by),
    }
    doubt = max(tests["above"], tests["below"], key=lambda test: test.log_e)
    state = state.changed(tests=tests, dispersion=dispersion)
    return _decided(guardrail, state, doubt, tests["far"], look)


def _is_suspected(was_suspected: bool, log_e: float) -> bool:  # noqa: FBT001 - a state, no switch
    return log_e >= (TRUST_LOG_E if was_suspected else SUSPECT_LOG_E)


def fail_line(guardrail: Guardrail, look: Look) -> float:
    """Return ln(1 / alpha), alpha being shared among the guardrails that roll back."""
    return math.log(max(look.sharing, 1) / guardrail.alpha)
