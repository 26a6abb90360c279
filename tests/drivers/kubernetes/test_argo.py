"""An Argo Rollout on a strict API server: one pause at a time, an abort whatever happens, no false word."""

from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from releasetrain.catalog.models import Target
from releasetrain.catalog.secrets import add_secret
from releasetrain.rollouts.drivers.argo import ArgoDriver
from releasetrain.rollouts.drivers.base import Ack, Desired, Observed, Outcome, Sync
from tests import make
from tests.drivers.kubernetes.rollouts import PATH, Document, follow, rollout
from tests.drivers.kubernetes.server import TOKEN, ApiServer
from tests.rollouts.clocks import Clock
from tests.rollouts.clocks import time as time

pytestmark = pytest.mark.django_db
PATIENCE = 30.0
CONFIRMED = Ack(Outcome.CONFIRMED)


@pytest.fixture
def server(settings: Settings) -> Iterator[ApiServer]:
    settings.INTERNAL_HOSTS = frozenset({"127.0.0.1"})
    running = ApiServer(follow)
    running.put(PATH, rollout())
    yield running
    running.stop()


@pytest.fixture
def target(server: ApiServer) -> Target:
    add_secret(name="cluster", value=TOKEN, team=None, by=None, now=make.NOW)
    config = {
        "server": server.url,
        "token": {"secret": "cluster"},
        "authorities": server.authorities,
        "namespace": "shop",
        "rollout": "storefront",
    }
    return make.target(driver="argo", driver_config=config)


def shift(target: Target, weight: int, fence: int) -> Ack:
    desired = Desired(target, weight, fence, "v2")
    return ArgoDriver().apply(desired, key=f"{fence}:apply", deadline=PATIENCE)


def back(target: Target, fence: int) -> Ack:
    return ArgoDriver().rollback(target, fence=fence, key=f"{fence}", deadline=PATIENCE)


def look(target: Target) -> Observed:
    return ArgoDriver().observe(target, deadline=PATIENCE)


def test_each_shift_ends_one_pause_and_settling_promotes(server: ApiServer, target: Target) -> None:
    assert look(target).weight == 0
    assert [shift(target, weight, fence) for fence, weight in enumerate((25, 50, 100), 3)] == [CONFIRMED] * 3
    assert (look(target).state, look(target).weight, look(target).fence) == (Sync.SYNCED, 100, 5)
    assert shift(target, 0, 6) == CONFIRMED
    status = server.objects[PATH]["status"]
    assert status["stableRS"] == status["currentPodHash"] == "new"


def test_a_weight_that_is_not_the_next_step_is_refused(server: ApiServer, target: Target) -> None:
    detail = "Argo has no “set weight”: its steps lead to 25 % next, not to 50 %."
    assert shift(target, 50, 3) == Ack(Outcome.REFUSED, detail)
    assert server.patches == []


def test_the_same_weight_twice_ends_no_second_pause(target: Target) -> None:
    assert [shift(target, 25, 3), shift(target, 25, 3), shift(target, 25, 4)] == [CONFIRMED] * 3
    assert look(target).weight == 25
    assert shift(target, 50, 3) == Ack(Outcome.REFUSED, "Fence 3 is older than 4.")


def test_an_abort_brings_users_back_by_the_status_alone(server: ApiServer, target: Target) -> None:
    shift(target, 25, 3)
    assert back(target, 4) == CONFIRMED
    assert server.patches[-1] == ("application/merge-patch+json", {"status": {"abort": True}})
    assert back(target, 5) == CONFIRMED
    assert "was aborted" in shift(target, 25, 6).detail


def test_kubernetes_409_is_read_again_once_and_then_drifted(server: ApiServer, target: Target) -> None:
    def touch(document: Document) -> None:
        document["metadata"].setdefault("labels", {})["touched"] = str(len(server.patches))

    server.meddlers = [touch]
    assert shift(target, 25, 3) == CONFIRMED
    server.meddlers = [touch, lambda one: one["metadata"]["labels"].update(touched="again")]
    ack = shift(target, 50, 4)
    assert (ack.outcome, ack.detail.startswith("Drifted")) == (Outcome.UNKNOWN, True)
    server.meddlers = [touch]
    assert back(target, 5) == CONFIRMED


