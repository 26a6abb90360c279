"""Read which programs the house is made of, and run each one."""

import signal
import subprocess
from collections.abc import Mapping
from pathlib import Path

from honcho.environ import parse_procfile

from releasetrain.embedded.children import spawn
from releasetrain.processes.logs import Log


def read_procfile(path: Path) -> dict[str, str]:
    """Give each program's name and command line, in order."""
    return dict(parse_procfile(path.read_text()).processes)


class Program:
    """One line of a Procfile and the process that runs it."""

    def __init__(self, name: str, command: str, *, environ: Mapping[str, str], cwd: Path, logs: Path) -> None:
        self.name = name
        self.command = command
        self.log = Log(logs / f"{name}.log")
        self.process: subprocess.Popen[bytes] | None = None
        self._environ = environ
        self._cwd = cwd

    def launch(self) -> None:
        """Start the process; the shell only fills in ${VARIABLES} and then becomes the program."""
        self.log.keep_small()
        self.log.begin_run()
        with self.log.path.open("ab") as output:
            self.process = spawn(
                ["/bin/sh", "-c", f"exec {self.command}"],
                output=output,
                when_orphaned=signal.SIGTERM,
                env=self._environ,
                cwd=self._cwd,
            )

    def ask_to_end(self) -> None:
        """Ask the process to finish what it does and end."""
        if self.process and self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)

    def tail(self) -> list[str]:
        """Give the last lines that it wrote."""
        return self.log.tail()
