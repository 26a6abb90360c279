"""Every fault of nginx leaves users where they were decided to be; the conformance shows the rest."""

from collections.abc import Iterator
from typing import Any

import pytest

from releasetrain.rollouts.drivers.base import Ack, Arm, Desired, Outcome, Sync
from releasetrain.rollouts.drivers.nginx import NginxDriver, folder
from releasetrain.rollouts.drivers.nginx.folder import look
from tests.drivers.echo import Dripping, Echo
from tests.drivers.rig import FENCES, NEW, OLD, Crowd, census, until
from tests.drivers.rigs.nginx import TheRig

pytestmark = pytest.mark.skipif(bool(TheRig.why_not_here()), reason=TheRig.why_not_here())
DRIVER = NginxDriver()


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


def texts(rig: TheRig, *, is_blocking: bool = True, **changes: Any) -> str:
    found = DRIVER.check(rig.target, rig.config(**changes))
    return " ".join(one.text for one in found if one.is_blocking == is_blocking)


def test_the_sample_of_the_help_page_is_clean_but_for_where_a_test_must_keep_it(proxy: TheRig) -> None:
    move(proxy, 10)
    assert texts(proxy) == ""
    assert texts(proxy, is_blocking=False) == (
        f"{proxy.shop} does not outlive a restart of its machine: keep the flags below /var/lib."
    )


def test_another_release_has_other_first_users(proxy: TheRig) -> None:
    move(proxy, 20, version="2.4.1")
    one = census(proxy, 100)
    move(proxy, 20, version="2.4.2")
    assert census(proxy, 100) != one


def test_nothing_is_ever_reloaded(proxy: TheRig) -> None:
    """Ask over one connection that is kept alive: a reload would end it."""
    client = proxy.client()
    client.ask("user-1")
    kept = client.connection.sock
    for weight in (10, 60, 0, 100):
        move(proxy, weight)
        client.ask("user-1")
    take_back(proxy)
    assert client.ask("user-1").version == OLD
    assert client.connection.sock is kept
    client.close()


def test_drift_by_hand_is_seen_with_what_it_lets_in_and_set_right(proxy: TheRig) -> None:
    move(proxy, 20)
    proxy.drift(90)
    seen = DRIVER.observe(proxy.target, deadline=2)
    assert (seen.state, seen.weight) == (Sync.DRIFTED, 90)
    move(proxy, 20)
    assert DRIVER.observe(proxy.target, deadline=2).weight == 20
    take_back(proxy)
    assert DRIVER.observe(proxy.target, deadline=2).state is Sync.SYNCED


def test_kill_by_hand_sends_everybody_back_and_stops_every_change(own: TheRig) -> None:
    move(own, 100)
    (own.shop / "kill").touch()
    assert set(census(own, 20)) == {OLD}
    seen = DRIVER.observe(own.target, deadline=2)
    assert (seen.state, seen.weight) == (Sync.DRIFTED, 0)
    assert "by hand" in texts(own)
    refused = move(own, 50)
    assert refused.outcome is Outcome.REFUSED
    assert "by hand" in refused.detail
    assert take_back(own).outcome is Outcome.CONFIRMED


