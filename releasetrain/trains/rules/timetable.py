"""Match the departures that stand with the instants of an edited schedule (RULES T9, T12)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Standing:
    """A departure that may still move; `aboard` counts the changes on it."""

    departure: int
    planned_at: datetime
    aboard: int = 0


@dataclass(frozen=True, slots=True)
class Move:
    """A departure that goes to another instant."""

    departure: int
    before: datetime
    after: datetime
    aboard: int = 0

    @property
    def by(self) -> timedelta:
        return self.after - self.before


@dataclass(frozen=True, slots=True)
class Timetable:
    """What an edit does: who stays, who moves, what is new, and who finds no instant any more."""

    kept: tuple[Standing, ...]
    moved: tuple[Move, ...]
    added: tuple[datetime, ...]
    dropped: tuple[Standing, ...]


def rematch(standing: Iterable[Standing], instants: Sequence[datetime]) -> Timetable:
    """Give each departure its nearest free instant; those with changes aboard choose first.

    :param instants: the edited schedule's instants over the same span of time, ascending
    """
    free = set(instants)
    standing = list(standing)
    kept = tuple(one for one in standing if one.planned_at in free)
    free -= {one.planned_at for one in kept}
    others = [one for one in standing if one not in kept]
    pairs = sorted(
        (one.aboard == 0, abs(instant - one.planned_at), instant, one.departure)
        for one in others
        for instant in free
    )
    chosen: dict[int, datetime] = {}
    for _, _, instant, departure in pairs:
        if departure not in chosen and instant in free:
            chosen[departure] = instant
            free.discard(instant)
    moved = tuple(
        Move(one.departure, one.planned_at, chosen[one.departure], one.aboard)
        for one in others
        if one.departure in chosen
    )
    dropped = tuple(one for one in others if one.departure not in chosen)
    return Timetable(kept, moved, tuple(sorted(free)), dropped)
