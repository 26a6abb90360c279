"""Share out the room of a departure: who comes aboard, who stands by and in which order (RULES I11)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import IntEnum

from releasetrain.lib.verdict import Reason

STAND_BY = "stand_by"


class Priority(IntEnum):
    """How much a change matters to those who wait for it; the lowest number goes first."""

    URGENT = 1
    HIGH = 2
    NORMAL = 3
    LOW = 4

    @property
    def label(self) -> str:
        return self.name.capitalize()


@dataclass(frozen=True, slots=True)
class Rider:
    """A change that is aboard or stands by. `place` is where a release manager has put it, from 1."""

    change: int
    points: int
    priority: int
    since: datetime
    place: int | None = None

    @property
    def order(self) -> tuple[bool, int, int, datetime, int]:
        """Sort by the release manager's order, then by priority, then by time."""
        return (self.place is None, self.place or 0, self.priority, self.since, self.change)


@dataclass(frozen=True, slots=True)
class Room:
    """What a departure may carry: changes and risk points, each None where it has no limit."""

    capacity: int | None = None
    risk_budget: int | None = None

    @property
    def is_limited(self) -> bool:
        return self.capacity is not None or self.risk_budget is not None


@dataclass(frozen=True, slots=True)
class Taken:
    """What is aboard: changes and their risk points."""

    changes: int = 0
    points: int = 0

    def with_(self, points: int) -> "Taken":
        return Taken(self.changes + 1, self.points + points)


def taken(aboard: Iterable[Rider]) -> Taken:
    """Count what is aboard."""
    riders = list(aboard)
    return Taken(len(riders), sum(one.points for one in riders))


def room_words(room: Room, aboard: Taken) -> str:
    """Say how much of its room is taken, nothing where it has no limit."""
    said = []
    if room.capacity is not None:
        said.append(f"{aboard.changes} of {room.capacity} places")
    if room.risk_budget is not None:
        said.append(f"{aboard.points} of {room.risk_budget} risk points")
    return f"{' and '.join(said)} are taken." if said else ""


def full_words(room: Room, aboard: Taken, points: int) -> str:
    """Say why there is no room for one change more, nothing where there is.

    :param points: what it weighs
    """
    if room.capacity is not None and aboard.changes >= room.capacity:
        one = "change" if room.capacity == 1 else "changes"
        number = "one is" if aboard.changes == 1 else f"{aboard.changes} are"
        return f"It is full: it takes {room.capacity} {one}, and {number} aboard."
    if room.risk_budget is not None and aboard.points + points > room.risk_budget:
        return (
            f"Its risk budget is {room.risk_budget} points, {aboard.points} are taken, and this change "
            f"weighs {points}."
        )
    return ""


def why_full(
    room: Room, aboard: Taken, points: int, *, ahead: int = 0, who: str = "", is_waiting: bool = False
) -> Reason | None:
    """Return why one change more has to stand by, or None.

    :param ahead: how many stand by before it
    :param who: who may raise the limits or change the order
    :param is_waiting: it stands by already
    """
    what = full_words(room, aboard, points)
    if not what:
        return None
    line = "first" if ahead == 0 else f"number {ahead + 1}"
    verb = "stands" if is_waiting else "would stand"
    return Reason(STAND_BY, f"{what} It {verb} by, {line} in line.", who=who)


def in_line(standing_by: Iterable[Rider]) -> list[Rider]:
    """Return who stands by in stated order: the release manager's, then priority, then time."""
    return sorted(standing_by, key=lambda one: one.order)


def to_promote(standing_by: Iterable[Rider], aboard: Iterable[Rider], room: Room) -> list[Rider]:
    """Return who comes aboard now that there is room: in their order, whoever fits."""
    riders, now = list(standing_by), taken(aboard)
    found = []
    for rider in in_line(riders):
        if why_full(room, now, rider.points) is None:
            found.append(rider)
            now = now.with_(rider.points)
    return found


def to_put_off(aboard: Iterable[Rider], room: Room) -> list[Rider]:
    """Return who has to stand by now that there is less room: from the last in order on, until it fits."""
    riders = in_line(aboard)
    found: list[Rider] = []
    while riders and _is_over(taken(riders), room):
        found.insert(0, riders.pop())
    return found


def _is_over(now: Taken, room: Room) -> bool:
    over_capacity = room.capacity is not None and now.changes > room.capacity
    return over_capacity or (room.risk_budget is not None and now.points > room.risk_budget)


def why_not_order(standing_by: Sequence[int], wanted: Sequence[int]) -> str | None:
    """Return why an order cannot be used, or None: it names everybody who stands by, each once."""
    if sorted(wanted) != sorted(standing_by):
        return "Somebody came or left meanwhile; look at the present order and choose again."
    return None
