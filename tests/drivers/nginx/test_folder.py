"""The folder of flags changes by one rename, and in whatever order two changes meet the newer one stands."""

import contextlib
import os
import threading
from pathlib import Path

import pytest

from releasetrain.rollouts.drivers.nginx import folder
from releasetrain.rollouts.drivers.nginx.folder import Overtaken, Stands, kill, look, put
from releasetrain.rollouts.drivers.nginx.setting import Setting, weight_of

STEPS = ["_write_flags", "_take_kill", "_lead"]


def share(stands: Stands) -> int:
    """Return the percentage that nginx lets in."""
    return 0 if stands.kill is not None else weight_of(set(stands.flags))


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folder, "TURN_SECONDS", 0.01)


def test_a_weight_is_as_many_flags_under_one_name(tmp_path: Path) -> None:
    put(tmp_path, Setting(25, 3, "abc"))
    assert str((tmp_path / "current").readlink()) == "flags/25-3-abc"
    stands = look(tmp_path)
    assert (stands.setting, stands.fence, stands.is_ours) == (Setting(25, 3, "abc"), 3, True)
    assert share(stands) == 25


def test_a_rollback_is_told_twice_and_a_newer_change_takes_it_away(tmp_path: Path) -> None:
    put(tmp_path, Setting(25, 3, "abc"))
    kill(tmp_path, Setting(0, 4))
    assert (tmp_path / "kill").read_text() == "4\n"
    assert str((tmp_path / "current").readlink()) == "flags/0-4-none"
    with pytest.raises(Overtaken, match="fence 4"):
        put(tmp_path, Setting(50, 3, "abc"))
    assert share(look(tmp_path)) == 0
    put(tmp_path, Setting(50, 5, "abc"))
    assert share(look(tmp_path)) == 50


@pytest.mark.parametrize("step", STEPS)
@pytest.mark.parametrize("was_killed", [False, True])
def test_a_change_that_slept_at_any_step_lets_nobody_in_after_a_newer_rollback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str, *, was_killed: bool
) -> None:
    put(tmp_path, Setting(10, 1, "abc"))
    if was_killed:
        kill(tmp_path, Setting(0, 2))
    real = getattr(folder, step)
    slept: list[bool] = []

    def sleep(path: Path, setting: Setting) -> None:
        if setting.fence == 3 and not slept:
            slept.append(True)
            kill(path, Setting(0, 4))
        real(path, setting)

    monkeypatch.setattr(folder, step, sleep)
    with contextlib.suppress(Overtaken):
        put(tmp_path, Setting(80, 3, "abc"))
    stands = look(tmp_path)
    assert slept
    assert (share(stands), stands.kill) == (0, 4)


def test_kill_by_hand_beats_everything_and_stays(tmp_path: Path) -> None:
    put(tmp_path, Setting(25, 3, "abc"))
    (tmp_path / "kill").touch()
    with pytest.raises(Overtaken, match="by hand"):
        put(tmp_path, Setting(50, 4, "abc"))
    kill(tmp_path, Setting(0, 5))
    assert (tmp_path / "kill").read_text() == ""
    assert look(tmp_path).fence == 5


def test_a_rollback_that_comes_late_is_refused(tmp_path: Path) -> None:
    put(tmp_path, Setting(25, 3, "abc"))
    with pytest.raises(Overtaken):
        kill(tmp_path, Setting(0, 2))
    assert share(look(tmp_path)) == 25


@pytest.mark.parametrize("broken", ["_set_kill", "_write_flags", "_lead"])
def test_a_rollback_needs_but_one_of_its_ways(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    put(tmp_path, Setting(25, 3, "abc"))

    def fail(*args: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(folder, broken, fail)
    kill(tmp_path, Setting(0, 4))
    assert share(look(tmp_path)) == 0


def test_a_full_disk_leaves_what_stood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    put(tmp_path, Setting(25, 3, "abc"))

    def fail(path: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(Path, "touch", fail)
        with pytest.raises(OSError, match="No space"):
            put(tmp_path, Setting(50, 4, "abc"))
    assert share(look(tmp_path)) == 25
    assert [one.name for one in (tmp_path / "flags").iterdir()] == ["25-3-abc"]


def test_flags_that_were_changed_by_hand_are_seen_and_set_right(tmp_path: Path) -> None:
    put(tmp_path, Setting(25, 3, "abc"))
    (tmp_path / "current" / "90").touch()
    assert not look(tmp_path).is_ours
    put(tmp_path, Setting(25, 3, "abc"))
    assert look(tmp_path).is_ours


def test_old_flags_are_swept_once_nobody_looks_for_them(tmp_path: Path) -> None:
    put(tmp_path, Setting(25, 3, "abc"))
    put(tmp_path, Setting(50, 4, "abc"))
    os.utime(tmp_path / "flags" / "25-3-abc", (0, 0))
    put(tmp_path, Setting(60, 5, "abc"))
    assert {one.name for one in (tmp_path / "flags").iterdir()} == {"50-4-abc", "60-5-abc"}


def test_whoever_looks_sees_a_whole_weight_at_every_moment(tmp_path: Path) -> None:
    """Read from another thread while weights change: nobody in the lowest bucket is ever sent back."""
    put(tmp_path, Setting(10, 1, "abc"))
    is_over, missed = threading.Event(), []

    def ask() -> None:
        while not is_over.is_set():
            if not (tmp_path / "current" / "5").is_file():
                missed.append(True)

    reader = threading.Thread(target=ask)
    reader.start()
    for fence in range(2, 40):
        put(tmp_path, Setting(10 + fence, fence, "abc"))
    is_over.set()
    reader.join()
    assert missed == []
