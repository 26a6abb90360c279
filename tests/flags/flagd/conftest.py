"""Bring flagd's own evaluator, in a folder of its own: it wants older libraries than we do."""

import json
import os
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from releasetrain.bootstrap.environment import THIS_PIP, THIS_PYTHON, VENV
from releasetrain.bootstrap.testing import is_ci

HERE = Path(__file__).parent
LOCK = HERE / "requirements.txt"


class Judge:
    """Ask flagd's core which variant everybody gets."""

    def __init__(self, libraries: Path) -> None:
        self._process = subprocess.Popen(
            [THIS_PYTHON, "-s", str(HERE / "judge.py")],
            env={"PYTHONPATH": str(libraries), "PATH": os.defpath},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def variants(
        self, definition: Mapping[str, Any], contexts: Sequence[Mapping[str, Any]]
    ) -> list[dict[str, str | None]]:
        """Return for each context the variant of each flag, by key."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"definition": definition, "contexts": contexts}) + "\n")
        self._process.stdin.flush()
        answers: list[dict[str, str | None]] = json.loads(self._process.stdout.readline())
        return answers

    def end(self) -> None:
        self._process.communicate()


@pytest.fixture(scope="session")
def judge() -> Iterator[Judge]:
    """Start flagd's core; where its libraries cannot be had the tests are skipped, and say so."""
    folder = VENV / f"flagd-{sha256(LOCK.read_bytes()).hexdigest()[:12]}"
    if not folder.exists():
        draft = folder.with_suffix(f".{os.getpid()}")
        argv = [*THIS_PIP, "install", "-q", "--disable-pip-version-check", "--require-hashes", "--no-deps"]
        made = subprocess.run(
            [*argv, "--target", str(draft), "-r", str(LOCK)], capture_output=True, text=True, check=False
        )
        if made.returncode:
            assert not is_ci(dict(os.environ)), made.stderr
            pytest.skip(f"flagd's own evaluator cannot be installed here: {made.stderr.strip()[-200:]}")
        draft.rename(folder)
    asked = Judge(folder)
    yield asked
    asked.end()
