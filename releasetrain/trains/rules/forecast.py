"""Foresee a departure stage by stage: when each would start, and where a window would hold it (RULES W4, W6).

Elapsed time is UTC arithmetic (T6). Everything is worked out on the ends of windows, never minute by minute.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from releasetrain.accounts.rules.rota import gaps
from releasetrain.calendars.rules.judging import Stop
from releasetrain.calendars.rules.windows import Behaviour, Effect, Freeze, Lane, Place, Stops
from releasetrain.lib.spans import Span
from releasetrain.lib.verdict import Reason
from releasetrain.lib.wallspans import united
from releasetrain.trains.rules.overrides import Passing

# A weight counts once it was read back twice, a second apart, between two ticks of a second each.
SHIFT_TAKES = timedelta(seconds=3)
FOREVER = datetime.max.replace(tzinfo=UTC)
PAUSES = frozenset({Behaviour.HOLD, Behaviour.ROLL_BACK})


@dataclass(frozen=True, slots=True)
class Step:
    """One stage: the share of users that it sends, and how long shifting and baking take."""

    weight: int
    lasts: timedelta


@dataclass(frozen=True, slots=True)
class Run:
    """What one service aboard has to go through, and the services aboard that have to arrive before.

    `began` is when its rollout did, where it runs already; then the first step is what is left of its stage.
    """

    service: int
    name: str
    place: Place
    steps: tuple[Step, ...]
    needs: frozenset[int] = frozenset()
    began: datetime | None = None

    @property
    def lasts(self) -> timedelta:
        return sum((step.lasts for step in self.steps), timedelta(0))


@dataclass(frozen=True, slots=True)
class Closure:
    """One span in which a window stops a place; `end` is FOREVER where nobody knows."""

    freeze: Freeze
    start: datetime
    end: datetime

    def stops(self, at: datetime, began: datetime | None) -> bool:
        """Tell whether it keeps something from its next stage; `began` is when its rollout did (W1)."""
        if not self.start <= at < self.end:
            return False
        runs_through = self.freeze.behaviour is Behaviour.FINISH_ROLLOUT
        return not (runs_through and began is not None and began < self.start)


@dataclass(frozen=True, slots=True)
class Hold:
    """Where a service would wait: at which weight, from when until when, and for which windows."""

    run: Run
    weight: int
    start: datetime
    end: datetime | None
    freezes: tuple[Freeze, ...]
    comes_back: bool = False

    def reasons(self) -> tuple[Reason, ...]:
        """Return what each window says about it."""
        return tuple(
            reason
            for freeze in self.freezes
            for reason in Stop(freeze, self.run.place, self.end).verdict().reasons
        )


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of one service as it is foreseen; never reached where `starts_at` is None."""

    run: Run
    weight: int
    starts_at: datetime | None
    ends_at: datetime | None
    holds: tuple[Hold, ...] = ()


@dataclass(frozen=True, slots=True)
class Course:
    """How a departure would go: `waits` before it can leave, its stages, and the holds on its way.

    `leaves_at` and `arrives_at` are None where no window that would let it has a known time.
    """

    leaves_at: datetime | None
    arrives_at: datetime | None
    stages: tuple[Stage, ...] = ()
    waits: tuple[Hold, ...] = ()
    holds: tuple[Hold, ...] = ()

    @property
    def worst(self) -> Hold | None:
        """Return the hold that matters most: what would come back, else what lasts longest."""
        return max(
            self.holds,
            key=lambda one: (one.comes_back, one.end or FOREVER, one.weight, -one.run.service),
            default=None,
        )


Closures = Mapping[int, Sequence[Closure]]


def steps_of(ladder: Iterable[Mapping[str, Any]], shift_takes: timedelta = SHIFT_TAKES) -> tuple[Step, ...]:
    """Read the ladder that a departure keeps."""
    return tuple(
        Step(int(stage["weight"]), shift_takes + timedelta(seconds=float(stage["bake_seconds"])))
        for stage in ladder
    )


def in_waves(runs: Iterable[Run]) -> list[Run]:
    """Return the runs with each one after those that it needs; a circle is cut where it is met."""
    left = {one.service: one for one in runs}
    order: list[Run] = []
    while left:
        ready = [one for one in left.values() if not one.needs & left.keys()] or list(left.values())[:1]
        order += [left.pop(one.service) for one in ready]
    return order


