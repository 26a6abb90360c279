"""Rehearse a guardrail on what was reported: what it would have said, before anybody relies on it."""

import math
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from releasetrain.rollouts.rules.guardrails import (
    NOTHING_COUNTED,
    Counts,
    Guardrail,
    GuardrailKind,
    GuardrailState,
    Verdict,
)
from releasetrain.rollouts.rules.judging import judge, units_to_pass
from releasetrain.rollouts.rules.ladder import Ladder, Stage
from releasetrain.rollouts.rules.measuring import Look, absorb
from releasetrain.rollouts.rules.new_errors import NewError, look_at_lines
from releasetrain.rollouts.rules.statistics import Arm, Dispersion, detectable_ratio, reference_rate

# So many bakes of each stage, spread over the day, and so many points of them altogether.
BAKES = 12
MOST_POINTS = 6000
# How many points of the old version alone are looked at before a bake, as the checks before a start do.
LOOKBACK = 60
POINT = timedelta(seconds=10)
GAP = timedelta(seconds=60)


@dataclass(frozen=True, slots=True, kw_only=True)
class StageRehearsal:
    """Say how bakes of one stage would have ended had the new version been just like the old one.

    `units` are those that a bake sees in the middle of the day's bakes, `needed` those that it needs to pass.
    """

    weight: int
    bakes: int
    passed: int
    unsure: int
    failed: int
    units: float
    needed: int | None
    detectable: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Replay:
    """Say what a guardrail would have said of a stage that was really baked."""

    weight: int
    verdict: Verdict
    sentence: str
    failed_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Rehearsal:
    """What a day of reports makes of a guardrail.

    `crossed` counts how often the old version itself lay beyond the limit, of so many `looks`.
    """

    points: int
    baseline: Arm
    dispersion: float
    longest_gap: timedelta
    crossed: int
    looks: int
    stages: tuple[StageRehearsal, ...] = ()


def rehearse(guardrail: Guardrail, points: Sequence[Counts], ladder: Ladder, *, seed: int) -> Rehearsal:
    """Let a guardrail watch versions that are as good as the old one, over what was reported of it.

    :param points: of one day, oldest first, both arms
    :param seed: of the draw which users would have been those of the new version
    """
    known = [_together(point) for point in points]
    told = [(at, arm) for at, arm in known if arm is not None]
    dispersion = _dispersion(told)
    crossed, looks = _crossings(guardrail, told)
    rng = random.Random(seed)  # noqa: S311 - a draw that can be repeated, no secret
    compared = [stage for stage in ladder.stages if 0 < stage.weight < 100]
    room = MOST_POINTS // max(len(compared), 1)
    return Rehearsal(
        points=len(told),
        baseline=_sum(told),
        dispersion=dispersion.value,
        longest_gap=_longest_gap([at for at, _ in told]),
        crossed=crossed,
        looks=looks,
        stages=tuple(
            _stage(guardrail, stage, told, rng, burst=dispersion.value, most=room) for stage in compared
        )
        if told
        else (),
    )


def _together(point: Counts) -> tuple[datetime, Arm | None]:
    """Add both arms up: together they are what the old version had alone."""
    parts = [
        Arm(units, min(bad or 0.0, units))
        for units, bad in (
            (point.candidate_units, point.candidate_bad),
            (point.baseline_units, point.baseline_bad),
        )
        if units is not None and math.isfinite(units) and units >= 0
    ]
    if point.error or not parts:
        return point.at, None
    return point.at, Arm(sum(part.units for part in parts), sum(part.bad for part in parts))


def _longest_gap(instants: Sequence[datetime]) -> timedelta:
    gaps = [after - before for before, after in pairwise(instants)]
    return max((gap for gap in gaps if gap > GAP), default=timedelta())


def _crossings(guardrail: Guardrail, told: Iterable[tuple[datetime, Arm]]) -> tuple[int, int]:
    """Count how often the old version alone lay beyond the limit, of how many looks at it."""
    if guardrail.absolute_limit is None:
        return 0, 0
    crossed = looks = 0
    recent = NOTHING_COUNTED
    for _, arm in told:
        recent = recent.plus(arm)
        if recent.units >= guardrail.absolute_minimum:
            looks += 1
            crossed += guardrail.crosses(recent)
            recent = NOTHING_COUNTED
    return crossed, looks


