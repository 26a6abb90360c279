"""Go round: read, count, send, and wait a little."""

import contextlib
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from releasetrain.health.tail.entries import Entries
from releasetrain.health.tail.follow import Follower, Place
from releasetrain.health.tail.pile import Pile
from releasetrain.health.tail.sending import Answer, Batch

PAUSE_SECONDS = 0.5
# An entry may be written in pieces: it is whole once nothing was added for so long.
QUIET_SECONDS = 1.0
SEND_EVERY_SECONDS = 5.0
ALIVE_EVERY_SECONDS = 60.0
SLOWEST_SECONDS = 30.0

Send = Callable[[Batch], Answer]
Say = Callable[[str], None]


@dataclass(slots=True)
class Tail:
    """One log file on its way to the house; `clock` counts seconds and never steps back."""

    follower: Follower
    send: Send
    say: Say
    clock: Callable[[], float]
    entries: Entries = field(default_factory=Entries)
    place_file: Path | None = None
    sent: int = 0
    _pile: Pile = field(default_factory=Pile)
    _pending: Batch | None = None
    _added_at: float = 0.0
    _sent_at: float = field(init=False)
    _try_at: float = 0.0
    _pause: float = 0.0
    _said: str = ""
    _kept: Place | None = None

    def __post_init__(self) -> None:
        self._sent_at = self.clock()

    def step(self) -> bool:
        """Read and send what is due; tell whether there was anything to read."""
        lines = self._read()
        now = self.clock()
        if lines:
            self._added_at = now
            self._count(lines)
        elif self.entries.is_open and now - self._added_at >= QUIET_SECONDS:
            self._count([])
        self._send_due(now)
        self._keep_place()
        return bool(lines)

    def finish(self) -> bool:
        """Read and send the rest, as far as the house takes it; tell whether all was taken."""
        while lines := self._read():
            self._count(lines)
        self._count([])
        while self._pending is not None or len(self._pile):
            self._pending = self._pending or Batch(self._pile.take())
            if not self._deliver(self._pending, self.clock()):
                return False
        self._keep_place()
        return True

    def _read(self) -> list[str]:
        try:
            return self.follower.read()
        except OSError as error:
            self._tell(f"{self.follower.path} cannot be read: {error.strerror}.")
            return []

    def _count(self, lines: list[str]) -> None:
        """Count the entries that lines complete; without any, the one that is open."""
        at = datetime.now(UTC)
        for entry in self.entries.feed(lines) if lines else self.entries.end():
            self._pile.add(entry, at)

    def _send_due(self, now: float) -> None:
        if now < self._try_at:
            return
        if self._pending is None:
            is_due = len(self._pile) and now - self._sent_at >= SEND_EVERY_SECONDS
            is_silent = now - self._sent_at >= ALIVE_EVERY_SECONDS
            if not is_due and not is_silent:
                return
            self._pending = Batch(self._pile.take())
        self._deliver(self._pending, now)

    def _deliver(self, batch: Batch, now: float) -> bool:
        """Send a batch and tell whether it is settled; after a failure wait a little longer each time."""
        answer = self.send(batch)
        if not answer.is_settled:
            self._pause = min(SLOWEST_SECONDS, self._pause * 2 or 1.0)
            self._try_at = now + self._pause
            self._tell(f"{answer.words} It is tried again; the lines wait.")
            return False
        if not answer.is_taken:
            self.say(f"The house refuses {len(batch.lines)} lines for good. {answer.words}")
        elif self._said:
            self.say("The house takes lines again.")
        self._said, self._pause, self._try_at, self._sent_at = "", 0.0, 0.0, now
        self._pending = None
        self.sent += sum(one.count for one in batch.lines) if answer.is_taken else 0
        if self._pile.dropped:
            self.say(f"{self._pile.dropped} lines of too many different kinds were not sent.")
            self._pile.dropped = 0
        return True

    def _tell(self, words: str) -> None:
        if words != self._said:
            self.say(words)
        self._said = words

    def _keep_place(self) -> None:
        """Write down up to where everything was delivered, so that a restart loses nothing."""
        place = self.follower.place
        is_delivered = self._pending is None and not len(self._pile) and not self.entries.is_open
        if self.place_file is None or place is None or not is_delivered or place == self._kept:
            return
        fresh = self.place_file.with_name(f"{self.place_file.name}.new")
        try:
            fresh.write_text(json.dumps(place.to_json()))
            fresh.replace(self.place_file)
        except OSError as error:
            self._tell(f"{self.place_file} cannot be written: {error.strerror}.")
            return
        self._kept = place


def kept_place(path: Path | None) -> Place | None:
    """Read the place that an earlier run wrote down; None where there is none that can be read."""
    if path is None:
        return None
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        return Place.from_json(json.loads(path.read_text()))
    return None


def may_read(path: Path) -> bool:
    """Tell whether a file can be read, or may appear later where none is yet."""
    return os.access(path, os.R_OK) if path.exists() else path.parent.is_dir()
