"""A whole pytest run of its own, ended in every way."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from releasetrain.embedded.servers import remove_abandoned

ROOT = Path(__file__).resolve().parents[2]
SLEEPER = """
import os, pathlib, time
def test_sleeps() -> None:
    said = pathlib.Path(__file__).with_name("said")
    said.with_name("new").write_text(os.environ["REDIS_URL"])
    said.with_name("new").rename(said)
    time.sleep(600)
"""


def folder_of(run: "subprocess.Popen[bytes]", said: Path) -> Path:
    """Wait until the run has its servers, and give its throwaway folder."""
    until = time.monotonic() + 120
    while not said.exists():
        assert run.poll() is None
        assert time.monotonic() < until
        time.sleep(0.05)
    return Path(said.read_text().removeprefix("unix://")).parents[2]


@pytest.mark.faults
@pytest.mark.parametrize(
    "number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=lambda each: each.name
)
def test_a_test_run_leaves_no_server_and_no_folder(tmp_path: Path, number: signal.Signals) -> None:
    (tmp_path / "test_sleep.py").write_text(SLEEPER)
    environ = {name: value for name, value in os.environ.items() if name not in {"DATABASE_URL", "REDIS_URL"}}
    environ |= {"PYTHONPATH": str(ROOT), "DJANGO_SETTINGS_MODULE": "tests.settings"}
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", str(tmp_path)]
    with subprocess.Popen(argv, cwd=tmp_path, env=environ, stdout=subprocess.DEVNULL) as run:
        try:
            folder = folder_of(run, tmp_path / "said")
            servers = psutil.Process(run.pid).children()
            run.send_signal(number)
            run.wait(120)
        finally:
            run.kill()
    psutil.wait_procs(servers, timeout=60)
    assert len(servers) == 2
    assert [each for each in servers if each.is_running()] == []
    if number == signal.SIGKILL:
        remove_abandoned(folder.parent)  # as the next run does
    assert not folder.exists()
