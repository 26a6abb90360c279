"""Simulate healthy and broken candidates against a guardrail, from a seed; run as a module for a table."""

import math
import random
import statistics
import sys
from dataclasses import dataclass
from datetime import timedelta

from releasetrain.rollouts.rules.guardrails import Counts, Guardrail, GuardrailState
from releasetrain.rollouts.rules.measuring import Look, absorb
from tests.rollouts.rules.world import ERRORS, START

NEVER = math.inf


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Describe traffic; `cluster` is how many bad units come in one burst on average."""

    requests_per_second: float = 100
    weight: int = 1
    rate: float = 0.005
    ratio: float = 1.0
    cluster: float = 1.0
    seconds: int = 600
    interval: int = 10
    preflight_ticks: int = 60


@dataclass(frozen=True)
class Flagged:
    """Say after how many seconds one bake was suspected (alpha 0.05) and failed (alpha 0.01)."""

    suspected: float
    failed: float


@dataclass(frozen=True)
class Figures:
    """Sum up many bakes: shares flagged, and median seconds until then."""

    suspected: float
    failed: float
    seconds_to_suspect: float
    seconds_to_fail: float


def poisson(rng: random.Random, mean: float) -> int:
    if mean > 50:
        return max(0, round(rng.gauss(mean, math.sqrt(mean))))
    limit, product, count = math.exp(-mean), rng.random(), 0
    while product > limit:
        product *= rng.random()
        count += 1
    return count


def bursts(rng: random.Random, mean: float, cluster: float) -> int:
    """Draw bad units that come in geometric bursts of this mean size."""
    if cluster <= 1:
        return poisson(rng, mean)
    keep = math.log(1 - 1 / cluster)
    sizes = (1 + int(math.log(1 - rng.random()) / keep) for _ in range(poisson(rng, mean / cluster)))
    return sum(sizes)


def draw(rng: random.Random, setting: Setting, tick: int, share: float) -> Counts:
    units = setting.requests_per_second * setting.interval
    mine, others = poisson(rng, units * share), round(units * (1 - share))
    bad = bursts(rng, mine * setting.rate * setting.ratio, setting.cluster)
    return Counts(
        at=START + timedelta(seconds=tick * setting.interval),
        candidate_units=mine,
        candidate_bad=min(mine, bad),
        baseline_units=others,
        baseline_bad=min(others, bursts(rng, others * setting.rate, setting.cluster)),
    )


def bake(rng: random.Random, setting: Setting, guardrail: Guardrail = ERRORS) -> Flagged:
    """Watch the baseline for a while, then play one bake to its end and say when it was flagged."""
    before = Look(now=START, stage_index=0, weight=0, entered_at=START)
    seen = [draw(rng, setting, tick, 0.0) for tick in range(-setting.preflight_ticks, 0)]
    state = absorb(guardrail, GuardrailState(), seen, before).for_next_stage(guardrail)
    look = Look(now=START, stage_index=0, weight=setting.weight, entered_at=START)
    suspected = NEVER
    for tick in range(1, setting.seconds // setting.interval + 1):
        state = absorb(guardrail, state, [draw(rng, setting, tick, setting.weight / 100)], look)
        if state.is_suspected or state.failed:
            suspected = min(suspected, tick * setting.interval)
        if state.failed:
            return Flagged(suspected, tick * setting.interval)
    return Flagged(suspected, NEVER)


def simulate(setting: Setting, *, runs: int, seed: int) -> Figures:
    rng = random.Random(seed)
    bakes = [bake(rng, setting) for _ in range(runs)]
    return Figures(
        suspected=sum(one.suspected < NEVER for one in bakes) / runs,
        failed=sum(one.failed < NEVER for one in bakes) / runs,
        seconds_to_suspect=statistics.median(one.suspected for one in bakes),
        seconds_to_fail=statistics.median(one.failed for one in bakes),
    )


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def main(runs: int, seed: int) -> None:
    say(f"seed {seed}, {runs} bakes of 10 min each, a look every 10 s, 100 requests/s, 0.5 % bad")
    for weight in (1, 5, 25, 50):
        for cluster in (1.0, 3.0):
            for ratio in (1.0, 1.1, 2.0, 5.0, 20.0):
                setting = Setting(weight=weight, ratio=ratio, cluster=cluster)
                got = simulate(setting, runs=runs if ratio <= 1.1 else max(runs // 10, 1), seed=seed)
                say(
                    f"{weight:3d} %  ×{ratio:<4g} bursts of {cluster:g}:  α.05 {got.suspected:7.2%}  α.01 "
                    f"{got.failed:7.2%}  median {got.seconds_to_suspect:5g} s / {got.seconds_to_fail:5g} s",
                )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000, int(sys.argv[2]) if len(sys.argv) > 2 else 1)
