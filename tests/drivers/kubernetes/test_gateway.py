"""Weights of an HTTPRoute on a strict API server: versions, permissions, lost answers, dead controllers."""

import time as real
from collections.abc import Iterator
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from releasetrain.catalog.models import Target
from releasetrain.catalog.secrets import add_secret
from releasetrain.rollouts.drivers.base import Ack, Desired, Observed, Outcome, Sync
from releasetrain.rollouts.drivers.gateway import GatewayDriver
from tests import make
from tests.drivers.kubernetes.routes import PATH, Document, by_hand, route, take, weight_of
from tests.drivers.kubernetes.server import TOKEN, ApiServer, Failed
from tests.rollouts.clocks import Clock
from tests.rollouts.clocks import time as time

pytestmark = pytest.mark.django_db
PATIENCE = 30.0
CONFIRMED = Ack(Outcome.CONFIRMED)


@pytest.fixture
def server(settings: Settings) -> Iterator[ApiServer]:
    settings.INTERNAL_HOSTS = frozenset({"127.0.0.1"})
    running = ApiServer(take)
    running.put(PATH, route())
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
        "route": "storefront",
        "baseline_backend": "old",
        "candidate_backend": "new",
    }
    return make.target(driver="gateway", driver_config=config)


def shift(target: Target, weight: int, fence: int, deadline: float = PATIENCE) -> Ack:
    return GatewayDriver().apply(Desired(target, weight, fence, "v2"), key=f"{fence}", deadline=deadline)


def back(target: Target, fence: int) -> Ack:
    return GatewayDriver().rollback(target, fence=fence, key=f"{fence}", deadline=PATIENCE)


def look(target: Target) -> Observed:
    return GatewayDriver().observe(target, deadline=PATIENCE)


def test_weights_are_set_by_a_patch_that_tests_the_version_and_leaves_other_rules(
    server: ApiServer, target: Target
) -> None:
    assert shift(target, 25, 3) == CONFIRMED
    (kind, operations), before = server.patches[-1], server.objects[PATH]
    assert kind == "application/json-patch+json"
    assert operations[0]["op"] == "test"
    assert weight_of(before) == 25
    assert before["spec"]["rules"][1] == {"backendRefs": [{"name": "assets", "port": 80}]}
    assert (look(target).state, look(target).weight, look(target).fence) == (Sync.SYNCED, 25, 3)
    assert back(target, 4) == CONFIRMED
    assert weight_of(server.objects[PATH]) == 0


def test_an_older_fence_is_refused_and_the_same_one_is_a_no_op(server: ApiServer, target: Target) -> None:
    assert shift(target, 25, 3) == CONFIRMED
    generation = server.objects[PATH]["metadata"]["generation"]
    assert shift(target, 25, 3) == CONFIRMED
    assert server.objects[PATH]["metadata"]["generation"] == generation
    assert shift(target, 50, 2) == Ack(Outcome.REFUSED, "Fence 2 is older than 3.")


def test_kubernetes_422_is_read_again_once_and_then_drifted(server: ApiServer, target: Target) -> None:
    server.meddlers = [by_hand(40)]
    assert shift(target, 25, 3) == CONFIRMED
    server.meddlers = [by_hand(40), by_hand(41)]
    ack = shift(target, 50, 4)
    assert (ack.outcome, ack.detail.startswith("Drifted: somebody else")) == (Outcome.UNKNOWN, True)
    seen = look(target)
    assert (seen.state, seen.weight) == (Sync.DRIFTED, 41)
    assert back(target, 5) == CONFIRMED


def test_500_after_the_change_is_decided_by_the_read_back(server: ApiServer, target: Target) -> None:
    server.fail_after = 1
    assert shift(target, 25, 3) == CONFIRMED


def test_a_server_that_does_not_answer_is_unknown_within_the_deadline(
    server: ApiServer, target: Target
) -> None:
    server.hang_seconds = 60
    started = real.monotonic()
    assert shift(target, 25, 3, deadline=0.3).outcome is Outcome.UNKNOWN
    assert real.monotonic() - started < 30
    assert GatewayDriver().observe(target, deadline=0.3).state is Sync.UNREACHABLE


