"""Describe guardrails: what they promise, what was measured, and what each carries from look to look."""

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from releasetrain.rollouts.rules.statistics import Arm, Dispersion, EProcess

Json = Any
NOTHING_COUNTED = Arm()
NO_DISPERSION = Dispersion()
# From this chance of a false alarm on, a guardrail holds and notifies but does not roll back.
HOLD_ALPHA = 0.05
# More units than this in one span are a broken expression, not traffic.
LARGEST_COUNT = 1e15


class GuardrailKind(StrEnum):
    """How a guardrail compares."""

    RATIO = "ratio"
    THRESHOLD = "threshold"
    SAMPLE_RATIO = "sample_ratio"


class NoData(StrEnum):
    """What a missing value means."""

    INCONCLUSIVE = "inconclusive"
    BAD = "bad"
    ZERO = "zero"


class Measurement(StrEnum):
    """What one measurement says."""

    OK = "ok"
    BAD = "bad"
    UNKNOWN = "unknown"
    ERROR = "error"


class Verdict(StrEnum):
    """What a guardrail says of a stage so far; mildest first, and the worst of the required ones wins."""

    PASS = "pass"  # noqa: S105 - a verdict, no secret
    NOT_RUN = "not_run"
    PENDING = "pending"
    INCONCLUSIVE = "inconclusive"
    ERROR = "error"
    FAIL = "fail"


