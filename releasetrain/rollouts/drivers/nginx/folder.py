"""Keep the folder that nginx looks into: flags in `flags/NAME/`, `current` that leads to them, and `kill`.

Everything changes by one rename. A rollback sets `kill` with its fence inside and then leads `current` to no
flags at all, so that either alone is enough. Only a change with a newer fence takes `kill` away, before it
leads `current` elsewhere: one that comes too late finds a newer `kill` and puts it back, or is beaten by it.
"""

import contextlib
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from releasetrain.rollouts.drivers.files import settle, turn, write_whole
from releasetrain.rollouts.drivers.nginx.setting import Setting, read_name

TURN_SECONDS = 0.25
# Requests that began under older flags may still look for them.
KEPT_SECONDS = 3600
CURRENT, FLAGS, KILL = "current", "flags", "kill"


class Overtaken(Exception):
    """Something stands that this change may not undo; the message says what."""


@dataclass(frozen=True, slots=True)
class Stands:
    """What lies in a folder: the setting to which `current` leads, its flags, and `kill` with its fence.

    `setting` is None where `current` leads to nothing of ours; `kill` is None where there is none, and 0
    where somebody has set it by hand.
    """

    setting: Setting | None
    flags: frozenset[str] = frozenset()
    kill: int | None = None

    @property
    def fence(self) -> int:
        """Return the newest fence that stands here."""
        return max(self.setting.fence if self.setting else 0, self.kill or 0)

    @property
    def is_ours(self) -> bool:
        """Tell whether the flags are those that its name stands for."""
        return self.setting is not None and self.flags == frozenset(self.setting.flags())


def look(folder: Path) -> Stands:
    """Read what lies in a folder.

    :raises OSError: it cannot be read
    """
    folder.stat()
    try:
        setting = read_name((folder / CURRENT).readlink().name)
        flags = frozenset(one.name for one in (folder / CURRENT).iterdir())
    except FileNotFoundError:
        setting, flags = None, frozenset()
    return Stands(setting, flags, _kill_in(folder / KILL))


def put(folder: Path, setting: Setting) -> None:
    """Lead `current` to the flags of a setting, and take an older `kill` away.

    :raises Overtaken: a newer decision stands, or somebody has set `kill` by hand
    :raises OSError: the folder cannot be written; what stood stands
    """
    with turn(folder / ".lock", TURN_SECONDS):
        why_not = why_not_over(look(folder), setting)
        if why_not:
            raise Overtaken(why_not)
        _write_flags(folder, setting)
        _take_kill(folder, setting)
        _lead(folder, setting)
        settle(folder)
        _sweep(folder, setting)


def kill(folder: Path, setting: Setting) -> None:
    """Let nobody in any more, by `kill` and by flags that are not there.

    :raises Overtaken: a newer decision stands
    :raises OSError: neither could be done
    """
    with turn(folder / ".lock", TURN_SECONDS):
        stands = look(folder)
        if stands.fence > setting.fence:
            raise Overtaken(too_late(stands.fence, setting))
        failed: list[OSError] = []
        for step in (_set_kill, _write_flags, _lead):
            try:
                step(folder, setting)
            except OSError as error:
                failed.append(error)
        if len(failed) == 3:
            raise failed[0]


def why_not_over(stands: Stands, setting: Setting) -> str:
    """Say why a setting may not replace what stands, "" where it may."""
    if stands.kill == 0:
        return "Somebody has set “kill” by hand: nobody is let in until it is taken away."
    if stands.fence > setting.fence:
        return too_late(stands.fence, setting)
    return ""


def too_late(fence: int, setting: Setting) -> str:
    """Say that a newer decision stands."""
    return f"A newer decision (fence {fence}) stands; this one (fence {setting.fence}) comes too late."


def _set_kill(folder: Path, setting: Setting) -> None:
    # One that was set by hand is stronger: it stays.
    if _kill_in(folder / KILL) != 0:
        write_whole(folder / KILL, f"{setting.fence}\n")


def _kill_in(path: Path) -> int | None:
    try:
        text = path.read_text(encoding="utf-8", errors="replace").strip()
    except FileNotFoundError:
        return None
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 20 else 0


def _take_kill(folder: Path, setting: Setting) -> None:
    """Take `kill` away unless a newer one has come since it was looked at."""
    aside = _beside(folder, KILL)
    try:
        (folder / KILL).rename(aside)
    except FileNotFoundError:
        return
    fence = _kill_in(aside)
    if fence is None or fence == 0 or fence > setting.fence:
        aside.rename(folder / KILL)
        raise Overtaken(why_not_over(Stands(None, kill=fence or 0), setting))
    aside.unlink()


def _write_flags(folder: Path, setting: Setting) -> None:
    """Write the flags whole, under a name that nobody looks for, and give them their own then."""
    kept = folder / FLAGS / setting.name
    if kept.is_dir() and {one.name for one in kept.iterdir()} == set(setting.flags()):
        os.utime(kept)
        return
    (folder / FLAGS).mkdir(exist_ok=True)
    fresh = _beside(folder / FLAGS, setting.name)
    fresh.mkdir()
    try:
        for flag in setting.flags():
            (fresh / flag).touch()
        settle(fresh)
        if kept.exists():
            kept.rename(_beside(folder / FLAGS, f"{setting.name}.old"))
        fresh.rename(kept)
        settle(folder / FLAGS)
    except OSError:
        shutil.rmtree(fresh, ignore_errors=True)
        raise


def _lead(folder: Path, setting: Setting) -> None:
    """Let `current` lead to the flags of a setting, from one request to the next."""
    link = _beside(folder, CURRENT)
    link.symlink_to(Path(FLAGS) / setting.name)
    try:
        link.replace(folder / CURRENT)
    except OSError:
        link.unlink(missing_ok=True)
        raise


def _beside(folder: Path, name: str) -> Path:
    return folder / f".{name}.{os.getpid()}.{time.monotonic_ns()}"


def _sweep(folder: Path, setting: Setting) -> None:
    """Clear away flags that nobody has looked for in an hour; what cannot be cleared does no harm."""
    with contextlib.suppress(OSError):
        for one in (folder / FLAGS).iterdir():
            if one.name != setting.name and time.time() - one.stat().st_mtime > KEPT_SECONDS:
                shutil.rmtree(one, ignore_errors=True)
