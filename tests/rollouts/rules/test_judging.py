"""What guardrails find, from counts to verdict."""

import math
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from releasetrain.rollouts.rules.guardrails import (
    Counts,
    Guardrail,
    GuardrailKind,
    GuardrailState,
    Judgement,
    Measurement,
    NoData,
    Verdict,
)
from releasetrain.rollouts.rules.judging import judge
from releasetrain.rollouts.rules.measuring import Look, absorb
from tests.rollouts.rules.world import ERRORS, START, at, counts

SLOW = Guardrail(name="Slow", metric="slow", kind=GuardrailKind.THRESHOLD, absolute_limit=0.1)
COMPARED = "Errors: 0 of 90 on the new version against 45 of 8,910 on the old one, ×1.0."
SHARES = Guardrail(name="Share", metric="requests", kind=GuardrailKind.SAMPLE_RATIO)


def look(seconds: float, weight: int = 1, **fields: Any) -> Look:
    return Look(now=at(seconds), stage_index=0, weight=weight, entered_at=START, **fields)


def watch(
    guardrail: Guardrail,
    seconds: int,
    *,
    weight: int = 1,
    state: GuardrailState | None = None,
    look_fields: dict[str, Any] | None = None,
    **traffic: Any,
) -> Judgement:
    """Let a guardrail see steady traffic for a while, a point every 10 s, and judge."""
    points = [counts(at(second), weight, **traffic) for second in range(10, seconds + 10, 10)]
    seen = look(seconds, weight, **(look_fields or {}))
    return judge(guardrail, absorb(guardrail, state or GuardrailState(), points, seen), seen)


def test_a_healthy_candidate_is_pending_until_enough_was_seen_and_then_passes() -> None:
    early, late = watch(ERRORS, 80), watch(ERRORS, 90)
    assert (early.verdict, early.sentence) == (
        Verdict.PENDING,
        "Errors: 80 of 90 needed seen on the new version.",
    )
    assert (late.verdict, late.sentence) == (
        Verdict.PASS,
        f"{COMPARED} This stage can detect ×10.0 or more.",
    )
    assert late.figures["needed_units"] == 90


def test_pending_at_the_end_of_the_bake_is_inconclusive() -> None:
    assert watch(ERRORS, 80, look_fields={"is_bake_done": True}).verdict is Verdict.INCONCLUSIVE


def test_a_service_that_never_fails_passes_once_a_tolerated_rate_is_excluded() -> None:
    assert watch(ERRORS, 440, rate=0.0).verdict is Verdict.PENDING
    assert watch(ERRORS, 450, rate=0.0).verdict is Verdict.PASS


def test_a_guardrail_that_has_seen_nothing_is_not_run() -> None:
    judgement = judge(ERRORS, GuardrailState(), look(10))
    assert (judgement.verdict, judgement.sentence) == (
        Verdict.NOT_RUN,
        "Errors: nothing has been measured yet.",
    )


def test_a_regression_fails_and_stays_failed() -> None:
    failed = watch(ERRORS, 60, ratio=20)
    assert failed.verdict is Verdict.FAIL
    assert failed.sentence.startswith("Errors: 4 of 40 on the new version against 20 of 3,960 on the old one")
    assert watch(ERRORS, 60, state=failed.state).verdict is Verdict.FAIL


def test_a_suspicion_holds_before_it_is_certain() -> None:
    judgement = watch(ERRORS, 30, ratio=20)
    assert judgement.verdict is Verdict.INCONCLUSIVE
    assert judgement.state.is_suspected
    assert judgement.sentence.endswith("That is suspicious, but not certain enough to roll back.")


def test_a_suspicion_ends_when_the_evidence_has_gone() -> None:
    suspected = watch(ERRORS, 30, ratio=20).state
    calm = [counts(at(seconds), 1, ratio=0) for seconds in range(40, 400, 10)]
    after = absorb(ERRORS, suspected, calm, look(390))
    assert not after.is_suspected


def test_a_guardrail_of_alpha_five_percent_never_rolls_back() -> None:
    holding = replace(ERRORS, alpha=0.05, absolute_limit=None)
    assert watch(holding, 600, ratio=20).verdict is Verdict.INCONCLUSIVE


