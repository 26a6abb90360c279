"""DRIVERS' faults over our own proxy: fleets, secrets, wrong replies, what is configured otherwise."""

import json
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest

from releasetrain.catalog.models import Target
from releasetrain.catalog.secrets import add_secret
from releasetrain.lib import clock
from releasetrain.rollouts.drivers.base import Desired, Outcome, Sync
from releasetrain.rollouts.drivers.embedded import EmbeddedDriver
from releasetrain.rollouts.drivers.embedded.replies import acknowledged, observed, read
from tests import make
from tests.drivers.rig import NEW
from tests.drivers.rigs.embedded import TOKEN, TheRig

pytestmark = pytest.mark.django_db
DRIVER = EmbeddedDriver()


@pytest.fixture(scope="module")
def rig() -> Iterator[TheRig]:
    rig = TheRig()
    rig.start()
    yield rig
    rig.stop()


@pytest.fixture
def target(rig: TheRig) -> Target:
    rig.target = make.target(driver="embedded", driver_config=rig.config())
    return rig.target


def fence_of(target: Target) -> int:
    return (DRIVER.observe(target, deadline=5).fence or 0) + 1


def desired(target: Target, weight: int) -> Desired:
    return Desired(target, weight, fence_of(target), NEW)


def test_the_secret_is_opened_by_its_reference_and_a_wrong_one_is_refused(target: Target) -> None:
    del target.driver_config["token_file"]
    target.driver_config["token"] = {"secret": "proxy"}
    ack = DRIVER.rollback(target, fence=1, key="k", deadline=5)
    assert (ack.outcome, "no secret" in ack.detail) == (Outcome.REFUSED, True)
    add_secret(name="proxy", value=TOKEN, team=None, by=None, now=clock.now())
    assert DRIVER.apply(desired(target, 5), key="k", deadline=5).outcome is Outcome.CONFIRMED
    add_secret(name="other", value="a-secret-of-nobody", team=None, by=None, now=clock.now())
    target.driver_config["token"] = {"secret": "other"}
    ack = DRIVER.rollback(target, fence=9**9, key="k", deadline=5)
    assert (ack.outcome, "secret is missing or wrong" in ack.detail) == (Outcome.REFUSED, True)
    assert "a-secret" not in ack.detail
    assert not DRIVER.health(target).is_well


def test_a_fleet_with_one_missing_is_put_back_on_the_way_up_and_rolled_back_on_the_others(
    rig: TheRig, target: Target
) -> None:
    DRIVER.rollback(target, fence=fence_of(target), key="k", deadline=5)
    target.driver_config["endpoints"] = [rig.admin, "127.0.0.1:1"]
    fence = fence_of(target)
    ack = DRIVER.apply(Desired(target, 50, fence, NEW), key="k", deadline=5)
    assert (ack.outcome, "127.0.0.1:1 cannot be reached" in ack.detail) == (Outcome.UNKNOWN, True)
    seen = DRIVER.observe(target, deadline=5)
    assert (seen.state, seen.weight, seen.missing) == (Sync.PARTIAL, 0, ("127.0.0.1:1",))
    alone = Target(driver_config=rig.config())
    assert DRIVER.apply(Desired(alone, 50, fence + 1, NEW), key="k", deadline=5).outcome is Outcome.CONFIRMED
    assert DRIVER.rollback(target, fence=fence + 2, key="k", deadline=5).outcome is Outcome.UNKNOWN
    assert DRIVER.observe(alone, deadline=5).weight == 0


def test_check_finds_a_proxy_that_runs_otherwise_than_the_configuration_believes(target: Target) -> None:
    assert DRIVER.check(target, target.driver_config) == []
    wrong = target.driver_config | {"candidate": ["10.0.0.9:80"], "user_header": "x-account"}
    found = DRIVER.check(target, wrong)
    assert [one.is_blocking for one in found] == [True, True]
    assert "10.0.0.9:80" in found[0].text
    assert "x-account" in found[1].text
    relative = DRIVER.check(target, target.driver_config | {"token_file": "token"})
    assert [one.text for one in relative] == ["token is no absolute path."]


class Nonsense(BaseHTTPRequestHandler):
    """Something that answers 200 and means nothing by it."""

    body = b"OK"

    def do_PUT(self) -> None:
        self.send_response(200)
        self.send_header("content-length", str(len(self.body)))
        self.end_headers()
        self.wfile.write(self.body)

    def do_GET(self) -> None:
        self.do_PUT()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.mark.parametrize("body", [b"OK", b"{}", b'{"weight": "5", "fence": 1, "mirror": 0}', b"x" * 70_000])
def test_an_answer_without_a_state_is_no_answer(target: Target, body: bytes) -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("It", (Nonsense,), {"body": body}))
    Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        target.driver_config["endpoints"] = [f"127.0.0.1:{server.server_port}"]
        assert DRIVER.apply(Desired(target, 5, 1, NEW), key="k", deadline=5).outcome is Outcome.UNKNOWN
        assert DRIVER.observe(target, deadline=5).state is Sync.UNREACHABLE
    finally:
        server.shutdown()
        server.server_close()


def reply(weight: int, **more: Any) -> bytes:
    return json.dumps({"weight": weight, "fence": 7, "mirror": 0} | more).encode()


def test_only_what_every_proxy_reads_back_is_confirmed() -> None:
    good, other = read("a:1", 200, reply(50)), read("b:1", 200, reply(25))
    refused = read("b:1", 409, json.dumps({"error": "Fence 6 is older than 7."}).encode())
    assert acknowledged([good, good], 50, 7).outcome is Outcome.CONFIRMED
    assert acknowledged([good, other], 50, 7).outcome is Outcome.UNKNOWN
    assert acknowledged([good, refused], 50, 7).outcome is Outcome.REFUSED
    assert acknowledged([read("a:1", 200, reply(0, is_kept=False))], 0, 7).detail.startswith("Not kept")


def test_a_fleet_that_disagrees_is_partial_at_its_highest_weight() -> None:
    seen = observed([read("a:1", 200, reply(0)), read("b:1", 200, reply(25))], clock.now())
    assert (seen.state, seen.weight, seen.missing) == (Sync.PARTIAL, 25, ("a:1",))