SEVERITY: Mapping[Verdict, int] = {verdict: rank for rank, verdict in enumerate(Verdict)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Guardrail:
    """Promise how the candidate behaves by one metric.

    `ratio` is the allowed bad rate of the candidate over the baseline's, and `alpha` the chance of a false
    alarm over a stage; `absolute_limit` is a bad rate (0 to 1) that stops either arm at once from
    `absolute_minimum` units on, or the limit of a plain threshold. Nobody minds a bad rate below
    `tolerated_rate`. `excludes` replaces the ratio that a stage must be able to see before it passes. With
    `fewer_is_worse` the "bad" units are good ones (orders), of which the candidate must not have fewer.
    """

    name: str
    metric: str
    kind: GuardrailKind = GuardrailKind.RATIO
    ratio: float = 1.1
    alpha: float = 0.01
    is_required: bool = True
    absolute_limit: float | None = 0.2
    absolute_minimum: float = 20
    tolerated_rate: float = 0.001
    excludes: float | None = None
    no_data: NoData = NoData.INCONCLUSIVE
    fewer_is_worse: bool = False
    failure_limit: int = 2

    @property
    def rolls_back(self) -> bool:
        """Tell whether its evidence brings traffic back; otherwise it holds and notifies."""
        return self.alpha < HOLD_ALPHA

    def decides_at(self, weight: int) -> bool:
        """Tell whether its verdict counts: advisory ones never do, and at 100 % there is no control."""
        compares = self.kind is not GuardrailKind.THRESHOLD and weight >= 100
        has_limit = self.kind is GuardrailKind.RATIO and self.absolute_limit is not None
        return self.is_required and (not compares or has_limit)

    def crosses(self, arm: Arm) -> bool:
        """Tell whether an arm stands beyond the absolute limit."""
        if self.absolute_limit is None:
            return False
        return arm.rate < self.absolute_limit if self.fewer_is_worse else arm.rate > self.absolute_limit


def problems_of(guardrail: Guardrail, *, known_metrics: Collection[str] | None = None) -> list[str]:
    """Return a sentence for each reason not to save a guardrail; none means it may be saved."""
    problems = []
    if known_metrics is not None and guardrail.metric not in known_metrics:
        problems.append(f"Nothing reports a metric called “{guardrail.metric}”.")
    if guardrail.kind is GuardrailKind.THRESHOLD and guardrail.absolute_limit is None:
        problems.append("A threshold needs its limit: without one there is no condition.")
    if not (math.isfinite(guardrail.ratio) and guardrail.ratio >= 1):
        problems.append("The allowed ratio must be 1 or more.")
    if not 0 < guardrail.alpha <= HOLD_ALPHA:
        problems.append(f"The chance of a false alarm must be above 0 and at most {HOLD_ALPHA}.")
    if guardrail.absolute_limit is not None and not 0 < guardrail.absolute_limit <= 1:
        problems.append("The absolute limit is a share: above 0 and at most 1.")
    if not 0 <= guardrail.tolerated_rate < 1:
        problems.append("The tolerated rate is a share: at least 0 and below 1.")
    if guardrail.excludes is not None and not guardrail.excludes > guardrail.ratio:
        problems.append("The ratio to exclude must be larger than the allowed ratio.")
    if guardrail.no_data is NoData.ZERO and guardrail.fewer_is_worse:
        problems.append("Only an error count may read a missing value as zero.")
    return problems


@dataclass(frozen=True, slots=True, kw_only=True)
class Counts:
    """Count units and bad units of both arms over the span that ends at `at`; None is a missing series.

    `error` says why the provider could not answer at all: that is no measurement.
    """

    at: datetime
    candidate_units: float | None = None
    candidate_bad: float | None = None
    baseline_units: float | None = None
    baseline_bad: float | None = None
    error: str = ""

    @property
    def says_units(self) -> bool:
        """Tell whether the provider answered with numbers, be they zero: it is there, and data are fresh."""
        return not self.error and (_is_count(self.candidate_units) or _is_count(self.baseline_units))


def read(guardrail: Guardrail, counts: Counts) -> tuple[Arm, Arm] | Measurement:
    """Return candidate and baseline, or why these counts are no measurement (UNKNOWN or ERROR)."""
    if counts.error:
        return Measurement.ERROR
    candidate = _arm(guardrail, counts.candidate_units, counts.candidate_bad)
    baseline = _arm(guardrail, counts.baseline_units, counts.baseline_bad)
    if isinstance(candidate, Measurement):
        return candidate
    if guardrail.kind is GuardrailKind.THRESHOLD and baseline is Measurement.UNKNOWN:
        return candidate, NOTHING_COUNTED
    return baseline if isinstance(baseline, Measurement) else (candidate, baseline)


def _arm(guardrail: Guardrail, units: float | None, bad: float | None) -> Arm | Measurement:
    if units is None or not math.isfinite(units):
        return Measurement.UNKNOWN
    if guardrail.kind is GuardrailKind.SAMPLE_RATIO or units == 0:
        bad = bad or 0.0
    if bad is None and guardrail.no_data is NoData.ZERO and units > 0:
        bad = 0.0
    if bad is None or not math.isfinite(bad):
        return Measurement.UNKNOWN
    return Arm(float(units), float(bad)) if 0 <= bad <= units <= LARGEST_COUNT else Measurement.ERROR


def _is_count(value: float | None) -> bool:
    return value is not None and math.isfinite(value) and value >= 0


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardrailState:
    """Carry what one guardrail has seen of one stage; small, and JSON by `to_json`.

    `at` is the newest counts taken in, `fresh_at` the newest to which the provider answered, `compared_at`
    the newest that told of both arms. `recent_*` gathers units until the absolute limit may be looked at,
    `window` until a plain threshold may. `failed` is the reason once the guardrail has failed: a test that
    has rejected has stopped.
    """

    at: datetime | None = None
    fresh_at: datetime | None = None
    compared_at: datetime | None = None
    last: Measurement | None = None
    candidate: Arm = NOTHING_COUNTED
    baseline: Arm = NOTHING_COUNTED
    recent_candidate: Arm = NOTHING_COUNTED
    recent_baseline: Arm = NOTHING_COUNTED
    limit_candidate: Measurement = Measurement.UNKNOWN
    limit_baseline: Measurement = Measurement.UNKNOWN
    tests: Mapping[str, EProcess] = field(default_factory=dict)
    dispersion: Dispersion = NO_DISPERSION
    window: Arm = NOTHING_COUNTED
    measured_at: datetime | None = None
    oks: int = 0
    bads: int = 0
    is_suspected: bool = False
    failed: str = ""

    def test(self, name: str) -> EProcess:
        return self.tests.get(name, EProcess())

    def for_next_stage(self, guardrail: Guardrail) -> "GuardrailState":
        """Start a stage with no old evidence; only how bursty the baseline is carries over."""
        keeps = guardrail.kind is GuardrailKind.RATIO
        return GuardrailState(
            at=self.at, fresh_at=self.fresh_at, dispersion=self.dispersion if keeps else Dispersion()
        )

    def changed(self, **changes: Json) -> "GuardrailState":
        return replace(self, **changes)

    def to_json(self) -> dict[str, Json]:
        return {
            "at": _text(self.at),
            "fresh_at": _text(self.fresh_at),
            "compared_at": _text(self.compared_at),
            "last": self.last.value if self.last else None,
            "candidate": self.candidate.to_json(),
            "baseline": self.baseline.to_json(),
            "recent_candidate": self.recent_candidate.to_json(),
            "recent_baseline": self.recent_baseline.to_json(),
            "limit_candidate": self.limit_candidate.value,
            "limit_baseline": self.limit_baseline.value,
            "tests": {name: list(test.logs) for name, test in self.tests.items()},
            "dispersion": self.dispersion.to_json(),
            "window": self.window.to_json(),
            "measured_at": _text(self.measured_at),
            "oks": self.oks,
            "bads": self.bads,
            "is_suspected": self.is_suspected,
            "failed": self.failed,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Json]) -> Self:
        """Read what `to_json` wrote, also by an older or newer version of this software."""
        return cls(**{name: read(value[name]) for name, read in STATE_READERS.items() if name in value})


def _text(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


STATE_READERS: Mapping[str, Callable[[Json], Json]] = {
    "at": _instant,
    "fresh_at": _instant,
    "compared_at": _instant,
    "last": lambda value: Measurement(value) if value else None,
    "candidate": Arm.from_json,
    "baseline": Arm.from_json,
    "recent_candidate": Arm.from_json,
    "recent_baseline": Arm.from_json,
    "limit_candidate": Measurement,
    "limit_baseline": Measurement,
    "tests": lambda value: {name: EProcess(tuple(logs)) for name, logs in value.items()},
    "dispersion": Dispersion.from_json,
    "window": Arm.from_json,
    "measured_at": _instant,
    "oks": int,
    "bads": int,
    "is_suspected": bool,
    "failed": str,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    """Say what one guardrail finds of one stage, in a word, in a sentence and in figures."""

    guardrail: str
    stage_index: int
    at: datetime
    is_required: bool
    verdict: Verdict
    sentence: str
    figures: Mapping[str, Json]
    state: GuardrailState


def worst_of(verdicts: Iterable[Verdict]) -> Verdict:
    """Return the worst verdict; where nothing was judged that is NOT_RUN, which never passes."""
    return max(verdicts, key=SEVERITY.__getitem__, default=Verdict.NOT_RUN)
