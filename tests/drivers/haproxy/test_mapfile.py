"""The map file says what HAProxy comes back with; an older decision never gets into it."""

from pathlib import Path

import pytest

from releasetrain.rollouts.drivers.files import turn
from releasetrain.rollouts.drivers.haproxy.mapfile import Overtaken, read_file, write_file
from releasetrain.rollouts.drivers.haproxy.setting import Setting


def test_an_older_decision_does_not_replace_a_newer_one(tmp_path: Path) -> None:
    path = tmp_path / "shop.map"
    write_file(path, Setting(0, 9))
    with pytest.raises(Overtaken, match="fence 9"):
        write_file(path, Setting(50, 8, "abc"))
    assert read_file(path) == Setting(0, 9)


def test_what_stands_already_is_not_written_again(tmp_path: Path) -> None:
    path = tmp_path / "shop.map"
    write_file(path, Setting(25, 3, "abc"))
    before = path.stat().st_ino
    write_file(path, Setting(25, 3, "abc"))
    assert path.stat().st_ino == before


def test_whoever_holds_the_turn_and_sleeps_keeps_no_rollback_waiting(tmp_path: Path) -> None:
    path = tmp_path / "shop.map"
    with turn(tmp_path / ".shop.map.lock", 0) as is_mine:
        assert is_mine
        write_file(path, Setting(0, 9))
    assert read_file(path) == Setting(0, 9)


def test_haproxy_may_read_what_was_written_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "shop.map"
    write_file(path, Setting(25, 3, "abc"))
    assert path.stat().st_mode & 0o777 == 0o644
    assert {one.name for one in tmp_path.iterdir()} == {"shop.map", ".shop.map.lock"}


def test_no_file_is_told_from_an_empty_one(tmp_path: Path) -> None:
    assert read_file(tmp_path / "shop.map") is None
    (tmp_path / "shop.map").touch()
    assert read_file(tmp_path / "shop.map") == Setting(0, 0)
