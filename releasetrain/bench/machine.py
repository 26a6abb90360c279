"""Say on what the figures were measured: machine, load, and the version of everything that took part."""

import os
import platform
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import psutil

from releasetrain.bench.errors import CannotMeasure
from releasetrain.embedded.places import packaged_binaries, valkey_binary

LIBRARIES = (
    "django",
    "channels",
    "channels-redis",
    "celery",
    "psycopg",
    "redis",
    "uvicorn",
    "uvloop",
    "httptools",
    "websockets",
    "openfeature-sdk",
    "openfeature-provider-ofrep",
)


def require_linux() -> None:
    """Refuse a system whose /proc does not tell CPU time and memory.

    :raises CannotMeasure: this is not Linux, or one that is too old
    """
    if sys.platform != "linux":
        raise CannotMeasure(
            f"The benchmarks read CPU time and memory from Linux's /proc, and this is {platform.system()}. "
            "Run them on a Linux machine or in a container."
        )
    if not Path("/proc/self/smaps_rollup").exists():
        raise CannotMeasure(
            f"This kernel ({platform.release()}) does not sum up the memory of a process in /proc. "
            "Linux 4.14 or newer does."
        )


def machine() -> dict[str, str]:
    """Describe the machine and how busy it is right now."""
    cores = len(os.sched_getaffinity(0))
    return {
        "machine": f"{_processor()}, {platform.machine()}",
        "cores": str(cores),
        "memory": f"{psutil.virtual_memory().total / 2**30:.1f} GiB",
        "system": f"{platform.system()} {platform.release()}",
        "load": f"{load()} over the last minute, before the first benchmark began",
    }


def load() -> float:
    """Return how many processes wanted to run in the last minute; figures of a busy machine say little."""
    return round(os.getloadavg()[0], 2)


def versions() -> dict[str, str]:
    """Name the version of each program and library that takes part."""
    return {
        "python": platform.python_version(),
        "libraries": ", ".join(f"{name} {version(name)}" for name in LIBRARIES),
        "postgresql": _said(str(packaged_binaries() / "postgres"), "--version").rpartition(" ")[2],
        "valkey": _said(str(valkey_binary()), "--version").partition(" v=")[2].partition(" ")[0],
        "node": _said("node", "--version") or "not there",
    }


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "a processor that does not say its name"


def _said(*command: str) -> str:
    try:
        run = subprocess.run(command, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return run.stdout.strip().partition("\n")[0]
