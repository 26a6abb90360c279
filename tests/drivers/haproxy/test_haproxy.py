"""Every fault of HAProxy leaves users where they were decided to be; the conformance shows the rest."""

import time
from collections.abc import Iterator

import pytest

from releasetrain.catalog.models import Target
from releasetrain.rollouts.drivers.base import Ack, Arm, Desired, Outcome, Sync
from releasetrain.rollouts.drivers.budget import Budget
from releasetrain.rollouts.drivers.haproxy import HaproxyDriver, mapfile, runtime, transaction
from releasetrain.rollouts.drivers.haproxy.mapfile import read_file
from releasetrain.rollouts.drivers.haproxy.setting import Setting
from releasetrain.rollouts.drivers.haproxy.transaction import Result, put
from releasetrain.rollouts.drivers.salts import NO_SALT, salt_of
from tests.drivers.rig import FENCES, NEW, OLD, Client, Crowd, census, until
from tests.drivers.rigs.haproxy import TheRig

pytestmark = pytest.mark.skipif(bool(TheRig.why_not_here()), reason=TheRig.why_not_here())
DRIVER = HaproxyDriver()


@pytest.fixture(scope="module")
def proxy() -> Iterator[TheRig]:
    yield from running()


@pytest.fixture
def own() -> Iterator[TheRig]:
    """Run one that the test may break."""
    yield from running()


def running() -> Iterator[TheRig]:
    rig = TheRig()
    try:
        rig.start()
        yield rig
    finally:
        rig.stop()


def move(rig: TheRig, weight: int, fence: int | None = None, version: str = NEW) -> Ack:
    desired = Desired(rig.target, weight, fence or next(FENCES), version)
    return DRIVER.apply(desired, key="k", deadline=5)


def take_back(rig: TheRig, fence: int | None = None) -> Ack:
    return DRIVER.rollback(rig.target, fence=fence or next(FENCES), key="k", deadline=2)


def weight_of(rig: TheRig) -> int | None:
    return DRIVER.observe(rig.target, deadline=2).weight


def kept_in(rig: TheRig) -> int | None:
    kept = read_file(rig.map)
    assert kept is not None
    return kept.weight


def pid_in(rig: TheRig) -> str:
    """Return which worker answers on the socket."""
    return next(line for line in rig.say("show info").splitlines() if line.startswith("Pid:"))


def test_another_release_has_other_first_users(proxy: TheRig) -> None:
    move(proxy, 20, version="2.4.1")
    one = census(proxy, 100)
    move(proxy, 20, version="2.4.2")
    assert census(proxy, 100) != one


def test_whoever_is_unknown_gets_the_baseline_and_an_id_that_keeps_them(proxy: TheRig) -> None:
    move(proxy, 50)
    client = Client(proxy.address)
    client.connection.request("GET", "/")
    first = client.connection.getresponse()
    first.read()
    cookie = first.headers["set-cookie"]
    assert first.headers["x-version"] == OLD
    assert cookie.startswith("rt_user=")
    assert "HttpOnly" in cookie
    seen = set()
    for _ in range(20):
        client.connection.request("GET", "/", headers={"cookie": cookie.partition(";")[0]})
        again = client.connection.getresponse()
        again.read()
        assert "set-cookie" not in again.headers
        seen.add(again.headers["x-version"])
    client.close()
    assert len(seen) == 1


def test_drift_by_hand_is_seen_and_set_right(proxy: TheRig) -> None:
    move(proxy, 20)
    proxy.drift(90)
    seen = DRIVER.observe(proxy.target, deadline=2)
    assert (seen.state, seen.weight) == (Sync.DRIFTED, 90)
    assert "somebody else" in seen.detail
    assert take_back(proxy).outcome is Outcome.CONFIRMED
    assert DRIVER.observe(proxy.target, deadline=2).state is Sync.SYNCED


def test_a_weight_that_haproxy_took_in_silence_and_cannot_use_is_drift(proxy: TheRig) -> None:
    move(proxy, 20)
    proxy.say(f"set map {proxy.map} weight abc")
    seen = DRIVER.observe(proxy.target, deadline=2)
    assert (seen.state, seen.weight) == (Sync.DRIFTED, None)
    assert set(census(proxy, 20)) == {OLD}
    take_back(proxy)


def test_a_silent_no_op_is_refused(proxy: TheRig, monkeypatch: pytest.MonkeyPatch) -> None:
    move(proxy, 20)
    real = runtime.ask
    monkeypatch.setattr(
        transaction,
        "ask",
        lambda endpoint, command, budget: (
            "\n" if command.startswith("commit") else real(endpoint, command, budget)
        ),
    )
    refused = move(proxy, 80)
    assert refused.outcome is Outcome.REFUSED
    assert "without a word" in refused.detail
    assert kept_in(proxy) == 20


def test_a_text_reply_is_shown_in_the_refusal_and_nothing_changes(proxy: TheRig) -> None:
    move(proxy, 20)
    other = Target(driver_config=proxy.config(map_file=f"{proxy.map}.other"))
    refused = DRIVER.apply(Desired(other, 80, 99, NEW), key="k", deadline=5)
    assert refused.outcome is Outcome.REFUSED
    assert "Unknown map identifier" in refused.detail
    assert weight_of(proxy) == 20


