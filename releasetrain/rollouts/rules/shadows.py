"""Compare what the new version answers to copies of requests with what users got for the originals.

Pure: lines come in, counts go out. Status, size, digest of the body and time are compared; queries and bodies
never get here.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

# The metric of the pairs: units are pairs compared, bad ones differ. Of the old version against itself, too.
SHADOW_METRIC = "shadow"
# A copy may be so much slower, and an answer so much larger or smaller, before that is a difference.
SLOWER_TIMES, SLOWER_MS = 2, 100
SIZE_SHARE, SIZE_BYTES = 0.1, 64
# A copy that is not answered by then never will be: a proxy gives up after ten seconds, and may note what it
# knows ten seconds later.
WAIT_SECONDS = 30.0
MOST_WAITING = 4000
MOST_SAMPLES = 8
LONGEST_PATH = 120


class Side(StrEnum):
    """Whose answer it is: the one that the user got, the candidate's, or the baseline's second one."""

    USERS = "users"
    SHADOW = "shadow"
    NOISE = "noise"


class Mismatch(StrEnum):
    """In what two answers to one request differ, worst first."""

    STATUS = "status"
    BODY = "body"
    SIZE = "size"
    TIME = "time"


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as a proxy notes it: `size` in bytes, `digest` of its body where the service names one."""

    id: str
    status: int
    ms: int
    size: int
    digest: str = ""
    method: str = ""
    path: str = ""
    fence: int = 0

    @property
    def words(self) -> str:
        return f"{self.status}, {self.size:,} B, {self.ms:,} ms"


def read_answer(line: str) -> Answer | None:
    """Read one line of a proxy's log; None where it is none."""
    try:
        told = json.loads(line)
        return Answer(
            id=str(told["id"]),
            status=int(told["status"]),
            ms=int(told["ms"]),
            size=int(told["bytes"]),
            digest=str(told.get("digest") or ""),
            method=str(told.get("method") or ""),
            path=str(told.get("path") or "").partition("?")[0][:LONGEST_PATH],
            fence=int(told.get("fence") or 0),
        )
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def mismatches(given: Answer, copy: Answer) -> tuple[Mismatch, ...]:
    """Return in what a copy's answer differs from the one that was given to the user."""
    found = {
        Mismatch.STATUS: given.status != copy.status,
        Mismatch.BODY: bool(given.digest and copy.digest and given.digest != copy.digest),
        Mismatch.SIZE: abs(given.size - copy.size) > max(SIZE_BYTES, SIZE_SHARE * given.size),
        Mismatch.TIME: copy.ms > SLOWER_TIMES * given.ms + SLOWER_MS,
    }
    return tuple(kind for kind in Mismatch if found[kind])


@dataclass(frozen=True, slots=True)
class Pairs:
    """How many pairs were compared, and how many of them differ."""

    compared: int = 0
    different: int = 0

    def __add__(self, other: "Pairs") -> "Pairs":
        return Pairs(self.compared + other.compared, self.different + other.different)

    def __sub__(self, other: "Pairs") -> "Pairs":
        return Pairs(self.compared - other.compared, self.different - other.different)


@dataclass(frozen=True, slots=True)
class Sample:
    """One pair that differs: what was asked, in what the answers differ, and both in words."""

    method: str
    path: str
    kinds: tuple[str, ...]
    given: str
    copy: str


Waiting = dict[str, dict[str, Any]]


@dataclass(slots=True)
class Comparison:
    """Everything compared so far, and the answers that wait for their other half.

    `waiting` holds by the id of a request {"since": seconds, and by side the fields of its answer}; `lost`
    counts copies that nobody answered, or that had to wait with too many others.
    """

    pairs: Pairs = field(default_factory=Pairs)
    noise: Pairs = field(default_factory=Pairs)
    kinds: dict[str, int] = field(default_factory=dict)
    lost: int = 0
    samples: list[Sample] = field(default_factory=list)
    waiting: Waiting = field(default_factory=dict)

    def take(self, answers: Iterable[tuple[Side, Answer]], now: float, *, has_noise: bool) -> None:
        """Take in answers, in whatever order they come, and compare what is complete."""
        for side, answer in answers:
            entry = self.waiting.setdefault(answer.id, {"since": now})
            entry.setdefault(side.value, _kept(answer))
            self._compare(entry, Side.SHADOW)
            self._compare(entry, Side.NOISE)
            wanted = (Side.SHADOW, Side.NOISE) if has_noise else (Side.SHADOW,)
            if Side.USERS in entry and all(entry.get(one) == DONE for one in wanted):
                del self.waiting[answer.id]
        self._give_up(now)

    def _compare(self, entry: dict[str, Any], side: Side) -> None:
        given, copy = entry.get(Side.USERS), entry.get(side)
        if given is None or copy is None or copy == DONE:
            return
        entry[side.value] = DONE
        first, second = Answer(**given), Answer(**copy)
        kinds = mismatches(first, second)
        counted = Pairs(1, int(bool(kinds)))
        if side is Side.NOISE:
            self.noise += counted
            return
        self.pairs += counted
        for kind in kinds:
            self.kinds[kind] = self.kinds.get(kind, 0) + 1
        if kinds:
            self._show(Sample(first.method, first.path, kinds, first.words, second.words))

    def _show(self, sample: Sample) -> None:
        """Keep the newest of each path and kind, and of those the newest ones."""
        alike = (sample.method, sample.path, sample.kinds)
        others = [one for one in self.samples if (one.method, one.path, one.kinds) != alike]
        self.samples = [sample, *others][:MOST_SAMPLES]

    def _give_up(self, now: float) -> None:
        old = [key for key, entry in self.waiting.items() if now - entry["since"] > WAIT_SECONDS]
        too_many = len(self.waiting) - len(old) - MOST_WAITING
        if too_many > 0:
            gone = set(old)
            old += [key for key in self.waiting if key not in gone][:too_many]
        for key in old:
            entry = self.waiting.pop(key)
            self.lost += Side.USERS in entry and Side.SHADOW not in entry

    def to_json(self) -> dict[str, Any]:
        return {
            "pairs": [self.pairs.compared, self.pairs.different],
            "noise": [self.noise.compared, self.noise.different],
            "kinds": dict(self.kinds),
            "lost": self.lost,
            "samples": [[one.method, one.path, list(one.kinds), one.given, one.copy] for one in self.samples],
            "waiting": self.waiting,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        return cls(
            Pairs(*value.get("pairs", ())),
            Pairs(*value.get("noise", ())),
            dict(value.get("kinds", {})),
            int(value.get("lost", 0)),
            [
                Sample(method, path, tuple(kinds), given, copy)
                for method, path, kinds, given, copy in value.get("samples", [])
            ],
            {key: dict(entry) for key, entry in value.get("waiting", {}).items()},
        )


DONE = "done"


def _kept(answer: Answer) -> dict[str, Any]:
    names = ("id", "status", "ms", "size", "digest", "method", "path")
    return {name: getattr(answer, name) for name in names}