def test_guardrails_that_roll_back_share_their_chance_of_a_false_alarm() -> None:
    alone, shared = watch(ERRORS, 40, ratio=20), watch(ERRORS, 40, ratio=20, look_fields={"sharing": 8})
    assert (alone.verdict, shared.verdict) == (Verdict.FAIL, Verdict.INCONCLUSIVE)


def test_bursty_errors_weigh_less() -> None:
    lumps = [
        counts(at(-seconds), 0, rate=0.05 if seconds % 100 == 0 else 0.0) for seconds in range(990, 0, -10)
    ]
    bursty = absorb(ERRORS, GuardrailState(), lumps, look(0, 0)).for_next_stage(ERRORS)
    assert bursty.dispersion.value > 10
    assert watch(ERRORS, 40, ratio=20, state=bursty).verdict is Verdict.PENDING


def test_the_next_stage_keeps_no_evidence_but_how_bursty_the_baseline_is() -> None:
    state = watch(ERRORS, 60, ratio=20).state
    following = state.for_next_stage(ERRORS)
    assert following == GuardrailState(at=state.at, fresh_at=state.fresh_at, dispersion=state.dispersion)


def test_the_absolute_limit_stops_at_once() -> None:
    judgement = watch(ERRORS, 20, rate=0.0, ratio=1.0)
    assert judgement.state.limit_candidate is Measurement.OK
    broken = Counts(at=at(30), candidate_units=20, candidate_bad=5, baseline_units=980, baseline_bad=0)
    after = judge(ERRORS, absorb(ERRORS, judgement.state, [broken], look(30)), look(30))
    assert after.verdict is Verdict.FAIL
    assert after.sentence == ("Errors: 5 of the newest 20 on the new version (25%), above the limit of 20%.")


def test_the_absolute_limit_waits_for_its_minimum() -> None:
    few = Counts(at=at(10), candidate_units=19, candidate_bad=5, baseline_units=0, baseline_bad=0)
    state = absorb(ERRORS, GuardrailState(), [few], look(10, 100))
    assert state.limit_candidate is Measurement.UNKNOWN
    more = replace(few, at=at(20), candidate_units=1, candidate_bad=1)
    assert absorb(ERRORS, state, [more], look(20, 100)).limit_candidate is Measurement.BAD


def test_the_absolute_limit_is_not_diluted_by_an_hour_of_good_answers() -> None:
    good = watch(ERRORS, 3600, weight=100).state
    bad = counts(at(3610), 100, rate=0.5)
    assert absorb(ERRORS, good, [bad], look(3610, 100)).failed


def test_at_100_percent_the_absolute_limit_is_the_answer() -> None:
    judgement = watch(ERRORS, 20, weight=100)
    assert (judgement.verdict, judgement.sentence) == (
        Verdict.PASS,
        "Errors: 0.50%, within the limit of 20%.",
    )
    assert (
        judge(replace(ERRORS, absolute_limit=None), judgement.state, look(20, 100)).verdict is Verdict.NOT_RUN
    )


def test_the_same_counts_twice_count_once() -> None:
    points = [counts(at(10), 1), counts(at(20), 1)]
    once = absorb(ERRORS, GuardrailState(), points, look(20))
    assert absorb(ERRORS, once, points, look(20)) == once
    assert absorb(ERRORS, GuardrailState(), [*points, *points], look(20)) == once


def test_counts_out_of_order_are_put_in_order() -> None:
    points = [counts(at(10), 1, ratio=3), counts(at(20), 1), counts(at(30), 1, ratio=9)]
    forward = absorb(ERRORS, GuardrailState(), points, look(30))
    assert absorb(ERRORS, GuardrailState(), reversed(points), look(30)) == forward


def test_a_provider_that_errs_is_no_measurement_and_blocks() -> None:
    state = watch(ERRORS, 100).state
    state = absorb(ERRORS, state, [Counts(at=at(110), error="502")], look(110))
    judgement = judge(ERRORS, state, look(110))
    assert (judgement.verdict, judgement.sentence) == (
        Verdict.ERROR,
        "Errors: the source of “errors” answers with an error.",
    )
    assert state.fresh_at == at(100)
    assert state.candidate.units == 100
    assert watch(ERRORS, 120, state=state).verdict is Verdict.PASS