def test_accepted_but_the_controller_is_dead_converges_until_the_limit_then_unknown_and_alarm(
    server: ApiServer, target: Target, time: Clock
) -> None:
    server.is_controlled = False
    assert shift(target, 25, 3).outcome is Outcome.ACCEPTED
    assert (look(target).state, look(target).weight) == (Sync.CONVERGING, None)
    assert GatewayDriver().health(target).is_well
    time.go(31)
    assert (look(target).state, look(target).weight) == (Sync.UNKNOWN, None)
    health = GatewayDriver().health(target)
    assert (health.is_well, "may be dead" in health.detail) == (False, True)
    server.revive_controller()
    assert (look(target).state, look(target).weight) == (Sync.SYNCED, 25)


def test_a_gateway_that_refuses_the_route_is_said(server: ApiServer, target: Target) -> None:
    def refuse(document: Document) -> None:
        take(document)
        document["status"]["parents"][0]["conditions"][1] |= {"status": "False", "reason": "BackendNotFound"}

    server.control = refuse
    ack = shift(target, 25, 3)
    assert (ack.outcome, "BackendNotFound" in ack.detail) == (Outcome.ACCEPTED, True)
    assert look(target).state is Sync.UNKNOWN


@pytest.mark.parametrize("verb", ["get", "patch"])
def test_without_permission_check_blocks_and_prepare_refuses(
    server: ApiServer, target: Target, verb: str
) -> None:
    server.forbidden = {(verb, False)}
    driver = GatewayDriver()
    blocking = [one.text for one in driver.check(target, target.driver_config) if one.is_blocking]
    assert len(blocking) == 1
    assert "403" in blocking[0]
    assert driver.prepare(Desired(target, 0, 1, "v2"), key="1", deadline=PATIENCE).outcome is Outcome.REFUSED
    assert shift(target, 25, 3).outcome is Outcome.REFUSED
    assert server.patches == []


def test_check_and_prepare_change_nothing(server: ApiServer, target: Target) -> None:
    before = server.objects[PATH]["metadata"]["resourceVersion"]
    driver = GatewayDriver()
    assert [one for one in driver.check(target, target.driver_config) if one.is_blocking] == []
    assert driver.prepare(Desired(target, 0, 1, "v2"), key="1", deadline=PATIENCE) == CONFIRMED
    assert server.objects[PATH]["metadata"]["resourceVersion"] == before


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"route": "other"}, "404"),
        ({"route": "../../secrets/x"}, "is no name"),
        ({"candidate_backend": "newer"}, "has the backends old, new"),
        ({"candidate_backend": "nobody", "baseline_backend": "none"}, "No rule of the route"),
        ({"token": {"secret": "none"}}, "There is no secret"),
        ({"authorities": []}, "cannot be reached"),
        ({"authorities": ["nonsense"]}, "no certificates"),
        ({"server": "ftp://x"}, "This is no address"),
    ],
)
def test_a_wrong_configuration_is_found_by_check(
    server: ApiServer, target: Target, change: dict[str, Any], words: str
) -> None:
    config = target.driver_config | change
    blocking = [one.text for one in GatewayDriver().check(target, config) if one.is_blocking]
    assert [words in text for text in blocking] == [True], blocking


def test_a_cluster_inside_the_network_is_not_asked_unless_the_server_allows_it(
    server: ApiServer, target: Target, settings: Settings
) -> None:
    settings.INTERNAL_HOSTS = frozenset()
    assert "RELEASETRAIN_INTERNAL_HOSTS" in shift(target, 25, 3).detail


def test_the_fake_server_is_as_strict_as_the_real_one(server: ApiServer) -> None:
    def answer(content_type: str, body: bytes) -> int:
        with pytest.raises(Failed) as refused:
            server.patch(PATH, content_type, body, is_dry=False)
        return refused.value.code

    merge = "application/merge-patch+json"
    assert answer("application/strategic-merge-patch+json", b"{}") == 415
    assert answer("application/json", b"{}") == 415
    assert answer("application/json-patch+json", b"{}") == 400
    assert answer(merge, b"[]") == 400
    assert answer(merge, b'{"metadata": {"resourceVersion": "1"}}') == 409
    unmet = b'[{"op": "test", "path": "/metadata/resourceVersion", "value": "1"}]'
    assert answer("application/json-patch+json", unmet) == 422
    absent = b'[{"op": "replace", "path": "/spec/nothing", "value": 1}]'
    assert answer("application/json-patch+json", absent) == 422
    status = server.objects[PATH]["status"]
    server.patch(PATH, merge, b'{"status": {"parents": []}}', is_dry=False)
    assert server.objects[PATH]["status"] == status
