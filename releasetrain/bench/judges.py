"""Judge canaries by the product's guardrail, and by what is commonly used in its place."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from releasetrain.bench.canaries import START, Bake
from releasetrain.rollouts.rules.guardrails import Counts, Guardrail, GuardrailState, Verdict
from releasetrain.rollouts.rules.judging import judge
from releasetrain.rollouts.rules.measuring import Look, absorb
from releasetrain.rollouts.rules.statistics import Arm

NEVER = math.inf
ERRORS = Guardrail(name="Errors", metric="errors")
ALPHA = 0.01
# A plain threshold: 60 s windows, at most twice the usual 0.5 %, and two bad ones allowed.
WINDOW_SECONDS, THRESHOLD, BAD_ALLOWED = 60, 0.01, 2


@dataclass(frozen=True, slots=True)
class Finding:
    """Say after how many seconds a bake was doubted and stopped, and whether it passed at its end."""

    doubted: float
    stopped: float
    passed: bool = False


def by_guardrail(bake: Bake, guardrail: Guardrail = ERRORS) -> Finding:
    """Judge as the product does: hold at alpha 0.05, roll back at 0.01, pass on evidence."""
    setting = bake.setting
    before = Look(now=START, stage_index=0, weight=0, entered_at=START)
    state = absorb(guardrail, GuardrailState(), bake.before, before).for_next_stage(guardrail)
    look = Look(now=START, stage_index=0, weight=setting.weight, entered_at=START)
    doubted = NEVER
    for tick, point in enumerate(bake.points, 1):
        state = absorb(guardrail, state, [point], look)
        seconds = float(tick * setting.interval)
        if state.is_suspected or state.failed:
            doubted = min(doubted, seconds)
        if state.failed:
            return Finding(doubted, seconds)
    end = Look(
        now=START + timedelta(seconds=setting.seconds),
        stage_index=0,
        weight=setting.weight,
        entered_at=START,
        is_bake_done=True,
    )
    return Finding(doubted, NEVER, judge(guardrail, state, end).verdict is Verdict.PASS)


def by_threshold(bake: Bake) -> Finding:
    """Judge as a plain threshold does: the third bad minute stops."""
    each = WINDOW_SECONDS // bake.setting.interval
    bads = 0
    for end in range(each, len(bake.points) + 1, each):
        window = _candidate(bake.points[end - each : end])
        bads += window.rate > THRESHOLD
        if bads > BAD_ALLOWED:
            return _stopped(end * bake.setting.interval)
    return Finding(NEVER, NEVER, passed=True)


def by_fisher(bake: Bake) -> Finding:
    """Judge by Fisher's exact test on everything so far, at each look."""
    candidate, baseline = Arm(), Arm()
    for tick, point in enumerate(bake.points, 1):
        candidate, baseline = candidate.plus(_candidate([point])), baseline.plus(_baseline([point]))
        if fisher(candidate, baseline) < ALPHA:
            return _stopped(tick * bake.setting.interval)
    return Finding(NEVER, NEVER, passed=True)


def by_mann_whitney(bake: Bake) -> Finding:
    """Judge each minute by a Mann-Whitney test on the rates of all ticks so far."""
    each = WINDOW_SECONDS // bake.setting.interval
    for end in range(2 * each, len(bake.points) + 1, each):
        seen = bake.points[:end]
        mine = [_candidate([point]).rate for point in seen]
        others = [_baseline([point]).rate for point in seen]
        if mann_whitney(mine, others) < ALPHA:
            return _stopped(end * bake.setting.interval)
    return Finding(NEVER, NEVER, passed=True)


JUDGES: dict[str, Callable[[Bake], Finding]] = {
    "guardrail": by_guardrail,
    "plain 60 s threshold": by_threshold,
    "Fisher’s exact at each look": by_fisher,
    "Mann-Whitney each minute": by_mann_whitney,
}


def fisher(candidate: Arm, baseline: Arm) -> float:
    """Return the one-sided p-value: so many bad units or more on the candidate, all being alike."""
    units, bad = round(candidate.units + baseline.units), round(candidate.bad + baseline.bad)
    mine, seen = round(candidate.units), round(candidate.bad)
    if seen <= 0 or mine <= 0 or mine >= units:
        return 1.0
    term = math.exp(_choose(bad, seen) + _choose(units - bad, mine - seen) - _choose(units, mine))
    total = 0.0
    for count in range(seen, min(bad, mine) + 1):
        total += term
        left = units - bad - mine + count + 1
        term *= (bad - count) * (mine - count) / ((count + 1) * left)
    return min(total, 1.0)


def _choose(of: int, some: int) -> float:
    return math.lgamma(of + 1) - math.lgamma(some + 1) - math.lgamma(of - some + 1)


def mann_whitney(mine: Sequence[float], others: Sequence[float]) -> float:
    """Return the one-sided p-value that the first sample tends to be larger; ties are corrected for."""
    both = sorted([(value, 0) for value in mine] + [(value, 1) for value in others])
    ranks, ties, start = 0.0, 0.0, 0
    while start < len(both):
        end = start
        while end < len(both) and both[end][0] == both[start][0]:
            end += 1
        middle, length = (start + end + 1) / 2, end - start
        ranks += middle * sum(arm == 0 for _, arm in both[start:end])
        ties += length**3 - length
        start = end
    first, second, together = len(mine), len(others), len(both)
    above = ranks - first * (first + 1) / 2 - first * second / 2
    spread = first * second / 12 * (together + 1 - ties / (together * (together - 1)))
    if spread <= 0:
        return 1.0
    return math.erfc((above - 0.5) / math.sqrt(2 * spread)) / 2


def _candidate(points: Sequence[Counts]) -> Arm:
    return Arm(sum(one.candidate_units or 0 for one in points), sum(one.candidate_bad or 0 for one in points))


def _baseline(points: Sequence[Counts]) -> Arm:
    return Arm(sum(one.baseline_units or 0 for one in points), sum(one.baseline_bad or 0 for one in points))


def _stopped(seconds: float) -> Finding:
    return Finding(float(seconds), float(seconds))
