"""Speak to the person at the terminal, calmly: a line that is rewritten, or one line if nobody watches."""

import contextlib
import sys


def say(sentence: str) -> None:
    """Print one line; a terminal that has gone away is no reason to stop."""
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"{sentence}\n")
        sys.stderr.flush()


class Progress:
    """One line that changes in place on a terminal, and is printed once elsewhere."""

    def __init__(self, title: str) -> None:
        self.title = title
        self._live = sys.stderr.isatty()
        self._shown = 0
        if not self._live:
            say(f"{title} …")

    def show(self, detail: str) -> None:
        """Replace what stands after the title."""
        if self._live:
            line = f"{self.title}: {detail} …"
            sys.stderr.write(f"\r{line:<{self._shown}}")
            sys.stderr.flush()
            self._shown = len(line)

    def done(self, detail: str) -> None:
        """Finish the line."""
        if self._live:
            sys.stderr.write("\r" + " " * self._shown + "\r")
        say(f"{self.title}: {detail}.")

    def clear(self) -> None:
        """Take the line away, so that a sentence can stand in its place."""
        if self._live and self._shown:
            sys.stderr.write("\r" + " " * self._shown + "\r")
            sys.stderr.flush()