def test_500_after_the_promotion_never_ends_a_second_pause(server: ApiServer, target: Target) -> None:
    server.fail_after = 1
    assert shift(target, 25, 3).outcome is Outcome.UNKNOWN
    assert shift(target, 25, 4) == CONFIRMED
    assert look(target).weight == 25


def test_accepted_but_the_controller_is_dead_converges_until_the_limit_then_unknown_and_alarm(
    server: ApiServer, target: Target, time: Clock
) -> None:
    server.is_controlled = False
    assert shift(target, 25, 3).outcome is Outcome.ACCEPTED
    assert (look(target).state, look(target).weight) == (Sync.CONVERGING, None)
    assert ArgoDriver().health(target).is_well
    time.go(241)
    assert (look(target).state, look(target).weight) == (Sync.UNKNOWN, None)
    assert not ArgoDriver().health(target).is_well
    server.revive_controller()
    assert (look(target).weight, ArgoDriver().health(target).is_well) == (25, True)


def test_who_was_promoted_by_other_hands_is_not_said_to_be_back(server: ApiServer, target: Target) -> None:
    shift(target, 25, 3)
    server.change(PATH, lambda one: one["status"].update(stableRS="new", pauseConditions=None))
    assert look(target).weight == 100
    assert back(target, 4) == Ack(Outcome.REFUSED, "Other hands have promoted it: undo it in the cluster.")


@pytest.mark.parametrize(("verb", "is_status"), [("get", False), ("patch", False), ("patch", True)])
def test_without_permission_check_blocks(
    server: ApiServer, target: Target, verb: str, is_status: bool
) -> None:
    server.forbidden = {(verb, is_status)}
    found = [one.text for one in ArgoDriver().check(target, target.driver_config) if one.is_blocking]
    assert ["403" in text for text in found] == [True]


@pytest.mark.parametrize(
    "steps",
    [
        [],
        [{"setWeight": 0}],
        [{"setWeight": 5}, {"pause": {}}, {"setWeight": 100}, {"pause": {}}],
        [{"setWeight": 0}, {"pause": {"duration": "1m"}}, {"setWeight": 100}, {"pause": {}}],
        [{"setWeight": 0}, {"pause": {}}, {"setWeight": 50}, {"pause": {}}],
    ],
)
def test_steps_that_go_on_by_themselves_are_found_by_check(
    server: ApiServer, target: Target, steps: list[Any]
) -> None:
    server.change(PATH, lambda one: one["spec"]["strategy"]["canary"].update(steps=steps))
    found = [one.text for one in ArgoDriver().check(target, target.driver_config) if one.is_blocking]
    assert ["Its steps must be pairs" in text for text in found] == [True]


def test_dynamic_stable_scale_is_never_called_instant(server: ApiServer, target: Target) -> None:
    driver = ArgoDriver()
    assert not driver.capabilities.is_instant
    assert driver.check(target, target.driver_config) == []
    server.change(PATH, lambda one: one["spec"]["strategy"]["canary"].update(dynamicStableScale=True))
    (found,) = driver.check(target, target.driver_config)
    assert "a rollback is not instant" in found.text
    assert server.patches == []


def test_prepare_waits_for_the_new_version_and_changes_nothing(server: ApiServer, target: Target) -> None:
    driver, desired = ArgoDriver(), Desired(target, 0, 1, "v2")
    assert driver.prepare(desired, key="1", deadline=PATIENCE) == CONFIRMED
    server.change(PATH, lambda one: one["status"].update(currentPodHash="old"))
    assert driver.prepare(desired, key="1", deadline=PATIENCE).outcome is Outcome.UNKNOWN
    assert server.patches == []
