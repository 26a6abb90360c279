"""Rehearse a window before it is saved: every departure, stage and vote that it would hit (RULES W10)."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from django.db.models import Count

from releasetrain.calendars.models import Window
from releasetrain.calendars.queries.rehearsal import Reach, reach_of
from releasetrain.calendars.queries.settings import Where, WindowSettings, plan_of
from releasetrain.calendars.rules.windows import Effect, Freeze, Lane, Scope, Stops
from releasetrain.lib.spans import Span
from releasetrain.trains.models import Departure, Vote
from releasetrain.trains.queries.aboard import loads_of
from releasetrain.trains.queries.overrides import passings_of
from releasetrain.trains.queries.routes import Route, routes_of
from releasetrain.trains.rules import rehearsing
from releasetrain.trains.rules.decision import GO_LASTS
from releasetrain.trains.rules.departing import MAX_HOLD
from releasetrain.trains.rules.forecast import Closure, closures_of, foresee, offsets, steps_of
from releasetrain.trains.rules.plan import Plan
from releasetrain.trains.rules.states import FINISHED_STATES, Choice, DepartureState

AHEAD = timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing that a window would do to a departure, as a sentence; `kind` is departure, stage or vote."""

    departure_id: int
    code: str
    train: str
    departs_at: datetime
    kind: str
    what: str
    at: datetime
    service: str = ""
    weight: int | None = None


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What a window would do: its reach, what it hits, what is odd about it, and slots that hit less."""

    reach: Reach
    hits: list[Hit]
    warnings: list[str]
    proposals: list[Span]

    @property
    def departures(self) -> int:
        return len({one.departure_id for one in self.hits})


def rehearse(settings: WindowSettings, now: datetime, window: Window | None = None) -> Rehearsal:
    """Rehearse a window that has no problems, in a number of queries that does not grow with departures.

    It is judged by itself: what other windows do to a departure is not its doing.

    :param window: the one that would be changed
    """
    reach = reach_of(settings, now, days=AHEAD.days)
    freeze = _freeze(settings, now, window)
    routes = _routes(freeze, now)
    hits = [hit for departure, route in routes for hit in _hits(departure, route, freeze, now)]
    hits += _votes({departure.pk: (departure, route) for departure, route in routes}, freeze, now)
    hits.sort(key=lambda one: (one.departs_at, one.departure_id, one.at))
    warnings = [*reach.warnings]
    if not hits and freeze.level is not Stops.NOTICE:
        warnings.append("It hits no departure that is planned. Check its days, its hours and its places.")
    return Rehearsal(reach, hits, warnings, _proposals(settings, freeze, routes, now) if hits else [])


def _freeze(settings: WindowSettings, now: datetime, window: Window | None) -> Freeze:
    """Read what was typed as the rules would see it once it is saved."""
    planned = plan_of(settings, now, ahead=AHEAD)
    ends = [one.span.end for one in planned.times]
    return Freeze(
        id=window.pk if window else 0,
        name=settings.name.strip(),
        level=settings.level,
        reason=settings.reason.strip(),
        times=planned.times,
        effect=settings.effect,
        behaviour=settings.behaviour,
        lanes=settings.lanes,
        includes=_scopes(settings.includes),
        excludes=_scopes(settings.excludes),
        over_at=max(ends) if planned.is_last and ends else None,
    )


def _scopes(places: Iterable[Where]) -> tuple[Scope, ...]:
    return tuple(
        Scope(*(part.pk if part else None for part in (one.team, one.service, one.environment, one.region)))
        for one in places
    )


def _routes(freeze: Freeze, now: datetime) -> list[tuple[Departure, Route]]:
    """Return the departures that a window, or one near it, could meet, soonest first."""
    if freeze.level is Stops.NOTICE or not freeze.times:
        return []
    last = max(one.span.end for one in freeze.times)
    until = last + rehearsing.AWAY if freeze.effect is Effect.DENY else now + AHEAD
    rows = Departure.objects.exclude(state__in=FINISHED_STATES).filter(departs_at__lte=until)
    rows = rows.select_related("train__environment").annotate(carried=Count("train__services"))
    near = [one for one in rows.order_by("departs_at", "pk") if _may_meet(one, one.carried, freeze, now)]
    plans = {one.pk: Plan.from_json(one.plan) for one in near}
    routes = routes_of(near, plans, loads_of(near), passings_of(plans), now)
    lane = {one.pk: Lane(one.train.lane) for one in near}
    return [
        (departure, route)
        for departure, route in zip(near, routes, strict=True)
        if any(freeze.concerns(run.place, lane[departure.pk]) for run in route.runs)
    ]


def _may_meet(departure: Departure, carried: int, freeze: Freeze, now: datetime) -> bool:
    """Tell whether a departure could be on its way in or near one of the times at all."""
    if freeze.effect is Effect.ALLOW:
        return True
    steps = steps_of(Plan.from_json(departure.plan).ladder)
    lasts = sum((one.lasts for one in steps), timedelta(0)) * max(carried, 1)
    start = departure.departed_at or max(now, departure.departs_at)
    margin = rehearsing.AWAY if len(freeze.times) == 1 else timedelta(0)
    trip = Span(start - margin, start + lasts + margin + timedelta(microseconds=1))
    return any(one.span.overlaps(trip) for one in freeze.times)


def _closures(route: Route, freeze: Freeze, now: datetime) -> dict[int, list[Closure]]:
    return {
        run.service: rehearsing.closures_from(
            closures_of(
                [freeze],
                run.place,
                since=now,
                lane=route.lane,
                acknowledged=route.acknowledged,
                passings=route.passings,
            ),
            now,
        )
        for run in route.runs
    }


def _hits(departure: Departure, route: Route, freeze: Freeze, now: datetime) -> list[Hit]:
    found = rehearsing.effects(
        route.runs,
        _closures(route, freeze, now),
        route.base,
        zone=departure.train.time_zone,
        is_rolling=departure.state == DepartureState.ROLLING,
    )
    return [_hit(departure, one) for one in found]


def _hit(departure: Departure, effect: rehearsing.Effect) -> Hit:
    return Hit(
        departure_id=departure.pk,
        code=departure.code,
        train=departure.train.name,
        departs_at=departure.departs_at,
        kind=effect.kind,
        what=effect.what,
        at=effect.at,
        service=effect.service,
        weight=effect.weight,
    )


def _votes(known: Mapping[int, tuple[Departure, Route]], freeze: Freeze, now: datetime) -> list[Hit]:
    """Name the goes that a departure would wait for too long to keep."""
    sealed = [pk for pk, (departure, _) in known.items() if departure.sealed_at]
    rows = Vote.objects.filter(departure__in=sealed, choice=Choice.GO, replaced_at__isnull=True)
    given: dict[int, list[tuple[str, datetime]]] = defaultdict(list)
    for row in rows.order_by("at"):
        planned_at = known[row.departure_id][0].planned_at
        given[row.departure_id].append((row.user_label, max(row.at + GO_LASTS, planned_at + MAX_HOLD)))
    found: list[Hit] = []
    for pk, votes in given.items():
        departure, route = known[pk]
        course = foresee(route.runs, _closures(route, freeze, now), route.base)
        if course.waits and course.leaves_at:
            found += [_hit(departure, one) for one in rehearsing.too_old(votes, course.leaves_at)]
    return found


def _proposals(
    settings: WindowSettings, freeze: Freeze, routes: Sequence[tuple[Departure, Route]], now: datetime
) -> list[Span]:
    """Propose other slots for a window that opens once and stops things."""
    slot = rehearsing.window_of(freeze)
    if slot is None or freeze.effect is not Effect.DENY or settings.rule or settings.holidays:
        return []
    zone = ZoneInfo(settings.time_zone)
    trips = [_trip(route, freeze) for _, route in routes]
    local = Span(slot.start.astimezone(zone), slot.end.astimezone(zone))
    return rehearsing.proposals(local, trips, is_all_day=settings.is_all_day, now=now)


def _trip(route: Route, freeze: Freeze) -> Span:
    """Return when the services that a window concerns are on their way."""
    begins = offsets(route.runs)
    mine = [one for one in route.runs if freeze.concerns(one.place, route.lane)]
    start = min(route.base + begins[one.service] for one in mine)
    return Span(start, max(route.base + begins[one.service] + one.lasts for one in mine))