def offsets(runs: Sequence[Run]) -> dict[int, timedelta]:
    """Return how long after the departure each service would start, if nothing held anything."""
    lasts = {one.service: one.lasts for one in runs}
    found: dict[int, timedelta] = {}
    for one in in_waves(runs):
        known = [found[needed] + lasts[needed] for needed in one.needs if needed in found]
        found[one.service] = max(known, default=timedelta(0))
    return found


def length(runs: Sequence[Run]) -> timedelta:
    """Return how long a departure takes that nothing holds."""
    begins = offsets(runs)
    return max((begins[one.service] + one.lasts for one in runs), default=timedelta(0))


def closures_of(
    freezes: Iterable[Freeze],
    place: Place,
    *,
    since: datetime,
    lane: Lane = Lane.TRAIN,
    acknowledged: frozenset[int] = frozenset(),
    passings: Iterable[Passing] = (),
) -> list[Closure]:
    """Return every span from an instant on in which a window stops a place, soonest first.

    Notices and acknowledged soft windows stop nothing, overrides open a window until they expire (W7), and a
    window that allows stops while no such window is open, until the last of its times is over (W5).
    """
    mine = [one for one in freezes if one.concerns(place, lane)]
    free_until = _free_until(passings, place.service)
    allowed = united(span for one in mine if one.effect is Effect.ALLOW for span in _spans(one, place))
    found: list[Closure] = []
    for one in mine:
        if one.level is Stops.NOTICE or (one.level is Stops.SOFT and one.id in acknowledged):
            continue
        if one.effect is Effect.DENY:
            shut: Sequence[Span] = united(_spans(one, place))
        else:
            shut = gaps(allowed, since, one.over_at or FOREVER)
        for span in shut:
            start = max(span.start, free_until.get(one.id, span.start))
            if start < span.end:
                found.append(Closure(one, start, span.end))
    return sorted(found, key=lambda one: (one.start, one.end, one.freeze.id))


def _free_until(passings: Iterable[Passing], service: int) -> dict[int, datetime]:
    """Return until when overrides open each window for a service."""
    found: dict[int, datetime] = {}
    for one in passings:
        if one.approved_at is None or one.withdrawn_at is not None or service not in one.services:
            continue
        for window in one.windows:
            found[window] = max(found.get(window, one.expires_at), one.expires_at)
    return found


def _spans(freeze: Freeze, place: Place) -> list[Span]:
    return [time.span for time in freeze.times if time.covers(place)]


def foresee(runs: Sequence[Run], closures: Closures, at: datetime) -> Course:
    """Foresee a departure that leaves at an instant, or as soon after it as its first services may start.

    :param closures: by service; see `closures_of`
    """
    order = in_waves(runs)
    if not order:
        return Course(at, None)
    first = [one for one in order if not one.needs & {other.service for other in order}] or order[:1]
    leaves_at, waits = _first_free(first, closures, at)
    if leaves_at is None:
        never = tuple(Stage(run, step.weight, None, None) for run in order for step in run.steps)
        return Course(None, None, never, waits)
    return _sent_off(order, closures, leaves_at, waits)


def _first_free(
    first: Sequence[Run], closures: Closures, at: datetime
) -> tuple[datetime | None, tuple[Hold, ...]]:
    """Return when all of the first services may start, and what each of them waits for until then."""
    waits: list[Hold] = []
    moment, is_settled = at, False
    while not is_settled:
        is_settled = True
        for run in first:
            if run.began is not None:
                continue
            wait = _wait(run, closures.get(run.service, ()), moment, began=None, weight=0)
            if wait is not None:
                waits.append(wait)
                if wait.end is None:
                    return None, tuple(waits)
                moment, is_settled = wait.end, False
    return moment, tuple(waits)


def _sent_off(
    order: Sequence[Run], closures: Closures, leaves_at: datetime, waits: tuple[Hold, ...]
) -> Course:
    trips: dict[int, _Trip] = {}
    for run in order:
        before = [trips[one].arrived_at for one in run.needs if one in trips]
        known = [one for one in before if one is not None]
        starts_at = max([leaves_at, *known]) if len(known) == len(before) else None
        trips[run.service] = _Trip.of(run, closures.get(run.service, ()), starts_at)
    ends = [one.arrived_at for one in trips.values()]
    known = [one for one in ends if one is not None]
    return Course(
        leaves_at=leaves_at,
        arrives_at=max(known) if len(known) == len(ends) else None,
        stages=tuple(stage for one in trips.values() for stage in one.stages),
        waits=waits,
        holds=tuple(hold for one in trips.values() for hold in one.holds),
    )