def test_a_folder_that_cannot_be_written_stops_a_change(
    proxy: TheRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    move(proxy, 20)

    def read_only(*args: object) -> None:
        raise OSError(30, "Read-only file system")

    with monkeypatch.context() as broken:
        broken.setattr(folder, "_write_flags", read_only)
        refused = move(proxy, 80)
    assert refused.outcome is Outcome.REFUSED
    assert "Read-only file system" in refused.detail
    assert weight_of(proxy) == 20


@pytest.mark.parametrize(
    ("endpoint", "words"),
    [
        ("shop 127.0.0.1:1", "is not the absolute path"),
        ("/nowhere/shop 127.0.0.1:1", "There is no folder /nowhere/shop"),
        ("{shop} 127.0.0.1:1", "cannot be reached"),
        ("{shop} {users}", "not with what it goes by"),
    ],
)
def test_what_cannot_work_blocks(proxy: TheRig, endpoint: str, words: str) -> None:
    line = endpoint.format(shop=proxy.shop, users=proxy.address)
    assert words in texts(proxy, endpoints=[line])


def test_a_folder_that_nginx_does_not_look_into_blocks(proxy: TheRig) -> None:
    other = proxy.folder / "other"
    other.mkdir(exist_ok=True)
    move(proxy, 20)
    assert "goes by another folder" in texts(proxy, endpoints=[f"{other} 127.0.0.1:{proxy.probe}"])


def test_a_change_that_nginx_does_not_see_is_never_confirmed(own: TheRig) -> None:
    """The silent no-op: files are written, and nginx looks elsewhere."""
    other = own.folder / "other"
    other.mkdir()
    own.target.driver_config["endpoints"] = [f"{other} 127.0.0.1:{own.probe}"]
    assert move(own, 80).outcome is Outcome.UNKNOWN
    assert take_back(own).outcome is Outcome.UNKNOWN
    assert set(census(own, 10)) == {OLD}


def test_a_probe_that_drips_keeps_nobody_longer_than_the_deadline(proxy: TheRig) -> None:
    drip = Dripping()
    try:
        target = proxy.target
        config = proxy.config(endpoints=[f"{proxy.shop} {drip.address}"])
        seen = DRIVER.observe(type(target)(driver_config=config), deadline=0.2)
        assert (seen.state, seen.weight) == (Sync.UNREACHABLE, None)
    finally:
        drip.shutdown()
        drip.server_close()


def test_a_rollback_while_nginx_is_down_is_what_it_comes_back_with(own: TheRig) -> None:
    move(own, 100)
    own.break_link()
    assert not DRIVER.health(own.target).is_well
    fence = next(FENCES)
    assert take_back(own, fence).outcome is Outcome.UNKNOWN
    own.mend_link()
    assert set(census(own, 20)) == {OLD}
    seen = DRIVER.observe(own.target, deadline=2)
    assert (seen.state, seen.weight, seen.fence) == (Sync.SYNCED, 0, fence)


def test_when_the_candidate_dies_under_load_users_lose_nothing_and_its_death_is_told(own: TheRig) -> None:
    move(own, 100)
    with Crowd(own) as crowd:
        crowd.more(50)
        own.kill_candidate()
        crowd.more(200)
    assert [one for one in crowd.asked if one.answer.is_failed] == []
    assert crowd.asked[-1].answer.version == OLD
    servers = {one.arm: one for one in DRIVER.health(own.target).servers}
    assert not servers[Arm.CANDIDATE].is_up
    assert servers[Arm.BASELINE].is_up


def test_a_fleet_moves_together_or_not_at_all(
    own: TheRig, proxy: TheRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    own.target.driver_config["endpoints"] = [
        *own.config()["endpoints"],
        *proxy.config()["endpoints"],
    ]
    assert move(own, 30).outcome is Outcome.CONFIRMED
    assert (weight_of(own), weight_of(proxy)) == (30, 30)
    real = folder._lead

    def fail(path: Any, setting: Any) -> None:
        if path == proxy.shop:
            raise OSError(28, "No space left on device")
        real(path, setting)

    with monkeypatch.context() as broken:
        broken.setattr(folder, "_lead", fail)
        refused = move(own, 60)
    assert refused.outcome is Outcome.REFUSED
    assert "No space left" in refused.detail
    assert "put back" in refused.detail
    assert look(own.shop).setting == look(proxy.shop).setting or weight_of(own) == 30
    own.break_link()
    missing = take_back(own)
    assert missing.outcome is Outcome.UNKNOWN
    assert f"127.0.0.1:{own.probe}" in missing.detail
    seen = DRIVER.observe(own.target, deadline=2)
    assert (seen.state, seen.weight, seen.missing) == (Sync.PARTIAL, None, (f"127.0.0.1:{own.probe}",))
    assert set(census(proxy, 20)) == {OLD}


def test_prepare_refuses_a_wrong_version(proxy: TheRig) -> None:
    move(proxy, 0)
    other = Echo("v3")
    try:
        proxy.target.driver_config["candidate"] = [other.address]
        refused = DRIVER.prepare(Desired(proxy.target, 0, 1, NEW), key="k", deadline=5)
    finally:
        other.stop()
        proxy.target.driver_config = proxy.config()
    assert refused.outcome is Outcome.REFUSED
    assert "runs v3, not v2" in refused.detail


def test_the_crowd_loses_nothing_while_weights_change(proxy: TheRig) -> None:
    with Crowd(proxy) as crowd:
        for weight in (10, 60, 30, 100, 0) * 3:
            assert move(proxy, weight).outcome is Outcome.CONFIRMED
        crowd.more(20)
    assert [one for one in crowd.asked if one.answer.is_failed] == []
    until(lambda: take_back(proxy).outcome is Outcome.CONFIRMED, "it is not taken back")
