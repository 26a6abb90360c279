"""Guardrails are refused when they promise nothing, and counts are read for what they are."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest

from releasetrain.rollouts.rules.guardrails import (
    SEVERITY,
    Counts,
    Guardrail,
    GuardrailKind,
    GuardrailState,
    Measurement,
    NoData,
    Problem,
    Verdict,
    problems_of,
    read,
    worst_of,
)
from releasetrain.rollouts.rules.measuring import Look, absorb
from releasetrain.rollouts.rules.statistics import SPENT, Arm, EProcess
from tests.rollouts.rules.world import ERRORS, START, at, counts

SHARES = Guardrail(name="Share", metric="errors", kind=GuardrailKind.SAMPLE_RATIO)
SLOW = Guardrail(name="Slow", metric="slow", kind=GuardrailKind.THRESHOLD, absolute_limit=0.1)


def guardrail(**fields: Any) -> Guardrail:
    return Guardrail(name="Errors", metric="errors", **fields)


def point(units: float | None = 100, bad: float | None = 1, **fields: Any) -> Counts:
    values = {"candidate_units": units, "candidate_bad": bad, "baseline_units": 900, "baseline_bad": 4}
    return Counts(at=START, **(values | fields))


@pytest.mark.parametrize(
    ("fields", "field", "problem"),
    [
        (
            {"kind": GuardrailKind.THRESHOLD, "absolute_limit": None},
            "absolute_limit",
            "A threshold needs its limit: ",
        ),
        ({"ratio": 0.9}, "ratio", "The allowed ratio must be 1 or more."),
        ({"ratio": math.inf}, "ratio", "The allowed ratio must be 1 or more."),
        ({"ratio": math.nan}, "ratio", "The allowed ratio must be 1 or more."),
        ({"alpha": 0.0}, "alpha", "The chance of a false alarm must be above 0 and at most 0.05."),
        ({"alpha": 0.2}, "alpha", "The chance of a false alarm must be above 0 and at most 0.05."),
        ({"absolute_limit": 20.0}, "absolute_limit", "The absolute limit is a share: above 0 and at most 1."),
        ({"absolute_minimum": 0}, "absolute_minimum", "The absolute limit needs at least one unit"),
        ({"tolerated_rate": 1.0}, "tolerated_rate", "The tolerated rate is a share: at least 0 and below 1."),
        ({"excludes": 1.05}, "excludes", "The ratio to exclude must be larger than the allowed ratio."),
        ({"excludes": math.inf}, "excludes", "The ratio to exclude must be larger than the allowed ratio."),
        ({"window_seconds": 5}, "window_seconds", "A window is at least 10 s long."),
        ({"is_critical": True, "is_required": False}, "is_critical", "What is critical is required, too."),
        (
            {"no_data": NoData.ZERO, "fewer_is_worse": True},
            "no_data",
            "Only an error count may read a missing value",
        ),
    ],
)
def test_a_guardrail_that_promises_nothing_is_refused(
    fields: dict[str, Any], field: str, problem: str
) -> None:
    (found,) = problems_of(guardrail(**fields))
    assert found.field == field
    assert found.sentence.startswith(problem)


def test_a_guardrail_on_an_unknown_metric_is_refused() -> None:
    (unknown,) = problems_of(ERRORS, known_metrics={"slow", "orders"})
    assert unknown.sentence == "Nothing reports a metric called “errors”. Reported are: orders, slow."
    assert problems_of(ERRORS, known_metrics={"errors"}) == []


def test_a_window_that_is_longer_than_the_bake_is_refused() -> None:
    long = guardrail(kind=GuardrailKind.THRESHOLD, window_seconds=300)
    (found,) = problems_of(long, shortest_bake_seconds=600)
    assert found == Problem(
        "window_seconds",
        "It could fail only after 15 min 30 s (warm-up, then 3 × 5 min), and a stage here bakes for 10 min.",
    )
    assert problems_of(long, shortest_bake_seconds=930) == []
    assert problems_of(replace(long, is_critical=True), shortest_bake_seconds=600) == []
    assert problems_of(replace(long, kind=GuardrailKind.RATIO), shortest_bake_seconds=600) == []


@pytest.mark.parametrize(
    ("point", "expected"),
    [
        (point(), (Arm(100, 1), Arm(900, 4))),
        (point(units=0, bad=None), (Arm(0, 0), Arm(900, 4))),
        (point(error="timeout"), Measurement.ERROR),
        (point(units=None), Measurement.UNKNOWN),
        (point(bad=None), Measurement.UNKNOWN),
        (point(bad=math.nan), Measurement.UNKNOWN),
        (point(units=math.inf), Measurement.UNKNOWN),
        (point(baseline_units=None), Measurement.UNKNOWN),
        (point(bad=101), Measurement.ERROR),
        (point(bad=-1), Measurement.ERROR),
        (point(units=1e300, bad=1e299), Measurement.ERROR),
        (point(units=-5, bad=0), Measurement.ERROR),
    ],
)
def test_counts_are_read_for_what_they_are(point: Counts, expected: object) -> None:
    assert read(ERRORS, point) == expected


def test_only_an_error_count_with_requests_may_be_read_as_zero() -> None:
    zero = guardrail(no_data=NoData.ZERO)
    assert read(zero, point(bad=None)) == (Arm(100, 0), Arm(900, 4))
    assert read(zero, point(units=None, bad=None)) is Measurement.UNKNOWN


def test_a_threshold_needs_no_baseline() -> None:
    assert read(SLOW, point(baseline_units=None)) == (Arm(100, 1), Arm())


def test_verdicts_stand_in_this_order_and_the_worst_one_wins() -> None:
    order = ["pass", "dismissed", "not_run", "pending", "inconclusive", "error", "fail"]
    assert [verdict.value for verdict in sorted(Verdict, key=SEVERITY.__getitem__)] == order
    assert worst_of([Verdict.PASS, Verdict.ERROR, Verdict.PENDING]) is Verdict.ERROR


def test_nothing_judged_is_never_a_pass() -> None:
    assert worst_of([]) is Verdict.NOT_RUN
    assert worst_of([Verdict.PASS, Verdict.NOT_RUN]) is Verdict.NOT_RUN


@pytest.mark.parametrize("guardrail", [ERRORS, SHARES, SLOW], ids=lambda one: one.kind.value)
def test_what_a_guardrail_carries_survives_being_stored_as_json(guardrail: Guardrail) -> None:
    look = Look(now=at(60), stage_index=0, weight=5, entered_at=START, warm_up_seconds=0)
    points = [counts(at(seconds), 5, ratio=4) for seconds in range(10, 70, 10)]
    state = absorb(guardrail, GuardrailState(), points, look)
    assert state != GuardrailState()
    assert GuardrailState.from_json(json.loads(json.dumps(state.to_json()))) == state


def test_a_state_written_before_tests_kept_a_reserve_is_read_and_an_older_worker_reads_ours() -> None:
    stored = GuardrailState(tests={"worse": EProcess()}).to_json()
    assert len(stored["tests"]["worse"]) == 8
    del stored["reserves"]
    assert GuardrailState.from_json(stored).tests["worse"] == EProcess(reserve=SPENT)


def test_a_state_written_by_another_version_is_read_as_far_as_it_is_known() -> None:
    assert GuardrailState.from_json({}) == GuardrailState()
    stored = GuardrailState(bads=2).to_json() | {"invented_later": 7}
    del stored["oks"]
    assert GuardrailState.from_json(stored) == GuardrailState(bads=2)


def test_advisory_guardrails_never_decide() -> None:
    assert guardrail(is_required=False).decides_at(5) is False
    assert guardrail().decides_at(5) is True


def test_at_100_percent_only_absolute_limits_and_thresholds_decide() -> None:
    assert guardrail().decides_at(100) is True
    assert guardrail(absolute_limit=None).decides_at(100) is False
    assert SLOW.decides_at(100) is True
    assert SHARES.decides_at(100) is False
