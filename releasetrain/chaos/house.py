"""Run a private house whose every process can be killed, frozen and started again."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import psutil
import redis

from releasetrain.bench.house import environment
from releasetrain.bench.serving import ROOT, command_of
from releasetrain.embedded import Servers, throwaway_folder
from releasetrain.embedded.children import end, kill_group, spawn
from releasetrain.embedded.servers import Server

# Two workers of one process each: what one does not finish the other one takes over.
PROGRAMS: Mapping[str, str] = {
    "worker-1": "worker",
    "worker-2": "worker",
    "chores": "chores",
    "beat": "beat",
    "web": "web",
}


class ChaosHouse:
    """A PostgreSQL, a Valkey and the programs of the Procfile, over a folder that is thrown away."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.logs = folder / "logs"
        self.servers = Servers(folder / "data", {}, throwaway=True)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        self.env: dict[str, str] = {}

    def open(self) -> None:
        """Start the servers and prepare the database; programs are launched one by one.

        :raises ServerError: a server does not start
        """
        self.logs.mkdir(parents=True, exist_ok=True)
        self.servers.start()
        data = self.folder / "house"
        data.mkdir(exist_ok=True)
        self.env = environment(self.servers.environ, data) | {"WORKERS": "1", "CHORES": "1"}
        self.run(sys.executable, "-m", "django", "migrate", "--verbosity", "0")

    def close(self) -> None:
        """End everything that was started here, at once: nobody misses what a house like this would save."""
        for name in list(self.processes):
            self.kill(name)
        self.servers.stop()

    def run(self, *command: str, seconds: float = 300) -> subprocess.CompletedProcess[str]:
        """Run a command in this house to its end.

        :raises subprocess.CalledProcessError: it failed
        """
        return subprocess.run(
            command, env=self.env, cwd=ROOT, capture_output=True, text=True, timeout=seconds, check=True
        )

    def roll_back(self, *which: str) -> None:
        """Ask the house's shell for a rollback, and wait for nothing; what is over already is no mistake."""
        command = [sys.executable, "-m", "django", "rollback", *which, "--wait", "0"]
        with (self.logs / "shell.log").open("ab") as said:
            subprocess.run(
                command, env=self.env, cwd=ROOT, stdout=said, stderr=said, timeout=300, check=False
            )

    # -- programs

    def launch(self, name: str, command: Sequence[str] = (), *, cwd: Path = ROOT, **env: str) -> None:
        """Start a program by its name, or another command under that name."""
        if name in self.processes and self.processes[name].poll() is None:
            return
        argv = list(command) or self.command(PROGRAMS[name])
        with (self.logs / f"{name}.log").open("ab") as output:
            self.processes[name] = spawn(argv, output=output, env=self.env | env, cwd=cwd)

    def command(self, program: str) -> list[str]:
        """Return the Procfile's own command of a program."""
        return command_of(program)

    def launch_all(self) -> None:
        for name in PROGRAMS:
            self.launch(name)

    def is_running(self, name: str) -> bool:
        return name in self.processes and self.processes[name].poll() is None

    def kill(self, name: str) -> None:
        """Kill a program and its children the hard way."""
        process = self.processes.pop(name)
        kill_group(process.pid)
        process.wait()

    def kill_child(self, name: str) -> bool:
        """Kill one child of a program the hard way; tell whether there was one."""
        children = self._children(name)
        for child in children[-1:]:
            with contextlib.suppress(psutil.Error):
                child.kill()
        return bool(children)

    def _children(self, name: str) -> list[psutil.Process]:
        with contextlib.suppress(psutil.Error):
            return psutil.Process(self.processes[name].pid).children(recursive=True)
        return []

    @contextlib.contextmanager
    def frozen(self, name: str) -> Iterator[None]:
        """Stop a program, children and all, as long as the block lasts."""
        group = self.processes[name].pid
        os.killpg(group, signal.SIGSTOP)
        try:
            yield
        finally:
            self.wake(name)

    def wake(self, name: str) -> None:
        """Let a stopped program go on, children and all."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.processes[name].pid, signal.SIGCONT)

    def end(self, name: str) -> int | None:
        """Ask a program to end, as a deployment does, wait for it, and return its exit code."""
        process = self.processes.pop(name)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGCONT)
        end(process, (signal.SIGTERM, 15))
        return process.returncode

    def said(self, name: str) -> str:
        """Return what a program has written so far."""
        log = self.logs / f"{name}.log"
        return log.read_text(errors="replace") if log.exists() else ""

    # -- servers

    def _server(self, name: str) -> Server:
        return next(server for server in self.servers.private if server.name == name)

    @contextlib.contextmanager
    def without(self, server: str) -> Iterator[None]:
        """Kill a server the hard way, and start it again over the same folder after the block."""
        kept = self._server(server)
        if kept.process is not None:
            kept.process.kill()
            kept.process.wait()
        try:
            yield
        finally:
            kept.launch()
            kept.wait(lambda: None)

    @contextlib.contextmanager
    def frozen_server(self, server: str) -> Iterator[None]:
        """Stop a server without ending it: it neither answers nor refuses."""
        process = self._server(server).process
        if process is None:
            raise LookupError(f"{server} does not run.")
        process.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            process.send_signal(signal.SIGCONT)

    def flush_redis(self) -> None:
        """Lose everything that Redis holds: messages, cache and groups."""
        with contextlib.closing(self.redis()) as client:
            client.flushall()

    def redis(self) -> redis.Redis:
        return redis.Redis.from_url(self.env["REDIS_URL"], socket_timeout=5)


@contextlib.contextmanager
def chaos_house() -> Iterator[ChaosHouse]:
    """Open a house, and close it whatever happened in it."""
    with throwaway_folder() as folder:
        house = ChaosHouse(folder)
        try:
            house.open()
            yield house
        finally:
            house.close()


def wait_until(true: Callable[[], object], seconds: float) -> bool:
    """Wait for a function to return something true; tell whether it did in time."""
    limit = time.monotonic() + seconds
    while not true():
        if time.monotonic() > limit:
            return False
        time.sleep(0.1)
    return True
