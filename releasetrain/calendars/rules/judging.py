"""Judge what windows stop at an instant; rollback is never asked about (RULES W5, W6, W9, T13)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from releasetrain.calendars.rules.windows import Effect, Freeze, Lane, Place, Stops
from releasetrain.lib.verdict import Decision, Reason, Verdict, combine

DECISIONS = {Stops.HARD: Decision.DENY, Stops.SOFT: Decision.HOLD, Stops.NOTICE: Decision.ALLOW}
SAYS = {
    Stops.HARD: "stops this",
    Stops.SOFT: "asks for an acknowledgement before this",
    Stops.NOTICE: "is announced",
}
WHO_ENDS_IT = "a release manager or an administrator"
NOBODY_KNOWS = "and nobody has said when it opens next"

Overridden = frozenset[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Stop:
    """One window that stops a place at an instant, until when it does, and how it says so."""

    freeze: Freeze
    place: Place
    until: datetime | None

    def verdict(self) -> Verdict:
        freeze = self.freeze
        name = f"Stop the line: {freeze.name}" if freeze.stops_the_line else freeze.name
        because = freeze.reason.strip().rstrip(".")
        if freeze.effect is Effect.DENY:
            text = f"“{name}” {SAYS[freeze.level]}: {because}."
        else:
            text = f"This moves only inside “{name}”: {because}."
            if self.until is None:
                text = f"{text.rstrip('.')}, {NOBODY_KNOWS}."
        reason = Reason(f"window_{freeze.level.value}", text, self.until, WHO_ENDS_IT)
        return Verdict(DECISIONS[freeze.level], (reason,))


def stops(
    freezes: Iterable[Freeze],
    places: Iterable[Place],
    at: datetime,
    *,
    lane: Lane = Lane.TRAIN,
    overridden: Overridden = frozenset(),
) -> list[Stop]:
    """Return each window that stops any of the places at an instant, once, soonest end first.

    A window that allows stops whatever it concerns while it is shut and no other one that allows is open there.

    :param overridden: pairs of window id and service id that an override lets through (W7)
    """
    known = list(freezes)
    found: dict[int, Stop] = {}
    for place in places:
        for stop in _stops_at(known, place, at, lane):
            key = stop.freeze.id
            if (key, place.service) in overridden:
                continue
            if key not in found or _later(stop.until, found[key].until):
                found[key] = stop
    return sorted(found.values(), key=lambda one: (one.until is None, one.until or at, one.freeze.id))


def _stops_at(freezes: list[Freeze], place: Place, at: datetime, lane: Lane) -> Iterator[Stop]:
    shut: list[Freeze] = []
    is_allowed = False
    for freeze in freezes:
        if not freeze.concerns(place, lane):
            continue
        end = freeze.ends(place, at)
        if freeze.effect is Effect.DENY and end is not None:
            yield Stop(freeze, place, end)
        elif freeze.effect is Effect.ALLOW:
            is_allowed = is_allowed or end is not None
            shut.append(freeze)
    if not is_allowed:
        yield from (Stop(freeze, place, freeze.next_start(place, at)) for freeze in shut)


def _later(one: datetime | None, other: datetime | None) -> bool:
    return other is not None and (one is None or one > other)


def judge(
    freezes: Iterable[Freeze],
    places: Iterable[Place],
    at: datetime,
    acknowledged: frozenset[int] = frozenset(),
    *,
    lane: Lane = Lane.TRAIN,
    overridden: Overridden = frozenset(),
) -> Verdict:
    """Unite what the windows say about moving at an instant: the worst decides, every reason is kept (W5).

    :param acknowledged: ids of soft windows that somebody has accepted for this departure
    """
    return combine(
        *(
            stop.verdict()
            for stop in stops(freezes, places, at, lane=lane, overridden=overridden)
            if not (stop.freeze.level is Stops.SOFT and stop.freeze.id in acknowledged)
        )
    )


@dataclass(frozen=True, slots=True)
class Openness:
    """Whether something may move at an instant, why not, and when that changes next.

    `next_open_at` is None while it is open, or shut with no known end; `next_close_at` is None while it is
    shut, or open as far as is known; `why_closes` then says what closes it.
    """

    is_open: bool
    reasons: tuple[Reason, ...] = ()
    next_open_at: datetime | None = None
    next_close_at: datetime | None = None
    why_closes: tuple[Reason, ...] = ()


def openness(
    freezes: Iterable[Freeze], places: Iterable[Place], at: datetime, *, lane: Lane = Lane.TRAIN
) -> Openness:
    """Answer "open now?", "when next?" and "until when?"; notices do not close anything."""
    known, where = list(freezes), list(places)
    now = judge(known, where, at, lane=lane)
    for instant in _turns(known, at):
        then = judge(known, where, instant, lane=lane)
        if then.is_allowed == now.is_allowed:
            continue
        if now.is_allowed:
            return Openness(True, now.reasons, next_close_at=instant, why_closes=then.reasons)
        return Openness(False, now.reasons, next_open_at=instant)
    return Openness(now.is_allowed, now.reasons)


def _turns(freezes: Iterable[Freeze], after: datetime) -> list[datetime]:
    """Return each instant at which a window opens or shuts, soonest first."""
    ends = {end for one in freezes for time in one.times for end in (time.span.start, time.span.end)}
    return sorted(instant for instant in ends if instant > after)
