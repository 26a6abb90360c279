"""Read what is added to a log file, through rotation by renaming and by truncating."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Self

CHUNK = 1 << 20
# A longer line is cut: its beginning says what it is.
LONGEST_LINE = 1 << 16
HEAD = 64


@dataclass(frozen=True, slots=True)
class Place:
    """Up to where a file was read; `head` are its first bytes, to know it again."""

    device: int
    inode: int
    offset: int
    head: bytes = b""

    def to_json(self) -> dict[str, Any]:
        return {
            "device": self.device,
            "inode": self.inode,
            "offset": self.offset,
            "head": self.head.hex(),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        """Read what `to_json` wrote.

        :raises KeyError, TypeError, ValueError: something else wrote it
        """
        head = bytes.fromhex(value["head"])
        return cls(int(value["device"]), int(value["inode"]), int(value["offset"]), head)


class Follower:
    """Hand out the complete lines that are added to a file.

    A file that is there at first is read from its end, or from where an earlier one stopped; whatever appears
    under its name later is read from its beginning. A file that was renamed is read to its end first.
    """

    def __init__(self, path: Path, *, from_start: bool = False, resume: Place | None = None) -> None:
        self.path = path
        self._offset = 0
        self._head = b""
        self._rest = b""
        self._is_cutting = False
        self._file = self._opened()
        if self._file is not None and not from_start:
            self._offset = self._size(self._file) if resume is None else self._resumed(self._file, resume)

    @property
    def place(self) -> Place | None:
        """Return up to where complete lines were handed out; None while there is no file."""
        if self._file is None:
            return None
        status = os.fstat(self._file.fileno())
        return Place(status.st_dev, status.st_ino, self._offset - len(self._rest), self._head)

    def read(self) -> list[str]:
        """Return the lines that were completed since the last time, at most a megabyte of them.

        :raises OSError: the file is there and cannot be read
        """
        self._file = file = self._file or self._opened()
        if file is None:
            return []
        if self._was_truncated(file):
            self._begin_again(file)
        while added := os.pread(file.fileno(), CHUNK, self._offset):
            self._offset += len(added)
            self._remember_head(file)
            if lines := self._split(added):
                return lines
        return self._go_over(file)

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _opened(self) -> BinaryIO | None:
        try:
            file = self.path.open("rb")
        except FileNotFoundError:
            return None
        self._begin_again(file)
        return file

    @staticmethod
    def _size(file: BinaryIO) -> int:
        return os.fstat(file.fileno()).st_size

    def _begin_again(self, file: BinaryIO) -> None:
        self._offset, self._head, self._rest, self._is_cutting = 0, b"", b"", False
        self._remember_head(file)

    def _remember_head(self, file: BinaryIO) -> None:
        if len(self._head) < HEAD:
            self._head = os.pread(file.fileno(), HEAD, 0)

    def _was_truncated(self, file: BinaryIO) -> bool:
        """Tell whether this is another text in the same file, be it longer than the old one by now."""
        return self._size(file) < self._offset or os.pread(file.fileno(), len(self._head), 0) != self._head

    def _go_over(self, file: BinaryIO) -> list[str]:
        """Go over to the file that has the name now, once something is in it: till then the old one grows."""
        try:
            named = self.path.stat()
        except FileNotFoundError:
            return []
        mine = os.fstat(file.fileno())
        if (named.st_dev, named.st_ino) == (mine.st_dev, mine.st_ino) or not named.st_size:
            return []
        last = [self._text(self._rest)] if self._rest and not self._is_cutting else []
        file.close()
        self._file = self._opened()
        return last

    @staticmethod
    def _resumed(file: BinaryIO, place: Place) -> int:
        """Return where to go on: there, where it is the same file, else at the beginning of this one."""
        status = os.fstat(file.fileno())
        is_same = (status.st_dev, status.st_ino) == (place.device, place.inode)
        is_grown = is_same and status.st_size >= place.offset
        begins_alike = os.pread(file.fileno(), len(place.head), 0) == place.head
        return place.offset if is_grown and begins_alike else 0

    def _split(self, added: bytes) -> list[str]:
        *lines, self._rest = (self._rest + added).split(b"\n")
        if lines and self._is_cutting:
            lines, self._is_cutting = lines[1:], False
        if len(self._rest) > LONGEST_LINE:
            if not self._is_cutting:
                lines.append(self._rest)
            self._rest, self._is_cutting = b"", True
        return [self._text(line) for line in lines]

    @staticmethod
    def _text(line: bytes) -> str:
        return line[:LONGEST_LINE].decode(errors="replace").rstrip("\r")
