"""Judge what windows stop at an instant; rollback is never asked about (RULES W5, W6, W9, T13)."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

from releasetrain.calendars.rules.windows import Effect, Freeze, Lane, Place, Stops
from releasetrain.lib.spans import Span
from releasetrain.lib.verdict import Decision, Reason, Verdict, combine
from releasetrain.lib.wallspans import united

DECISIONS = {Stops.HARD: Decision.DENY, Stops.SOFT: Decision.HOLD, Stops.NOTICE: Decision.ALLOW}
SAYS = {
    Stops.HARD: "stops this",
    Stops.SOFT: "asks for an acknowledgement before this",
    Stops.NOTICE: "is announced",
}
WHO_ENDS_IT = "a release manager or an administrator"
NOBODY_KNOWS = "and nobody has said when it opens next"
STALE = "The calendar that it comes from can no longer be read; what it last said counts."
ALWAYS, NEVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)

Overridden = frozenset[tuple[int, int]]


@dataclass(frozen=True, slots=True)
class Stop:
    """One window that stops a place at an instant, until when it does, and how it says so."""

    freeze: Freeze
    place: Place
    until: datetime | None

    def verdict(self) -> Verdict:
        freeze = self.freeze
        reason = Reason(f"window_{freeze.level.value}", self._text(), self.until, freeze.who or WHO_ENDS_IT)
        return Verdict(DECISIONS[freeze.level], (reason,))

    def _text(self) -> str:
        freeze = self.freeze
        because = freeze.reason.strip().rstrip(".")
        name = f"Stop the line: {freeze.name}" if freeze.stops_the_line else freeze.name
        text = f"“{name}” {SAYS[freeze.level]}: {because}"
        if freeze.effect is Effect.ALLOW:
            text = f"This moves only inside “{name}”: {because}"
            if self.until is None:
                text = f"{text}, {NOBODY_KNOWS}"
        return f"{text}. {STALE}" if freeze.is_stale else f"{text}."


def stops(
    freezes: Iterable[Freeze],
    places: Iterable[Place],
    at: datetime,
    *,
    lane: Lane = Lane.TRAIN,
    overridden: Overridden = frozenset(),
) -> list[Stop]:
    """Return each window that stops any of the places at an instant, once, soonest end first.

    A window that allows stops what it concerns while it is shut and no other one that allows is open there.

    :param overridden: pairs of window id and service id that an override lets through (W7)
    """
    known = list(freezes)
    found: dict[int, Stop] = {}
    for place in places:
        for stop in _stops_at(known, place, at, lane):
            key = stop.freeze.id
            if (key, place.service) in overridden:
                continue
            if key not in found or _is_later(stop.until, found[key].until):
                found[key] = stop
    return sorted(found.values(), key=lambda one: (one.until is None, one.until or at, one.freeze.id))


def _stops_at(freezes: list[Freeze], place: Place, at: datetime, lane: Lane) -> Iterator[Stop]:
    shut: list[Freeze] = []
    is_allowed = False
    for freeze in freezes:
        if not freeze.concerns(place, lane):
            continue
        span = freeze.open_span(place, at)
        if freeze.effect is Effect.DENY and span is not None:
            yield Stop(freeze, place, span.end)
        elif freeze.confines(at):
            is_allowed = is_allowed or span is not None
            shut.append(freeze)
    if not is_allowed:
        yield from (Stop(freeze, place, freeze.next_start(place, at)) for freeze in shut)


def _is_later(one: datetime | None, other: datetime | None) -> bool:
    """Tell whether one end lies after another; no known end is later than any."""
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
    """Answer "open now?", "when next?" and "until when?"; notices do not close anything.

    :param freezes: with every time that they have from `at` on, as far as anybody wants to look
    """
    where = list(places)
    known = [one for one in freezes if any(one.concerns(place, lane) for place in where)]
    now = judge(known, where, at, lane=lane)
    closed = united(span for place in where for span in closed_spans(known, place, at, lane))
    around = next((span for span in closed if at in span), None)
    if around:
        return Openness(
            is_open=False, reasons=now.reasons, next_open_at=None if around.end == NEVER else around.end
        )
    closes = next((span.start for span in closed if span.start > at), None)
    if closes is None:
        return Openness(is_open=True, reasons=now.reasons)
    then = judge(known, where, closes, lane=lane)
    return Openness(is_open=True, reasons=now.reasons, next_close_at=closes, why_closes=then.reasons)


def closed_spans(freezes: Iterable[Freeze], place: Place, after: datetime, lane: Lane) -> list[Span]:
    """Return when a place is closed from an instant on, united and soonest first (RULES W5).

    That is while a window that denies is open, and while windows that allow are all shut. A span that ends
    with `NEVER` has no known end.
    """
    concerned = [one for one in freezes if one.concerns(place, lane)]
    denied = [
        time.span
        for one in concerned
        if one.effect is Effect.DENY and one.level is not Stops.NOTICE
        for time in one.times
        if time.covers(place)
    ]
    return united([*denied, *_outside([one for one in concerned if one.confines(after)], place, after)])


def _outside(allowing: list[Freeze], place: Place, after: datetime) -> Iterator[Span]:
    """Yield when windows that allow are all shut, while one of them that is no mere notice confines."""
    binding = [one.over_at or NEVER for one in allowing if one.level is not Stops.NOTICE]
    if not binding:
        return
    last, edge = max(binding), ALWAYS
    inside = united(time.span for one in allowing for time in one.times if time.covers(place))
    for span in [*inside, Span(last, last)]:
        if edge < min(span.start, last) and last > after:
            yield Span(edge, min(span.start, last))
        edge = max(edge, span.end)
