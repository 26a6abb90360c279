"""Bring the interpreter that has the libraries, then hand the command over to it."""

import os
import signal
import sys
from pathlib import Path
from types import FrameType

from releasetrain.bootstrap.environment import python_for
from releasetrain.bootstrap.errors import BootstrapError
from releasetrain.bootstrap.locks import DEVELOPMENT, ROOT, RUNTIME
from releasetrain.bootstrap.terminal import say

# These bring what the tests and measurements need as well.
WITH_TOOLS = {"test", "bench", "lock"}


def main(argv: list[str]) -> int:
    """Run `manage.py` with these arguments and give its exit code."""
    command = argv[1] if len(argv) > 1 else "help"
    signal.signal(signal.SIGTERM, _end_quietly)
    try:
        python = python_for(DEVELOPMENT if command in WITH_TOOLS else RUNTIME)
    except BootstrapError as error:
        say(str(error))
        return 1
    except KeyboardInterrupt:
        say("Stopped while preparing .venv. The next run begins it again.")
        return 130
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    if not _is_running(python):
        os.execv(python, [str(python), str(ROOT / "manage.py"), *argv[1:]])  # noqa: S606 - our own interpreter
    return _hand_over(command, argv)


def _is_running(python: Path) -> bool:
    """Compare environments, not files: every environment's interpreter may be the same file."""
    return python == Path(sys.executable) or python.parent.parent.resolve() == Path(sys.prefix).resolve()


def _hand_over(command: str, argv: list[str]) -> int:
    if command == "test":
        from releasetrain.bootstrap.testing import run_tests  # one command's own needs

        return run_tests(argv[2:])
    if command == "lock":
        from releasetrain.bootstrap.renew import renew_locks

        return renew_locks(argv[2:])
    from releasetrain.processes.main import run  # it needs the libraries

    return run(command, argv)


def _end_quietly(number: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + number)
