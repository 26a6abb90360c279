"""A worker that is killed at any of the seven points between intent, call and save: it converges.

The points are hit in one process by an exception that nothing catches; real processes are killed in
tests/faults.
"""

import time as real
from collections.abc import Callable
from typing import Any

import pytest

from releasetrain.rollouts import store
from releasetrain.rollouts.actions import drive, roll_back
from releasetrain.rollouts.actions import tick as ticking
from releasetrain.rollouts.audit import faults_of
from releasetrain.rollouts.models import Rollout
from tests import make
from tests.drivers.rig import FENCES, NEW, OLD, Rig
from tests.drivers.steps import look
from tests.rollouts.clocks import Clock, run
from tests.rollouts.clocks import time as time

pytestmark = pytest.mark.django_db(transaction=True)
LADDER = [{"weight": weight, "bake_seconds": 2} for weight in (10, 100)]


class Killed(BaseException):
    """End a worker where it stands; nothing catches it."""


class Point:
    """One place at which a worker is killed, once."""

    def __init__(self, owner: Any, name: str, *, is_after: bool) -> None:
        self.owner, self.name, self.is_after = owner, name, is_after
        self.is_hit = False

    def arm(self, patch: pytest.MonkeyPatch, when: Callable[[], bool]) -> None:
        own = getattr(self.owner, self.name)

        def killed(*args: Any, **rest: Any) -> Any:
            if self.is_hit or not when():
                return own(*args, **rest)
            if self.is_after:
                own(*args, **rest)
            self.is_hit = True
            raise Killed

        patch.setattr(self.owner, self.name, killed)


def points(rig: Rig) -> dict[str, Point]:
    driver = type(rig.driver)
    return {
        "before the intent is committed": Point(store, "_write_intents", is_after=True),
        "after the intent, before the call": Point(ticking, "carry_out", is_after=False),
        "in the call, before the target has it": Point(driver, "apply", is_after=False),
        "in the call, after the target has it": Point(driver, "apply", is_after=True),
        "after the answer, before it is saved": Point(drive, "_ask", is_after=True),
        "after the answer is saved": Point(ticking, "carry_out", is_after=True),
        "after the read-back, before it is saved": Point(ticking, "gather", is_after=True),
    }


def step(rollout: Rollout, time: Clock) -> None:
    """Let a second pass; a killed worker's claim is free again after its lease."""
    try:
        run(rollout, time, 1)
    except Killed:
        time.go(15)
    rollout.refresh_from_db()
    real.sleep(0.02)


def moved_on(rig: Rig, time: Clock, name: str, point: Point, patch: pytest.MonkeyPatch) -> Rollout:
    fence = next(FENCES)
    rollout = make.rollout(
        on=rig.target,
        ladder=LADDER,
        is_accelerated=True,
        from_version=OLD,
        to_version=NEW,
        fence=fence,
        weight_fence=fence,
    )

    def is_moving() -> bool:
        rollout.refresh_from_db()
        return rollout.state in ("preflight", "shifting") and rollout.seq >= 1

    point.arm(patch, is_moving)
    for _ in range(400):
        step(rollout, time)
        if rollout.state == "baking":
            break
    assert point.is_hit, name
    assert (rollout.state, rollout.stage_index) == ("baking", 0), f"{name}: {rollout.reason}"
    return rollout


def test_killed_at_each_of_the_seven_points_it_converges_without_a_double_step(
    rig: Rig, time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.guardrail(rig.target)
    rig.forget()
    for name, point in points(rig).items():
        if rig.kill_points and name not in rig.kill_points:
            continue
        with monkeypatch.context() as patch:
            rollout = moved_on(rig, time, name, point, patch)
        assert look(rig).weight == 10, name
        rules = list(rollout.transitions.order_by("seq").values_list("rule", flat=True))
        assert rules == ["T1", "T2", "T3"], name
        roll_back(rollout, reason="It smells.", by=None, now=time.go(1))
        for _ in range(400):
            step(rollout, time)
            if rollout.state == "rolled_back":
                break
        assert rollout.state == "rolled_back", name
        assert look(rig).weight == 0, name
        assert faults_of([rollout]) == [], name
        time.go(30)
