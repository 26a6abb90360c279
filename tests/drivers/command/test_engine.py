"""A command that takes its time is waited for by the engine without a tick that waits."""

from pathlib import Path

import pytest

from releasetrain.rollouts.actions import roll_back
from releasetrain.rollouts.models import Rollout
from tests import make
from tests.drivers.command.scripts import SHIFT, Bench
from tests.drivers.command.test_driver import eventually, latest
from tests.rollouts.clocks import Clock, run
from tests.rollouts.clocks import time as time

LADDER = [{"weight": weight, "bake_seconds": 20} for weight in (10, 100)]
WAITS = SHIFT.replace("#!/bin/sh", '#!/bin/sh\nwhile [ ! -e "$1.go" ]; do sleep 0.02; done')


def run_until(rollout: Rollout, time: Clock, *states: str) -> None:
    for _ in range(60):
        run(rollout, time, 1)
        if rollout.state in states:
            return
    raise AssertionError(f"it is still {rollout.state}")


@pytest.fixture
def rollout(bench: Bench, time: Clock) -> Rollout:
    bench.target.driver_config["rollback"] = bench.target.driver_config["command"]
    bench.commanded(WAITS)
    made = make.rollout(target=bench.target, ladder=LADDER, is_accelerated=True)
    make.guardrail(bench.target)
    run_until(made, time, "shifting")
    return made


def test_t3_a_long_command_is_accepted_and_asked_once_until_it_arrives(
    bench: Bench, rollout: Rollout, time: Clock
) -> None:
    run(rollout, time, 3)
    # Longer than any other driver has, and nobody starts it again.
    time.go(300)
    run(rollout, time, 1)
    assert rollout.state == "shifting"
    assert [one.outcome for one in rollout.intents.all()] == ["accepted"]
    Path(f"{bench.world}.go").touch()
    eventually(lambda: latest(bench).ended())
    run_until(rollout, time, "baking")
    assert len(bench.journal()) == 1


def test_t4_a_long_command_that_refuses_at_last_brings_users_back(
    bench: Bench, rollout: Rollout, time: Clock
) -> None:
    latest(bench).stop()
    bench.commanded("#!/bin/sh\nsleep 1.2\nexit 10\n")
    run(rollout, time, 6)
    eventually(lambda: latest(bench).ended())
    run_until(rollout, time, "rolling_back")
    assert "refuses (exit 10)" in rollout.reason


def test_t9_a_rollback_does_not_wait_for_a_long_command(bench: Bench, rollout: Rollout, time: Clock) -> None:
    forward = latest(bench)
    roll_back(rollout, reason="It smells.", by=None, now=time.go(1))
    stopped = forward.ended()
    assert stopped is not None
    assert stopped.reason == "stopped"
    run_until(rollout, time, "rolled_back")
    assert {line.split()[0] for line in bench.journal()} == {"rollback"}
