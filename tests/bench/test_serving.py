import os
import resource
import sys
from pathlib import Path

import pytest

from releasetrain.bench import machine, serving
from releasetrain.bench.errors import CannotMeasure
from releasetrain.bench.serving import allow_files, command_of, free_ports, memory_of, running


def test_free_ports_follow_each_other() -> None:
    first, second, third = free_ports(3)
    assert (second, third) == (first + 1, first + 2)


def test_the_procfile_says_how_a_program_is_served() -> None:
    (shell, option, command) = command_of("stream")
    assert (shell, option) == ("/bin/sh", "-c")
    assert command.startswith("exec uvicorn releasetrain.asgi:stream")


def test_a_yardstick_is_served_with_the_same_options() -> None:
    own, other = command_of("stream")[2], command_of("stream", "somewhere:application")[2]
    assert other == own.replace("releasetrain.asgi:stream", "somewhere:application")


def test_too_many_watchers_for_this_system_are_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda which: (1024, 4096))
    with pytest.raises(CannotMeasure) as refusal:
        allow_files(5000)
    assert "5,000 watchers need 5,200 open files in one process; this system allows 4,096." in str(
        refusal.value
    )


def test_memory_is_read_from_the_kernel() -> None:
    memory = memory_of(os.getpid())
    assert memory["share"] >= memory["own"] > 1_000_000


def test_a_process_that_is_gone_takes_nothing() -> None:
    assert memory_of(2**22 + 1) == {"share": 0, "own": 0}


def test_a_server_that_does_not_start_is_quoted(tmp_path: Path) -> None:
    command = ["/bin/sh", "-c", "echo first; echo the disk is on fire; exit 1"]
    (port,) = free_ports(1)
    with (
        pytest.raises(CannotMeasure, match=r"A shop did not start\. It said last: the disk is on fire"),
        running("A shop", command, env=dict(os.environ), port=port, core=None, logs=tmp_path),
    ):
        pytest.fail("it never ran")


def test_a_server_ends_with_its_block(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    command = ["python3", "-m", "http.server", str(port), "--bind", serving.HOST]
    with running("Files", command, env=dict(os.environ), port=port, core=None, logs=tmp_path) as server:
        assert server.cost().own_bytes > 0
        pid = server.pid
    assert not Path(f"/proc/{pid}").exists()


def test_another_system_than_linux_is_refused_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    with pytest.raises(CannotMeasure, match="Run them on a Linux machine or in a container"):
        machine.require_linux()