def _stage(
    guardrail: Guardrail,
    stage: Stage,
    told: Sequence[tuple[datetime, Arm]],
    rng: random.Random,
    *,
    burst: float,
    most: int,
) -> StageRehearsal:
    """Play bakes of one stage, spread over the day."""
    length = max(1, math.ceil(stage.bake_seconds / POINT.total_seconds()))
    bakes = max(1, min(BAKES, most // length, len(told) // length or 1))
    starts = [number * max(len(told) - length, 0) // max(bakes - 1, 1) for number in range(bakes)]
    verdicts, seen = [], []
    for start in starts:
        before = told[max(start - LOOKBACK, 0) : start] or told[:LOOKBACK]
        carried = _dispersion(before) if guardrail.kind is GuardrailKind.RATIO else Dispersion()
        verdict, units = _bake(guardrail, stage, told[start : start + length], carried, rng, burst)
        verdicts.append(verdict)
        seen.append(units)
    units = median(seen)
    total = _sum(told)
    rate = reference_rate(total, tolerated=guardrail.tolerated_rate)
    return StageRehearsal(
        weight=stage.weight,
        bakes=bakes,
        passed=sum(one is Verdict.PASS for one in verdicts),
        unsure=sum(one not in (Verdict.PASS, Verdict.FAIL) for one in verdicts),
        failed=sum(one is Verdict.FAIL for one in verdicts),
        units=units,
        needed=units_to_pass(guardrail, total, stage.weight),
        detectable=detectable_ratio(units, rate, fewer_is_worse=guardrail.fewer_is_worse)
        if rate is not None
        else None,
    )


def _dispersion(told: Iterable[tuple[datetime, Arm]]) -> Dispersion:
    dispersion = Dispersion()
    for _, arm in told:
        dispersion = dispersion.after(arm)
    return dispersion


def _sum(told: Iterable[tuple[datetime, Arm]]) -> Arm:
    total = NOTHING_COUNTED
    for _, arm in told:
        total = total.plus(arm)
    return total


def _bake(
    guardrail: Guardrail,
    stage: Stage,
    told: Sequence[tuple[datetime, Arm]],
    carried: Dispersion,
    rng: random.Random,
    burst: float,
) -> tuple[Verdict, float]:
    """Draw who would have had the new version, and let the guardrail watch them to the end of the bake."""
    points = [_split(at, arm, stage.weight / 100, rng, burst) for at, arm in told]
    entered_at = told[0][0] - POINT
    look = Look(now=entered_at, stage_index=0, weight=stage.weight, entered_at=entered_at)
    state = absorb(guardrail, GuardrailState(dispersion=carried), points, look)
    end = Look(now=told[-1][0], stage_index=0, weight=stage.weight, entered_at=entered_at, is_bake_done=True)
    if guardrail.kind is GuardrailKind.NEW_ERRORS:  # what is just like the old version writes nothing new
        state = look_at_lines(guardrail, state, (), end)
    return judge(guardrail, state, end).verdict, state.candidate.units


def _split(at: datetime, arm: Arm, share: float, rng: random.Random, burst: float) -> Counts:
    """Give a share of the units to the new version; bad ones that come in bursts stay together."""
    mine = float(binomial(rng, round(arm.units), share))
    clusters = int(arm.bad / burst + rng.random())
    bad = min(float(round(binomial(rng, clusters, share) * burst)), mine, arm.bad)
    return Counts(
        at=at,
        candidate_units=mine,
        candidate_bad=bad,
        baseline_units=max(arm.units - mine, 0.0),
        baseline_bad=min(arm.bad - bad, max(arm.units - mine, 0.0)),
    )


def binomial(rng: random.Random, trials: int, chance: float) -> int:
    """Draw how many of so many trials succeed."""
    if trials <= 30:
        return sum(rng.random() < chance for _ in range(trials))
    if trials * chance * (1 - chance) > 25:
        drawn = rng.gauss(trials * chance, math.sqrt(trials * chance * (1 - chance)))
        return min(max(round(drawn), 0), trials)
    if chance > 0.5:
        return trials - binomial(rng, trials, 1 - chance)
    found, at = 0, 0
    while chance > 0:
        at += 1 + int(math.log(1 - rng.random()) / math.log1p(-chance))
        if at > trials:
            break
        found += 1
    return found


def replay(
    guardrail: Guardrail,
    points: Sequence[Counts],
    *,
    weight: int,
    entered_at: datetime,
    ended_at: datetime,
    lines: Sequence[NewError] | None = None,
) -> Replay:
    """Let a guardrail watch a stage that was really baked; nothing is drawn here.

    :param lines: the error lines that were new in it, for a guardrail that minds them
    """
    look = Look(now=entered_at, stage_index=0, weight=weight, entered_at=entered_at)
    state, failed_at = GuardrailState(), None
    for point in points:
        state = absorb(guardrail, state, [point], look)
        if state.failed and failed_at is None:
            failed_at = point.at
    end = Look(
        now=points[-1].at if points else ended_at,
        stage_index=0,
        weight=weight,
        entered_at=entered_at,
        is_bake_done=True,
    )
    if guardrail.kind is GuardrailKind.NEW_ERRORS:
        state = look_at_lines(guardrail, state, lines, end)
        failed_at = end.now if state.failed else None
    judgement = judge(guardrail, state, end)
    return Replay(weight=weight, verdict=judgement.verdict, sentence=judgement.sentence, failed_at=failed_at)


def cries_wolf(rehearsal: Rehearsal) -> bool:
    """Tell whether a guardrail would have stopped versions that were no worse than the old one."""
    return rehearsal.crossed > 0 or any(stage.failed for stage in rehearsal.stages)
