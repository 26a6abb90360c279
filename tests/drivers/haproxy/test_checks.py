"""The check finds what would hurt before a departure depends on it, and changes nothing."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from releasetrain.catalog.models import Target
from releasetrain.rollouts.drivers.base import Desired, Finding, Outcome
from releasetrain.rollouts.drivers.haproxy import HaproxyDriver
from tests.drivers.rig import free_port
from tests.drivers.rigs.haproxy import TheRig

pytestmark = pytest.mark.skipif(bool(TheRig.why_not_here()), reason=TheRig.why_not_here())
DRIVER = HaproxyDriver()


@pytest.fixture(scope="module")
def proxy() -> Iterator[TheRig]:
    rig = TheRig()
    try:
        rig.start()
        yield rig
    finally:
        rig.stop()


@pytest.fixture
def own() -> Iterator[TheRig]:
    rig = TheRig()
    try:
        rig.start()
        yield rig
    finally:
        rig.stop()


def found(rig: TheRig, **changes: Any) -> list[Finding]:
    return DRIVER.check(rig.target, rig.config(**changes))


def blocking(findings: list[Finding]) -> str:
    return " ".join(one.text for one in findings if one.is_blocking)


def warned(findings: list[Finding]) -> str:
    return " ".join(one.text for one in findings if not one.is_blocking)


def test_the_sample_of_the_help_page_is_clean_but_for_where_a_test_must_keep_it(proxy: TheRig) -> None:
    before = proxy.say("show map")
    findings = found(proxy)
    assert [one.text for one in findings] == [
        f"{proxy.map} does not outlive a restart of its machine: keep the map below /var/lib."
    ]
    assert proxy.say("show map") == before


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"endpoints": []}, "Runtime sockets is missing"),
        ({"endpoints": ["admin.sock"]}, "neither the absolute path of a socket nor host:port"),
        ({"map_file": "shop.map"}, "give an absolute path"),
        ({"map_file": "/var/lib/a b;shutdown sessions server x/y"}, "give an absolute path"),
        ({"endpoints": ["/nowhere/admin.sock"]}, "There is no socket /nowhere/admin.sock"),
        ({"candidate": ["10.9.9.9:1"], "baseline": ["10.9.9.8:1"]}, ""),
    ],
)
def test_what_cannot_work_blocks(proxy: TheRig, changes: dict[str, Any], words: str) -> None:
    assert words in blocking(found(proxy, **changes))


def test_a_map_that_haproxy_has_not_loaded_blocks(proxy: TheRig) -> None:
    other = proxy.folder / "other.map"
    other.touch()
    assert f"HAProxy has loaded no map {other}" in blocking(found(proxy, map_file=str(other)))


def test_a_setting_that_nobody_knows_is_named(proxy: TheRig) -> None:
    assert "“endpoint” is no setting" in warned(found(proxy, endpoint="/x"))


def test_a_folder_that_is_not_there_blocks_because_no_rollback_could_be_written_down(
    proxy: TheRig,
) -> None:
    text = blocking(found(proxy, map_file=str(proxy.folder / "away" / "shop.map")))
    assert "There is no folder" in text
    assert "could not be written down" in text


def test_a_folder_that_refuses_files_stops_prepare(proxy: TheRig, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Path.open

    def read_only(path: Path, mode: str = "r", **options: Any) -> Any:
        if "x" in mode:
            raise OSError(30, "Read-only file system")
        return real(path, mode, **options)

    monkeypatch.setattr(Path, "open", read_only)
    ack = DRIVER.prepare(Desired(proxy.target, 0, 1, "v2"), key="k", deadline=5)
    assert ack.outcome is Outcome.REFUSED
    assert "Read-only file system" in ack.detail


def test_a_socket_of_a_lower_level_blocks_and_turns_the_driver_red(own: TheRig) -> None:
    own.change(("level admin\n", "level operator\n"))
    assert "is a socket of level operator" in blocking(found(own))
    assert not DRIVER.health(own.target).is_well


def test_a_socket_whose_mode_shuts_us_out_is_told_from_one_that_is_away(
    proxy: TheRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shut(*args: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("socket.socket.connect", shut)
    assert "may not be opened by this process" in blocking(found(proxy))
    refused = DRIVER.apply(Desired(proxy.target, 10, 1, "v2"), key="k", deadline=5)
    assert refused.outcome is Outcome.REFUSED
    assert DRIVER.rollback(proxy.target, fence=1, key="k", deadline=2).outcome is Outcome.UNKNOWN


def test_weights_instead_of_the_hash_block(own: TheRig) -> None:
    own.change((" weight 0\n", " weight 10\n"))
    assert "users flip between versions" in blocking(found(own))


def test_a_missing_fall_over_and_missing_checks_are_warned_of(own: TheRig) -> None:
    line = f"    server candidate {own.new.address} weight 0\n"
    rule = "if { var(txn.arm) -m str candidate }\n"
    own.change(
        ("default-server check", "default-server"),
        (line, f"backend new\n{line}"),
        (f"    use-server candidate {rule}", ""),
        ("    default_backend", f"    use_backend new {rule}    default_backend"),
    )
    text = warned(found(own))
    assert "no baseline server in the backend of new/candidate" in text
    assert "has no “check”" in text


def test_an_endpoint_on_another_machine_keeps_no_file(own: TheRig) -> None:
    """Reach one over TCP; its map stays as it was, and a restart of it begins with the baseline."""
    port = free_port()
    own.change(("global\n", f"global\n    stats socket 127.0.0.1:{port} level admin\n"))
    config = own.config(endpoints=[f"127.0.0.1:{port}"], writes_map_file=False)
    target = Target(driver_config=config)
    assert "The map file is not kept" in warned(DRIVER.check(target, config))
    assert DRIVER.apply(Desired(target, 100, 1, "v2"), key="k", deadline=5).outcome is Outcome.CONFIRMED
    assert own.ask("anybody").version == "v2"
    assert own.map.read_text() == ""
    own.restart()
    assert own.ask("anybody").version == "v1"
    assert DRIVER.observe(target, deadline=2).fence == 0
