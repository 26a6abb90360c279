"""Compare two arms honestly at small samples, however often one looks (ENGINE section 5).

The test is a conditional binomial e-process: given the bad units of both arms together, how many fall on the
candidate. It may be looked at on every tick without inflating false alarms, and needs no minimum sample to
fail. Sources: Johari et al., always-valid inference; Lindon & Malek 2022; Lindon, Sanden & Shirikian 2022,
arXiv 2205.14762.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Self

# The ratios that the mixture bets on, as multiples of the allowed ratio.
MULTIPLES = (1.25, 1.5, 2.0, 3.0, 5.0, 10.0, 20.0, 50.0)
# The share of the capital that is kept for what breaks late, and how many ticks its first part lasts.
RESERVE = 0.1
STAKED_OVER = 30.0
# The logarithm of no reserve at all: a test that began before there was one.
SPENT = -700.0
# The chance to overlook the ratio that a stage must exclude before it passes.
BETA = 0.05
# Wald's bound is loose: at this line less than `BETA` of what must be excluded passes, by simulation.
EXCLUDED_LOG = -math.log(0.2)
# (from this weight on, the worst ratio that the stage must exclude)
RATIOS_TO_EXCLUDE = ((50, 1.5), (25, 2.0), (10, 3.0), (5, 5.0), (0, 10.0))
LARGEST_RATIO_SHOWN = 1000.0


@dataclass(frozen=True, slots=True)
class Arm:
    """Count units (requests, orders) of one arm, and how many of them were bad."""

    units: float = 0.0
    bad: float = 0.0

    def plus(self, other: "Arm") -> "Arm":
        return Arm(self.units + other.units, self.bad + other.bad)

    @property
    def rate(self) -> float:
        """Return the share of bad units; 0 where there are none."""
        return self.bad / self.units if self.units > 0 else 0.0

    def to_json(self) -> list[float]:
        return [self.units, self.bad]

    @classmethod
    def from_json(cls, value: Sequence[float]) -> Self:
        return cls(float(value[0]), float(value[1]))


@dataclass(frozen=True, slots=True)
class EProcess:
    """Carry the evidence that the candidate is worse than allowed: one log likelihood ratio per multiple.

    A part of the capital is kept in `reserve` and staked little by little, so that what was good for an hour
    cannot hide what breaks after it: bets that begin late have lost nothing yet. It stays a fair game, so
    that E may still be looked at on every tick.
    """

    logs: tuple[float, ...] = (math.log(1 - RESERVE),) * len(MULTIPLES)
    reserve: float = math.log(RESERVE)

    @property
    def log_e(self) -> float:
        """Return ln E, E being the reserve and the mean of the mixture; it rejects where E >= 1 / alpha."""
        return _log_sum([self.reserve, _log_mean(self.logs)])

    def after(self, candidate: Arm, baseline: Arm, *, allowed: float, dispersion: float = 1.0) -> "EProcess":
        """Take in one tick; arms without units on one side say nothing about their ratio.

        Each log grows by [k_c ln(p_t / p_m) + k_b ln((1 - p_t) / (1 - p_m))] / dispersion with
        p_t = t n_c / (t n_c + n_b), written here in its shorter and numerically stable form.
        """
        if candidate.units <= 0 or baseline.units <= 0:
            return self
        staked = self._staked()
        together = candidate.bad + baseline.bad
        expected = allowed * candidate.units + baseline.units
        return EProcess(
            tuple(
                log
                + (
                    candidate.bad * math.log(multiple)
                    - together * math.log((allowed * multiple * candidate.units + baseline.units) / expected)
                )
                / dispersion
                for log, multiple in zip(staked.logs, MULTIPLES, strict=True)
            ),
            staked.reserve,
        )

    def _staked(self) -> "EProcess":
        """Move a part of the reserve into the bets, before anybody knows how they end."""
        part = math.exp(self.reserve) / (RESERVE * STAKED_OVER)
        moved = self.reserve + math.log(part)
        return EProcess(tuple(_log_sum([log, moved]) for log in self.logs), self.reserve + math.log1p(-part))


def _log_sum(logs: Sequence[float]) -> float:
    largest = max(logs)
    return largest + math.log(sum(math.exp(log - largest) for log in logs))


def _log_mean(logs: Sequence[float]) -> float:
    return _log_sum(logs) - math.log(len(logs))


@dataclass(frozen=True, slots=True)
class Dispersion:
    """Measure how much burstier the bad units come than independent ones would, tick by tick.

    Errors arrive in bursts: a client that tries again makes five of one. Dividing the evidence by this number
    keeps such bursts from looking like a regression.
    """

    ticks: int = 0
    units: float = 0.0
    bad: float = 0.0
    squares: float = 0.0

    def after(self, arm: Arm) -> "Dispersion":
        if arm.units <= 0:
            return self
        return Dispersion(
            self.ticks + 1,
            self.units + arm.units,
            self.bad + arm.bad,
            self.squares + arm.bad * arm.bad / arm.units,
        )

    @property
    def value(self) -> float:
        """Return Pearson's chi-square over its degrees of freedom, never below 1."""
        rate = self.bad / self.units if self.units > 0 else 0.0
        if self.ticks < 2 or not 0.0 < rate < 1.0:
            return 1.0
        spread = self.squares - 2 * rate * self.bad + rate * rate * self.units
        return max(1.0, spread / (rate * (1 - rate)) / (self.ticks - 1))

    def to_json(self) -> list[float]:
        return [self.ticks, self.units, self.bad, self.squares]

    @classmethod
    def from_json(cls, value: Sequence[float]) -> Self:
        return cls(int(value[0]), float(value[1]), float(value[2]), float(value[3]))


