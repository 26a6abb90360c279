"""Every target is looked at every few seconds: health, dead servers, drift, and what forgot its weight."""

from typing import Any

import pytest

from releasetrain.catalog.models import Target
from releasetrain.events.models import Event
from releasetrain.rollouts.actions import roll_back
from releasetrain.rollouts.actions.watching import watch
from releasetrain.rollouts.audit import faults_of
from releasetrain.rollouts.drivers import base
from releasetrain.rollouts.drivers.base import Arm, Health, Server
from releasetrain.rollouts.drivers.simulated import SimulatedDriver
from releasetrain.rollouts.models import Rollout, Standing
from tests import make
from tests.rollouts.clocks import Clock, run, started
from tests.rollouts.clocks import time as time

pytestmark = pytest.mark.django_db(transaction=True)
LADDER = [{"weight": weight, "bake_seconds": 10} for weight in (10, 100)]


def change(target: Target, **world: Any) -> None:
    target.refresh_from_db()
    target.driver_config["world"] |= world
    target.save(update_fields=["driver_config"])


def weight(target: Target) -> int:
    return int(Target.objects.get(pk=target.pk).driver_config["world"]["weight"])


def look(time: Clock, seconds: float = 5) -> Standing:
    watch(time.go(seconds))
    return Standing.objects.get()


def kinds(prefix: str) -> list[str]:
    return list(Event.objects.filter(kind__startswith=prefix).order_by("pk").values_list("kind", flat=True))


def arrived(time: Clock) -> Rollout:
    rollout = started(time, ladder=LADDER, is_accelerated=True)
    run(rollout, time, 60)
    assert rollout.state == "succeeded"
    return rollout


def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    able = base.Capabilities(is_sticky=True, is_instant=True, is_fenced=True, is_persistent=False)
    monkeypatch.setattr(SimulatedDriver, "capabilities", able)


def test_health_is_kept_and_told_once_when_it_changes(time: Clock) -> None:
    target = make.target(driver="simulated", driver_config={})
    assert look(time).is_well
    target.driver_config = {"faults": {"unreachable": True}}
    target.save(update_fields=["driver_config"])
    standing = look(time)
    assert (standing.is_well, standing.detail) == (False, "The simulated proxy does not answer.")
    look(time)
    target.driver_config = {}
    target.save(update_fields=["driver_config"])
    assert look(time).is_well
    assert kinds("rollouts.driver.") == ["rollouts.driver.failed", "rollouts.driver.recovered"]


def test_all_are_looked_at_beside_one_another_and_none_twice_within_its_time(time: Clock) -> None:
    for name in ("Storefront", "Cart", "Search"):
        make.target(name, driver="simulated", driver_config={})
    assert watch(time.go(5)) == 3
    assert watch(time.go(1)) == 0
    assert Standing.objects.filter(is_well=True, weight=0).count() == 3


def test_a_driver_that_is_red_promotes_nobody_and_still_rolls_back(time: Clock) -> None:
    slow = [LADDER[0], {"weight": 100, "bake_seconds": 600}]
    rollout = started(time, ladder=slow, is_accelerated=True)
    rollout.target.driver_config["faults"] = {"unreachable": True}
    rollout.target.save(update_fields=["driver_config"])
    look(time)
    rollout.target.driver_config["faults"] = {}
    rollout.target.save(update_fields=["driver_config"])
    run(rollout, time, 13)
    assert (rollout.state, rollout.stage_index) == ("baking", 0)
    look(time)
    run(rollout, time, 30)
    assert rollout.stage_index == 1
    Standing.objects.update(is_well=False, checked_at=time.now)
    roll_back(rollout, reason="It smells.", by=None, now=time.go(1))
    run(rollout, time, 5)
    assert rollout.state == "rolled_back"


def test_a_dead_candidate_is_said_and_brings_users_back_though_they_see_nothing(
    time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollout = started(time, ladder=[{"weight": 10, "bake_seconds": 600}, *LADDER[1:]])
    servers = (
        Server("10.0.0.7:80", Arm.CANDIDATE, is_up=False),
        Server("10.0.0.8:80", Arm.BASELINE, is_up=True),
    )
    monkeypatch.setattr(SimulatedDriver, "health", lambda self, target: Health(True, servers=servers))
    look(time)
    run(rollout, time, 2)
    assert rollout.state == "baking"
    look(time, 4)
    look(time, 5)
    run(rollout, time, 12)
    assert rollout.state in ("rolling_back", "rolled_back")
    assert rollout.reason == "The new version is unhealthy."
    (event,) = Event.objects.filter(kind="rollouts.servers.died")
    assert "10.0.0.7:80" in str(event.data)
    assert f"rollout:{rollout.pk}" in event.topics


def test_a_restarted_proxy_is_set_again_by_what_the_last_rollout_left(
    time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollout = arrived(time)
    forgetful(monkeypatch)
    change(rollout.target, weight=0, fence=0)
    look(time)
    assert weight(rollout.target) == 100
    assert kinds("rollouts.target.") == ["rollouts.target.set_again"]
    assert look(time).weight == 100
    assert faults_of([rollout]) == []


def test_a_proxy_that_restarts_on_the_way_is_set_again_within_a_look_and_a_tick(
    time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollout = started(time, ladder=[{"weight": 10, "bake_seconds": 600}, *LADDER[1:]])
    forgetful(monkeypatch)
    change(rollout.target, weight=0, fence=0)
    look(time)
    run(rollout, time, 3)
    assert weight(rollout.target) == 10
    assert rollout.state == "baking"


def test_drift_of_a_target_at_rest_is_asked_about_and_left_alone(time: Clock) -> None:
    rollout = arrived(time)
    time.go(100)
    change(rollout.target, weight=33)
    assert "33 % was read back where the last rollout left 100 %" in look(time).drift
    look(time)
    assert weight(rollout.target) == 33
    assert kinds("rollouts.target.") == ["rollouts.target.drifted"]
    change(rollout.target, weight=100)
    assert look(time).drift == ""


def test_a_rollback_is_asserted_again_for_60_seconds(time: Clock) -> None:
    rollout = started(time, ladder=LADDER, is_accelerated=True)
    roll_back(rollout, reason="It smells.", by=None, now=time.go(1))
    run(rollout, time, 5)
    assert rollout.state == "rolled_back"
    change(rollout.target, weight=40)
    look(time)
    assert weight(rollout.target) == 0
    time.go(70)
    change(rollout.target, weight=40)
    assert look(time).drift
    assert weight(rollout.target) == 40


def test_what_was_configured_anew_is_held_to_nothing_of_before(
    time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollout = arrived(time)
    look(time)
    forgetful(monkeypatch)
    Standing.objects.update(configured_at=time.go(1))
    change(rollout.target, weight=0, fence=0)
    assert look(time).drift == ""
    assert weight(rollout.target) == 0
