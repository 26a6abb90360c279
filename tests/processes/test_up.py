"""The real `manage.py up`, in a data folder of its own, without the demonstration world."""

import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from releasetrain.embedded import throwaway_folder
from releasetrain.processes.house import ROOT, House

pytestmark = pytest.mark.faults
PATIENCE = 120
# What the surrounding test run sets for itself and a house of our own must not see.
OURS = ("DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE")


def free_port() -> int:
    """Find two ports in a row that nobody has at the moment."""
    while True:
        with socket.create_server(("127.0.0.1", 0)) as first:
            port: int = first.getsockname()[1]
            with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port + 1)):
                return port


def until(true: Callable[[], object], what: str) -> None:
    limit = time.monotonic() + PATIENCE
    while not true():
        assert time.monotonic() < limit, what
        time.sleep(0.05)


class Up:
    """One `up` in a folder, with what it says."""

    def __init__(self, data: Path, port: int, **environ: str) -> None:
        self.house = House(data)
        self.port = port
        base = {name: value for name, value in os.environ.items() if name not in OURS}
        self.environ = base | {"RELEASETRAIN_DATA": str(data)} | environ
        self.said = data.with_name(f"{data.name}-said-{time.monotonic_ns()}")
        argv = [sys.executable, "manage.py", "up", "--no-demo", "--port", str(port)]
        with self.said.open("wb") as output:
            self.process = subprocess.Popen(
                argv, cwd=ROOT, env=self.environ, stdout=output, stderr=output, start_new_session=True
            )

    def text(self) -> str:
        return self.said.read_text()

    def wait_for(self, pattern: str) -> re.Match[str]:
        until(lambda: re.search(pattern, self.text()) or self.process.poll() is not None, f"no {pattern}")
        found = re.search(pattern, self.text())
        assert found, self.text()
        return found

    def end(self, number: signal.Signals = signal.SIGINT) -> int:
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def manage(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        argv = [sys.executable, "manage.py", *arguments]
        return subprocess.run(
            argv, cwd=ROOT, env=self.environ, capture_output=True, text=True, timeout=PATIENCE, check=False
        )


def left_over(folder: Path) -> list[str]:
    """List the processes that belong to the house in this folder, by command line or environment."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            words = " ".join(process.cmdline())
            environ = process.environ() if process.uids().real == os.getuid() else {}
            if str(folder) in words or environ.get("RELEASETRAIN_DATA") == str(folder):
                found.append(f"{process.pid} {words}")
    return found


@pytest.fixture
def data() -> Iterator[Path]:
    with throwaway_folder() as folder:
        yield folder / "data"


@pytest.fixture(scope="module")
def running() -> Iterator[Up]:
    """Run one house for the tests that only visit it."""
    with throwaway_folder() as folder:
        house = Up(folder / "data", free_port())
        try:
            house.wait_for(r"Release Train runs at http://127\.0\.0\.1:\d+/ .*Ctrl-C ends it")
            yield house
        finally:
            house.end()


def pid_in(house: House, name: str) -> int:
    import json

    return int(json.loads((house.data / "processes.json").read_text())[name][0])


def test_up_says_one_line_with_the_address_and_the_first_sign_in(running: Up) -> None:
    lines = [line for line in running.text().splitlines() if "Starting" not in line]
    assert len(lines) == 1, lines
    assert re.search(rf"http://127\.0\.0\.1:{running.port}/sign-in/link/\S+/", lines[0])


def test_a_second_up_is_refused_with_the_first_ones_pid_and_address(running: Up) -> None:
    second = Up(running.house.data, free_port())
    assert second.process.wait(PATIENCE) == 1
    assert f"already runs from this folder: http://127.0.0.1:{running.port}" in second.text()
    assert f"(pid {running.process.pid})" in second.text()


def test_a_taken_port_is_refused_before_anything_starts(running: Up, data: Path) -> None:
    second = Up(data, running.port)
    assert second.process.wait(PATIENCE) == 1
    assert f"Port {running.port}, wanted for the pages, is taken by" in second.text()
    assert f"--port {running.port // 100 * 100 + 100}" in second.text()
    assert left_over(data) == []


def test_other_commands_find_the_running_house(running: Up) -> None:
    done = running.manage("verify_audit")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", ["worker", "chores", "beat", "web", "stream"])
def test_a_killed_program_comes_back(running: Up, name: str) -> None:
    pid = pid_in(running.house, name)
    family = psutil.Process(pid).children(recursive=True)
    os.kill(pid, signal.SIGKILL)
    running.wait_for(rf"{name} was ended by SIGKILL; starting it again in .*\n{name} is back")
    assert [each for each in family if each.is_running() and each.status() != psutil.STATUS_ZOMBIE] == []


def test_a_killed_valkey_comes_back_at_the_same_address(running: Up) -> None:
    os.kill(pid_in(running.house, "valkey"), signal.SIGKILL)
    running.wait_for("valkey is back")
    client = redis.Redis.from_url(running.house.read_env()["REDIS_URL"])

    def answers() -> bool:
        with contextlib.suppress(redis.RedisError):
            return bool(client.ping())
        return False

    until(answers, "valkey does not answer")


def test_a_killed_postgresql_comes_back_at_the_same_address(running: Up) -> None:
    postmaster = running.house.data / "postgresql" / "postmaster.pid"
    os.kill(int(postmaster.read_text().splitlines()[0]), signal.SIGKILL)
    running.wait_for("postgresql is back")
    url = running.house.read_env()["DATABASE_URL"]

    def answers() -> bool:
        with contextlib.suppress(psycopg.OperationalError), psycopg.connect(url) as connection:
            return connection.execute("SELECT count(*) FROM accounts_user").fetchone() is not None
        return False

    until(answers, "postgresql does not answer")


@pytest.mark.parametrize(
    ("moment", "number", "code"),
    [
        ("at once", signal.SIGINT, 130),
        ("postgresql/PG_VERSION", signal.SIGTERM, 143),
        ("env", signal.SIGINT, 130),
        ("logs/prepare.log", signal.SIGHUP, 129),
        ("logs/beat.log", signal.SIGINT, 130),
    ],
)
def test_a_start_can_be_stopped_at_any_moment(
    data: Path, moment: str, number: signal.Signals, code: int
) -> None:
    house = Up(data, free_port())
    wanted = data / ("house.lock" if moment == "at once" else moment)
    until(wanted.exists, moment)
    assert house.end(number) == code, house.text()
    assert "Traceback" not in house.text()
    assert "Release Train has stopped" in house.text()
    assert left_over(data) == []


def test_a_killed_up_leaves_nothing_for_long_and_the_next_one_heals(data: Path) -> None:
    first = Up(data, port := free_port())
    first.wait_for("Release Train runs at")
    assert first.end(signal.SIGKILL) == -signal.SIGKILL
    second = Up(data, port)  # at once, while the old processes may still be ending
    try:
        second.wait_for("Release Train runs at")
    finally:
        assert second.end(signal.SIGTERM) == 143
    assert left_over(data) == []
    assert sorted(path.name for path in data.iterdir() if path.is_file()) == ["house.lock", "secret_key"]
    alone = second.manage("verify_audit")  # nothing runs now, so it brings the servers for itself
    assert (alone.returncode, "its own servers run for as long as" in alone.stderr) == (0, True)
    assert left_over(data) == []


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("DATABASE_URL", "postgres://app:hunter2@127.0.0.1:9/x", "No database answers at DATABASE_URL"),
        ("DATABASE_URL", "sqlite:///trains.db", "not an address such as postgres://"),
        ("REDIS_URL", "redis://127.0.0.1:9/0", "No Redis answers at REDIS_URL"),
    ],
)
def test_a_given_server_that_does_not_answer_is_a_sentence(
    data: Path, name: str, value: str, sentence: str
) -> None:
    house = Up(data, free_port(), **{name: value})
    assert house.process.wait(PATIENCE) == 1
    assert sentence in house.text()
    assert "Traceback" not in house.text()
    assert "hunter2" not in house.text()
    assert left_over(data) == []


def test_a_command_on_a_fresh_clone_says_what_to_do(data: Path) -> None:
    base = {name: value for name, value in os.environ.items() if name not in OURS}
    argv = [sys.executable, "manage.py", "verify_audit"]
    environ = base | {"RELEASETRAIN_DATA": str(data)}
    done = subprocess.run(argv, cwd=ROOT, env=environ, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (1, "")
    assert "There is no house here yet. Run `python3 manage.py up` first" in done.stderr
    assert not data.exists()
