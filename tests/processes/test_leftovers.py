import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from releasetrain.embedded.children import spawn
from releasetrain.processes.leftovers import end_leftovers, remember


@pytest.fixture
def record(tmp_path: Path) -> Path:
    return tmp_path / "processes.json"


@pytest.mark.faults
def test_what_was_remembered_is_ended_with_its_descendants(record: Path) -> None:
    process = spawn(["sh", "-c", "sleep 600 & sleep 600"], output=subprocess.DEVNULL)
    leader = psutil.Process(process.pid)
    while len(family := [leader, *leader.children()]) < 3:
        pass
    remember(record, {"worker": process.pid})
    assert end_leftovers(record) == ["worker"]
    process.wait()
    psutil.wait_procs(family, timeout=30)
    assert [each for each in family if each.is_running()] == []
    assert not record.exists()


@pytest.mark.faults
def test_descendants_are_found_when_their_leader_is_gone(record: Path) -> None:
    process = spawn(["sh", "-c", "sleep 600 & sleep 600"], output=subprocess.DEVNULL)
    while not (below := psutil.Process(process.pid).children()):
        pass
    remember(record, {"worker": process.pid})
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert end_leftovers(record) == ["worker"]
    psutil.wait_procs(below, timeout=30)
    assert [each for each in below if each.is_running()] == []


def test_a_stranger_with_a_remembered_number_is_left_alone(record: Path) -> None:
    stranger = subprocess.Popen(
        [sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True
    )
    try:
        record.write_text(
            json.dumps({"worker": [stranger.pid, psutil.Process(stranger.pid).create_time() - 99]})
        )
        assert end_leftovers(record) == []
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


@pytest.mark.parametrize("text", ["", "[]", "{", '{"web": 7}', '{"web": ["x", 1]}'])
def test_a_record_that_cannot_be_read_is_no_obstacle(record: Path, text: str) -> None:
    record.write_text(text)
    assert end_leftovers(record) == []


def test_no_record_means_nothing_left(record: Path) -> None:
    assert end_leftovers(record) == []
