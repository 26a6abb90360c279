"""Stop a worker while it holds what a rollback needs: users come back all the same (ENGINE 3 and 6)."""

import sys

import pytest

from releasetrain.chaos.house import ChaosHouse
from releasetrain.chaos.world import Reporters, World
from releasetrain.rollouts.models import Rollout
from tests.faults.browsing import answers, press, sign_in
from tests.faults.watching import LONG, come_back, look, until

pytestmark = pytest.mark.faults


def stopped_over(house: ChaosHouse, world: World, *, silence: str) -> Rollout:
    """Let a worker be stopped in mid-transaction over a rollout, whose row it keeps locked."""
    for name in ("worker-1", "worker-2"):
        house.kill(name)
    rollout = world.send_out(LONG)
    name = f"worker-frozen-{rollout.pk}"
    house.launch(name, [sys.executable, "-m", "tests.faults.frozen_worker", silence])
    until(lambda: "stopped in the middle" in house.said(name), "it was not stopped")
    return rollout


def weight_of(rollout: Rollout) -> int:
    rollout.target.refresh_from_db()
    weight: int = rollout.target.driver_config["world"]["weight"]
    return weight


def test_t9_a_worker_frozen_in_mid_transaction_keeps_no_rollback_from_the_shell_waiting(
    house: ChaosHouse, world: World
) -> None:
    rollout = stopped_over(house, world, silence="0")
    assert weight_of(rollout) == 10
    house.roll_back("--rollout", str(rollout.pk))
    assert (look(rollout), weight_of(rollout)) == ("rolling_back", 0)
    house.launch_all()
    come_back([rollout])


def test_t9_nor_a_rollback_by_the_button(house: ChaosHouse, world: World) -> None:
    rollout = stopped_over(house, world, silence="0")
    until(lambda: answers(house), "the web process does not answer")
    press(house, sign_in(house), rollout.pk)
    assert (look(rollout), weight_of(rollout)) == ("rolling_back", 0)
    house.launch_all()
    come_back([rollout])


def test_t9_r1_nor_a_guardrail_for_longer_than_postgresql_lets_it_sleep(
    house: ChaosHouse, world: World, reporters: Reporters
) -> None:
    rollout = stopped_over(house, world, silence="5s")
    house.launch_all()
    reporters.broken.add(rollout.pk)
    come_back([rollout])
