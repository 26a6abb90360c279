"""How likely an arrival is by when follows from what happened before, and is checked against it."""

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releasetrain.calendars.rules.windows import Place
from releasetrain.insights.chances import (
    Chances,
    Outcome,
    arrival_in,
    backtest,
    outcomes,
    quantile,
    stretched,
    typical,
    usual_delays,
)
from releasetrain.trains.rules.forecast import Run, Step, foresee

NOON = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
RUN = Run(10, "Shop", Place(1, 10, 5), (Step(50, MINUTE * 10), Step(100, MINUTE * 20)))


def test_typical_cases_stand_in_the_middle_of_each_tenth() -> None:
    assert typical(range(100)) == (5, 15, 25, 35, 45, 55, 65, 75, 85, 95)
    assert typical([7.0]) == (7.0,) * 10


def test_everybody_has_it_when_the_last_stage_starts() -> None:
    course = foresee([RUN], {}, NOON)
    assert arrival_in(course, 10) == NOON + MINUTE * 10
    assert arrival_in(course, 11) is None
    assert arrival_in(foresee(stretched([RUN], 1.5), {}, NOON), 10) == NOON + MINUTE * 15


def test_every_combination_counts_by_how_likely_it_is() -> None:
    chances = Chances((timedelta(0), timedelta(0), MINUTE, MINUTE), (1.0, 2.0), 0.1)
    found = outcomes(chances, lambda delay, stretch: NOON + delay + MINUTE * 10 * stretch, weight=0.9)
    assert len(found) == 4
    assert sum(one.weight for one in found) == pytest.approx(0.9)
    assert sorted(one.at for one in found if one.at) == [NOON + MINUTE * one for one in (10, 11, 20, 21)]


def test_a_quantile_is_the_first_by_which_enough_have_come() -> None:
    found = [Outcome(NOON, 0.5), Outcome(NOON + MINUTE, 0.4), Outcome(None, 0.1)]
    assert quantile(found, 0.5) == NOON
    assert quantile(found, 0.51) == NOON + MINUTE
    assert quantile(found, 0.9) == NOON + MINUTE
    assert quantile(found, 0.91) is None
    assert quantile([], 0.5) is None


def test_without_a_history_one_decision_in_ten_is_late_by_the_grace() -> None:
    assert usual_delays(MINUTE * 30) == (*([timedelta(0)] * 9), MINUTE * 30)


@given(
    st.lists(st.tuples(st.integers(0, 500), st.floats(0.01, 1)), min_size=1, max_size=30),
    st.sampled_from([0.5, 0.9]),
)
def test_the_share_that_comes_by_a_quantile_is_at_least_what_it_says(
    pairs: list[tuple[int, float]], share: float
) -> None:
    whole = sum(weight for _, weight in pairs)
    found = [Outcome(NOON + MINUTE * at, weight / whole) for at, weight in pairs]
    at = quantile(found, share)
    assert at is not None
    by_then = sum(one.weight for one in found if one.at and one.at <= at)
    before = sum(one.weight for one in found if one.at and one.at < at)
    assert by_then >= share - 1e-6
    assert before < share + 1e-6


def test_a_backtest_of_a_steady_history_comes_true_as_often_as_it_says() -> None:
    dice = random.Random(7)
    history: list[float | None] = [dice.lognormvariate(10, 0.4) for _ in range(600)]
    found = backtest(history)
    assert found.counted == 595
    assert found.by_p50 / found.counted == pytest.approx(0.5, abs=0.06)
    assert found.by_p90 / found.counted == pytest.approx(0.9, abs=0.04)
    assert found.words.endswith("of 595")


def test_a_backtest_counts_what_came_back_as_missed() -> None:
    assert backtest([]).words == "nothing to count yet"
    found = backtest([60.0] * 10 + [None, 60.0])
    assert (found.counted, found.by_p50) == (7, 6)
