"""The figures of ENGINE section 5, by hand and by simulation."""

import math
import random
from collections.abc import Callable
from dataclasses import replace
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releasetrain.bench.canaries import Setting, draw_bake
from releasetrain.bench.judges import NEVER, Finding, by_guardrail
from releasetrain.rollouts.rules.statistics import (
    EXCLUDED_LOG,
    MULTIPLES,
    RESERVE,
    SPENT,
    Arm,
    Dispersion,
    EProcess,
    detectable_ratio,
    log_excluded,
    ratio_to_exclude,
    reference_rate,
    units_needed,
)

SEED = 20261123


def test_one_tick_adds_the_log_likelihood_ratio_of_each_multiple() -> None:
    before = replace(EProcess(), reserve=SPENT)
    test = before.after(Arm(10, 2), Arm(990, 5), allowed=1.1, dispersion=2.0)
    for log, was, multiple in zip(test.logs, before.logs, MULTIPLES, strict=True):
        theta = 1.1 * multiple
        share, allowed = theta * 10 / (theta * 10 + 990), 1.1 * 10 / (1.1 * 10 + 990)
        by_hand = (2 * math.log(share / allowed) + 5 * math.log((1 - share) / (1 - allowed))) / 2.0
        assert log - was == pytest.approx(by_hand)


def test_the_evidence_is_the_mean_over_the_mixture_and_what_is_in_reserve() -> None:
    test = EProcess((0.0,) * 7 + (math.log(93),), SPENT)
    assert math.exp(test.log_e) == pytest.approx(100 / 8)
    assert math.exp(replace(test, reserve=math.log(2)).log_e) == pytest.approx(100 / 8 + 2)
    assert EProcess().log_e == pytest.approx(0.0)


def test_the_reserve_is_staked_little_by_little_and_nothing_of_it_is_lost() -> None:
    test, reserves = EProcess(), []
    for _ in range(360):
        test = test.after(Arm(100, 0), Arm(100, 0), allowed=1.1)
        reserves.append(math.exp(test.reserve))
        assert test.log_e == pytest.approx(0.0)
    assert reserves[0] > reserves[29] > reserves[359] > 0
    assert reserves[29] == pytest.approx(RESERVE / 2, rel=0.05)


def test_evidence_too_large_for_a_float_stays_finite_as_a_logarithm() -> None:
    assert EProcess((5000.0,) * 8, SPENT).log_e == pytest.approx(5000.0)


@pytest.mark.parametrize(("mine", "others"), [(Arm(), Arm(990, 5)), (Arm(10, 3), Arm())])
def test_an_arm_without_units_says_nothing(mine: Arm, others: Arm) -> None:
    assert EProcess().after(mine, others, allowed=1.1) == EProcess()


@given(
    candidate=st.integers(1, 10_000),
    baseline=st.integers(1, 10_000),
    bad=st.integers(1, 40),
    allowed=st.floats(1, 3),
)
def test_evidence_is_fair_where_the_candidate_is_just_as_bad_as_allowed(
    candidate: int, baseline: int, bad: int, allowed: float
) -> None:
    """The mean of E over what may happen in one tick is 1: that is what makes looking often harmless."""
    share = allowed * candidate / (allowed * candidate + baseline)
    mean = sum(
        math.comb(bad, mine)
        * share**mine
        * (1 - share) ** (bad - mine)
        * math.exp(EProcess().after(Arm(candidate, mine), Arm(baseline, bad - mine), allowed=allowed).log_e)
        for mine in range(bad + 1)
    )
    assert mean == pytest.approx(1.0, rel=1e-6)


def test_independent_errors_have_no_dispersion_and_bursts_do() -> None:
    even, lumpy = Dispersion(), Dispersion()
    for number in range(100):
        even = even.after(Arm(1000, 5))
        lumpy = lumpy.after(Arm(1000, 50 if number % 10 == 0 else 0))
    assert even.value == 1.0
    rate, ticks = 0.005, 100
    squares = 10 * (50 - 5) ** 2 + 90 * 5**2
    assert lumpy.value == pytest.approx(squares / (1000 * rate * (1 - rate)) / (ticks - 1))


def test_dispersion_of_nothing_or_of_all_is_one() -> None:
    assert Dispersion().value == 1.0
    assert Dispersion().after(Arm(10, 10)).after(Arm(10, 10)).value == 1.0
    assert Dispersion().after(Arm()) == Dispersion()


@pytest.mark.parametrize(
    ("weight", "ratio"),
    [(0, 10), (1, 10), (4, 10), (5, 5), (9, 5), (10, 3), (25, 2), (49, 2), (50, 1.5), (100, 1.5)],
)
def test_each_weight_has_a_ratio_to_exclude(weight: int, ratio: float) -> None:
    assert ratio_to_exclude(weight) == ratio


