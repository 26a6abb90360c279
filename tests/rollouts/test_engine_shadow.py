"""A shadow stage copies requests at 0 % of users; whoever cannot mirror says so before it starts."""

import pytest

from releasetrain.panels.audience import Audience
from releasetrain.panels.rollouts import track_of
from releasetrain.panels.stages import Moving
from releasetrain.rollouts.actions import roll_back
from releasetrain.rollouts.audit import faults_of
from releasetrain.rollouts.models import Rollout
from tests import make
from tests.rollouts.clocks import Clock, run, started
from tests.rollouts.clocks import time as time

pytestmark = pytest.mark.django_db(transaction=True)

LADDER = [
    {"weight": 0, "bake_seconds": 20, "mirror": 50},
    {"weight": 50, "bake_seconds": 20},
    {"weight": 100, "bake_seconds": 20},
]


def world(rollout: Rollout) -> tuple[int, int]:
    rollout.target.refresh_from_db()
    seen = rollout.target.driver_config["world"]
    return seen["weight"], seen["mirror"]


def shadowed(time: Clock) -> Rollout:
    rollout = started(time, ladder=LADDER, is_accelerated=True)
    assert (rollout.state, rollout.stage_index) == ("baking", 0)
    return rollout


def test_t2_t5_a_shadow_is_read_back_bakes_and_ends_with_the_first_user(time: Clock) -> None:
    rollout = shadowed(time)
    assert world(rollout) == (0, 50)
    track = track_of(Moving(rollout), Audience.MEMBER)
    assert "A copy of 50 % of all requests" in track.note
    assert [one.note for one in track.stages] == ["shadow 50 %", "", ""]
    run(rollout, time, 30)
    assert rollout.stage_index == 1
    assert world(rollout) == (50, 0)
    run(rollout, time, 80)
    assert rollout.state == "succeeded"
    assert faults_of([rollout]) == []


def test_t3_a_shadow_that_is_not_read_back_does_not_bake(time: Clock) -> None:
    rollout = shadowed(time)
    rollout.target.driver_config["world"]["mirror"] = 0
    rollout.target.save(update_fields=["driver_config"])
    credit = rollout.bake_credit_seconds
    run(rollout, time, 2)
    assert world(rollout) == (0, 50)  # contradicted, so it was set once more
    assert rollout.bake_credit_seconds - credit <= 2


def test_t9_t10_a_shadow_is_switched_off_by_a_rollback(time: Clock) -> None:
    rollout = shadowed(time)
    roll_back(rollout, reason="It smells.", by=None, now=time.go(1))
    assert world(rollout) == (0, 0)
    run(rollout, time, 5)
    assert rollout.state == "rolled_back"
    assert faults_of([rollout]) == []


def test_t9_a_guardrail_that_fails_on_copies_ends_the_rollout(time: Clock) -> None:
    rollout = shadowed(time)
    run(rollout, time, 15, candidate_bad=400)
    assert rollout.state == "rolled_back"
    assert world(rollout) == (0, 0)


def test_t2x_a_driver_that_cannot_mirror_does_not_start(time: Clock) -> None:
    make.flag_environment()
    rollout = started(time, on=make.target(), ladder=LADDER, is_accelerated=True)
    assert rollout.state == "cancelled"
    assert "cannot copy requests to a shadow" in rollout.reason
