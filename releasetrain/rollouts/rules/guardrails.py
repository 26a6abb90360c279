"""Describe guardrails: what they promise, what was measured, and what each carries from look to look."""

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Self

from releasetrain.lib.spans import in_words
from releasetrain.lib.values import changed
from releasetrain.rollouts.rules.dismissals import Dismissal
from releasetrain.rollouts.rules.shadows import SHADOW_METRIC
from releasetrain.rollouts.rules.statistics import SPENT, Arm, Dispersion, EProcess

Json = Any
NOTHING_COUNTED = Arm()
NO_DISPERSION = Dispersion()
# From this chance of a false alarm on, a guardrail holds and notifies but does not roll back.
HOLD_ALPHA = 0.05
# The span that one measurement of a plain threshold covers, and how long thresholds look away after a shift.
WINDOW_SECONDS = 10.0
WARM_UP_SECONDS = 30.0
# More units than this in one span are a broken expression, not traffic.
LARGEST_COUNT = 1e15


class GuardrailKind(StrEnum):
    """How a guardrail compares."""

    RATIO = "ratio"
    THRESHOLD = "threshold"
    SAMPLE_RATIO = "sample_ratio"
    NEW_ERRORS = "new_errors"


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
    DISMISSED = "dismissed"
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
    `fewer_is_worse` the "bad" units are good ones (orders), of which the candidate must not have fewer. A
    measurement of a plain threshold covers `window_seconds`. One over new error lines minds those of
    `least_severity` (10 warning, 20 error, 30 critical) that came `absolute_minimum` times; its metric tells
    of requests. What `is_critical` fails at its first bad
    measurement, and nobody dismisses it or promotes past it.
    """

    name: str
    metric: str
    kind: GuardrailKind = GuardrailKind.RATIO
    ratio: float = 1.1
    alpha: float = 0.01
    is_required: bool = True
    is_critical: bool = False
    absolute_limit: float | None = 0.2
    absolute_minimum: float = 20
    tolerated_rate: float = 0.001
    excludes: float | None = None
    no_data: NoData = NoData.INCONCLUSIVE
    fewer_is_worse: bool = False
    failure_limit: int = 2
    window_seconds: float = WINDOW_SECONDS
    least_severity: int = 20

    @property
    def bad_allowed(self) -> int:
        """Return how many bad measurements a stage may have."""
        return 0 if self.is_critical else self.failure_limit

    @property
    def is_of_copies(self) -> bool:
        """Tell whether it reads how copies of requests are answered."""
        return self.metric == SHADOW_METRIC

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


@dataclass(frozen=True, slots=True)
class Problem:
    """Say which field of a guardrail is wrong, and why, in a sentence."""

    field: str
    sentence: str


def problems_of(
    guardrail: Guardrail,
    *,
    known_metrics: Collection[str] | None = None,
    shortest_bake_seconds: float | None = None,
) -> list[Problem]:
    """Return each reason not to save a guardrail; none means it may be saved.

    :param known_metrics: what is reported; None asks nothing
    :param shortest_bake_seconds: of the stages that it would watch; None where none is known
    """
    found = [
        *_problems_of_condition(guardrail),
        *_problems_of_shares(guardrail),
        *_problems_of_window(guardrail, shortest_bake_seconds),
    ]
    if known_metrics is not None and guardrail.metric not in known_metrics:
        told = f" Reported are: {', '.join(sorted(known_metrics))}." if known_metrics else ""
        found.append(Problem("metric", f"Nothing reports a metric called “{guardrail.metric}”.{told}"))
    return found


def _problems_of_condition(guardrail: Guardrail) -> Iterable[Problem]:
    if guardrail.kind is GuardrailKind.THRESHOLD and guardrail.absolute_limit is None:
        yield Problem("absolute_limit", "A threshold needs its limit: without one there is no condition.")
    if not (math.isfinite(guardrail.ratio) and guardrail.ratio >= 1):
        yield Problem("ratio", "The allowed ratio must be 1 or more.")
    if not 0 < guardrail.alpha <= HOLD_ALPHA:
        yield Problem("alpha", f"The chance of a false alarm must be above 0 and at most {HOLD_ALPHA}.")
    if guardrail.excludes is not None and not guardrail.ratio < guardrail.excludes < math.inf:
        yield Problem("excludes", "The ratio to exclude must be larger than the allowed ratio.")
    if guardrail.no_data is NoData.ZERO and guardrail.fewer_is_worse:
        yield Problem("no_data", "Only an error count may read a missing value as zero.")
    if guardrail.is_critical and not guardrail.is_required:
        yield Problem("is_critical", "What is critical is required, too.")


def _problems_of_shares(guardrail: Guardrail) -> Iterable[Problem]:
    if guardrail.absolute_limit is not None and not 0 < guardrail.absolute_limit <= 1:
        yield Problem("absolute_limit", "The absolute limit is a share: above 0 and at most 1.")
    if not 0 <= guardrail.tolerated_rate < 1:
        yield Problem("tolerated_rate", "The tolerated rate is a share: at least 0 and below 1.")
    if not 1 <= guardrail.absolute_minimum <= LARGEST_COUNT:
        yield Problem("absolute_minimum", "The absolute limit needs at least one unit to look at.")


def _problems_of_window(guardrail: Guardrail, bake_seconds: float | None) -> Iterable[Problem]:
    """Refuse what could not fail within the shortest bake that it watches."""
    if not WINDOW_SECONDS <= guardrail.window_seconds < math.inf:
        yield Problem("window_seconds", f"A window is at least {in_words(WINDOW_SECONDS)} long.")
        return
    if guardrail.kind is not GuardrailKind.THRESHOLD or bake_seconds is None:
        return
    needed = WARM_UP_SECONDS + (guardrail.bad_allowed + 1) * guardrail.window_seconds
    if needed > bake_seconds:
        yield Problem(
            "window_seconds",
            f"It could fail only after {in_words(needed)} (warm-up, then {guardrail.bad_allowed + 1} × "
            f"{in_words(guardrail.window_seconds)}), and a stage here bakes for {in_words(bake_seconds)}.",
        )


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
    the newest that told of both arms. `recent_*` gathers units until the absolute limit, or a plain
    threshold, may be looked at; `limit_rate` is what the candidate had at the newest look. `failed` is the
    reason once the guardrail has failed: a test that has rejected has stopped. `dismissal` is what a person
    has accepted for a time. `lines` names the severe new error lines, and `told` says the worst of them.
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
    limit_rate: float = 0.0
    measured_at: datetime | None = None
    oks: int = 0
    bads: int = 0
    is_suspected: bool = False
    failed: str = ""
    dismissal: Dismissal | None = None
    lines: tuple[str, ...] = ()
    told: str = ""

    def test(self, name: str) -> EProcess:
        return self.tests.get(name, EProcess())

    def for_next_stage(self, guardrail: Guardrail) -> "GuardrailState":
        """Start a stage with no old evidence; how bursty the baseline is carries over, and a dismissal."""
        keeps = guardrail.kind is GuardrailKind.RATIO
        return GuardrailState(
            at=self.at,
            fresh_at=self.fresh_at,
            dispersion=self.dispersion if keeps else Dispersion(),
            dismissal=self.dismissal,
        )

    def changed(self, **changes: Json) -> "GuardrailState":
        return changed(self, **changes)

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
            "reserves": {name: test.reserve for name, test in self.tests.items()},
            "dispersion": self.dispersion.to_json(),
            "limit_rate": self.limit_rate,
            "measured_at": _text(self.measured_at),
            "oks": self.oks,
            "bads": self.bads,
            "is_suspected": self.is_suspected,
            "failed": self.failed,
            "dismissal": self.dismissal.to_json() if self.dismissal else None,
            "lines": list(self.lines),
            "told": self.told,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Json]) -> Self:
        """Read what `to_json` wrote, also by an older or newer version of this software."""
        known = {name: read(value[name]) for name, read in STATE_READERS.items() if name in value}
        # Older workers know eight logarithms a test, and would not survive a ninth beside them.
        reserves = value.get("reserves", {})
        tests = known.get("tests", {})
        known["tests"] = {
            name: replace(test, reserve=float(reserves.get(name, SPENT))) for name, test in tests.items()
        }
        return cls(**known)


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
    "limit_rate": float,
    "measured_at": _instant,
    "oks": int,
    "bads": int,
    "is_suspected": bool,
    "failed": str,
    "dismissal": lambda value: Dismissal.from_json(value) if value else None,
    "lines": tuple,
    "told": str,
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