def ratio_to_exclude(weight: int) -> float:
    """Return the worst ratio that a stage of this weight must be able to see before it passes."""
    return next(ratio for least, ratio in RATIOS_TO_EXCLUDE if weight >= least or least == 0)


def reference_rate(baseline: Arm, *, tolerated: float) -> float | None:
    """Return the bad rate to compare with, or None while the baseline has shown nothing.

    Where the baseline had no bad unit the rule of three bounds its rate. Below `tolerated` nobody minds:
    without that floor a service that never fails could never show enough requests to pass.
    """
    if baseline.units <= 0:
        return None
    rate = baseline.rate if baseline.bad > 0 else min(1.0, 3.0 / baseline.units)
    return max(rate, tolerated)


def units_needed(rate: float, ratio: float, *, beta: float = BETA) -> int | None:
    """Return how many candidate units exclude `ratio` times `rate`; None where no number would.

    A ratio under 1 asks the same of a metric of which there must not be fewer.
    """
    distance = rate * (ratio - 1 - math.log(ratio)) if ratio > 0 else 0.0
    return math.ceil(-math.log(beta) / distance) if distance > 1e-12 else None


def log_excluded(
    candidate: Arm, baseline: Arm, ratio: float, *, tolerated: float, dispersion: float
) -> float:
    """Return the evidence that the candidate is as good as the baseline rather than `ratio` times as bad.

    A candidate that is `ratio` times as bad reaches `EXCLUDED_LOG` with a chance below `BETA`. Where the
    baseline is better than anybody asks for, the tolerated rate stands in its place.
    """
    if candidate.units <= 0 or baseline.units <= 0:
        return 0.0
    if baseline.rate < tolerated or baseline.bad <= 0:
        rate = reference_rate(baseline, tolerated=tolerated) or 0.0
        return (candidate.units * rate * (ratio - 1) - candidate.bad * math.log(ratio)) / dispersion
    together = candidate.bad + baseline.bad
    spread = math.log((ratio * candidate.units + baseline.units) / (candidate.units + baseline.units))
    return (together * spread - candidate.bad * math.log(ratio)) / dispersion


# A judgement asks for the same one twice: in its sentence and in its figures.
@lru_cache(maxsize=256)
def detectable_ratio(
    units: float, rate: float, *, beta: float = BETA, fewer_is_worse: bool = False
) -> float | None:
    """Return the smallest ratio that this many candidate units would have shown; None where none would.

    Where fewer is worse that is the largest ratio below 1.
    """
    if units <= 0 or rate <= 0:
        return None
    wanted = -math.log(beta) / (rate * units)
    low, high = (0.0, 1.0) if fewer_is_worse else (1.0, 4.0 + 2.0 * wanted)
    for _ in range(60):
        middle = (low + high) / 2
        is_short = middle - 1 - math.log(middle) < wanted
        low, high = (middle, high) if is_short is not fewer_is_worse else (low, middle)
    return high if 1 / LARGEST_RATIO_SHOWN < high < LARGEST_RATIO_SHOWN else None