@dataclass(slots=True)
class _Trip:
    """One service on its way."""

    stages: list[Stage] = field(default_factory=list)
    holds: list[Hold] = field(default_factory=list)
    arrived_at: datetime | None = None

    @classmethod
    def of(cls, run: Run, closures: Sequence[Closure], starts_at: datetime | None) -> "_Trip":
        trip, moment, began, weight = cls(), starts_at, run.began, 0
        pausing = _pausing(closures)
        for number, step in enumerate(run.steps):
            if moment is None:
                trip.stages.append(Stage(run, step.weight, None, None))
                continue
            is_under_way = number == 0 and run.began is not None
            stopping = pausing if is_under_way else closures
            at_weight = step.weight if is_under_way else weight
            wait = _wait(run, stopping, moment, began=began, weight=at_weight)
            own = [wait] if wait else []
            start = wait.end if wait else moment
            began, weight = began or start, step.weight
            moment = _baked(run, step, pausing, start, own) if start else None
            trip.stages.append(Stage(run, step.weight, start, moment, tuple(own)))
            trip.holds += own
        trip.arrived_at = moment
        trip._come_back(run, closures, began)
        return trip

    def _come_back(self, run: Run, closures: Sequence[Closure], began: datetime | None) -> None:
        """End it at the first window that rolls back whatever runs when it opens (W1)."""
        last = self.arrived_at or FOREVER
        opens = [
            one
            for one in closures
            if one.freeze.behaviour is Behaviour.ROLL_BACK and began and began < one.start < last
        ]
        if not opens:
            return
        first = opens[0]
        reached = [one for one in self.stages if one.starts_at and one.starts_at < first.start]
        back = Hold(run, reached[-1].weight, first.start, None, (first.freeze,), comes_back=True)
        lost = [Stage(run, one.weight, None, None) for one in self.stages[len(reached) :]]
        ended = Stage(
            run,
            reached[-1].weight,
            reached[-1].starts_at,
            first.start,
            (*_before(reached[-1].holds, first), back),
        )
        self.stages = [*reached[:-1], ended, *lost]
        self.holds = [*_before(self.holds, first), back]
        self.arrived_at = None


def _before(holds: Iterable[Hold], closure: Closure) -> list[Hold]:
    return [one for one in holds if one.start < closure.start]


def _wait(
    run: Run, closures: Sequence[Closure], at: datetime, *, began: datetime | None, weight: int
) -> Hold | None:
    """Return how long a stage that would start at an instant has to wait, None where it may start."""
    free, freezes = _free_from(closures, at, began)
    if not freezes:
        return None
    return Hold(run, weight, at, None if free == FOREVER else free, freezes)


def _free_from(
    closures: Sequence[Closure], at: datetime, began: datetime | None
) -> tuple[datetime, tuple[Freeze, ...]]:
    """Return the first instant from `at` on that no closure stops, and the windows that stood before it.

    :param closures: soonest first
    """
    met: dict[int, Freeze] = {}
    free = at
    while free < FOREVER:
        stopping = [one for one in _begun(closures, free) if one.stops(free, began)]
        if not stopping:
            break
        met |= {one.freeze.id: one.freeze for one in stopping}
        free = max(one.end for one in stopping)
    return free, tuple(met.values())


def _begun(closures: Sequence[Closure], at: datetime) -> Sequence[Closure]:
    """Return the closures that have begun at an instant."""
    return closures[: bisect_right(closures, at, key=_start)]


def _start(closure: Closure) -> datetime:
    return closure.start


def _pausing(closures: Sequence[Closure]) -> list[Closure]:
    """Return the closures that stop the clock of a bake."""
    return [one for one in closures if one.freeze.behaviour in PAUSES]


def _baked(
    run: Run, step: Step, pausing: Sequence[Closure], start: datetime, own: list[Hold]
) -> datetime | None:
    """Return when a stage that starts at an instant has baked; a window that holds stops its clock.

    :param pausing: the closures that do so, soonest first
    """
    moment, left = start, step.lasts
    while True:
        number = len(_begun(pausing, moment))
        opening = pausing[number].start if number < len(pausing) else FOREVER
        if opening >= moment + left:
            return moment + left
        left -= opening - moment
        free, freezes = _free_from(pausing, opening, began=start)
        own.append(Hold(run, step.weight, opening, None if free == FOREVER else free, freezes))
        if free == FOREVER:
            return None
        moment = free
