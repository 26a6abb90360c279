"""Inject one fault at a time: each is a function of the run, under the words that the table has for it."""

import random
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from releasetrain.chaos.holder import HELD
from releasetrain.chaos.house import ChaosHouse, wait_until
from releasetrain.chaos.world import Reporters, World, patiently, spoil
from releasetrain.lib import clock
from releasetrain.rollouts.actions import roll_back
from releasetrain.rollouts.drivers.simulated.world import OF_CALLS, Fault
from releasetrain.rollouts.models import Rollout
from releasetrain.rollouts.rules.states import MOVING_STATES

WORKERS = ("worker-1", "worker-2")
# Longer than the lease of a claim, so that another worker takes over what a frozen one holds.
FROZEN_SECONDS = 18.0
AWAY_SECONDS = 3.0
HOLDER_SECONDS = 30.0
HALF_A_SECOND = 0.5


@dataclass
class Run:
    """What a fault may touch."""

    house: ChaosHouse
    world: World
    reporters: Reporters
    chance: random.Random

    def any_moving(self) -> Rollout | None:
        rows = Rollout.objects.filter(pk__in=self.world.rollouts, state__in=sorted(MOVING_STATES))
        moving = patiently(lambda: list(rows.select_related("target")))
        return self.chance.choice(moving) if moving else None


def kill_worker(run: Run) -> None:
    name = run.chance.choice(WORKERS)
    run.house.kill(name)
    run.house.launch(name)


def kill_pool_process(run: Run) -> None:
    run.house.kill_child(run.chance.choice(WORKERS))


def freeze_worker(run: Run) -> None:
    with run.house.frozen(run.chance.choice(WORKERS)):
        time.sleep(FROZEN_SECONDS)


def freeze_in_transaction(run: Run) -> None:
    """Roll back what somebody holds who was stopped in the middle of a transaction."""
    if (row := run.any_moving()) is None:
        return
    name = f"holder-{row.pk}"
    run.house.launch(name, [sys.executable, "-m", "releasetrain.chaos.holder", str(row.pk)])
    if wait_until(lambda: HELD in run.house.said(name), HOLDER_SECONDS):
        patiently(lambda: roll_back(row, reason="Chaos.", by=None, now=clock.now()))
    run.house.kill(name)


def kill_beat(run: Run) -> None:
    run.house.kill("beat")
    time.sleep(AWAY_SECONDS)
    run.house.launch("beat")


def run_second_beat(run: Run) -> None:
    run.house.launch("beat-2", run.house.command("beat"))
    time.sleep(AWAY_SECONDS * 3)
    run.house.kill("beat-2")


def kill_web(run: Run) -> None:
    run.house.kill("web")
    run.house.launch("web")


def kill_postgresql(run: Run) -> None:
    with run.house.without("postgresql"):
        time.sleep(HALF_A_SECOND)


def freeze_postgresql(run: Run) -> None:
    with run.house.frozen_server("postgresql"):
        time.sleep(AWAY_SECONDS)


def kill_redis(run: Run) -> None:
    with run.house.without("valkey"):
        press_rollback(run)
        time.sleep(HALF_A_SECOND)


def flush_redis(run: Run) -> None:
    run.house.flush_redis()


def freeze_redis(run: Run) -> None:
    with run.house.frozen_server("valkey"):
        time.sleep(AWAY_SECONDS)


def spoil_driver(run: Run) -> None:
    if (row := run.any_moving()) is not None:
        fault = run.chance.choice([*OF_CALLS, Fault.MISREAD])
        spoil(row.target, **{fault.value: run.chance.randint(1, 3), "hang_seconds": 5, "late_seconds": 4})


def lose_driver(run: Run) -> None:
    if (row := run.any_moving()) is not None:
        spoil(row.target, unreachable=True)
        time.sleep(AWAY_SECONDS)
        spoil(row.target)


def silence_metrics(run: Run) -> None:
    run.reporters.is_silent = True
    time.sleep(AWAY_SECONDS * 3)
    run.reporters.is_silent = False


def empty_metrics(run: Run) -> None:
    run.reporters.is_empty = True
    time.sleep(AWAY_SECONDS)
    run.reporters.is_empty = False


def break_version(run: Run) -> None:
    if (row := run.any_moving()) is not None:
        run.reporters.broken.add(row.pk)


def press_rollback(run: Run) -> None:
    if (row := run.any_moving()) is not None:
        patiently(lambda: roll_back(row, reason="Chaos.", by=None, now=clock.now()))


FAULTS: Mapping[str, Callable[[Run], None]] = {
    "kill -9 of a whole worker": kill_worker,
    "kill -9 of a process in the middle of its task": kill_pool_process,
    "SIGSTOP of a worker for longer than its lease": freeze_worker,
    "SIGSTOP of a process in mid-transaction, and a rollback of what it holds": freeze_in_transaction,
    "kill -9 of beat": kill_beat,
    "a second beat at once": run_second_beat,
    "kill -9 of the web process": kill_web,
    "kill -9 of PostgreSQL, away for a moment": kill_postgresql,
    "PostgreSQL accepts nothing for a moment": freeze_postgresql,
    "kill -9 of Redis, and a rollback while it is away": kill_redis,
    "Redis forgets everything": flush_redis,
    "Redis answers nothing for a while": freeze_redis,
    "a driver loses, refuses, halves, hangs, lies or is late": spoil_driver,
    "a driver cannot be read for a while": lose_driver,
    "no service reports anything for a while": silence_metrics,
    "every service reports that nothing happened": empty_metrics,
    "a new version fails for a third of its users": break_version,
    "somebody rolls back": press_rollback,
}
