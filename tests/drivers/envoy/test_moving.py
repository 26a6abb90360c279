"""A real Envoy: who gets which version, and what is left open afterwards."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from releasetrain.rollouts.drivers.base import Desired, Outcome, Sync
from releasetrain.rollouts.drivers.envoy import EnvoyDriver
from tests.drivers.envoy.proxy import Proxy, until

# What was read is told by the database's clock.
pytestmark = pytest.mark.django_db
DRIVER = EnvoyDriver()
USERS = range(300)


def shift(proxy: Proxy, weight: int, fence: int, version: str = "2.0", mirror: int = 0) -> None:
    desired = Desired(proxy.target, weight, fence, version, mirror=mirror)
    ack = DRIVER.apply(desired, key="", deadline=10)
    assert ack.outcome is Outcome.CONFIRMED, ack.detail


def test_split_is_sticky_and_only_grows_and_is_salted_with_the_version(proxy: Proxy, fence: int) -> None:
    seen: dict[int, set[int]] = {}
    for number, weight in enumerate((5, 25, 50, 99)):
        shift(proxy, weight, fence + 1 + number)
        seen[weight] = proxy.users_of("2.0", USERS)
        assert proxy.users_of("2.0", USERS) == seen[weight]
    assert seen[5] < seen[25] < seen[50] < seen[99]
    # 3.5 standard deviations of a fair draw.
    for weight, users in seen.items():
        deviation = (len(USERS) * weight / 100 * (1 - weight / 100)) ** 0.5
        assert abs(len(users) - len(USERS) * weight / 100) <= 3.5 * deviation
    shift(proxy, 25, fence + 10, version="2.1 \\1 beta")
    others = proxy.users_of("2.0", USERS)
    assert len(others & seen[25]) < len(seen[25]) * 0.7


def test_0_and_100_are_exact_and_nobody_known_gets_the_baseline(proxy: Proxy, fence: int) -> None:
    assert proxy.users_of("1.0", USERS) == set(USERS)
    shift(proxy, 99, fence + 1)
    assert {proxy.ask() for _ in range(20)} == {("1.0", 200)}
    shift(proxy, 100, fence + 2)
    assert proxy.users_of("2.0", USERS) == set(USERS)
    assert proxy.ask() == ("2.0", 200)


def test_read_back_tells_weight_fence_and_mirror(proxy: Proxy, fence: int) -> None:
    shift(proxy, 25, fence + 1)
    seen = DRIVER.observe(proxy.target, deadline=5)
    assert (seen.state, seen.weight, seen.fence, seen.mirror) == (Sync.SYNCED, 25, fence + 1, 0)
    shift(proxy, 0, fence + 2, mirror=20)
    seen = DRIVER.observe(proxy.target, deadline=5)
    assert (seen.state, seen.weight, seen.fence, seen.mirror) == (Sync.SYNCED, 0, fence + 2, 20)


def test_mirroring_beside_users_is_refused(proxy: Proxy, fence: int) -> None:
    ack = DRIVER.apply(Desired(proxy.target, 5, fence + 1, "2.0", mirror=5), key="", deadline=5)
    assert ack.outcome is Outcome.REFUSED
    assert DRIVER.observe(proxy.target, deadline=5).weight == 0


@contextmanager
def load(proxy: Proxy) -> Iterator[list[tuple[str, int]]]:
    """Ask without pause for many users over kept-alive connections, and gather what came."""
    answers: list[tuple[str, int]] = []
    is_over = threading.Event()

    def ask(number: int) -> None:
        link, user = proxy.connect(), 0
        while not is_over.is_set():
            user += 1
            answers.append(proxy.ask(f"{number}-{user % 97}", link=link))
        link.close()

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(4)]
    for one in threads:
        one.start()
    try:
        yield answers
    finally:
        is_over.set()
        for one in threads:
            one.join()


def test_nothing_is_lost_while_weights_go_up_and_down(proxy: Proxy, fence: int) -> None:
    with load(proxy) as answers:
        for number in range(20):
            shift(proxy, (50, 0, 100, 10)[number % 4], fence + 1 + number)
    assert len(answers) > 100
    assert {status for _, status in answers} == {200}
    assert {version for version, _ in answers} == {"1.0", "2.0"}


def test_after_a_rollback_no_request_is_sent_to_the_candidate(proxy: Proxy, fence: int) -> None:
    with load(proxy) as answers:
        shift(proxy, 50, fence + 1)
        until(lambda: ("2.0", 200) in answers)
        ack = DRIVER.rollback(proxy.target, fence=fence + 2, key="", deadline=5)
        assert ack.outcome is Outcome.CONFIRMED
        # What was on its way when the call returned is at most one request a connection.
        had, count = len(answers), sum(version == "2.0" for version, _ in answers)
        until(lambda: len(answers) > had + 200)
    assert sum(version == "2.0" for version, _ in answers) - count <= 4


def test_rolled_back_is_drained_only_when_nothing_is_open(proxy: Proxy, fence: int) -> None:
    shift(proxy, 100, fence + 1)
    wire = proxy.open_websocket("somebody")
    try:
        assert DRIVER.rollback(proxy.target, fence=fence + 2, key="", deadline=5).outcome == "confirmed"
        left = DRIVER.drain(proxy.target, cut=False, deadline=5)
        assert (left.open_connections, left.is_drained) == (1, False)
    finally:
        wire.close()
    until(lambda: DRIVER.drain(proxy.target, cut=False, deadline=5).is_drained)
