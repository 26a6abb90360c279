"""Match the departures that stand with the dates of an edited schedule (RULES T9, T12)."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from heapq import heapify, heappop, heappush

from releasetrain.trains.rules.times import Times

# What a person has skipped or moved stands for the date next to it; farther away it is another train's day.
NEAR = timedelta(days=4)
# What a person moves by hand is written down under these names.
DEPARTS_AT, CUT_OFF, MILESTONE, CAPTAIN = "departs_at", "cut_off:", "milestone:", "captain"


@dataclass(frozen=True, slots=True)
class Date:
    """A date of a schedule with its times; `note` says where the clocks did not let it be what was asked.

    `shift` is how far the clocks moved since the date before.
    """

    planned_at: datetime
    times: Times
    note: str = ""
    shift: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True)
class Standing:
    """A departure that an edit looks at; `aboard` counts the changes on it.

    `pinned` says why it stays whatever the schedule says: a person has skipped, cancelled or postponed it;
    `is_off` tells that it will not go.
    `by_hand` names the times that a person has moved: "cut_off:CATEGORY" and "milestone:NAME".
    """

    departure: int
    planned_at: datetime
    times: Times
    aboard: int = 0
    pinned: str = ""
    is_off: bool = False
    by_hand: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Move:
    """A departure of which some time changes; `stood_for` is its date in the old schedule."""

    departure: int
    before: Times
    date: Date
    stood_for: datetime
    aboard: int = 0

    @property
    def after(self) -> Times:
        return self.date.times

    @property
    def by(self) -> timedelta:
        """Return how far the departure itself moves, nothing where only a deadline does."""
        return self.after.departs_at - self.before.departs_at


@dataclass(frozen=True, slots=True)
class Stay:
    """A departure that the schedule would move and that stays as a person left it, and why."""

    departure: int
    times: Times
    why: str
    stood_for: datetime
    stands_for: datetime
    aboard: int = 0


@dataclass(frozen=True, slots=True)
class Timetable:
    """What an edit does: who stays untouched, who moves, what is new, and who finds no date any more.

    `stayed` are those that a person has moved, skipped or cancelled: they stay as they are and are named.
    """

    kept: tuple[Standing, ...] = ()
    moved: tuple[Move, ...] = ()
    stayed: tuple[Stay, ...] = ()
    added: tuple[Date, ...] = ()
    dropped: tuple[Standing, ...] = ()


def timetable(standing: Iterable[Standing], dates: Sequence[Date], now: datetime) -> Timetable:
    """Say what an edited schedule does to the departures that stand.

    :param dates: the edited schedule's dates over the same span of time, ascending
    """
    rows = list(standing)
    by_instant = {one.planned_at: one for one in dates}
    chosen = rematch(rows, list(by_instant))
    kept: list[Standing] = []
    moved: list[Move] = []
    stayed: list[Stay] = []
    dropped: list[Standing] = []
    for row in rows:
        instant = chosen.get(row.departure)
        if row.pinned:
            stayed += _stay(row, by_instant[instant] if instant else None, row.pinned)
        elif instant is None:
            dropped.append(row)
        else:
            date = by_instant[instant]
            times = with_promises(row, date.times, now)
            if times is None:
                stayed += _stay(row, date, "a deadline that was moved by hand would come after it")
            elif times == row.times and instant == row.planned_at:
                kept.append(row)
            else:
                moved.append(
                    Move(row.departure, row.times, replace(date, times=times), row.planned_at, row.aboard)
                )
    taken = set(chosen.values())
    added = tuple(one for one in dates if one.planned_at not in taken)
    return Timetable(tuple(kept), tuple(moved), tuple(stayed), added, tuple(dropped))


def to_come(dates: Iterable[Date], standing: Iterable[Standing], now: datetime) -> list[Date]:
    """Return the dates that an edit may use: the past never fires (RULES T12).

    A departure that stands keeps its date although an earlier cut-off would have sealed it already.
    """
    planned = {one.planned_at for one in standing}
    return [
        one
        for one in dates
        if one.planned_at > now and (one.times.cut_off_at > now or one.planned_at in planned)
    ]


def _stay(row: Standing, date: Date | None, why: str) -> list[Stay]:
    """Name a departure that stays, where the schedule alone would have moved it."""
    if date is None or (date.planned_at == row.planned_at and row.is_off):
        return []
    return [Stay(row.departure, row.times, why, row.planned_at, date.planned_at, row.aboard)]


def with_promises(row: Standing, after: Times, now: datetime) -> Times | None:
    """Return the new times of a departure with what people were promised, None where that does not fit.

    What a person has moved stays. A deadline that was still ahead never lies in the past by an edit (T12): it
    stays where it was, though no longer than until the seal.
    """
    cut_offs = dict(after.cut_offs)
    for category, at in after.cut_offs.items():
        before = row.times.cut_offs.get(category)
        if before is None:
            continue
        if CUT_OFF + category in row.by_hand:
            cut_offs[category] = before
        elif at <= now < before:
            cut_offs[category] = min(before, _open_until(row, after))
    milestones = _milestones(row, after, now)
    if max(cut_offs.values()) > after.departs_at:
        return None
    return replace(after, cut_offs=cut_offs, milestones=milestones)


def _open_until(row: Standing, after: Times) -> datetime:
    """Return until when a departure that does not move may keep an old cut-off: until it goes."""
    return after.departs_at if after.departs_at == row.times.departs_at else after.cut_off_at


def _milestones(row: Standing, after: Times, now: datetime) -> tuple[tuple[str, datetime], ...]:
    before = dict(row.times.milestones)
    return tuple(
        (
            name,
            before[name]
            if name in before and (MILESTONE + name in row.by_hand or at <= now < before[name])
            else at,
        )
        for name, at in after.milestones
    )


def rematch(standing: Iterable[Standing], instants: Sequence[datetime]) -> dict[int, datetime]:
    """Give each departure its nearest free instant; those with changes aboard choose first, pinned ones last.

    A departure whose instant is there still keeps it, and no other one is moved past it: better none than
    one in a year.

    :param instants: ascending
    :return: the instant by departure; who finds none is left out
    """
    rows = list(standing)
    known = set(instants)
    chosen = {one.departure: one.planned_at for one in rows if one.planned_at in known}
    taken = set(chosen.values())
    kept, free = sorted(taken), [instant for instant in instants if instant not in taken]
    waiting = {one.departure: one for one in rows if one.departure not in chosen}
    wishes = [wish for one in waiting.values() if (wish := _wish(one, free, kept))]
    heapify(wishes)
    while wishes:
        _, _, instant, departure = heappop(wishes)
        place = bisect_left(free, instant)
        if free[place : place + 1] == [instant]:
            del free[place]
            chosen[departure] = instant
        elif wish := _wish(waiting[departure], free, kept):
            heappush(wishes, wish)
    return chosen


def _wish(
    one: Standing, free: Sequence[datetime], kept: Sequence[datetime]
) -> tuple[int, timedelta, datetime, int] | None:
    """Return what a departure would take next, its nearest free instant, with its place in the queue."""
    place, fence = bisect_left(free, one.planned_at), bisect_left(kept, one.planned_at)
    lowest = kept[fence - 1] if fence else None
    highest = kept[fence] if fence < len(kept) else None
    near = [
        (abs(instant - one.planned_at), instant)
        for instant in free[max(place - 1, 0) : place + 1]
        if (lowest is None or lowest < instant) and (highest is None or instant < highest)
    ]
    if not near or (one.pinned and min(near)[0] > NEAR):
        return None
    return (2 if one.pinned else int(one.aboard == 0), *min(near), one.departure)
