"""The faults of DRIVERS.md that concern Envoy, against a real one."""

import fcntl
import json
import shutil
import threading
import time
from pathlib import Path

import pytest

from releasetrain.rollouts.drivers.base import Arm, Desired, Outcome, Sync
from releasetrain.rollouts.drivers.envoy import EnvoyDriver, files
from releasetrain.rollouts.drivers.envoy.routes import Generation, document
from releasetrain.rollouts.drivers.envoy.setting import setting_of
from tests.drivers.echo import Echo
from tests.drivers.envoy.proxy import Proxy, envoys, until
from tests.drivers.envoy.test_moving import DRIVER, load, shift

# What was read is told by the database's clock.
pytestmark = pytest.mark.django_db


def apply(proxy: Proxy, weight: int, fence: int, deadline: float = 5) -> Outcome:
    return DRIVER.apply(Desired(proxy.target, weight, fence, "2.0"), key="", deadline=deadline).outcome


def test_an_older_generation_is_refused_and_the_same_one_twice_is_nothing_new(
    proxy: Proxy, fence: int
) -> None:
    shift(proxy, 10, fence + 5)
    written = proxy.routes.stat().st_mtime_ns
    shift(proxy, 10, fence + 5)
    assert proxy.routes.stat().st_mtime_ns == written
    assert apply(proxy, 50, fence + 4) is Outcome.REFUSED
    assert DRIVER.rollback(proxy.target, fence=fence + 4, key="", deadline=5).outcome == "refused"
    assert DRIVER.observe(proxy.target, deadline=5).weight == 10


def test_silent_no_op_nonsense_in_the_file_is_taken_in_silence_and_seen_by_read_back(
    proxy: Proxy, fence: int
) -> None:
    shift(proxy, 10, fence + 1)
    setting, asked = setting_of(proxy.config), Generation(50, fence + 2, "2.0")
    broken = document(setting, asked)
    broken["resources"][0]["virtual_hosts"][0]["routes"][0]["route"]["weighted_clusters"]["clusters"] = []
    files.replace(proxy.routes, broken, asked, until=time.monotonic() + 5)
    seen = DRIVER.observe(proxy.target, deadline=5)
    assert (seen.state, seen.weight, seen.fence) == (Sync.CONVERGING, 10, fence + 1)
    assert DRIVER.rollback(proxy.target, fence=fence + 3, key="", deadline=5).outcome == "confirmed"


def test_text_reply_a_server_that_says_200_to_everything_confirms_nothing(proxy: Proxy, fence: int) -> None:
    with_nonsense = Echo("any")
    try:
        target = proxy.target
        target.driver_config["endpoints"] = [f"{with_nonsense.address} {proxy.folder}"]
        ack = DRIVER.apply(Desired(target, 10, fence + 1, "2.0"), key="", deadline=4)
        assert ack.outcome is Outcome.UNKNOWN
        assert "no dump" in ack.detail
        assert DRIVER.observe(target, deadline=10).state is Sync.UNREACHABLE
        assert not DRIVER.health(target).is_well
    finally:
        with_nonsense.stop()


def test_proxy_hung_is_unknown_in_time_and_takes_the_newest_when_it_wakes(proxy: Proxy, fence: int) -> None:
    shift(proxy, 10, fence + 1)
    proxy.freeze()
    try:
        begun = time.monotonic()
        assert apply(proxy, 50, fence + 2, deadline=1) is Outcome.UNKNOWN
        ack = DRIVER.rollback(proxy.target, fence=fence + 3, key="", deadline=1)
        assert ack.outcome is Outcome.UNKNOWN
        assert "written for when it does" in ack.detail
        assert DRIVER.observe(proxy.target, deadline=0.5).state is Sync.UNREACHABLE
        assert not DRIVER.health(proxy.target).is_well
        assert time.monotonic() - begun < 20
    finally:
        proxy.thaw()
    until(lambda: DRIVER.observe(proxy.target, deadline=5).fence == fence + 3)
    assert DRIVER.observe(proxy.target, deadline=5).weight == 0
    assert proxy.users_of("2.0", range(50)) == set()


def test_restarted_proxy_has_what_it_had_and_what_was_written_meanwhile(proxy: Proxy, fence: int) -> None:
    shift(proxy, 50, fence + 1)
    users = proxy.users_of("2.0", range(100))
    proxy.stop()
    proxy.start()
    assert DRIVER.observe(proxy.target, deadline=5).weight == 50
    assert proxy.users_of("2.0", range(100)) == users
    proxy.stop()
    ack = DRIVER.rollback(proxy.target, fence=fence + 2, key="", deadline=1)
    assert ack.outcome is Outcome.UNKNOWN
    assert "refuses the connection" in ack.detail
    proxy.start()
    assert DRIVER.observe(proxy.target, deadline=5).weight == 0


