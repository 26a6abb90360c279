"""Stop a worker while it holds what a rollback needs: users come back all the same (ENGINE 3 and 6)."""

import sys

import pytest

from releasetrain.chaos.house import ChaosHouse
from releasetrain.chaos.world import Reporters, World
from releasetrain.rollouts.models import Rollout
from tests.faults.browsing import answers, press, sign_in
from tests.faults.watching import LONG, SHORT, come_back, end_well, look, until

pytestmark = pytest.mark.faults


def stopped_over(house: ChaosHouse, rollout: Rollout, *, when: str = "written", silence: str = "0") -> str:
    """Let a worker be stopped in the middle of a step of a rollout; return the worker's name."""
    name = f"worker-frozen-{rollout.pk}"
    house.launch(name, [sys.executable, "-m", "tests.faults.frozen_worker", when, silence])
    until(lambda: "stopped in the middle" in house.said(name), "it was not stopped")
    return name


@pytest.fixture
def alone(house: ChaosHouse) -> ChaosHouse:
    """Take the other workers away: the one to be stopped has to do it."""
    for name in ("worker-1", "worker-2"):
        house.kill(name)
    return house


def weight_of(rollout: Rollout) -> int:
    rollout.target.refresh_from_db()
    weight: int = rollout.target.driver_config["world"]["weight"]
    return weight


def test_t9_a_worker_frozen_in_mid_transaction_keeps_no_rollback_waiting_by_shell_or_button(
    alone: ChaosHouse, world: World
) -> None:
    rollout = world.send_out(LONG)
    stopped_over(alone, rollout)
    other = world.send_out(LONG)
    stopped_over(alone, other)
    assert (weight_of(rollout), weight_of(other)) == (10, 10)
    until(lambda: answers(alone), "the web process does not answer")
    press(alone, sign_in(alone), rollout.pk)
    alone.roll_back("--rollout", str(other.pk))
    assert (weight_of(rollout), weight_of(other)) == (0, 0)
    alone.launch_all()
    come_back([rollout, other])


def test_t9_r1_nor_a_guardrail_for_longer_than_postgresql_lets_it_sleep(
    alone: ChaosHouse, world: World, reporters: Reporters
) -> None:
    rollout = world.send_out(LONG)
    stopped_over(alone, rollout, silence="5s")
    alone.launch_all()
    reporters.broken.add(rollout.pk)
    come_back([rollout])


def test_r1_two_processes_with_the_same_claim_take_one_step(alone: ChaosHouse, world: World) -> None:
    rollout = world.send_out(SHORT)
    name = stopped_over(alone, rollout, when="claimed")
    alone.launch_all()
    until(lambda: look(rollout) != "shifting", "nobody took the claim over")
    alone.wake(name)
    until(lambda: "woke up" in alone.said(name), "it does not wake")
    end_well([rollout])
