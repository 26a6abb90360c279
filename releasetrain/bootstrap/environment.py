"""Make .venv if it is missing, complete it if the lock changed, and heal it if a run was cut short."""

import contextlib
import errno
import fcntl
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from releasetrain.bootstrap.errors import BootstrapError
from releasetrain.bootstrap.install import install
from releasetrain.bootstrap.locks import DEVELOPMENT, ROOT, RUNTIME, fingerprint, is_satisfied
from releasetrain.bootstrap.terminal import say

VENV = ROOT / ".venv"
PYTHON = VENV / "bin" / "python"
STAMP = VENV / "releasetrain.json"  # which locks are installed; written last
UNFINISHED = VENV / "releasetrain.unfinished"  # stands while pip writes, and after it was killed
LOG = VENV / "releasetrain-pip.log"
OURS, THEIRS = "ours", "theirs"

# The Python that environments are made with: not the one inside .venv, even if that one is running this.
THIS_PYTHON: str = getattr(sys, "_base_executable", sys.executable)
THIS_PIP = (THIS_PYTHON, "-m", "pip")
NO_VENV = re.compile("ensurepip|No module named '?venv")


def python_for(lock: Path) -> Path:
    """Give the interpreter that has everything in the lock, making .venv if need be.

    :raises BootstrapError: it cannot be made; the sentence says why
    """
    if _is_ready(lock):
        return PYTHON
    if not UNFINISHED.exists() and is_satisfied(lock):
        return Path(
            sys.executable
        )  # an environment that somebody else keeps: a container image, a developer's own
    with _sentences_for_the_disk(), _alone():
        if not _is_ready(lock):  # another run may have made it while we waited
            _make(lock)
    return PYTHON


def _is_ready(lock: Path) -> bool:
    """Compare the stamp with the lock; what the tests need contains what the house needs."""
    if UNFINISHED.exists() or not os.access(PYTHON, os.X_OK):
        return False
    installed = _stamp()
    wanted = {lock.name: fingerprint(lock)}
    complete = {DEVELOPMENT.name: fingerprint(DEVELOPMENT), RUNTIME.name: fingerprint(RUNTIME)}
    return wanted.items() <= installed.items() or complete.items() <= installed.items()


def _stamp() -> dict[str, str]:
    try:
        read = json.loads(STAMP.read_text())
    except (OSError, ValueError):
        return {}
    return read if isinstance(read, dict) else {}


def _make(lock: Path) -> None:
    """Bring .venv in line with the lock; a half-written one is made anew, unless somebody keeps it."""
    cut_short = UNFINISHED.exists()
    whose = _whose()
    if not _works() or (cut_short and whose == OURS):
        _remove_old()
        _make_empty()
        cut_short, whose = False, OURS
    UNFINISHED.write_text(whose)
    STAMP.unlink(missing_ok=True)
    install(_pip(), lock, LOG, again=cut_short)
    locks = [RUNTIME, DEVELOPMENT] if lock == DEVELOPMENT else [RUNTIME]
    STAMP.write_text(json.dumps({each.name: fingerprint(each) for each in locks}))
    UNFINISHED.unlink()


def _whose() -> str:
    """Tell an environment that we made from one that a person keeps, with libraries of their own perhaps."""
    if UNFINISHED.exists():
        return UNFINISHED.read_text() or OURS
    return OURS if STAMP.exists() or not VENV.exists() else THEIRS


def _works() -> bool:
    """Tell whether .venv has an interpreter that still starts and can take packages."""
    if not os.access(PYTHON, os.X_OK):
        return False
    test = [str(PYTHON), "-c", "import sys; sys.exit(sys.version_info < (3, 11))"]
    return subprocess.run(test, check=False, capture_output=True).returncode == 0


def _remove_old() -> None:
    """Remove what is left of a former .venv, and nothing that is not one."""
    if not VENV.exists():
        return
    ours = UNFINISHED.exists() or (VENV / "pyvenv.cfg").exists() or not any(VENV.iterdir())
    if not ours:
        raise BootstrapError(f"{VENV} is not a virtual environment. Move it away and run this again.")
    shutil.rmtree(VENV)


def _make_empty() -> None:
    """Make an environment without pip where this Python's own can fill it: that saves the slowest step."""
    without = ["--without-pip"] if _starts(*THIS_PIP) else []
    VENV.mkdir()
    UNFINISHED.touch()
    made = subprocess.run(
        [THIS_PYTHON, "-m", "venv", *without, str(VENV)], check=False, capture_output=True, text=True
    )
    if made.returncode == 0:
        return
    said = made.stdout + made.stderr
    if "No space left" in said:
        raise OSError(errno.ENOSPC, "No space left on device", str(VENV))
    raise BootstrapError(_no_venv() if NO_VENV.search(said) else f".venv cannot be made: {said.strip()}")


def _starts(*argv: str) -> bool:
    return subprocess.run([*argv, "--version"], check=False, capture_output=True).returncode == 0


def _no_venv() -> str:
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    return (
        f"This Python {version} ({THIS_PYTHON}) cannot make virtual environments: its venv or ensurepip "
        f"module is not installed. On Debian and Ubuntu: apt-get install python{version}-venv; then again."
    )


def _pip() -> list[str]:
    """Use the environment's own pip if it has one, otherwise that of the Python it was made with."""
    own = (str(PYTHON), "-m", "pip")
    return [*own] if _starts(*own) else [*THIS_PIP, "--python", str(PYTHON)]


@contextlib.contextmanager
def _alone() -> Iterator[None]:
    """Let one run at a time work on .venv; the lock dies with its holder, however it dies."""
    with RUNTIME.open() as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say("Another run is preparing .venv; waiting for it.")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield


@contextlib.contextmanager
def _sentences_for_the_disk() -> Iterator[None]:
    try:
        yield
    except PermissionError as error:
        raise BootstrapError(
            f"{error.filename or ROOT} cannot be written by this user. Run it as the user that owns {ROOT}, "
            "or in a clone of your own."
        ) from error
    except OSError as error:
        if error.errno == errno.EROFS:
            raise BootstrapError(
                f"{ROOT} is on a read-only disk. Clone the project to a writable place."
            ) from error
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise BootstrapError(
                f"The libraries do not fit: the disk that holds {ROOT} is full. Make room and run it again."
            ) from error
        raise