@pytest.mark.parametrize("order", range(3))
def test_of_two_overlapping_changes_the_newer_stands(
    proxy: TheRig, order: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hold an older one up before each of its commands in turn, while a newer one goes its whole way."""
    held = ["add map", "show map", "commit map"][order]
    old, new = Setting(80, next(FENCES), salt_of("a")), Setting(0, next(FENCES), NO_SALT)
    real = runtime.ask
    results: list[Result | None] = []

    def ask(endpoint: str, command: str, budget: Budget) -> str:
        if command.startswith(held) and not results:
            results.append(None)
            results.append(put(endpoint, str(proxy.map), new, Budget(5)))
        return real(endpoint, command, budget)

    monkeypatch.setattr(transaction, "ask", ask)
    late = put(str(proxy.socket), str(proxy.map), old, Budget(5))
    newer = results[1]
    assert newer is not None
    assert newer.is_well
    assert late.is_older
    assert weight_of(proxy) == 0


def test_a_proxy_that_slept_through_a_change_and_wakes_ends_at_the_newest(
    own: TheRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    move(own, 20)
    real = runtime.ask

    def ask(endpoint: str, command: str, budget: Budget) -> str:
        if command.startswith("commit"):
            own.freeze()
        return real(endpoint, command, budget)

    with monkeypatch.context() as held:
        held.setattr(transaction, "ask", ask)
        started = time.monotonic()
        slept = next(FENCES)
        assert move(own, 80, slept).outcome is Outcome.UNKNOWN
        assert time.monotonic() - started < 60
    assert take_back(own).outcome is Outcome.UNKNOWN
    assert DRIVER.observe(own.target, deadline=1).state is Sync.UNREACHABLE
    own.thaw()
    assert take_back(own).outcome is Outcome.CONFIRMED
    assert weight_of(own) == 0
    assert move(own, 80, slept).outcome is Outcome.REFUSED


def test_restarted_and_reloaded_it_comes_back_by_itself(own: TheRig) -> None:
    fence = next(FENCES)
    move(own, 30, fence)
    users = census(own, 60)
    own.restart()
    seen = DRIVER.observe(own.target, deadline=2)
    assert (seen.state, seen.weight, seen.fence) == (Sync.SYNCED, 30, fence)
    assert census(own, 60) == users
    move(own, 60)
    before = pid_in(own)
    own.reload()
    until(lambda: own.is_ready() and pid_in(own) != before, "it did not reload")
    assert weight_of(own) == 60


def test_a_rollback_is_written_for_the_next_start_while_the_socket_is_gone(own: TheRig) -> None:
    move(own, 60)
    own.break_link()
    assert not DRIVER.health(own.target).is_well
    assert move(own, 70).outcome is Outcome.UNKNOWN
    fence = next(FENCES)
    gone = take_back(own, fence)
    assert gone.outcome is Outcome.UNKNOWN
    assert "no socket" in gone.detail
    own.restart()
    assert set(census(own, 20)) == {OLD}
    assert DRIVER.observe(own.target, deadline=2).fence == fence


def test_a_map_file_that_cannot_be_written_stops_a_change_and_never_a_rollback(
    proxy: TheRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    move(proxy, 20)

    def full(*args: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(mapfile, "write_whole", full)
        refused = move(proxy, 80)
        assert refused.outcome is Outcome.REFUSED
        assert "No space left on device" in refused.detail
        assert weight_of(proxy) == 20
        back = take_back(proxy)
        assert back.outcome is Outcome.CONFIRMED
        assert "A restarted HAProxy would bring back" in back.detail
    assert set(census(proxy, 20)) == {OLD}
    take_back(proxy)


def test_when_the_candidate_dies_under_load_users_lose_nothing_and_its_death_is_told(own: TheRig) -> None:
    move(own, 100)
    with Crowd(own) as crowd:
        crowd.more(50)
        own.kill_candidate()
        crowd.more(200)
    assert [one for one in crowd.asked if one.answer.is_failed] == []
    assert crowd.asked[-1].answer.version == OLD
    until(lambda: "DOWN" in own.say("show stat"), "HAProxy does not notice its death")
    servers = {one.arm: one for one in DRIVER.health(own.target).servers}
    assert not servers[Arm.CANDIDATE].is_up
    assert servers[Arm.BASELINE].is_up


def test_a_fleet_moves_together_or_not_at_all(own: TheRig) -> None:
    other = TheRig()
    try:
        other.map = own.map
        other.start()
        both = [str(own.socket), str(other.socket)]
        own.target.driver_config["endpoints"] = both
        assert move(own, 30).outcome is Outcome.CONFIRMED
        assert {weight_of(own)} == {30}
        other.break_link()
        refused = move(own, 60)
        assert refused.outcome is Outcome.UNKNOWN
        assert str(other.socket) in refused.detail
        assert "Nothing was changed" in refused.detail
        back = take_back(own)
        assert back.outcome is Outcome.UNKNOWN
        seen = DRIVER.observe(own.target, deadline=2)
        assert (seen.state, seen.weight, seen.missing) == (Sync.PARTIAL, None, (str(other.socket),))
    finally:
        other.stop()


def test_where_one_of_a_fleet_fails_in_the_middle_the_others_are_put_back(
    own: TheRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = TheRig()
    try:
        other.map = own.map
        other.start()
        own.target.driver_config["endpoints"] = [str(own.socket), str(other.socket)]
        move(own, 30)
        real = runtime.ask

        def ask(endpoint: str, command: str, budget: Budget) -> str:
            if endpoint == str(other.socket) and command.startswith("prepare"):
                return "Out of memory error.\n\n"
            return real(endpoint, command, budget)

        with monkeypatch.context() as broken:
            broken.setattr(transaction, "ask", ask)
            refused = move(own, 60)
        assert refused.outcome is Outcome.REFUSED
        assert "Out of memory error." in refused.detail
        assert "put back" in refused.detail
        assert weight_of(own) == 30
        assert kept_in(own) == 30
    finally:
        other.stop()
