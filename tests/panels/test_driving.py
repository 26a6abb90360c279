"""The live page says when the driver is red or a server dead, and tells routed away from drained."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from releasetrain.accounts.rules import Role
from releasetrain.events.models import Event
from releasetrain.lib import clock
from releasetrain.panels.audience import Audience
from releasetrain.panels.rollouts import load_track
from releasetrain.panels.shapes import RolloutTrack
from releasetrain.rollouts.actions.watching import watch
from releasetrain.rollouts.drivers.base import Drained
from releasetrain.rollouts.drivers.simulated import SimulatedDriver
from releasetrain.rollouts.models import Rollout, Standing
from releasetrain.rollouts.rules.states import RolloutState
from tests import make
from tests.make import NOW

pytestmark = pytest.mark.django_db


@pytest.fixture
def open_now(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Let the simulated driver count and cut."""
    world: dict[str, Any] = {"open": 3, "cuts": 0}

    def drain(self: SimulatedDriver, target: object, *, cut: bool, deadline: float) -> Drained:
        if cut:
            world.update(open=0, cuts=world["cuts"] + 1)
        return Drained(world["open"], was_cut=cut)

    able = replace(SimulatedDriver.capabilities, can_drain=True, can_cut=True)
    monkeypatch.setattr(SimulatedDriver, "capabilities", able)
    monkeypatch.setattr(SimulatedDriver, "drain", drain)
    monkeypatch.setattr(clock, "now", lambda: NOW)
    return world


def track(rollout: Rollout, audience: Audience = Audience.OPERATOR) -> RolloutTrack:
    found = load_track(rollout.pk, audience, NOW)
    assert found is not None
    return found


def returned(**fields: Any) -> Rollout:
    made: dict[str, Any] = {"state": "rolled_back", "seq": 4, "finished_at": NOW, "state_entered_at": NOW}
    return make.rollout(**made | fields)


def signed_in() -> Client:
    client = Client()
    client.force_login(make.user("Olga", Role.ON_CALL), "allauth.account.auth_backends.AuthenticationBackend")
    return client


def test_a_red_driver_dead_servers_and_missing_endpoints_are_said() -> None:
    rollout = make.rollout(state="baking", seq=3, desired_weight=10)
    servers = [{"name": "10.0.0.7:80", "arm": "candidate", "is_up": False, "version": "", "detail": ""}]
    Standing.objects.create(
        target=rollout.target, is_well=False, detail="Gone.", servers=servers, missing=["edge-2"]
    )
    said = " ".join(track(rollout).warnings)
    assert "The driver cannot act: Gone. Nothing is promoted" in said
    assert "Down, of the new version: 10.0.0.7:80." in said
    assert "edge-2" in said
    assert track(rollout, Audience.STAKEHOLDER).warnings == ()


def test_routed_away_and_drained_are_told_apart_and_cut_is_offered_to_operators(
    open_now: dict[str, Any],
) -> None:
    rollout = returned()
    watch(NOW)
    assert track(rollout).drained == "Routed away; 3 connections to the new version are still open."
    assert track(rollout).cut is not None
    assert track(rollout, Audience.MEMBER).cut is None
    page = signed_in().post(f"/rollouts/{rollout.pk}/cut/", headers={"HX-Request": "true"})
    assert (page.status_code, open_now["cuts"]) == (200, 1)
    assert "Drained: no connection to the new version is open." in page.content.decode()
    assert Event.objects.filter(kind="rollouts.connections.cut").count() == 1


def test_what_is_open_stands_on_the_page_of_everything_rolling(open_now: dict[str, Any]) -> None:
    returned()
    open_now["open"] = 1
    watch(NOW)
    page = " ".join(signed_in().get("/rolling/").content.decode().split())
    assert "1 connection to the new version is still open." in page


@pytest.mark.parametrize("state", [RolloutState.BAKING, RolloutState.SOAKING])
def test_nobody_cuts_off_users_who_are_meant_to_be_there(open_now: dict[str, Any], state: str) -> None:
    rollout = make.rollout(state=state, seq=3, desired_weight=10)
    answer = signed_in().post(f"/rollouts/{rollout.pk}/cut/", headers={"HX-Request": "true"})
    assert (answer.status_code, open_now["cuts"]) == (409, 0)


def test_what_came_back_long_ago_is_not_counted_any_more(open_now: dict[str, Any]) -> None:
    long_ago = NOW - timedelta(hours=2)
    rollout = returned(finished_at=long_ago, state_entered_at=long_ago)
    watch(NOW)
    assert Standing.objects.get().drained_at is None
    assert track(rollout).drained == ""
