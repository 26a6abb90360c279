"""Say who finds a place where changes go on to: bundles whole, nothing without its needs (I8 to I12)."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from releasetrain.trains.rules.graph import Edge, Links, needs_of
from releasetrain.trains.rules.standby import Rider, Room, Taken, in_line, why_full


@dataclass(frozen=True, slots=True)
class Goer:
    """A change that is to go on: to which departure, None for its author; and with which bundle."""

    rider: Rider
    to: int | None
    bundle: int | None = None


@dataclass(frozen=True, slots=True)
class Stop:
    """A departure that changes go on to: when it leaves, its room, and what is aboard already."""

    departs_at: datetime
    room: Room
    taken: Taken


@dataclass(frozen=True, slots=True)
class Onward:
    """Which change comes aboard which departure, and which stands by for which; whatever else is returned."""

    aboard: Mapping[int, int]
    standing: Mapping[int, int]


def go_on(goers: Iterable[Goer], needs: Iterable[Edge], stops: Mapping[int, Stop]) -> Onward:
    """Share out the room of the departures that changes go on to.

    A bundle goes together or not at all, and nothing arrives without what it needs: that comes along, or
    goes before. Those that find no room stand by, in the stated order; so does what needs them.

    :param needs: (one, needed) among the changes that go on
    """
    known = {one.rider.change: one for one in goers}
    ties = needs_of((one, needed) for one, needed in needs if one in known and needed in known)
    to = _whole(known, ties, stops)
    aboard: dict[int, int] = {}
    standing: dict[int, int] = {}
    for stop in sorted(stops, key=lambda pk: (stops[pk].departs_at, pk)):
        here = {pk: known[pk] for pk, where in to.items() if where == stop}
        now = stops[stop].taken
        for rider in in_line(one.rider for one in here.values()):
            if rider.change in aboard or rider.change in standing:
                continue
            along = _along(rider.change, here, ties)
            fresh = sorted(along - aboard.keys())
            is_met = all(one in along or one in aboard for pk in along for one in ties.get(pk, ()))
            if (
                is_met
                and not standing.keys() & along
                and (after := _with(now, fresh, here, stops[stop].room))
            ):
                now = after
                aboard |= dict.fromkeys(fresh, stop)
            else:
                standing |= dict.fromkeys(_mates(rider.change, here), stop)
    return Onward(aboard, standing)


def _whole(known: Mapping[int, Goer], ties: Links, stops: Mapping[int, Stop]) -> dict[int, int]:
    """Return who can go on: nothing of a torn bundle, nothing that would arrive before what it needs."""
    to = {pk: one.to for pk, one in known.items() if one.to is not None}
    while gone := [*_torn(known, to), *_unmet(ties, to, stops)]:
        for pk in gone:
            to.pop(pk, None)
    return to


def _torn(known: Mapping[int, Goer], to: Mapping[int, int]) -> Iterator[int]:
    bundles: dict[int, list[int]] = defaultdict(list)
    for pk, one in known.items():
        if one.bundle is not None:
            bundles[one.bundle].append(pk)
    for members in bundles.values():
        if len({to.get(pk) for pk in members}) > 1:
            yield from (pk for pk in members if pk in to)


def _unmet(ties: Links, to: Mapping[int, int], stops: Mapping[int, Stop]) -> Iterator[int]:
    for pk, where in to.items():
        for needed in ties.get(pk, ()):
            there = to.get(needed)
            if there is None or (there != where and stops[there].departs_at >= stops[where].departs_at):
                yield pk
                break


def _along(start: int, here: Mapping[int, Goer], ties: Links) -> set[int]:
    """Return what comes along to the same departure: bundles whole, and what any of it needs."""
    found: set[int] = set()
    queue = [start]
    while queue:
        pk = queue.pop()
        if pk not in found:
            found.add(pk)
            queue += [*_mates(pk, here), *(one for one in ties.get(pk, ()) if one in here)]
    return found


def _mates(pk: int, here: Mapping[int, Goer]) -> list[int]:
    bundle = here[pk].bundle
    return [pk] if bundle is None else [one for one, goer in here.items() if goer.bundle == bundle]


def _with(now: Taken, fresh: Sequence[int], here: Mapping[int, Goer], room: Room) -> Taken | None:
    """Return what is taken with some more aboard, None where there is no room for all of them."""
    for pk in fresh:
        points = here[pk].rider.points
        if why_full(room, now, points) is not None:
            return None
        now = now.with_(points)
    return now
