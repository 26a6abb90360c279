"""Kill, freeze and double the processes of a real house: nothing is lost, doubled or wrong (ENGINE 6)."""

import sys
import threading
from pathlib import Path

import pytest

from releasetrain.chaos.house import ChaosHouse
from releasetrain.chaos.world import World, spoil
from tests.faults.browsing import answers, press, sign_in
from tests.faults.versions import check_out_before_the_last_migration
from tests.faults.watching import LONG, SHORT, come_back, end_well, look, until

pytestmark = pytest.mark.faults
STATES = ("queued", "preflight", "shifting", "baking", "soaking", "rolling_back")


def test_r1_r4_workers_killed_in_every_state_lose_and_double_nothing(house: ChaosHouse, world: World) -> None:
    rollouts = [world.send_out(SHORT) for _ in range(4)]
    doomed = world.send_out(LONG)
    struck: list[str] = []

    def strike() -> bool:
        standing = {look(one) for one in [*rollouts, doomed]}
        for state in STATES:
            if state in standing and state not in struck:
                victim = f"worker-{len(struck) % 2 + 1}"
                # The pool's process dies in the middle of what it does; once the whole worker does.
                if state == "baking" or not house.kill_child(victim):
                    house.kill(victim)
                    house.launch(victim)
                struck.append(state)
        if "baking" in struck and look(doomed) == "baking":
            # It stays on its way back until a worker was killed there, too.
            spoil(doomed.target, lose_request=1000)
            house.roll_back("--rollout", str(doomed.pk))
        if "rolling_back" in struck:
            spoil(doomed.target)
        if "soaking" not in struck and all(look(one) not in STATES[:5] for one in rollouts):
            rollouts.append(world.send_out(SHORT))
        return {"shifting", "baking", "soaking", "rolling_back"} <= set(struck)

    until(strike, "no rollout came through every state")
    end_well(rollouts)
    come_back([doomed])


def test_r6_frozen_workers_wake_up_to_a_rollback_and_change_nothing(house: ChaosHouse, world: World) -> None:
    rollout = world.send_out(SHORT, faults={"hang": 1, "hang_seconds": 9})
    until(lambda: rollout.intents.filter(outcome="").exists(), "no worker asked the driver")
    with house.frozen("worker-1"), house.frozen("worker-2"):
        house.roll_back("--rollout", str(rollout.pk))
        rollout.target.refresh_from_db()
        assert rollout.target.driver_config["world"]["weight"] == 0
    come_back([rollout])


def test_r4_a_worker_that_is_asked_to_end_ends_its_task_first(house: ChaosHouse, world: World) -> None:
    house.kill("worker-2")
    rollout = world.send_out(SHORT, faults={"hang": 1, "hang_seconds": 3})
    until(lambda: rollout.intents.filter(outcome="").exists(), "no worker asked the driver")
    assert house.end("worker-1") == 0
    assert not rollout.intents.filter(outcome="").exists()
    house.launch_all()
    end_well([rollout])


def test_a_frozen_beat_and_a_frozen_web_process_only_delay(house: ChaosHouse, world: World) -> None:
    climbing, bad = world.send_out(SHORT), world.send_out(LONG)
    until(lambda: look(bad) == "baking", "it does not bake")
    with house.frozen("beat"), house.frozen("web"):
        house.roll_back("--rollout", str(bad.pk))
        bad.target.refresh_from_db()
        assert bad.target.driver_config["world"]["weight"] == 0
    end_well([climbing])
    come_back([bad])


def test_several_beats_are_harmless_and_none_only_delays(house: ChaosHouse, world: World) -> None:
    house.kill("beat")
    rollouts = [world.send_out(SHORT) for _ in range(3)]
    for name in ("beat", "beat-2", "beat-3"):
        house.launch(name, house.command("beat"))
    end_well(rollouts)


def test_a_web_process_killed_at_the_button_leaves_a_rollback_that_is_whole_or_none(
    house: ChaosHouse, world: World
) -> None:
    rollouts = [world.send_out(LONG) for _ in range(3)]
    until(lambda: all(look(one) == "baking" for one in rollouts), "they do not bake")
    until(lambda: answers(house), "the web process does not answer")
    browser = sign_in(house)
    pressing = [threading.Thread(target=press, args=(house, browser, one.pk)) for one in rollouts]
    for thread in pressing:
        thread.start()
    until(lambda: any(look(one) != "baking" for one in rollouts), "no button worked")
    house.kill("web")
    for thread in pressing:
        thread.join()
    house.roll_back("--all")
    come_back(rollouts)


def test_old_and_new_workers_and_one_whose_clock_is_wrong_by_an_hour_work_together(
    house: ChaosHouse, world: World, tmp_path: Path
) -> None:
    house.kill("worker-1")
    house.launch("worker-wrong", [sys.executable, "-m", "tests.faults.wrong_clock", "3600"])
    if before := check_out_before_the_last_migration(tmp_path):
        house.launch("worker-old", house.command("worker"), cwd=before)
    until(lambda: "ready" in house.said("worker-wrong"), "the worker with the wrong clock does not start")
    rollouts = [world.send_out(SHORT) for _ in range(4)]
    end_well(rollouts)
    if before is None:
        pytest.skip("The version before the last migration is not in this clone, so only clocks were tried.")
