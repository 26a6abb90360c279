"""Keep what each process says in a file of its own, small, and show what a person should see of it."""

import re
import shutil
from pathlib import Path

from honcho.colour import get_colours

LARGEST = 8 * 1024 * 1024
TAIL_LINES = 12
TAIL_BYTES = 64 * 1024


class Log:
    """The file of one process. The process writes it by itself, so it never waits for us to read."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.path.touch(mode=0o600)
        self._read_to = self._run_began = self.path.stat().st_size

    def begin_run(self) -> None:
        """Note where a new run of the process begins."""
        self._run_began = self.path.stat().st_size

    def new_lines(self) -> list[str]:
        """Give the complete lines since the last call."""
        if self.path.stat().st_size < self._read_to:  # it was cut
            self._read_to = 0
        with self.path.open("rb") as file:
            file.seek(self._read_to)
            read = file.read()
        whole = read[: read.rfind(b"\n") + 1]
        self._read_to += len(whole)
        return whole.decode(errors="replace").splitlines()

    def tail(self) -> list[str]:
        """Give the last lines of the present run."""
        size = self.path.stat().st_size
        with self.path.open("rb") as file:
            file.seek(max(min(self._run_began, size), size - TAIL_BYTES))
            lines = file.read().decode(errors="replace").splitlines()
        return [line for line in lines if line.strip()][-TAIL_LINES:]

    def keep_small(self) -> None:
        """Move what is there aside once it is large; the process goes on appending to the emptied file."""
        if self.path.stat().st_size > LARGEST:
            shutil.copyfile(self.path, self.path.with_suffix(".log.1"))
            with self.path.open("r+b") as file:
                file.truncate(0)
            self._run_began = 0


class Prefixes:
    """Put the process's name before each line, in a colour on a terminal, as honcho does."""

    def __init__(self, names: list[str], *, coloured: bool) -> None:
        self._width = max(map(len, names), default=0)
        self._colours = dict(zip(names, get_colours(), strict=False)) if coloured else {}

    def line(self, name: str, text: str) -> str:
        """Give the line to print."""
        prefix = f"{name:<{self._width}} | "
        if colour := self._colours.get(name):
            prefix = f"\033[{colour}m{prefix}\033[0m"
        return prefix + (text if self._colours else re.sub(r"\033\[[0-9;]*m", "", text))
