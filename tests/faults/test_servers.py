"""Take PostgreSQL and Redis away, and make drivers and metrics lie: the house goes on where it stood."""

import pytest

from releasetrain.chaos.house import ChaosHouse
from releasetrain.chaos.world import Reporters, World
from releasetrain.rollouts.drivers.simulated.world import Fault
from releasetrain.rollouts.models import Hold, Rollout
from tests.faults.watching import LONG, SHORT, come_back, end_well, ends, look, until

pytestmark = pytest.mark.faults


def test_r8_without_postgresql_nothing_advances_and_afterwards_it_goes_on(
    house: ChaosHouse, world: World
) -> None:
    rollouts = [world.send_out(SHORT) for _ in range(3)]
    until(lambda: any(look(one) == "baking" for one in rollouts), "none bakes")
    with house.without("postgresql"):
        assert all(house.is_running(name) for name in ("worker-1", "worker-2", "beat", "web"))
    end_well(rollouts)


def test_r8_without_redis_users_come_back_and_afterwards_it_goes_on(house: ChaosHouse, world: World) -> None:
    climbing, bad = world.send_out(SHORT), world.send_out(LONG)
    until(lambda: look(bad) == "baking", "it does not bake")
    with house.without("valkey"):
        house.roll_back("--rollout", str(bad.pk))
        bad.target.refresh_from_db()
        assert bad.target.driver_config["world"]["weight"] == 0
    house.flush_redis()
    with house.frozen_server("valkey"):
        late = world.send_out(SHORT)
    end_well([climbing, late])
    come_back([bad])


def test_whatever_drivers_do_the_workers_bring_traffic_where_it_belongs(
    house: ChaosHouse, world: World, reporters: Reporters
) -> None:
    climbing = {
        fault: world.send_out(SHORT, faults={fault: 1, "hang_seconds": 3, "late_seconds": 3})
        for fault in Fault
    }
    broken = world.send_out(LONG, faults={"lose_answer": 1})
    ended = dict(zip(climbing, ends(list(climbing.values())), strict=True))
    # A wrong reading ends what has not begun, and is outvoted by the next one otherwise.
    assert ended.pop(Fault.MISREAD) in ("cancelled", "succeeded")
    assert ended.pop(Fault.REFUSE) == "rolled_back"
    end_well([climbing[fault] for fault in ended])
    until(lambda: look(broken) == "baking", "it does not bake")
    reporters.broken.add(broken.pk)
    come_back([broken])


def test_silent_metrics_start_nobody(house: ChaosHouse, world: World, reporters: Reporters) -> None:
    reporters.is_silent = True
    waiting = world.send_out(SHORT)
    until(lambda: look(waiting) == "preflight", "it does not get ready")
    until(lambda: Rollout.objects.get(pk=waiting.pk).fence > 3, "nobody looks at it")
    assert look(waiting) == "preflight"
    reporters.is_silent = False
    until(lambda: look(waiting) != "preflight", "it does not start")
    end_well([waiting])
    assert not Hold.objects.filter(rollout=waiting, cleared_at=None).exists()