@pytest.mark.parametrize(("weight", "needed"), [(1, 90), (5, 251), (10, 665), (25, 1953), (50, 6338)])
def test_the_sample_rule_at_half_a_percent_of_errors(weight: int, needed: int) -> None:
    assert units_needed(0.005, ratio_to_exclude(weight)) == needed


def test_no_number_of_units_excludes_no_change_at_all() -> None:
    assert units_needed(0.005, 1.0) is None
    assert units_needed(0.0, 10.0) is None


def test_the_ratio_that_a_sample_can_detect_is_the_sample_rule_turned_round() -> None:
    for ratio in (1.2, 1.5, 3.0, 10.0):
        needed = units_needed(0.005, ratio)
        assert needed is not None
        detected = detectable_ratio(needed, 0.005)
        assert detected is not None
        assert detected <= ratio
        assert detected == pytest.approx(ratio, rel=0.05)


def test_a_handful_of_units_detects_nothing() -> None:
    assert detectable_ratio(0, 0.005) is None
    assert detectable_ratio(1, 0.001) is None


def test_a_baseline_without_errors_is_bounded_by_the_rule_of_three() -> None:
    assert reference_rate(Arm(1000, 0), tolerated=0.0) == 0.003
    assert reference_rate(Arm(1000, 4), tolerated=0.0) == 0.004
    assert reference_rate(Arm(1, 0), tolerated=0.0) == 1.0
    assert reference_rate(Arm(), tolerated=0.001) is None


def test_nobody_minds_errors_below_the_tolerated_rate() -> None:
    assert reference_rate(Arm(1_000_000, 0), tolerated=0.001) == 0.001
    assert reference_rate(Arm(1_000_000, 5), tolerated=0.001) == 0.001


def judged(runs: int, **fields: float) -> list[Finding]:
    rng = random.Random(SEED)
    setting = Setting(**fields)  # type: ignore[arg-type]
    return [by_guardrail(draw_bake(rng, setting)) for _ in range(runs)]


def share(findings: list[Finding], of: Callable[[Finding], bool]) -> float:
    return sum(of(one) for one in findings) / len(findings)


def test_a_healthy_candidate_is_rarely_flagged_however_often_it_is_looked_at() -> None:
    found = judged(400)
    assert share(found, lambda one: one.doubted < NEVER) <= 0.015
    assert share(found, lambda one: one.stopped < NEVER) <= 0.007
    assert share(found, lambda one: one.passed) >= 0.9


def test_bursts_of_errors_do_not_look_like_a_regression() -> None:
    assert share(judged(200, cluster=3.0), lambda one: one.stopped < NEVER) <= 0.01


def test_regressions_at_one_percent_are_caught_in_time() -> None:
    assert median(one.stopped for one in judged(80, ratio=20)) <= 40
    assert median(one.doubted for one in judged(80, ratio=5)) <= 260


def test_what_breaks_after_half_an_hour_is_caught_about_as_soon() -> None:
    late = judged(20, weight=50, ratio=5, seconds=2400, broken_after=1800)
    assert median(one.stopped for one in late) - 1800 <= 100


@pytest.mark.parametrize(("weight", "rate"), [(1, 15), (10, 12), (25, 13)])
def test_what_is_as_bad_as_a_stage_must_exclude_hardly_ever_passes(weight: int, rate: float) -> None:
    """With traffic that is just enough: the number of units alone would let half of these pass."""
    found = judged(150, weight=weight, ratio=ratio_to_exclude(weight), requests_per_second=rate)
    assert share(found, lambda one: one.passed and one.doubted == NEVER) <= 0.06


def test_what_must_not_be_fewer_is_detected_below_one() -> None:
    few, many = (detectable_ratio(units, 0.05, fewer_is_worse=True) for units in (500, 50_000))
    assert few is not None and many is not None
    assert 0 < few < many < 1
    needed = units_needed(0.05, 1 / 2)
    assert needed is not None
    assert detectable_ratio(needed, 0.05, fewer_is_worse=True) == pytest.approx(0.5, abs=0.01)
    assert detectable_ratio(1, 0.001, fewer_is_worse=True) is None


def test_evidence_against_the_ratio_to_exclude_grows_with_what_goes_well() -> None:
    fields = {"tolerated": 0.001, "dispersion": 1.0}
    calm = log_excluded(Arm(90, 0), Arm(8910, 45), 10, **fields)
    bad = log_excluded(Arm(90, 5), Arm(8910, 45), 10, **fields)
    assert calm > EXCLUDED_LOG > 0 > bad
    assert log_excluded(Arm(90, 0), Arm(8910, 45), 10, tolerated=0.001, dispersion=4) == calm / 4
    assert log_excluded(Arm(450, 0), Arm(1_000_000, 0), 10, **fields) > EXCLUDED_LOG
    assert log_excluded(Arm(0, 0), Arm(8910, 45), 10, **fields) == 0
    assert log_excluded(Arm(1000, 50), Arm(1000, 50), 1 / 2, **fields) > EXCLUDED_LOG
