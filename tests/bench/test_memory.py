import json
import subprocess
import sys
from pathlib import Path

import psutil

from releasetrain.bench.memory import look, names_of, part_of, watch

SLEEPER = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]


def test_programs_are_known_by_the_record_that_up_keeps(tmp_path: Path) -> None:
    (tmp_path / "processes.json").write_text(json.dumps({"web": [11, 1.5], "worker": [12, 1.5]}))
    assert names_of(tmp_path) == {11: "web", 12: "worker"}


def test_no_record_yet_means_no_names(tmp_path: Path) -> None:
    assert names_of(tmp_path) == {}


def test_a_child_counts_for_the_program_that_started_it(tmp_path: Path) -> None:
    with subprocess.Popen(SLEEPER, stdout=subprocess.PIPE) as child:
        assert child.stdout and child.stdout.readline() == b"up\n"
        me, process = psutil.Process(), psutil.Process(child.pid)
        assert part_of(process, {me.pid: "worker"}) == "worker"
        found = look([me, process], {me.pid: "worker"})
        (tmp_path / "processes.json").write_text(json.dumps({"web": [child.pid, 0]}))
        accounts, most = watch(me.pid, tmp_path, seconds=0)
        child.kill()
    assert found["worker"].processes == 2
    assert found["worker"].share >= found["worker"].own > 0
    assert accounts["web"].processes == 1
    assert most >= accounts["web"].share + accounts["up"].share
