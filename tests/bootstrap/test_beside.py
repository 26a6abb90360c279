"""Two commands at once: what they say, how they end, and what a signal does to both."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from releasetrain.bootstrap.beside import run_beside
from releasetrain.bootstrap.testing import asks_for_everything

ROOT = Path(__file__).resolve().parents[2]
SLEEPS = "import pathlib, sys, time; pathlib.Path(sys.argv[1]).touch(); time.sleep(600)"


def python(code: str, *words: str) -> list[str]:
    return [sys.executable, "-c", code, *words]


@pytest.mark.parametrize(
    ("front", "behind", "code"), [(0, 0, 0), (3, 0, 3), (0, 4, 4), (3, 4, 3)], ids=lambda each: str(each)
)
def test_either_failure_is_a_failure(front: int, behind: int, code: int) -> None:
    assert run_beside(python(f"exit({front})"), python(f"exit({behind})"), os.environ) == code


def test_the_one_behind_is_heard_last(capfd: pytest.CaptureFixture[str]) -> None:
    slow = python("import time; time.sleep(0.5); print('in front', flush=True)")
    run_beside(slow, python("print('behind', flush=True)"), os.environ)
    assert capfd.readouterr().out.split("\n") == ["in front", "behind", ""]


@pytest.mark.faults
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda each: each.name)
def test_a_signal_ends_both(tmp_path: Path, number: signal.Signals) -> None:
    marks = [tmp_path / "front", tmp_path / "behind"]
    argv = [python(SLEEPS, str(mark)) for mark in marks]
    asked = f"run_beside({argv[0]}, {argv[1]}, os.environ)"
    code = f"import os; from releasetrain.bootstrap.beside import run_beside; exit({asked})"
    with subprocess.Popen(python(code), cwd=ROOT, start_new_session=True, stderr=subprocess.DEVNULL) as both:
        until = time.monotonic() + 60
        while not all(mark.exists() for mark in marks):
            assert time.monotonic() < until
            time.sleep(0.05)
        # A key press reaches the whole group in front of the terminal, the end of a service only its head.
        os.killpg(both.pid, number) if number is signal.SIGINT else both.send_signal(number)
        assert both.wait(60) != 0
    listed = subprocess.run(["ps", "-ww", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(tmp_path) not in listed


@pytest.mark.parametrize(
    ("arguments", "all_of_it"),
    [([], True), (["-q", "--durations=5"], True), (["tests/lib"], False), (["-k", "journey"], False)],
    ids=str,
)
def test_only_a_whole_run_is_parted(arguments: list[str], all_of_it: bool) -> None:
    assert asks_for_everything(arguments) is all_of_it
