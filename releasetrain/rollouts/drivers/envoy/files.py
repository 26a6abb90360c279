"""Keep the route file of one Envoy: replaced whole or not at all, and never by an older decision."""

import contextlib
import json
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from releasetrain.rollouts.drivers.envoy.routes import Generation, generation_in
from releasetrain.rollouts.drivers.files import locked, settle

# Whoever holds the lock longer is not writing but stopped.
LOCK_SECONDS = 0.3


class Unwritable(Exception):
    """Say in a sentence why a route file was not replaced; `is_older` where the fence forbids it."""

    def __init__(self, sentence: str, *, is_older: bool = False) -> None:
        super().__init__(sentence)
        self.is_older = is_older


class Busy(Exception):
    """Say that somebody else has the lock of a route file and does not let go."""


@dataclass(frozen=True, slots=True)
class Before:
    """What a route file held before it was replaced; None where there was nothing of ours."""

    generation: Generation | None


def read(path: Path) -> Generation | None:
    """Return what a route file says; None where there is none, or a foreign one."""
    try:
        told = json.loads(path.read_text())
    except (OSError, ValueError):
        return None
    info = told.get("version_info", "") if isinstance(told, dict) else ""
    return generation_in(info) if isinstance(info, str) else None


def replace(
    path: Path, document: dict[str, Any], wanted: Generation, *, until: float, needs_lock: bool = True
) -> Before:
    """Put a document in the place of the old one.

    :param until: by the monotonic clock; a process that was stopped and wakes later changes nothing
    :param needs_lock: False lets a rollback pass somebody who stands still with the lock
    :raises Unwritable: the folder refuses, or what is there is newer
    :raises Busy: somebody else is writing
    """
    text = json.dumps(document, indent=1)
    try:
        with _locked(path, needs_lock=needs_lock):
            return _replace(path, text, wanted, until)
    except OSError as fault:
        raise Unwritable(f"{path} cannot be written: {fault.strerror or fault}.") from fault


def _replace(path: Path, text: str, wanted: Generation, until: float) -> Before:
    before = read(path)
    if before is not None and before.fence > wanted.fence:
        raise Unwritable(f"Fence {wanted.fence} is older than {before.fence}.", is_older=True)
    if before == wanted and path.read_text() == text:
        return Before(before)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{time.monotonic_ns()}")
    try:
        with temporary.open("x") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        if time.monotonic() > until:
            raise Unwritable("The time was over before the file was replaced.")
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    with contextlib.suppress(OSError):  # where the file system cannot, the file stands all the same
        settle(path.parent)
    return Before(before)


@contextlib.contextmanager
def _locked(path: Path, *, needs_lock: bool) -> Iterator[None]:
    handle = os.open(path.with_name(f".{path.name}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        if not locked(handle, LOCK_SECONDS) and needs_lock:
            raise Busy(f"{path} is being written by somebody else.")
        yield
    finally:
        os.close(handle)


def why_not_writable(folder: Path) -> str:
    """Say why a folder takes no route file, "" where it does; changes nothing."""
    if not folder.is_dir():
        return f"There is no folder {folder}."
    if not os.access(folder, os.W_OK | os.X_OK):
        return f"The folder {folder} may not be written by this process: the way back would fail, too."
    return ""


def try_writing(folder: Path) -> str:
    """Write something beside the route file and take it away again; say why that fails, "" where not."""
    if why := why_not_writable(folder):
        return why
    probe = folder / f".release-train.{os.getpid()}.{time.monotonic_ns()}"
    try:
        with probe.open("x") as file:
            file.write("x" * 4096)
            file.flush()
            os.fsync(file.fileno())
    except OSError as fault:
        return f"The folder {folder} takes no file: {fault.strerror or fault}."
    finally:
        with contextlib.suppress(OSError):
            probe.unlink(missing_ok=True)
    return ""
