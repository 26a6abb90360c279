"""Turn what happened before into how likely an arrival is by when: quantiles over every combination."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import product
from math import ceil
from typing import TypeVar

from releasetrain.trains.rules.forecast import FOREVER, Course, Run, Step

Case = TypeVar("Case", timedelta, float)
# So many typical cases stand for a history; one in the middle of each tenth.
CASES = 10
# Fewer than these say nothing yet: what other trains and services went through stands in for them.
FEWEST = 5
# Without any history: six in ten go as planned, one in ten takes half as long again.
USUAL_STRETCHES = (1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.05, 1.1, 1.25, 1.5)
USUAL_FAILURES = 0.05


@dataclass(frozen=True, slots=True)
class Chances:
    """What a departure may go through: how late it is decided, how its stages stretch, how often it fails."""

    delays: tuple[timedelta, ...]
    stretches: tuple[float, ...]
    failures: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """One way that it may go: when everybody has it, None for never, and how likely that is."""

    at: datetime | None
    weight: float


def typical(sample: Iterable[float], cases: int = CASES) -> tuple[float, ...]:
    """Return the typical cases of a sample: the one in the middle of each part of it.

    :param sample: not empty
    """
    known = sorted(sample)
    return tuple(
        known[min(len(known) - 1, int((number + 0.5) / cases * len(known)))] for number in range(cases)
    )


def usual_delays(grace: timedelta) -> tuple[timedelta, ...]:
    """Return how late decisions come where nothing is on record: one in ten as late as the grace allows."""
    return (*([timedelta(0)] * (CASES - 1)), grace)


def stretched(runs: Sequence[Run], by: float) -> list[Run]:
    """Return runs whose stages take that many times as long."""
    return [
        replace(run, steps=tuple(Step(step.weight, step.lasts * by) for step in run.steps)) for run in runs
    ]


def arrival_in(course: Course, service: int) -> datetime | None:
    """Return when everybody has a service: when its last stage starts, before it soaks."""
    own = [stage for stage in course.stages if stage.run.service == service]
    return own[-1].starts_at if own else None


def outcomes(
    chances: Chances, arrival: Callable[[timedelta, float], datetime | None], *, weight: float = 1.0
) -> list[Outcome]:
    """Return how it may go, by every combination of what the history knows."""
    pairs = list(product(shares_of(chances.delays).items(), shares_of(chances.stretches).items()))
    return [
        Outcome(arrival(delay, stretch), weight * of_delay * of_stretch)
        for (delay, of_delay), (stretch, of_stretch) in pairs
    ]


def shares_of(cases: Sequence[Case]) -> dict[Case, float]:
    """Return equal cases once, each with its share."""
    found: dict[Case, float] = {}
    for case in cases:
        found[case] = found.get(case, 0.0) + 1 / len(cases)
    return found


def quantile(found: Iterable[Outcome], share: float) -> datetime | None:
    """Return the second by which so large a share of the outcomes has come; None where fewer ever do."""
    reached = 0.0
    for one in sorted(found, key=lambda one: one.at or FOREVER):
        reached += one.weight
        if reached >= share - 1e-9:
            return one.at and one.at.replace(microsecond=0) + timedelta(seconds=one.at.microsecond > 0)
    return None


@dataclass(frozen=True, slots=True)
class Coverage:
    """How often past arrivals came by what would have been said before them."""

    counted: int
    by_p50: int
    by_p90: int
    median_width: timedelta

    @property
    def words(self) -> str:
        if not self.counted:
            return "nothing to count yet"
        shares = (100 * self.by_p50 / self.counted, 100 * self.by_p90 / self.counted)
        return f"{shares[0]:.1f} % by P50, {shares[1]:.1f} % by P90, of {self.counted}"


def backtest(durations: Sequence[float | None], *, window: int = 50) -> Coverage:
    """Ask for each past departure what would have been said from those before it, and whether it came true.

    :param durations: in seconds, in the order in which they left; None for one that came back
    """
    by_p50 = by_p90 = counted = 0
    widths: list[float] = []
    for number, actual in enumerate(durations):
        before = durations[max(0, number - window) : number]
        known = sorted(one for one in before if one is not None)
        if len(known) < FEWEST:
            continue
        counted += 1
        p50, p90 = _rank(known, len(before), 0.5), _rank(known, len(before), 0.9)
        by_p50 += actual is not None and p50 is not None and actual <= p50
        by_p90 += actual is not None and (p90 is None or actual <= p90)
        if p50 is not None and p90 is not None:
            widths.append(p90 - p50)
    middle = sorted(widths)[len(widths) // 2] if widths else 0.0
    return Coverage(counted, by_p50, by_p90, timedelta(seconds=middle))


def _rank(known: Sequence[float], of: int, share: float) -> float | None:
    """Return by when so large a share of all has come; None where fewer ever did."""
    place = ceil(share * of) - 1
    return known[place] if place < len(known) else None