def test_stale_data_are_pending() -> None:
    state = watch(ERRORS, 100).state
    assert judge(ERRORS, state, look(160)).verdict is Verdict.PASS
    judgement = judge(ERRORS, state, look(161))
    assert (judgement.verdict, judgement.sentence) == (
        Verdict.PENDING,
        "Errors: no fresh measurement for 1 min 1 s.",
    )


def test_a_candidate_that_has_gone_silent_never_passes() -> None:
    state = watch(ERRORS, 100).state
    silent = [
        replace(counts(at(s), 1), candidate_units=None, candidate_bad=None) for s in range(110, 180, 10)
    ]
    state = absorb(ERRORS, state, silent, look(170))
    judgement = judge(ERRORS, state, look(170))
    assert (judgement.verdict, judgement.sentence) == (
        Verdict.PENDING,
        "Errors: one of the versions reports nothing.",
    )
    assert state.fresh_at == at(170)


def test_a_missing_value_may_count_as_bad() -> None:
    strict = replace(ERRORS, no_data=NoData.BAD)
    missing = [replace(counts(at(s), 1), candidate_bad=None) for s in range(10, 40, 10)]
    two = absorb(strict, GuardrailState(), missing[:2], look(20))
    assert (two.bads, two.failed) == (2, "")
    three = absorb(strict, two, missing, look(30))
    assert three.failed == "Errors: 3 bad measurements in this stage; 2 are allowed."
    assert absorb(ERRORS, GuardrailState(), missing, look(30)).failed == ""


def test_fewer_orders_fail_and_more_do_not() -> None:
    orders = replace(ERRORS, name="Orders", fewer_is_worse=True, absolute_limit=None)
    fewer = watch(orders, 600, weight=50, rate=0.05, ratio=0.5)
    assert fewer.verdict is Verdict.FAIL
    assert watch(orders, 600, weight=50, rate=0.05, ratio=1.0).verdict is Verdict.PASS
    assert watch(orders, 600, weight=50, rate=0.05, ratio=2.0).verdict is Verdict.PASS


def test_a_threshold_fails_at_the_third_bad_measurement() -> None:
    verdicts = [watch(SLOW, seconds, weight=50, rate=0.2).verdict for seconds in (40, 50, 60)]
    assert verdicts == [Verdict.PENDING, Verdict.PENDING, Verdict.FAIL]


def test_a_threshold_leaves_out_the_warm_up() -> None:
    warm = watch(SLOW, 30, weight=50, rate=0.2).state
    assert (warm.bads, warm.oks) == (0, 0)


def test_a_threshold_passes_on_good_measurements_only() -> None:
    assert watch(SLOW, 20, weight=50).verdict is Verdict.PENDING
    judgement = watch(SLOW, 60, weight=50)
    assert judgement.verdict is Verdict.PASS
    assert judgement.sentence == "Slow: 3 good and 0 bad measurements in this stage."


def test_a_threshold_with_too_few_units_says_nothing() -> None:
    assert watch(SLOW, 60, weight=1, rate=0.2).verdict is Verdict.PENDING


def test_a_threshold_measures_once_an_interval_however_often_it_is_looked_at() -> None:
    points = [counts(at(30 + second), 50, 1, rate=0.2) for second in range(21)]
    assert absorb(SLOW, GuardrailState(), points, look(51, 50)).bads == 2


def share(seconds: float, candidate: float, baseline: float) -> Counts:
    return Counts(at=at(seconds), candidate_units=candidate, baseline_units=baseline)


@pytest.mark.parametrize(
    ("candidate", "verdict"),
    [
        (50, Verdict.PASS),
        (55, Verdict.PASS),
        (75, Verdict.INCONCLUSIVE),
        (20, Verdict.INCONCLUSIVE),
        (250, Verdict.FAIL),
    ],
)
def test_the_share_of_requests_is_held_against_the_weight(candidate: float, verdict: Verdict) -> None:
    points = [share(seconds, candidate, 1000 - candidate) for seconds in range(40, 340, 10)]
    seen = look(330, 5)
    judgement = judge(SHARES, absorb(SHARES, GuardrailState(), points, seen), seen)
    assert judgement.verdict is verdict
    assert judgement.sentence.endswith("where 5 % are wanted.")


