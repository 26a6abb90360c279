"""Say what a window that is not saved yet would do, and which slot would do less (RULES W10)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from releasetrain.calendars.rules.windows import Behaviour, Freeze, Stops
from releasetrain.lib.moments import moment
from releasetrain.lib.spans import Span, in_words
from releasetrain.trains.rules.departing import MAX_HOLD
from releasetrain.trains.rules.forecast import Closure, Closures, Course, Hold, Run, foresee

MOST_PROPOSALS = 3
AWAY = timedelta(days=7)
DAY = timedelta(days=1)
QUARTER = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Effect:
    """One thing that a window does to a departure: `kind` is departure, stage or vote."""

    kind: str
    what: str
    at: datetime
    service: str = ""
    weight: int | None = None


def effects(
    runs: Sequence[Run], closures: Closures, base: datetime, *, zone: str, is_rolling: bool
) -> list[Effect]:
    """Return everything that the closures of one window do to a departure that leaves at an instant."""
    course = foresee(runs, closures, base)
    found = [*_waits(course, base, zone), *(_on_the_way(one, zone) for one in course.holds)]
    if not course.waits:
        found += _goes_on(runs, closures, base)
    if is_rolling:
        found = [_now(one) for one in found if one.kind == "stage"]
    return sorted(found, key=lambda one: one.at)


def _now(effect: Effect) -> Effect:
    return Effect(effect.kind, f"Rolling now. {effect.what}", effect.at, effect.service, effect.weight)


def _waits(course: Course, base: datetime, zone: str) -> Iterator[Effect]:
    if not course.waits:
        return
    freeze, until = course.waits[0].freezes[0], course.leaves_at
    services = ", ".join(dict.fromkeys(one.run.name for one in course.waits))
    if freeze.level is Stops.SOFT:
        yield Effect("departure", "It would wait for somebody who acknowledges the window.", base, services)
    elif until is None:
        yield Effect(
            "departure", "It could not leave: nobody knows when the window opens next.", base, services
        )
    else:
        yield Effect("departure", f"It would wait until {moment(until, zone)}.", base, services)
    if until is not None and until - base > MAX_HOLD and freeze.level is Stops.HARD:
        what = f"After {in_words(until - base)} a person would have to say that it goes on."
        yield Effect("vote", what, until)


def _on_the_way(hold: Hold, zone: str) -> Effect:
    name, share = hold.run.name, f"{hold.weight} %"
    freeze = hold.freezes[0]
    until = f"until {moment(hold.end, zone)}" if hold.end else "and nobody knows until when"
    if hold.comes_back:
        what = f"{name} would be rolled back from {share}."
    elif freeze.level is Stops.SOFT:
        what = f"{name} would be held at {share} for somebody who acknowledges the window."
    elif hold.weight == 0:
        what = f"{name} would not begin {until}."
    elif freeze.behaviour is Behaviour.FINISH_STAGE:
        what = f"{name} would finish its stage at {share} and be held there {until}."
    else:
        what = f"{name} would be held at {share} {until}."
    return Effect("stage", what, hold.start, name, hold.weight)


def _goes_on(runs: Sequence[Run], closures: Closures, base: datetime) -> Iterator[Effect]:
    """Name what runs when a window opens that lets it finish."""
    planned = foresee(runs, {}, base)
    for stage in planned.stages:
        start, end = stage.starts_at, stage.ends_at
        for closure in closures.get(stage.run.service, ()):
            lets_finish = closure.freeze.behaviour is Behaviour.FINISH_ROLLOUT
            if lets_finish and start and end and start < closure.start < end:
                what = f"{stage.run.name} would be at {stage.weight} % and go on to its end."
                yield Effect("stage", what, closure.start, stage.run.name, stage.weight)


def too_old(votes: Iterable[tuple[str, datetime]], leaves_at: datetime) -> Iterator[Effect]:
    """Name the goes that would be asked for again.

    :param votes: who said go, and until when that counts
    """
    for name, counts_until in votes:
        if leaves_at >= counts_until:
            yield Effect("vote", f"The go of {name} would be too old, and asked for again.", leaves_at)


def closures_from(closures: Iterable[Closure], now: datetime) -> list[Closure]:
    """Return what a window closes from the moment on at which it is saved."""
    return [Closure(one.freeze, max(one.start, now), one.end) for one in closures if one.end > now]


def proposals(slot: Span, trips: Sequence[Span], *, is_all_day: bool, now: datetime) -> list[Span]:
    """Return the nearest slots of the same length that meet fewer departures, at most three.

    Slots begin where a departure has arrived or end where one leaves, on a quarter of an hour; whole days go
    to other days.

    :param slot: aware, in the zone whose clocks it keeps
    :param trips: from when until when each departure is on its way
    """
    hits = _hits(slot, trips)
    starts = _days(slot) if is_all_day else _edges(slot, trips)
    found: list[tuple[int, timedelta, Span]] = []
    for start in starts:
        other = Span(start, start + (slot.end - slot.start))
        if (
            other.start >= now
            and abs(other.start - slot.start) <= AWAY
            and (met := _hits(other, trips)) < hits
        ):
            found.append((met, abs(other.start - slot.start), other))
    ranked = sorted(found, key=lambda one: (one[0], one[1], one[2].start))
    return [one for _, _, one in ranked][:MOST_PROPOSALS]


def _hits(slot: Span, trips: Sequence[Span]) -> int:
    return sum(slot.overlaps(one) for one in trips)


def _days(slot: Span) -> list[datetime]:
    return [slot.start + DAY * number for number in range(-7, 8) if number]


def _edges(slot: Span, trips: Sequence[Span]) -> list[datetime]:
    length = slot.end - slot.start
    near = [one for one in trips if abs(one.start - slot.start) <= AWAY + length]
    after = {_quarter(one.end, up=True) for one in near}
    before = {_quarter(one.start, up=False) - length for one in near}
    return sorted({*(one.astimezone(slot.start.tzinfo) for one in after | before), *_days(slot)})


def _quarter(instant: datetime, *, up: bool) -> datetime:
    """Return the quarter of an hour at or after an instant, or at or before it."""
    rest = timedelta(seconds=instant.timestamp() % QUARTER.total_seconds())
    return instant if not rest else instant - rest + (QUARTER if up else timedelta(0))


def window_of(freeze: Freeze) -> Span | None:
    """Return the one time of a window; None where it comes more than once."""
    return freeze.times[0].span if len(freeze.times) == 1 else None
