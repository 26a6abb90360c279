"""Guardrails of every kind over real rows: what they let start, and what they bring back (T2, T9)."""

from typing import Any

import pytest

from releasetrain.rollouts.actions import tick_one
from releasetrain.rollouts.guarding import known_metrics, shortest_bake
from releasetrain.rollouts.models import Guardrail, Rollout
from tests import make
from tests.rollouts.clocks import Clock, run
from tests.rollouts.clocks import time as time

pytestmark = pytest.mark.django_db(transaction=True)


def watched(time: Clock, **fields: Any) -> tuple[Rollout, Guardrail]:
    """Make a rollout that one guardrail watches, and let it reach its first bake."""
    rollout = make.rollout()
    guardrail = make.guardrail(rollout.target, **fields)
    run(rollout, time, 15)
    return rollout, guardrail


def test_t2_a_plain_threshold_alone_lets_a_healthy_rollout_start(time: Clock) -> None:
    rollout, _ = watched(time, kind="threshold", absolute_limit=0.05)
    assert (rollout.state, rollout.desired_weight) == ("baking", 1)


def test_t2x_an_old_version_beyond_the_threshold_lets_nothing_start(time: Clock) -> None:
    rollout = make.rollout()
    make.guardrail(rollout.target, kind="threshold", absolute_limit=0.05)
    run(rollout, time, 15, bad=200, candidate=0, candidate_bad=0)
    assert rollout.state == "cancelled"
    assert "the old version is beyond the limit of 5% already" in rollout.reason


def test_t9_the_third_bad_measurement_brings_users_back_and_a_critical_one_does_at_once(time: Clock) -> None:
    rollout, guardrail = watched(time, kind="threshold", absolute_limit=0.05, is_critical=True)
    run(rollout, time, 60, candidate_bad=200)
    assert rollout.state in ("rolling_back", "rolled_back")
    assert rollout.reason == f"{guardrail.name}: 1 bad measurement in this stage; none is allowed."


def test_t9_fewer_orders_bring_users_back(time: Clock) -> None:
    rollout = make.rollout()
    make.guardrail(rollout.target, fewer_is_worse=True, absolute_limit=None)
    run(rollout, time, 15, bad=100)
    assert rollout.state == "baking"
    run(rollout, time, 40, bad=100, candidate_bad=40)
    assert rollout.state in ("rolling_back", "rolled_back")


def test_t9_silence_brings_users_back_where_no_data_means_bad(time: Clock) -> None:
    rollout, _ = watched(time, no_data="bad")
    for _ in range(120):
        tick_one(rollout.pk, time.go(1))
    rollout.refresh_from_db()
    assert rollout.state in ("rolling_back", "rolled_back")
    assert "bad measurements in this stage" in rollout.reason


def test_what_was_removed_judges_nothing_and_keeps_what_it_said(time: Clock) -> None:
    rollout, guardrail = watched(time)
    assert guardrail.judgements.exists()
    guardrail.removed_at = time.now
    guardrail.save(update_fields=["removed_at"])
    run(rollout, time, 20, candidate_bad=900)
    assert rollout.state == "baking"
    assert {one.guardrail for one in guardrail.judgements.all()} == {guardrail}


def test_metrics_are_known_for_a_day_and_bakes_are_those_of_the_trains(time: Clock) -> None:
    target = make.target()
    assert known_metrics(target, time.now) == set()
    make.readings(target, time.now)
    assert known_metrics(target, time.now) == {"errors"}
    assert known_metrics(target, time.go(86_411)) == set()
    assert shortest_bake(target) == 600
    make.train(ladder=[{"weight": 10, "bake_seconds": 1200}, {"weight": 100, "bake_seconds": 900}])
    assert shortest_bake(target) == 900