def test_the_share_is_not_looked_at_while_the_weight_moves() -> None:
    points = [share(seconds, 500, 500) for seconds in range(40, 340, 10)]
    for seen in (look(330, 5, is_weight_settled=False), look(330, 100), look(330, 0)):
        assert not absorb(SHARES, GuardrailState(), points, seen).failed


def test_no_count_is_too_odd_to_be_taken_in() -> None:
    odd = [math.nan, math.inf, -math.inf, -1.0, 0.0, 1e15, 1e308, None]
    points = [
        Counts(at=at(0), candidate_units=a, candidate_bad=b, baseline_units=c, baseline_bad=d)
        for a in odd
        for b in odd
        for c in odd
        for d in odd
    ]
    for guardrail in (ERRORS, SLOW, SHARES, replace(ERRORS, fewer_is_worse=True, no_data=NoData.ZERO)):
        for weight in (0, 1, 100):
            state = GuardrailState()
            for number, point in enumerate(points):
                when = START + timedelta(seconds=number * 10)
                state = absorb(guardrail, state, [replace(point, at=when)], look(number * 10, weight))
            assert isinstance(judge(guardrail, state, look(1e6, weight)).verdict, Verdict)


def test_what_is_critical_fails_at_its_first_bad_measurement() -> None:
    critical = replace(SLOW, is_critical=True)
    judgement = watch(critical, 40, weight=50, rate=0.2)
    assert (judgement.verdict, judgement.sentence) == (
        Verdict.FAIL,
        "Slow: 1 bad measurement in this stage; none is allowed.",
    )


def test_a_measurement_covers_the_window_that_was_asked_for() -> None:
    wide = replace(SLOW, window_seconds=60, failure_limit=0)
    assert [watch(wide, seconds, weight=50, rate=0.2).verdict for seconds in (80, 90)] == [
        Verdict.PENDING,
        Verdict.FAIL,
    ]


def test_the_window_of_an_accelerated_bake_is_shortened_with_its_interval() -> None:
    wide = replace(SLOW, window_seconds=60, failure_limit=0)
    fields = {"interval_seconds": 2, "warm_up_seconds": 2}
    assert watch(wide, 20, weight=50, rate=0.2, look_fields=fields).verdict is Verdict.FAIL


def test_a_threshold_looks_at_both_versions() -> None:
    state = watch(SLOW, 40, weight=50, rate=0.2, ratio=0.1).state
    assert (state.limit_candidate, state.limit_baseline) == (Measurement.OK, Measurement.BAD)
    assert state.failed == ""


def test_a_threshold_is_measured_on_the_old_version_before_the_first_user() -> None:
    points = [counts(at(seconds), 0, rate=0.2) for seconds in range(-60, 0, 10)]
    state = absorb(SLOW, GuardrailState(), points, look(0, 0))
    assert (state.limit_candidate, state.limit_baseline) == (Measurement.UNKNOWN, Measurement.BAD)
    assert (state.bads, state.failed) == (0, "")


def test_a_series_that_stops_may_count_as_bad() -> None:
    strict = replace(ERRORS, no_data=NoData.BAD)
    state = watch(strict, 100).state
    fails_at = None
    for second in range(110, 400, 10):
        state = absorb(strict, state, [], look(second))
        if state.failed:
            fails_at = second
            break
    assert fails_at == 190
    assert state.failed == "Errors: 3 bad measurements in this stage; 2 are allowed."
    assert absorb(ERRORS, watch(ERRORS, 100).state, [], look(400)).bads == 0


def test_silence_is_not_held_against_a_version_whose_weight_is_still_being_set() -> None:
    strict = replace(ERRORS, no_data=NoData.BAD, is_critical=True)
    moving = {"is_weight_settled": False}
    assert absorb(strict, GuardrailState(), [], look(90, **moving)).failed == ""
    assert absorb(strict, GuardrailState(), [], look(90)).failed != ""
