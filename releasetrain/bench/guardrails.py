"""Measure how well guardrails judge: false alarms, what they catch and when, beside common judges."""

import random
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from releasetrain.bench.canaries import Bake, Setting, draw_bake
from releasetrain.bench.figures import Aim, Column, Number, Result, Row
from releasetrain.bench.judges import JUDGES, NEVER, Finding
from releasetrain.bench.options import Options
from releasetrain.bench.progress import say
from releasetrain.rollouts.rules.statistics import ratio_to_exclude

SEED = 20261127
HEALTHY, BROKEN = 1000, 200
OURS = "guardrail"
# How many requests a second give a bake of ten minutes just the units that its weight needs to pass.
JUST_ENOUGH = {1: 15.0, 25: 13.0}
COLUMNS = (
    Column("false", "false %", 2),
    Column("false_bursts", "in bursts %", 2),
    Column("caught", "caught %", 1),
    Column("seconds", "after s"),
    Column("small_caught", "smaller %", 1),
    Column("small_seconds", "after s"),
    Column("late_caught", "late %", 1),
    Column("late_seconds", "after s"),
    Column("wrong", "passed wrongly %", 1),
    Column("micros", "µs a look"),
)


@dataclass(slots=True)
class Judged:
    """What one judge found of the bakes of one kind, and the seconds of the processor that it took."""

    findings: list[Finding] = field(default_factory=list)
    looks: int = 0
    seconds: float = 0.0

    def share(self, of: Callable[[Finding], bool]) -> float:
        """Return the percentage of bakes of which something is true."""
        return 100 * sum(of(one) for one in self.findings) / len(self.findings)

    def median(self, of: Callable[[Finding], float], since: float = 0.0) -> Number:
        """Return the median seconds since the defect began; None where half were never found."""
        found = statistics.median(of(one) for one in self.findings)
        return None if found == NEVER else found - since


def run(options: Options) -> Result:
    """Draw bakes from a seed, and let every judge see the same ones."""
    rows: list[Row] = []
    for weight, large, small in ((1, 20.0, 5.0), (25, 5.0, 2.0)):
        say(f"guardrails: bakes at {weight} %")
        rows += _rows(weight, _play(_settings(weight, large, small), options.scale))
    found = {row.what: row.figures for row in rows}
    return Result(
        name="guardrails",
        title="bakes of 10 min, a look every 10 s, 100 requests/s, 0.5 % bad",
        columns=COLUMNS,
        rows=rows,
        aims=list(_aims(found)),
        notes=[_how(options.scale)],
    )


def _settings(weight: int, large: float, small: float) -> dict[str, Setting]:
    excluded = ratio_to_exclude(weight)
    just = JUST_ENOUGH[weight]
    return {
        "healthy": Setting(weight=weight),
        "bursts": Setting(weight=weight, cluster=3.0),
        "large": Setting(weight=weight, ratio=large),
        "small": Setting(weight=weight, ratio=small),
        "late": Setting(weight=weight, ratio=large, seconds=1800, broken_after=1200),
        "excluded": Setting(weight=weight, ratio=excluded, requests_per_second=just),
    }


def _play(settings: Mapping[str, Setting], scale: float) -> dict[str, dict[str, Judged]]:
    """Return what each judge found of each kind of bake: kind → judge → findings."""
    found: dict[str, dict[str, Judged]] = {}
    for kind, setting in settings.items():
        rng = random.Random(f"{SEED} {kind} {setting.weight}")  # noqa: S311 - a draw to be repeated
        runs = max(2, round(scale * (HEALTHY if kind == "healthy" else BROKEN)))
        bakes = [draw_bake(rng, setting) for _ in range(runs)]
        found[kind] = {name: _judged(judge, bakes) for name, judge in JUDGES.items()}
    return found


def _judged(judge: Callable[[Bake], Finding], bakes: Sequence[Bake]) -> Judged:
    began = time.process_time()
    judged = Judged([judge(bake) for bake in bakes])
    judged.seconds = time.process_time() - began
    judged.looks = sum(
        round(min(one.stopped, bake.setting.seconds) / bake.setting.interval)
        for one, bake in zip(judged.findings, bakes, strict=True)
    )
    return judged


def _rows(weight: int, found: Mapping[str, Mapping[str, Judged]]) -> Iterator[Row]:
    for judge, words, instant in (
        (OURS, " stops (α .01)", _stopped),
        (OURS, " holds (α .05)", _doubted),
        *((name, "", _stopped) for name in JUDGES if name != OURS),
    ):
        figures = _figures(found, judge, instant)
        yield Row(f"{weight} %: {judge}{words}", figures, is_yardstick=judge != OURS)


def _stopped(finding: Finding) -> float:
    return finding.stopped


def _doubted(finding: Finding) -> float:
    return finding.doubted


def _figures(
    found: Mapping[str, Mapping[str, Judged]], judge: str, instant: Callable[[Finding], float]
) -> dict[str, Number]:
    def is_found(one: Finding) -> bool:
        return instant(one) < NEVER

    of = {kind: judged[judge] for kind, judged in found.items()}
    late = [one for one in of["late"].findings if instant(one) > 1200]
    after = Judged(late) if late else of["late"]
    return {
        "false": of["healthy"].share(is_found),
        "false_bursts": of["bursts"].share(is_found),
        "caught": of["large"].share(is_found),
        "seconds": of["large"].median(instant),
        "small_caught": of["small"].share(is_found),
        "small_seconds": of["small"].median(instant),
        "late_caught": 100 * sum(is_found(one) for one in late) / len(late) if late else None,
        "late_seconds": after.median(instant, 1200) if late else None,
        "wrong": of["excluded"].share(lambda one: one.passed and not is_found(one)),
        "micros": 1e6 * of["healthy"].seconds / max(of["healthy"].looks, 1),
    }


def _aims(found: Mapping[str, Mapping[str, Number]]) -> Iterator[Aim]:
    stops, holds = found["1 %: guardrail stops (α .01)"], found["1 %: guardrail holds (α .05)"]
    yield Aim("1 %: no defect, flagged at α .05", "%", 1.5, holds["false"])
    yield Aim("1 %: no defect, flagged at α .01", "%", 0.7, stops["false"])
    yield Aim("1 %: ×20 caught, median", "s", 40, stops["seconds"])
    yield Aim("1 %: ×5 caught, median", "s", 260, holds["small_seconds"])
    for weight in JUST_ENOUGH:
        wrong = found[f"{weight} %: guardrail holds (α .05)"]["wrong"]
        yield Aim(f"{weight} %: passed although as bad as must be excluded", "%", 5, wrong)


def _how(scale: float) -> str:
    healthy, others = max(2, round(scale * HEALTHY)), max(2, round(scale * BROKEN))
    return (
        f"Seed {SEED}; {healthy} healthy bakes and {others} of each other kind; every judge sees the same "
        "ones. At 1 % “caught” is ×20 and “smaller” ×5; at 25 % ×5 and ×2. “late” is caught’s ratio, but 20 "
        "minutes into a bake of 30, counted from there, of those that nobody had stopped before. “passed "
        "wrongly” is the ratio that the stage must exclude, with just the traffic that it needs. Bursts are "
        "three bad units on average. The threshold is 1 % in 60 s, two bad minutes allowed; Fisher and "
        "Mann-Whitney stop at p < .01, one-sided."
    )
