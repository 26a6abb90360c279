"""Judges of canaries are what their names say, and the benchmark of guardrails runs through."""

import random

import pytest

from releasetrain.bench import guardrails
from releasetrain.bench.canaries import Setting, draw_bake
from releasetrain.bench.judges import JUDGES, NEVER, fisher, mann_whitney
from releasetrain.bench.options import Options
from releasetrain.rollouts.rules.statistics import Arm


def test_fishers_test_is_that_of_the_lady_who_tastes_tea() -> None:
    assert fisher(Arm(4, 3), Arm(4, 1)) == pytest.approx(17 / 70)
    assert fisher(Arm(4, 4), Arm(4, 0)) == pytest.approx(1 / 70)
    assert fisher(Arm(4, 0), Arm(4, 4)) == fisher(Arm(), Arm(4, 4)) == 1.0


def test_the_mann_whitney_test_knows_ties_and_which_side_is_larger() -> None:
    mine, others = [19.0, 22, 16, 29, 24], [20.0, 11, 17, 12]
    assert mann_whitney(mine, others) == pytest.approx(0.0556, abs=1e-4)
    assert mann_whitney([1.0] * 9, [1.0] * 9) == 1.0
    assert mann_whitney([5.0] * 20, [1.0] * 20) < 1e-6 < 0.99 < mann_whitney([1.0] * 20, [5.0] * 20)


def test_every_judge_stops_what_is_fifty_times_as_bad_and_sees_the_same_bakes() -> None:
    setting = Setting(weight=25, ratio=50)
    bake = draw_bake(random.Random(7), setting)
    assert bake.points == draw_bake(random.Random(7), setting).points
    assert all(judge(bake).stopped < NEVER for judge in JUDGES.values())


def test_a_defect_that_begins_late_begins_late() -> None:
    setting = Setting(weight=50, ratio=100, broken_after=300)
    points = draw_bake(random.Random(7), setting).points
    rates = [(one.candidate_bad or 0) / (one.candidate_units or 1) for one in points]
    assert max(rates[:30]) < 0.1 < min(rates[30:])


def test_the_benchmark_judges_the_same_bakes_by_every_judge_and_prints_its_seed() -> None:
    result = guardrails.run(Options(scale=0.005))
    names = [row.what for row in result.rows]
    assert len(names) == 10
    assert [row.is_yardstick for row in result.rows] == [False, False, True, True, True] * 2
    assert f"Seed {guardrails.SEED}" in result.notes[0]
    assert len(result.aims) == 6
    figures = dict(result.rows[0].figures)
    assert figures["caught"] == 100
    assert figures["micros"] and figures["micros"] > 0