def test_drift_by_a_foreign_file_is_seen_and_never_agrees_with_a_fence(proxy: Proxy, fence: int) -> None:
    shift(proxy, 10, fence + 1)
    told = json.loads(proxy.routes.read_text())
    del told["resources"][0]["metadata"]
    for route in told["resources"][0]["virtual_hosts"][0]["routes"]:
        if "weighted_clusters" in route["route"]:
            route["route"]["weighted_clusters"]["clusters"][0]["weight"] = 60
            del route["route"]["weighted_clusters"]["use_hash_policy"]
    swap(proxy, json.dumps(told))
    until(lambda: DRIVER.observe(proxy.target, deadline=5).state is Sync.DRIFTED)
    seen = DRIVER.observe(proxy.target, deadline=5)
    assert seen.fence == 0
    assert seen.weight is not None
    assert seen.weight > 10
    assert any("flip" in one.text for one in DRIVER.check(proxy.target, proxy.config))
    shift(proxy, 10, fence + 2)


def swap(proxy: Proxy, text: str) -> None:
    other = proxy.folder / "other"
    other.write_text(text)
    other.replace(proxy.routes)


def test_drift_of_a_weight_under_our_own_name_is_seen_too(proxy: Proxy, fence: int) -> None:
    setting = setting_of(proxy.config)
    told = document(setting, Generation(30, fence + 1))
    told["resources"][0]["metadata"] = document(setting, Generation(5, fence + 1))["resources"][0]["metadata"]
    swap(proxy, json.dumps(told))
    until(lambda: DRIVER.observe(proxy.target, deadline=5).state is Sync.DRIFTED)
    assert DRIVER.observe(proxy.target, deadline=5).weight == 30


def test_folder_that_refuses_is_told_by_check_and_prepare_before_anything_moves(
    proxy: Proxy, fence: int, tmp_path: Path
) -> None:
    target, taken = proxy.target, tmp_path / "file"
    taken.write_text("")
    for folder, why in ((tmp_path / "gone", "no folder"), (taken, "no folder")):
        target.driver_config = proxy.config | {"endpoints": [f"127.0.0.1:{proxy.admin_port} {folder}"]}
        found = DRIVER.check(target, target.driver_config)
        assert any(one.is_blocking and why in one.text for one in found)
        for ack in (
            DRIVER.prepare(Desired(target, 0, fence, "2.0"), key="", deadline=5),
            DRIVER.apply(Desired(target, 5, fence, "2.0"), key="", deadline=5),
            DRIVER.rollback(target, fence=fence, key="", deadline=5),
        ):
            assert ack.outcome is Outcome.REFUSED
        assert not DRIVER.health(target).is_well
    assert DRIVER.observe(proxy.target, deadline=5).weight == 0


def test_socket_gone_is_red_and_blocks_before_the_start(proxy: Proxy, fence: int) -> None:
    target = proxy.target
    target.driver_config["endpoints"] = [f"127.0.0.1:1 {proxy.folder}"]
    assert DRIVER.check(target, target.driver_config)[0].is_blocking
    assert DRIVER.prepare(Desired(target, 0, fence, "2.0"), key="", deadline=2).outcome is Outcome.REFUSED
    assert not DRIVER.health(target).is_well
    assert DRIVER.drain(target, cut=False, deadline=1).open_connections is None


def test_wrong_version_behind_the_candidate_is_refused_by_prepare(proxy: Proxy, fence: int) -> None:
    right = DRIVER.prepare(Desired(proxy.target, 0, fence, "2.0"), key="", deadline=5)
    assert right.outcome is Outcome.CONFIRMED, right.detail
    wrong = DRIVER.prepare(Desired(proxy.target, 0, fence, "2.1"), key="", deadline=5)
    assert wrong.outcome is Outcome.REFUSED
    assert "runs 2.0, not 2.1" in wrong.detail


def test_a_stopped_writer_that_wakes_late_changes_nothing(proxy: Proxy, fence: int) -> None:
    setting, late = setting_of(proxy.config), Generation(50, fence + 1, "2.0")
    try:
        files.replace(proxy.routes, document(setting, late), late, until=time.monotonic() - 1)
    except files.Unwritable as why:
        assert "time was over" in str(why)
    else:
        raise AssertionError("It was written after its time.")
    assert DRIVER.observe(proxy.target, deadline=5).weight == 0


