"""A rehearsal says what a guardrail would have said, and blames it for nothing but its own mistakes."""

import random
from dataclasses import replace
from datetime import timedelta
from statistics import mean

import pytest

from releasetrain.bench.canaries import bursts, poisson
from releasetrain.rollouts.rules.guardrails import Counts, Guardrail, GuardrailKind, Verdict
from releasetrain.rollouts.rules.rehearsal import binomial, cries_wolf, rehearse, replay
from tests.rollouts.rules.world import ERRORS, START, at, counts, ladder

STAGES = ladder(1, 10, 50, 100)


def day(
    *, hours: float = 4, units: float = 1000, rate: float = 0.005, cluster: float = 1.0, seed: int = 3
) -> list[Counts]:
    rng, points = random.Random(seed), []
    for number in range(round(hours * 360)):
        seen = poisson(rng, units)
        bad = min(seen, bursts(rng, seen * rate, cluster))
        points.append(Counts(at=at(10 * (number + 1)), baseline_units=seen, baseline_bad=bad))
    return points


def test_a_fair_guardrail_passes_what_is_as_good_as_the_old_version() -> None:
    found = rehearse(ERRORS, day(), STAGES, seed=1)
    assert [one.weight for one in found.stages] == [1, 10, 50]
    assert sum(one.failed for one in found.stages) <= 1
    assert sum(one.passed for one in found.stages) > 2 * sum(one.unsure for one in found.stages)
    assert found.crossed == 0
    assert found.stages[0].units == pytest.approx(600, rel=0.1)
    assert found.stages[0].needed == pytest.approx(90, abs=5)


def test_bursts_are_kept_together_and_are_no_false_alarms() -> None:
    found = rehearse(ERRORS, day(cluster=3), STAGES, seed=1)
    assert found.dispersion > 3
    assert sum(one.failed for one in found.stages) <= 1


def test_a_plain_threshold_that_is_too_tight_cries_wolf() -> None:
    tight = Guardrail(
        name="Errors", metric="errors", kind=GuardrailKind.THRESHOLD, absolute_limit=0.008, absolute_minimum=1
    )
    found = rehearse(tight, day(), STAGES, seed=1)
    assert cries_wolf(found)
    assert found.stages[0].failed >= 4


def test_too_little_traffic_is_no_answer() -> None:
    found = rehearse(ERRORS, day(units=5), STAGES, seed=1)
    assert found.stages[0].passed == 0
    assert found.stages[0].unsure == found.stages[0].bakes


def test_the_old_version_beyond_the_limit_is_counted() -> None:
    found = rehearse(replace(ERRORS, absolute_limit=0.001), day(hours=0.5), STAGES, seed=1)
    assert 0 < found.crossed <= found.looks


def test_silence_is_measured_and_nothing_is_made_up() -> None:
    points = [point for point in day() if not at(3600) < point.at < at(5000)]
    assert rehearse(ERRORS, points, STAGES, seed=1).longest_gap >= timedelta(minutes=23)
    empty = rehearse(ERRORS, [Counts(at=START, error="502"), Counts(at=at(10))], STAGES, seed=1)
    assert (empty.points, empty.stages) == (0, ())


def test_the_same_seed_gives_the_same_answer_and_both_versions_count_together() -> None:
    split = [counts(at(10 * number), 50) for number in range(1, 400)]
    found = rehearse(ERRORS, split, STAGES, seed=5)
    assert found == rehearse(ERRORS, split, STAGES, seed=5)
    assert found.baseline.units == 399 * 1000


def test_what_was_really_baked_is_judged_without_drawing() -> None:
    broken = [counts(at(10 * number), 5, ratio=20) for number in range(1, 61)]
    said = replay(ERRORS, broken, weight=5, entered_at=START, ended_at=at(600))
    assert said.verdict is Verdict.FAIL
    assert said.failed_at is not None and said.failed_at < at(60)
    nothing = replay(ERRORS, [], weight=5, entered_at=START, ended_at=at(600))
    assert (nothing.verdict, nothing.failed_at) == (Verdict.INCONCLUSIVE, None)


@pytest.mark.parametrize(("trials", "chance"), [(20, 0.3), (500, 0.01), (500, 0.99), (5000, 0.5), (9, 0.0)])
def test_draws_have_the_mean_that_they_should_have(trials: int, chance: float) -> None:
    rng = random.Random(11)
    drawn = [binomial(rng, trials, chance) for _ in range(2000)]
    assert mean(drawn) == pytest.approx(trials * chance, rel=0.05, abs=0.01)
    assert 0 <= min(drawn) <= max(drawn) <= trials
