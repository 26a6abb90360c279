"""Run a whole house as people run it: by `manage.py up`, in a folder of its own."""

import contextlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from releasetrain.processes.house import House

ROOT = Path(__file__).parents[1]
PATIENCE = 120
RUNS = r"Release Train runs at (http://127\.0\.0\.1:\d+)/"
# What the test run set for itself must not reach a house of its own.
OURS = {"DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE", "RELEASETRAIN_DATA", "RELEASETRAIN_SECRET_KEY"}


def free_port(count: int = 3) -> int:
    """Find so many ports in a row that nobody has at the moment."""
    while True:
        with contextlib.suppress(OSError, OverflowError), contextlib.ExitStack() as held:
            port: int = held.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1]
            for number in range(1, count):
                held.enter_context(socket.create_server(("127.0.0.1", port + number)))
            return port


def until(true: Callable[[], object], what: str, seconds: float = PATIENCE) -> None:
    """Wait for something to become true, however slow the machine is."""
    limit = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < limit, what
        time.sleep(0.05)


class Up:
    """One `up` in a folder, with what it says."""

    def __init__(self, data: Path, port: int, *options: str, **environ: str) -> None:
        self.house = House(data)
        self.port = port
        base = {name: value for name, value in os.environ.items() if name not in OURS}
        self.environ = base | {"RELEASETRAIN_DATA": str(data)} | environ
        self.said = data.with_name(f"{data.name}-said-{time.monotonic_ns()}")
        argv = [sys.executable, "manage.py", "up", "--port", str(port), *options]
        with self.said.open("wb") as output:
            self.process = subprocess.Popen(
                argv, cwd=ROOT, env=self.environ, stdout=output, stderr=output, start_new_session=True
            )

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def shop(self) -> str:
        return f"http://127.0.0.1:{self.port + 2}"

    def text(self) -> str:
        return self.said.read_text()

    def wait_for(self, pattern: str, seconds: float = PATIENCE) -> re.Match[str]:
        until(
            lambda: re.search(pattern, self.text()) or self.process.poll() is not None,
            f"no {pattern}",
            seconds,
        )
        found = re.search(pattern, self.text())
        assert found, self.text()
        return found

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def pid_of(self, name: str) -> int:
        return int(json.loads((self.house.data / "processes.json").read_text())[name][0])

    def kill(self, name: str) -> None:
        """Kill one of its programs the hard way."""
        os.kill(self.pid_of(name), signal.SIGKILL)

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "manage.py", *arguments]
        return subprocess.run(
            argv, cwd=ROOT, env=self.environ, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
