"""Write files that another program reads while they change: whole or not at all, and safe on the disk."""

import contextlib
import fcntl
import os
import time
from collections.abc import Iterator
from pathlib import Path

POLL_SECONDS = 0.01
# Folders that a restarted machine finds empty.
FORGETFUL = ("/tmp/", "/var/tmp/", "/run/", "/var/run/", "/dev/shm/")  # noqa: S108 - to warn of them


def write_whole(path: Path, text: str, mode: int = 0o644) -> None:
    """Replace a file at once: whoever reads it sees the old or the new one; on the disk when this returns.

    :raises OSError: the folder cannot be written, the disk is full, …; the old file stands
    """
    beside = path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns()}")
    try:
        with beside.open("x", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fchmod(file.fileno(), mode)
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            beside.unlink()
        raise
    settle(path.parent)


def settle(folder: Path) -> None:
    """Bring the names in a folder to the disk.

    :raises OSError: it cannot be opened
    """
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextlib.contextmanager
def turn(path: Path, seconds: float) -> Iterator[bool]:
    """Let one process at a time change what lies at `path`; say whether the turn came within the seconds.

    Nobody waits longer: the one who holds it may be frozen, and a rollback waits for nothing.
    """
    try:
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError:
        yield False
        return
    try:
        yield locked(handle, seconds)
    finally:
        os.close(handle)


def locked(handle: int, seconds: float) -> bool:
    """Take the lock of an open file; tell whether it came within the seconds."""
    until = time.monotonic() + seconds
    while True:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() >= until:
                return False
            time.sleep(POLL_SECONDS)
        else:
            return True


def why_not_writable(folder: Path) -> str:
    """Say why nothing can be put into a folder, "" where it can; changes nothing."""
    if not folder.is_dir():
        return f"There is no folder {folder}."
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"The folder {folder} cannot be written by this process."
    state = os.statvfs(folder)
    if state.f_flag & os.ST_RDONLY:
        return f"The folder {folder} lies on a disk that is mounted read-only."
    if state.f_bavail == 0 or (state.f_files and state.f_favail == 0):
        return f"The disk of {folder} is full."
    return ""


def why_unusable(folder: Path) -> str:
    """Say why nothing can be kept in a folder, "" where it can: a file is written there and taken away."""
    trial = folder / f".trial.{os.getpid()}.{time.monotonic_ns()}"
    try:
        write_whole(trial, "trial\n")
        trial.unlink()
    except OSError as error:
        return f"The folder {folder} cannot be written: {error.strerror}."
    return ""


def is_forgetful(path: Path) -> bool:
    """Tell whether a restarted machine has lost what lies there."""
    return str(path).startswith(FORGETFUL)