def test_rollback_passes_a_writer_who_stands_still_with_the_lock(proxy: Proxy, fence: int) -> None:
    shift(proxy, 50, fence + 1)
    with proxy.routes.with_name(".shop.json.lock").open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert apply(proxy, 100, fence + 2) is Outcome.UNKNOWN
        ack = DRIVER.rollback(proxy.target, fence=fence + 3, key="", deadline=5)
    assert ack.outcome is Outcome.CONFIRMED
    assert DRIVER.observe(proxy.target, deadline=5).weight == 0


def test_two_at_once_leave_the_newest_generation(proxy: Proxy, fence: int) -> None:
    fences = range(fence + 1, fence + 9)
    threads = [threading.Thread(target=apply, args=(proxy, 10 + one % 7, one)) for one in fences]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    seen = DRIVER.observe(proxy.target, deadline=5)
    assert (seen.fence, seen.weight) == (fence + 8, 10 + (fence + 8) % 7)


def test_candidate_dead_users_lose_nothing_and_its_death_is_told(tmp_path: Path) -> None:
    with envoys(tmp_path) as (proxy,):
        shift(proxy, 50, 1)
        assert all(one.is_up for one in DRIVER.health(proxy.target).servers)
        with load(proxy) as answers:
            until(lambda: ("2.0", 200) in answers)
            proxy.candidate.stop()
            had = len(answers)
            until(lambda: len(answers) > had + 300)
        assert {status for _, status in answers} == {200}
        dead = until(lambda: [one for one in DRIVER.health(proxy.target).servers if not one.is_up])
        assert [(one.arm, one.name) for one in dead] == [(Arm.CANDIDATE, proxy.candidate.address)]
        until(lambda: b'"failed_active_health_check": true' in proxy.admin("/clusters?format=json"))
        assert proxy.ask("anybody") == ("1.0", 200)
        proxy.stop()
        shutil.rmtree(proxy.folder)


def test_fleet_moves_together_or_is_put_back_and_rollback_names_who_is_missing(tmp_path: Path) -> None:
    with envoys(tmp_path, 3) as fleet:
        target = fleet[0].target
        target.driver_config["endpoints"] = [one.endpoint for one in fleet]
        both = Desired(target, 25, 1, "2.0")
        assert DRIVER.apply(both, key="", deadline=10).outcome is Outcome.CONFIRMED
        assert len({frozenset(one.users_of("2.0", range(60))) for one in fleet}) == 1
        missing = f"127.0.0.1:{fleet[1].admin_port}"
        fleet[1].freeze()
        try:
            ack = DRIVER.apply(Desired(target, 50, 2, "2.0"), key="", deadline=2)
            assert ack.outcome is Outcome.UNKNOWN
            assert missing in ack.detail
            assert "put back" in ack.detail
            until(lambda: all(EnvoyDriver().observe(one.target, deadline=2).fence == 2 for one in fleet[::2]))
            assert {DRIVER.observe(one.target, deadline=2).weight for one in fleet[::2]} == {25}
            back = DRIVER.rollback(target, fence=3, key="", deadline=1)
            assert (back.outcome, missing in back.detail) == (Outcome.UNKNOWN, True)
            seen = DRIVER.observe(target, deadline=1)
            assert (seen.state, seen.weight, seen.missing) == (Sync.PARTIAL, None, (missing,))
            assert {DRIVER.observe(one.target, deadline=2).weight for one in fleet[::2]} == {0}
        finally:
            fleet[1].thaw()
        until(lambda: DRIVER.observe(target, deadline=5).state is Sync.SYNCED)
        assert DRIVER.observe(target, deadline=5).weight == 0


def test_check_of_the_sample_finds_nothing(proxy: Proxy) -> None:
    assert DRIVER.check(proxy.target, proxy.config) == []


def test_check_finds_what_is_missing_in_an_envoy(proxy: Proxy) -> None:
    other = proxy.config | {"name": "blog", "candidate": ["127.0.0.1:9"]}
    told = " ".join(one.text for one in DRIVER.check(proxy.target, other))
    assert "no cluster “blog-candidate-then-baseline”. Without it users lose" in told
    assert "no cluster “blog-shadow”: it cannot mirror" in told
    assert "reads no routes called “blog”" in told
    wrong = " ".join(
        one.text for one in DRIVER.check(proxy.target, proxy.config | {"candidate": ["127.0.0.1:9"]})
    )
    assert "“shop-candidate” at" in wrong
    assert "not to 127.0.0.1:9" in wrong
