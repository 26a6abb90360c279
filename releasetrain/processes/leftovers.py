"""Remember what was started, and end what a killed `up` could not.

On Linux the kernel ends the children of a killed parent by itself; elsewhere, and while one of them takes its
time, the next `up` finds them in this record.
"""

import contextlib
import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import psutil

SECONDS_TO_END = 6.0


def remember(record: Path, pids: Mapping[str, int]) -> None:
    """Write down the processes by pid and time of birth, which together name one process for good.

    The record changes in one step: whoever reads it meanwhile finds the one before.
    """
    known = {}
    for name, pid in pids.items():
        with contextlib.suppress(psutil.Error):
            known[name] = [pid, psutil.Process(pid).create_time()]
    new = record.with_name(f".{record.name}.new")
    new.write_text(json.dumps(known))
    new.replace(record)


def end_leftovers(record: Path) -> list[str]:
    """End what is left of the recorded processes with their descendants, and give the names."""
    known = _read(record)
    left = {name: list(_session(pid, born)) for name, (pid, born) in known.items()}
    everyone = [process for processes in left.values() for process in processes]
    for process in everyone:
        with contextlib.suppress(psutil.Error):
            process.terminate()
    _, stubborn = psutil.wait_procs(everyone, timeout=SECONDS_TO_END)
    for process in stubborn:
        with contextlib.suppress(psutil.Error):
            process.kill()
    record.unlink(missing_ok=True)
    return [name for name, processes in left.items() if processes]


def _read(record: Path) -> dict[str, tuple[int, float]]:
    try:
        return {name: (int(pid), float(born)) for name, (pid, born) in json.loads(record.read_text()).items()}
    except (OSError, ValueError, AttributeError, TypeError):
        return {}


def _session(leader: int, born: float) -> Iterator[psutil.Process]:
    """Find everyone in the session that `spawn` opened, unless its number is another's by now."""
    with contextlib.suppress(psutil.Error):
        if psutil.Process(leader).create_time() != born:
            return
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, ProcessLookupError, PermissionError):
            if os.getsid(process.pid) == leader and process.create_time() >= born:
                yield process
