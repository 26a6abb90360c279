"""Find departures that cannot run as planned: into a window that stops them, or against one another."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from itertools import takewhile
from typing import Any

from django.contrib.postgres.aggregates import ArrayAgg

from releasetrain.calendars.rules.windows import Effect, Freeze, Lane, Place, Stops
from releasetrain.catalog.models import Dependency
from releasetrain.lib.spans import Span
from releasetrain.trains.models import Departure, Override
from releasetrain.trains.rules.forecast import Closure, Hold, Run, closures_of, foresee, length, steps_of
from releasetrain.trains.rules.overrides import Passing
from releasetrain.trains.rules.states import FINISHED_STATES, DepartureState
from releasetrain.web.contexts.calendar.days import day_words
from releasetrain.web.contexts.calendar.gathering import instants_of
from releasetrain.web.forms.parts import Parts

LEVELS = {Stops.HARD: "stops it", Stops.SOFT: "asks for an acknowledgement"}


@dataclass(frozen=True, slots=True)
class Known:
    """What every departure is held against; what stops a place is worked out once, from `since` on."""

    freezes: Sequence[Freeze]
    parts: Parts
    zone: tzinfo
    now: datetime
    needs: dict[int, frozenset[int]]
    passings: dict[int, tuple[Passing, ...]]
    since: datetime
    closures: dict[tuple[Any, ...], list[Closure]] = field(default_factory=dict)

    def closures_over(self, departure: Departure, run: Run) -> list[Closure]:
        """Return what stops a service of a departure, soonest first."""
        lane, soft = Lane(departure.train.lane), frozenset(departure.acknowledged_windows)
        passings = self.passings.get(departure.pk, ())
        key = (run.place, lane, soft, passings)
        if key not in self.closures:
            self.closures[key] = closures_of(
                self.freezes, run.place, since=self.since, lane=lane, acknowledged=soft, passings=passings
            )
        return self.closures[key]


def conflicts_of(
    departures: Sequence[Departure], freezes: Sequence[Freeze], parts: Parts, zone: tzinfo, now: datetime
) -> dict[int, list[str]]:
    """Say for each departure that is still ahead what it meets on its way, by id; none where nothing does."""
    ahead = [one for one in departures if DepartureState(one.state) not in FINISHED_STATES]
    if not ahead:
        return {}
    since = min(now, *(one.departs_at for one in ahead))
    known = Known(freezes, parts, zone, now, _needs(), _passings(ahead), since)
    runs = {one.pk: runs_of(one, known) for one in ahead}
    found: dict[int, list[str]] = defaultdict(list)
    for one in ahead:
        if one.departed_at is None and one.departs_at >= now:
            found[one.pk] += [*_cut_offs(one, runs[one.pk], known), *_course(one, runs[one.pk], known)]
    for one, other, place in _clashes(ahead, runs):
        found[one.pk].append(_clash(other, place, parts))
        found[other.pk].append(_clash(one, place, parts))
    return {pk: sentences for pk, sentences in found.items() if sentences}


def _needs() -> dict[int, frozenset[int]]:
    needs: dict[int, set[int]] = defaultdict(set)
    for service, needed in Dependency.objects.values_list("service_id", "depends_on_id"):
        needs[service].add(needed)
    return {service: frozenset(needed) for service, needed in needs.items()}


def _passings(departures: Sequence[Departure]) -> dict[int, tuple[Passing, ...]]:
    """Return the overrides that count, in the one query that a calendar has left for them."""
    rows = Override.objects.filter(
        departure__in=[one.pk for one in departures], approved_at__isnull=False, withdrawn_at__isnull=True
    )
    found: dict[int, list[Passing]] = defaultdict(list)
    for row in rows.annotate(opened=_ids("windows"), moved=_ids("services")):
        found[row.departure_id].append(
            Passing(
                row.pk,
                frozenset(row.opened),
                frozenset(row.moved),
                row.expires_at,
                approved_at=row.approved_at,
            )
        )
    return {pk: tuple(own) for pk, own in found.items()}


def _ids(rows: str) -> ArrayAgg:
    return ArrayAgg(rows, distinct=True, default=[])


def runs_of(departure: Departure, known: Known) -> list[Run]:
    """Return what each service of a departure has to go through, by its plan."""
    parts, environment = known.parts, departure.train.environment_id
    services: list[int] = departure.service_ids  # type: ignore[attr-defined]
    steps = steps_of(departure.plan.get("ladder") or departure.train.ladder)
    return [
        Run(
            service=pk,
            name=parts.services[pk],
            place=Place(parts.owners[pk], pk, environment, parts.places.get(environment)),
            steps=steps,
            needs=known.needs.get(pk, frozenset()),
        )
        for pk in services
        if pk in parts.services
    ]


def _cut_offs(departure: Departure, runs: Sequence[Run], known: Known) -> Iterable[str]:
    """Say which of its cut-offs lie in a window that stops it, where people would not be there to seal."""
    for kind, name, at in instants_of(departure):
        if kind != "cut_off" or at < known.now:
            continue
        of = f" for {name}" if name else ""
        met: dict[int, Closure] = {}
        for run in runs:
            for one in known.closures_over(departure, run):
                if one.start <= at < one.end and one.freeze.effect is Effect.DENY:
                    met.setdefault(one.freeze.id, one)
        for one in sorted(met.values(), key=lambda one: (one.end, one.freeze.id)):
            yield _met(f"Its cut-off{of} lies", at, one.freeze, one.end, known.zone)


def _course(departure: Departure, runs: Sequence[Run], known: Known) -> Iterable[str]:
    """Say where windows would keep it from leaving, and where they would hold it on its way (RULES W6)."""
    leaves_at = departure.departs_at
    closures = {
        run.service: [one for one in known.closures_over(departure, run) if one.end > leaves_at]
        for run in runs
    }
    untouched_at = leaves_at + length(runs)
    if all(one.start >= untouched_at for own in closures.values() for one in own):
        return
    course = foresee(runs, closures, leaves_at)
    told = set[int]()
    for hold in (*course.waits, *course.holds):
        for freeze in hold.freezes:
            if freeze.id in told:
                continue
            told.add(freeze.id)
            if hold in course.waits:
                yield _met("It departs", leaves_at, freeze, hold.end, known.zone)
            else:
                yield _held(hold, freeze, known.zone)


def _met(what: str, at: datetime, freeze: Freeze, until: datetime | None, zone: tzinfo) -> str:
    """Say that something lies in a window that stops it, or outside one that would let it."""
    if freeze.effect is Effect.ALLOW:
        opens = f"; it may move from {_at(until, zone)} on" if until else ""
        return f"{what} on {_at(at, zone)}, outside “{freeze.name}”{opens}."
    ends = f" until {_at(until, zone)}" if until else ""
    if freeze.stops_the_line:
        return f"{what} on {_at(at, zone)}, while the line is stopped for {freeze.name}{ends}."
    return f"{what} on {_at(at, zone)}, inside “{freeze.name}”, which {LEVELS[freeze.level]}{ends}."


def _held(hold: Hold, freeze: Freeze, zone: tzinfo) -> str:
    name, since = hold.run.name, _at(hold.start, zone)
    window = f"The line, stopped for {freeze.name}," if freeze.stops_the_line else f"“{freeze.name}”"
    if hold.comes_back:
        return f"{window} would roll {name} back from {hold.weight} % on {since}."
    until = f" until {_at(hold.end, zone)}" if hold.end else ""
    return f"{window} would hold {name} at {hold.weight} % from {since}{until}."


def _at(at: datetime, zone: tzinfo) -> str:
    local = at.astimezone(zone)
    return f"{day_words(local.date())}, {local:%H:%M}"


def _clashes(
    departures: Sequence[Departure], runs: Mapping[int, Sequence[Run]]
) -> Iterable[tuple[Departure, Departure, Place]]:
    """Return pairs of departures that want the same service in the same environment at once (RULES H1)."""
    wanted: dict[Place, list[tuple[Span, Departure]]] = defaultdict(list)
    for departure in departures:
        start = departure.departed_at or departure.departs_at
        span = Span(start, start + length(runs[departure.pk]))
        for run in runs[departure.pk]:
            wanted[run.place].append((span, departure))
    seen = set[tuple[int, int]]()
    for place, spans in wanted.items():
        spans.sort(key=lambda one: (one[0].start, one[1].pk))
        for index, (span, one) in enumerate(spans):
            for other in _started_before(span.end, spans[index + 1 :]):
                if (one.pk, other.pk) not in seen:
                    seen.add((one.pk, other.pk))
                    yield one, other, place


def _started_before(end: datetime, spans: Sequence[tuple[Span, Departure]]) -> Iterable[Departure]:
    return (departure for _, departure in takewhile(lambda one: one[0].start < end, spans))


def _clash(other: Departure, place: Place, parts: Parts) -> str:
    where = f"{parts.services[place.service]} in {parts.environments[place.environment]}"
    return f"{other.code} {other.train.name} moves {where} at the same time; one of the two has to wait."
