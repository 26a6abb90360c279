"""Keep what the shoppers saw as one short line a second, so that anybody may ask what happened since when.

Each line holds the second and the counts since the shoppers first came, all of one width: a reader finds an
instant by halving.
"""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import BinaryIO

WIDTH = 12
LARGEST = 2 * 1024 * 1024
NAME = "shoppers.log"


@dataclass(frozen=True, slots=True)
class Seen:
    """Counts of requests up to an instant (seconds of the epoch), or between two."""

    at: int = 0
    asked: int = 0
    failed: int = 0
    unanswered: int = 0
    slow: int = 0

    def since(self, before: "Seen") -> "Seen":
        """Return what was counted after an earlier line."""
        return Seen(before.at, *(getattr(self, name) - getattr(before, name) for name in NAMES))

    @property
    def lost(self) -> int:
        """Return how many got no good answer."""
        return self.failed + self.unanswered


NAMES = tuple(field.name for field in fields(Seen))[1:]
LINE = WIDTH * (len(NAMES) + 1) + 1


@dataclass(slots=True)
class Book:
    """The file of the shoppers; they write it, the pages read it."""

    path: Path

    def write(self, at: int, counts: Mapping[str, int]) -> None:
        """Add a line; begin the file anew once it is large."""
        with contextlib.suppress(FileNotFoundError):
            if self.path.stat().st_size > LARGEST:
                self.path.replace(self.path.with_suffix(".before"))
        values = (at, *(counts.get(name, 0) for name in NAMES))
        line = "".join(f"{value:>{WIDTH}}" for value in values) + "\n"
        with self.path.open("ab") as file:
            file.write(line.encode())

    def newest(self) -> Seen | None:
        """Return the last line, None before there is one."""
        with contextlib.suppress(FileNotFoundError), self.path.open("rb") as file:
            count = self.path.stat().st_size // LINE
            return _line(file, count - 1) if count else None
        return None

    def since(self, at: float) -> Seen | None:
        """Return what was counted after an instant; from the first line where that is older."""
        newest = self.newest()
        if newest is None:
            return None
        with self.path.open("rb") as file:
            low, high = 0, self.path.stat().st_size // LINE - 1
            while low < high:
                middle = (low + high + 1) // 2
                if _line(file, middle).at <= at:
                    low = middle
                else:
                    high = middle - 1
            return newest.since(_line(file, low))


def _line(file: BinaryIO, number: int) -> Seen:
    file.seek(number * LINE)
    return Seen(*(int(word) for word in file.read(LINE).split()))
