"""A real proxy before two real servers: routing, fall-over, sockets, shadow, admin, restart."""

import os
import signal
from collections.abc import Iterator

import httpx
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.proxy.world import TOKEN, World, worlds
from tests.running import until


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    yield from worlds(tmp_path_factory.mktemp("proxy"))


@pytest.fixture
def world(shared: World) -> Iterator[World]:
    """Give the proxy with everybody on the baseline and both servers alive; put that right afterwards."""
    shared.put(0)
    yield shared
    for server in (shared.old, shared.new):
        server.held.clear()
        if server._thread and not server._thread.is_alive():
            server.start()
        server.asked.clear()
    until(lambda: all(one["is_up"] for one in shared.facts()["servers"]), "a server is not seen again")


def test_whoever_is_in_gets_the_candidate_and_whoever_is_not_known_the_baseline(world: World) -> None:
    assert world.ask().headers["x-version"] == "v1"
    world.put(100)
    assert world.ask().headers["x-version"] == "v2"
    assert world.ask(user="").headers["x-version"] == "v1"
    twice = [("x-user-id", "ana"), ("x-user-id", "ben")]
    assert httpx.get(f"http://{world.address}/", headers=twice).headers["x-version"] == "v1"
    world.put(0)
    assert world.ask().headers["x-version"] == "v1"


def test_addresses_and_bodies_travel_as_they_are_both_ways(world: World) -> None:
    world.put(100)
    assert world.ask("/a%2Fb?c=%20d&e").text == "v2 0"
    assert world.ask("/small", "POST", content=b"x" * 1000).text == "v2 1000"

    def pieces() -> Iterator[bytes]:
        for _ in range(8):
            yield b"y" * 100_000

    assert world.ask("/large", "POST", content=pieces()).text == "v2 800000"
    assert world.ask("/", "HEAD").headers["content-length"] == "4"
    assert world.new.paths() == ["/a%2Fb?c=%20d&e", "/small", "/large", "/"]
    headers = world.new.asked[0][2]
    assert headers["X-Forwarded-For"] == "127.0.0.1"
    assert headers["Host"] == world.address


def test_what_is_too_large_is_refused(world: World) -> None:
    def pieces() -> Iterator[bytes]:
        for _ in range(30):
            yield b"y" * 100_000

    assert world.ask("/", "POST", content=b"x" * 1_100_000).status_code == 413
    assert world.ask("/", "POST", content=pieces()).status_code == 413
    assert world.ask("/", headers={"x-large": "x" * 20_000}).status_code == 400
    assert world.ask().status_code == 200


def test_a_streamed_answer_arrives_while_it_is_written(world: World) -> None:
    with httpx.stream("GET", f"http://{world.address}/flow", timeout=30) as answer:
        pieces = answer.iter_raw()
        assert next(pieces)
        world.old.held.set()
        assert sum(map(len, pieces)) == 1000


def test_a_dead_candidate_costs_no_user_anything(world: World) -> None:
    world.put(100)
    world.new.die()
    for method in ("GET", "POST"):
        answer = world.ask(method=method, content=b"z" * 200_000 if method == "POST" else b"")
        assert (answer.status_code, answer.headers["x-version"]) == (200, "v1")
    facts = world.facts()
    assert facts["counts"]["fell_over"] >= 2
    assert [one["is_up"] for one in facts["servers"]] == [True, False]
    world.new.start()
    until(lambda: world.ask().headers["x-version"] == "v2", "the candidate is not used again")


@pytest.mark.parametrize("path", ["/held", "/half"])
def test_a_candidate_that_dies_in_the_middle_is_replaced_where_that_is_harmless(
    world: World, path: str
) -> None:
    world.put(100)
    world.old.held.set()
    asking = world.beside(lambda: world.ask(path))
    until(lambda: world.new.paths() == [path], "the candidate is not asked")
    world.new.die()
    assert asking.result().headers["x-version"] == "v1"


def test_what_was_sent_and_changes_something_is_never_sent_twice(world: World) -> None:
    world.put(100)
    asking = world.beside(lambda: world.ask("/held", "POST", content=b"order"))
    until(lambda: world.new.paths() == ["/held"], "the candidate is not asked")
    world.new.die()
    assert asking.result().status_code == 502
    assert world.old.paths() == []


def test_half_a_streamed_answer_does_not_look_whole(world: World) -> None:
    world.put(100)
    with httpx.stream(
        "GET", f"http://{world.address}/flow", headers={"x-user-id": "ana"}, timeout=30
    ) as half:
        pieces = half.iter_raw()
        assert next(pieces)
        world.new.die()
        with pytest.raises(httpx.HTTPError):
            list(pieces)


