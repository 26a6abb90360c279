"""Read what an Envoy noted of copied requests, from where the last reading ended; its files stay small."""

import contextlib
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from releasetrain.rollouts.drivers.envoy.admin import Silent, ask, at_once
from releasetrain.rollouts.drivers.envoy.setting import Endpoint, Setting
from releasetrain.rollouts.rules.shadows import Answer, Side, read_answer

# What comes beyond that between two looks is not compared: a sample is enough.
MOST_BYTES = 4 * 1024 * 1024
# A file of this size is begun anew.
LARGE = 32 * 1024 * 1024
REOPEN_SECONDS = 1.0

Memory = dict[str, Any]


def answers_of(setting: Setting, memory: Mapping[str, Any]) -> tuple[list[tuple[Side, Answer]], Memory]:
    """Return what was noted since the last time, and what to remember for the next.

    :param memory: by admin address and side, [inode, offset] of its file
    """
    found: list[tuple[Side, Answer]] = []
    known: Memory = {}
    for endpoint in setting.endpoints:
        before = memory.get(endpoint.admin, {})
        places = {}
        for side in Side:
            lines, places[side.value] = _new_lines(setting.log(endpoint, side), before.get(side.value))
            found += [(side, answer) for line in lines if (answer := read_answer(line)) is not None]
        known[endpoint.admin] = places
    return found, known


def _new_lines(path: Path, place: list[int] | None) -> tuple[list[str], list[int]]:
    """Return the whole lines after a place, and the place after them."""
    try:
        with path.open("rb") as file:
            status = os.fstat(file.fileno())
            inode, offset = place or [status.st_ino, 0]
            if inode != status.st_ino or offset > status.st_size:
                offset = 0
            skipped = max(0, status.st_size - offset - MOST_BYTES)
            file.seek(offset + skipped)
            text = file.read(MOST_BYTES)
    except OSError:
        return [], place or [0, 0]
    whole = text.rfind(b"\n") + 1
    lines = text[:whole].decode(errors="replace").splitlines()
    return lines[1 if skipped else 0 :], [status.st_ino, offset + skipped + whole]


def keep_small(setting: Setting) -> None:
    """Begin the files anew that have become large; what Envoy notes in that moment is not compared."""
    for endpoint in setting.endpoints:
        if large := list(_large(setting, endpoint)):
            for path in large:
                with contextlib.suppress(OSError):
                    path.unlink()
            with contextlib.suppress(Silent):
                at_once([ask(endpoint.admin, "/reopen_logs", REOPEN_SECONDS, method="POST")])


def _large(setting: Setting, endpoint: Endpoint) -> Iterator[Path]:
    for side in Side:
        path = setting.log(endpoint, side)
        with contextlib.suppress(OSError):
            if path.stat().st_size > LARGE:
                yield path
