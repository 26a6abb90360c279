"""Foresee departures over the windows that the calendars hold, in few queries however many there are."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from releasetrain.calendars.queries import windows_within
from releasetrain.calendars.rules.windows import Freeze, Lane, Place
from releasetrain.lib.once import once
from releasetrain.lib.spans import Span
from releasetrain.lib.wallspans import united
from releasetrain.trains.models import Departure
from releasetrain.trains.queries.aboard import Load
from releasetrain.trains.rules.forecast import (
    Closure,
    Course,
    Run,
    closures_of,
    foresee,
    length,
    steps_of,
)
from releasetrain.trains.rules.overrides import Passing
from releasetrain.trains.rules.plan import Plan
from releasetrain.trains.rules.safety import LastSafe, Touched, last_safe, next_starts, touched
from releasetrain.trains.rules.states import DepartureState

MARGIN = timedelta(days=1)
# Other departures are offered within so long.
OFFERED_WITHIN = timedelta(days=14)
# How often a forecast that runs past the windows it knows looks further.
MOST_LOOKS = 8


@dataclass(frozen=True, slots=True)
class Route:
    """What has to be known to foresee one departure: `base` is when it would leave."""

    departure: int
    base: datetime
    runs: tuple[Run, ...]
    lane: Lane
    acknowledged: frozenset[int]
    passings: tuple[Passing, ...] = ()

    def span(self, *, around: bool) -> Span:
        """Return the span whose windows matter if it leaves as planned, and around it if asked."""
        lasts = length(self.runs)
        if not around:
            return Span(self.base, self.base + lasts)
        return Span(self.base - 2 * lasts - MARGIN, self.base + lasts + OFFERED_WITHIN)

    @property
    def first(self) -> list[Run]:
        """Return the services that start at once, as nothing aboard has to arrive before."""
        aboard = {one.service for one in self.runs}
        return [one for one in self.runs if not one.needs & aboard] or list(self.runs[:1])


@dataclass(frozen=True, slots=True)
class Foreseen:
    """How a departure would go, by which closures, known within a span."""

    route: Route
    course: Course
    closures: Mapping[int, Sequence[Closure]]
    known: Span
    freezes: Sequence[Freeze]


def routes_of(
    departures: Sequence[Departure],
    plans: Mapping[int, Plan],
    loads: Mapping[int, Load],
    passings: Mapping[int, tuple[Passing, ...]],
    at: datetime,
    *,
    orders: Mapping[int, Mapping[int, frozenset[int]]] | None = None,
) -> list[Route]:
    """Return the routes of departures that leave at their time, or now where that has passed.

    :param orders: by departure, after which services each one aboard goes, where its manifest says so
    """
    known = orders or {}
    return [
        _route(one, plans[one.pk], loads[one.pk], passings.get(one.pk, ()), at, known.get(one.pk))
        for one in departures
    ]


def _route(
    departure: Departure,
    plan: Plan,
    load: Load,
    passings: tuple[Passing, ...],
    at: datetime,
    order: Mapping[int, frozenset[int]] | None,
) -> Route:
    steps, needs = steps_of(plan.ladder), load.wiring.needs if order is None else order
    runs = tuple(
        Run(service, name, place, steps, frozenset(needs.get(service, frozenset()) & load.expected.keys()))
        for service, (name, place) in load.expected.items()
    )
    base = max(at, departure.departs_at)
    if departure.state == DepartureState.ROLLING and departure.departed_at:
        base = departure.departed_at
    soft = frozenset(departure.acknowledged_windows)
    return Route(departure.pk, base, runs, Lane(departure.train.lane), soft, passings)


class Windows:
    """The windows of some spans of time; what stops a place is worked out once for all who go there."""

    def __init__(self, spans: Iterable[Span], places: Iterable[Place]) -> None:
        asked = united(spans)
        self.freezes = windows_within(asked, places)
        self._since = asked[0].start
        self._closures: dict[tuple[Place, Lane, frozenset[int], tuple[Passing, ...]], list[Closure]] = {}

    def closures(self, route: Route, place: Place, known: Span) -> list[Closure]:
        """Return what stops a place on a route, as far as that is known."""
        key = (place, route.lane, route.acknowledged, route.passings)
        if key not in self._closures:
            self._closures[key] = closures_of(
                self.freezes,
                place,
                since=self._since,
                lane=route.lane,
                acknowledged=route.acknowledged,
                passings=route.passings,
            )
        return [one for one in self._closures[key] if one.start < known.end and one.end > known.start]


@once(lambda routes, *, around=False, looks=MOST_LOOKS: (tuple(routes), around, looks))
def foresee_all(
    routes: Sequence[Route], *, around: bool = False, looks: int = MOST_LOOKS
) -> dict[int, Foreseen]:
    """Foresee departures over the windows that they would meet; held ones are followed as far as they go.

    :param around: know the windows before and for two weeks after as well, for the safe departures
    :param looks: how often those that run past the windows that are known are followed further
    """
    found: dict[int, Foreseen] = {}
    spans = {one.departure: one.span(around=around) for one in routes if one.runs}
    left = [one for one in routes if one.runs]
    for _ in range(looks):
        if not left:
            break
        places = {run.place for one in left for run in one.runs}
        windows = Windows((spans[one.departure] for one in left), places)
        for one in left:
            found[one.departure] = _foreseen(one, windows, spans[one.departure])
        left = [one for one in left if runs_out(found[one.departure])]
        for one in left:
            known, end = spans[one.departure], _end(found[one.departure].course)
            spans[one.departure] = Span(known.start, end + 2 * (end - known.start))
    return found


def _foreseen(route: Route, windows: Windows, known: Span) -> Foreseen:
    closures = {run.service: windows.closures(route, run.place, known) for run in route.runs}
    return Foreseen(route, foresee(route.runs, closures, route.base), closures, known, windows.freezes)


def _end(course: Course) -> datetime:
    """Return the last instant that a course names."""
    named = [
        at for one in (*course.holds, *course.waits) for at in (one.start, one.end) if at is not None
    ] + [one.ends_at for one in course.stages if one.ends_at is not None]
    return max(named)


def runs_out(foreseen: Foreseen) -> bool:
    """Tell whether a departure would still be on its way when the windows that are known end."""
    course = foreseen.course
    return bool(course.stages) and _end(course) > foreseen.known.end


@dataclass(frozen=True, slots=True)
class Safety:
    """When a departure could have left untouched, and when it can next; `spans` is when it cannot."""

    last: LastSafe | None
    next: list[datetime]
    spans: list[Touched]


def safety_of(foreseen: Foreseen) -> Safety:
    """Return the safe departures around one that was foreseen with the windows around it."""
    route = foreseen.route
    spans = touched(route.runs, foreseen.closures)
    return Safety(
        last=last_safe(spans, route.base, since=foreseen.known.start),
        next=next_starts(spans, route.base, route.base + OFFERED_WITHIN),
        spans=spans,
    )