def test_an_error_of_the_candidate_is_passed_on_for_guardrails_to_see(world: World) -> None:
    world.put(100)
    assert world.ask("/fails").status_code == 500
    assert world.old.paths() == []


def test_a_socket_stays_on_the_candidate_after_a_rollback_is_counted_and_can_be_cut(world: World) -> None:
    world.put(100)
    address = f"ws://{world.address}/talk"
    with connect(address, additional_headers={"x-user-id": "ana"}, subprotocols=["chat"]) as talk:  # type: ignore[list-item]
        talk.send("hello")
        assert (talk.recv(30), talk.subprotocol) == ("v2: hello", "chat")
        talk.send(b"\x00\x01")
        assert talk.recv(30) == b"\x00\x01"
        assert talk.ping().wait(30)
        world.put(0)
        talk.send("still there")
        assert talk.recv(30) == "v2: still there"
        assert world.facts()["open"]["candidate"] == 1
        assert world.call("POST", "/cut").json()["cut"] == 1
        with pytest.raises(ConnectionClosed):
            talk.recv(30)
    until(lambda: world.facts()["open"]["candidate"] == 0, "the socket is still counted")


def test_a_socket_falls_over_to_the_baseline(world: World) -> None:
    world.put(100)
    world.new.die()
    with connect(f"ws://{world.address}/talk", additional_headers={"x-user-id": "ana"}) as talk:
        talk.send("hello")
        assert talk.recv(30) == "v1: hello"


def test_shadow_traffic_is_marked_compared_and_seen_by_no_user(world: World) -> None:
    before = world.facts()["shadow"]
    world.put(0, mirror=100)
    for path in ("/", "/fails", "/"):
        assert world.ask(path).headers["x-version"] == "v1"
    assert world.ask("/", "POST", content=b"order").headers["x-version"] == "v1"
    until(lambda: _since(world, before, "answered") == 3, "the shadow is not compared")
    assert [one[0] for one in world.new.asked] == ["GET", "GET", "GET"]
    assert all(one[2]["X-Release-Train-Shadow"] == "1" for one in world.new.asked)
    assert (_since(world, before, "left_out"), _since(world, before, "mismatched")) == (1, 0)


def test_shadow_slow_or_dead_costs_users_nothing(world: World) -> None:
    before = world.facts()["shadow"]
    world.put(0, mirror=100)
    world.old.held.set()
    for _ in range(40):
        assert world.ask("/held").headers["x-version"] == "v1"
    assert _since(world, before, "dropped") == 8
    world.new.die()
    until(lambda: _since(world, before, "unanswered") == 32, "the dead shadow is not counted")
    assert _since(world, before, "mismatched") == 32


def _since(world: World, before: dict[str, int], name: str) -> int:
    return int(world.facts()["shadow"].get(name, 0)) - before.get(name, 0)


def test_only_the_secret_opens_the_admin_and_an_older_fence_is_refused(world: World) -> None:
    assert world.call("GET", "/state", token="wrong").status_code == 401
    assert world.call("PUT", "/state", token="", json={"weight": 100, "fence": 9**9}).status_code == 401
    old = world.call("PUT", "/state", json={"weight": 100, "fence": world.fence - 1})
    assert old.status_code == 409
    assert "older" in old.json()["error"]
    assert world.call("PUT", "/state", content=b"x" * 20_000).status_code == 413
    assert world.call("PUT", "/state", content=b"weight=5").status_code == 400
    assert world.facts()["weight"] == 0
    assert TOKEN not in world.said()


def test_a_killed_proxy_comes_back_by_itself_as_it_was(world: World) -> None:
    world.put(100)
    world.end()
    world.launch()
    assert world.ask().headers["x-version"] == "v2"
    world.end()
    world.state_file.write_text("{half")
    world.launch()
    assert world.ask().headers["x-version"] == "v1"
    assert "Everybody gets the baseline" in world.said()


def test_a_proxy_that_is_told_to_end_lets_requests_finish(world: World) -> None:
    asking = world.beside(lambda: world.ask("/held"))
    until(lambda: world.old.paths() == ["/held"], "the baseline is not asked")
    assert world.process
    world.process.send_signal(signal.SIGTERM)
    world.old.held.set()
    assert asking.result().status_code == 200
    assert world.process.wait(30) == 0
    world.launch()


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes into every folder")
def test_a_rollback_holds_where_nothing_can_be_written_and_a_promotion_does_not(world: World) -> None:
    world.put(50)
    world.state_file.parent.chmod(0o500)
    try:
        refused = world.call("PUT", "/state", json={"weight": 100, "fence": world.fence + 1})
        assert refused.status_code == 507
        assert world.put(0)["is_kept"] is False
        assert world.facts()["weight"] == 0
    finally:
        world.state_file.parent.chmod(0o700)
