"""Renew the locks from pyproject.toml with uv: every hash, every system, and no word about where from."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from releasetrain.bootstrap.locks import DEVELOPMENT, ROOT, RUNTIME
from releasetrain.bootstrap.terminal import say

HEADER = "# Made from pyproject.toml by `python3 manage.py lock`: each version and hash that may enter.\n"
COMPILE = ("pip", "compile", "--universal", "--generate-hashes", "--python-version", "3.11")
# No index, address or path may get into the files: whoever installs decides where from.
SILENTLY = (
    "--quiet",
    "--no-header",
    "--no-annotate",
    "--no-config",
    "--no-emit-index-url",
    "--no-emit-find-links",
)


def renew_locks(arguments: list[str]) -> int:
    """Write both locks anew; further arguments go to uv, such as `--upgrade`."""
    uv = _uv()
    if not uv:
        say("Renewing the lock needs uv, and nothing else here does. Install it: pipx install uv")
        return 1
    for lock, more in ((RUNTIME, ()), (DEVELOPMENT, ("--group", "dev", "--constraint", str(RUNTIME)))):
        code = _compile(uv, lock, [*more, *arguments])
        if code:
            return code
        say(f"{lock.name} is renewed.")
    return 0


def _uv() -> str | None:
    beside = str(Path(sys.executable).parent)
    return shutil.which("uv", path=os.pathsep.join([beside, os.environ.get("PATH", "")]))


def _compile(uv: str, lock: Path, more: list[str]) -> int:
    """Compile into the present lock, so that what needs no change keeps its version."""
    argv = [uv, *COMPILE, *SILENTLY, *more, "--output-file", str(lock), "pyproject.toml"]
    done = subprocess.run(argv, cwd=ROOT, check=False)
    if done.returncode == 0:
        lock.write_text(HEADER + lock.read_text())
    return done.returncode
