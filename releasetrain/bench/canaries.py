"""Draw the traffic of healthy and broken canaries, tick by tick, from a seed."""

import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from releasetrain.rollouts.rules.guardrails import Counts

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Describe one bake; `cluster` is how many bad units come in one burst on average.

    The candidate is `ratio` times as bad as the baseline from `broken_after` seconds on.
    """

    requests_per_second: float = 100
    weight: int = 1
    rate: float = 0.005
    ratio: float = 1.0
    cluster: float = 1.0
    seconds: int = 600
    broken_after: int = 0
    interval: int = 10
    preflight_ticks: int = 60

    @property
    def ticks(self) -> int:
        return self.seconds // self.interval


@dataclass(frozen=True, slots=True)
class Bake:
    """What was counted of one bake: of the baseline alone before it, then of both arms."""

    setting: Setting
    before: Sequence[Counts]
    points: Sequence[Counts]


def draw_bake(rng: random.Random, setting: Setting) -> Bake:
    """Draw one bake, so that every judge sees the same one."""
    before = [_draw(rng, setting, tick, 0.0) for tick in range(-setting.preflight_ticks, 0)]
    share = setting.weight / 100
    return Bake(setting, before, [_draw(rng, setting, tick, share) for tick in range(1, setting.ticks + 1)])


def _draw(rng: random.Random, setting: Setting, tick: int, share: float) -> Counts:
    units = setting.requests_per_second * setting.interval
    is_broken = tick * setting.interval > setting.broken_after
    rate = setting.rate * (setting.ratio if is_broken else 1.0)
    mine, others = poisson(rng, units * share), round(units * (1 - share))
    return Counts(
        at=START + timedelta(seconds=tick * setting.interval),
        candidate_units=mine,
        candidate_bad=min(mine, bursts(rng, mine * rate, setting.cluster)),
        baseline_units=others,
        baseline_bad=min(others, bursts(rng, others * setting.rate, setting.cluster)),
    )


def poisson(rng: random.Random, mean: float) -> int:
    """Draw how many independent events happen."""
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
