"""The supervisor over real processes and a clock that the test turns."""

import contextlib
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from releasetrain.processes.programs import Program, read_procfile
from releasetrain.processes.supervisor import LONGEST_WAIT, Supervisor, how_it_ended


class Clock:
    """A clock that stands still until it is turned."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


class Stage:
    """A supervisor with what it said, over programs in a folder of their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = Clock()
        self.said: list[str] = []
        self.supervisor = Supervisor(self.said.append, self.clock)
        self.programs: list[Program] = []

    def launch(self, name: str, command: str, **environ: str) -> Program:
        environ = {"PATH": os.environ["PATH"], **environ}
        program = Program(name, command, environ=environ, cwd=self.folder, logs=self.folder)
        self.programs.append(program)
        self.supervisor.launch(program)
        return program

    def look_after(self, seconds: float) -> None:
        self.clock.now += seconds
        self.supervisor.look()


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    made = Stage(tmp_path)
    yield made
    made.supervisor.end(made.programs, hurry=lambda: True)


def pid_of(program: Program) -> int:
    assert program.process is not None
    return program.process.pid


def wait_for(program: Program) -> None:
    assert program.process is not None
    program.process.wait(30)


def test_a_procfile_is_read_in_order(tmp_path: Path) -> None:
    (tmp_path / "Procfile").write_text("# a comment\nweb: serve --port ${PORT}\n\nbeat: tick\n")
    assert list(read_procfile(tmp_path / "Procfile").items()) == [
        ("web", "serve --port ${PORT}"),
        ("beat", "tick"),
    ]


def test_a_program_sees_its_environment_and_writes_its_own_log(stage: Stage) -> None:
    program = stage.launch("web", "echo port ${PORT:-none}", PORT="8300")
    wait_for(program)
    assert program.tail() == ["port 8300"]


@pytest.mark.faults
def test_a_killed_program_is_started_again_and_said_so_in_a_line_each(stage: Stage) -> None:
    program = stage.launch("worker", "sleep 600")
    first = pid_of(program)
    os.kill(first, signal.SIGKILL)
    wait_for(program)
    stage.look_after(0)
    assert stage.said == ["worker was ended by SIGKILL; starting it again in 0.5 s."]
    stage.look_after(0.5)
    assert stage.said[1:] == [f"worker is back (pid {pid_of(program)})."]
    assert pid_of(program) != first
    assert stage.supervisor.pids() == {"worker": pid_of(program)}


@pytest.mark.faults
def test_descendants_of_a_killed_program_are_ended_before_it_starts_again(stage: Stage) -> None:
    program = stage.launch("worker", "sh -c 'sleep 601 & sleep 602'")
    leader = psutil.Process(pid_of(program))
    while not (below := leader.children(recursive=True)):
        pass
    os.kill(pid_of(program), signal.SIGKILL)
    wait_for(program)
    stage.look_after(0)
    psutil.wait_procs(below, timeout=30)
    assert [process for process in below if process.is_running()] == []


def test_a_program_that_keeps_failing_waits_longer_each_time_up_to_a_limit(stage: Stage) -> None:
    program = stage.launch("web", "sh -c 'echo broken; exit 3'")
    waits = []
    for _ in range(9):
        wait_for(program)
        stage.look_after(0)
        waits.append(float(stage.said[-2].rpartition(" in ")[2].removesuffix(" s.")))
        stage.look_after(waits[-1])
    assert waits == [0.5, 1, 2, 4, 8, 16, LONGEST_WAIT, LONGEST_WAIT, LONGEST_WAIT]
    assert stage.supervisor.deaths_of("web") == 9
    assert stage.said[:2] == ["web ended with code 3; starting it again in 0.5 s.", "    broken"]


def test_a_program_that_ran_calmly_begins_with_a_short_wait_again(stage: Stage) -> None:
    program = stage.launch("web", "sh -c 'exit 3'")
    wait_for(program)
    stage.look_after(0)
    stage.look_after(0.5)
    wait_for(program)
    stage.look_after(3600)
    assert stage.said[-1] == "web ended with code 3; starting it again in 0.5 s."


def test_a_program_that_ignores_the_end_is_killed(stage: Stage) -> None:
    program = stage.launch("web", "sh -c \"trap '' TERM; echo ready; while :; do sleep 1; done\"")
    while program.tail() != ["ready"]:
        pass
    stage.supervisor.end([program], hurry=lambda: True)
    assert program.process is not None
    assert program.process.returncode == -signal.SIGKILL


def test_ending_leaves_other_processes_alone(stage: Stage) -> None:
    ours, other = stage.launch("web", "sleep 600"), stage.launch("beat", "sleep 600")
    stage.supervisor.end([ours], hurry=lambda: False)
    assert not psutil.pid_exists(pid_of(ours))
    assert psutil.pid_exists(pid_of(other))
    stage.look_after(0)
    assert stage.said == []


def test_a_program_that_cannot_be_launched_is_said_and_tried_again(stage: Stage) -> None:
    program = stage.launch("web", "sleep 600")
    os.kill(pid_of(program), signal.SIGKILL)
    wait_for(program)
    stage.look_after(0)
    with contextlib.chdir(stage.folder):
        stage.folder.joinpath("web.log").unlink()
        stage.folder.joinpath("web.log").mkdir()
    stage.look_after(0.5)
    assert stage.said[-1].startswith("web did not start: ")
    stage.folder.joinpath("web.log").rmdir()
    stage.folder.joinpath("web.log").touch()
    stage.look_after(60)
    assert stage.said[-1] == f"web is back (pid {pid_of(program)})."


def test_endings_are_put_into_words() -> None:
    assert how_it_ended(-9) == "was ended by SIGKILL"
    assert how_it_ended(0) == "ended with code 0"
