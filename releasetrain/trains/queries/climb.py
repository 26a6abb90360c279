"""Foresee how trains would climb a ladder that is not saved yet, date by date, against the windows."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from releasetrain.calendars.rules.windows import Lane, Place
from releasetrain.catalog.models import Dependency, Environment, Service
from releasetrain.lib.verdict import Reason
from releasetrain.trains.queries.forecast import reason_of
from releasetrain.trains.queries.routes import Route, foresee_all
from releasetrain.trains.rules.forecast import Course, Run, Stage, steps_of

Ladder = Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class Step:
    """One stage of one service: when it would begin, and what keeps it from beginning or ending sooner."""

    starts_at: datetime | None
    blocked: Reason | None = None


@dataclass(frozen=True, slots=True)
class Climb:
    """One departure as it would go: `steps` by service in the order of the ladder.

    `leaves_at` is later than `departs_at` where windows keep it; both ends are None where nobody knows.
    `blocked` is what holds it longest on its way.
    """

    departs_at: datetime
    leaves_at: datetime | None
    arrives_at: datetime | None
    steps: Mapping[str, Sequence[Step]]
    blocked: Reason | None = None


def climbs(
    ladder: Ladder,
    services: Sequence[Service],
    environment: Environment,
    lane: Lane,
    dates: Sequence[datetime],
) -> list[Climb]:
    """Foresee departures of these services, in a number of queries that does not grow with the dates."""
    runs = _runs(ladder, services, environment)
    routes = [Route(number, at, runs, lane, frozenset()) for number, at in enumerate(dates)]
    found = foresee_all(routes) if runs else {}
    return [_climb(at, found[number].course) for number, at in enumerate(dates) if number in found]


def _runs(ladder: Ladder, services: Sequence[Service], environment: Environment) -> tuple[Run, ...]:
    steps, carried = steps_of(ladder), {one.pk for one in services}
    needs: dict[int, set[int]] = defaultdict(set)
    pairs = Dependency.objects.filter(service__in=carried, depends_on__in=carried)
    for service, needed in pairs.values_list("service", "depends_on"):
        needs[service].add(needed)
    return tuple(
        Run(
            one.pk,
            one.name,
            Place(one.team_id, one.pk, environment.pk, environment.region_id),
            steps,
            frozenset(needs[one.pk]),
        )
        for one in services
    )


def _climb(departs_at: datetime, course: Course) -> Climb:
    steps: dict[str, list[Step]] = defaultdict(list)
    waits = {one.run.service: reason_of(one) for one in course.waits}
    for stage in course.stages:
        steps[stage.run.name].append(_step(stage, waits.pop(stage.run.service, None)))
    worst = course.worst
    first = course.waits[0] if course.waits else None
    held = worst or first
    return Climb(
        departs_at, course.leaves_at, course.arrives_at, dict(steps), reason_of(held) if held else None
    )


def _step(stage: Stage, waited: Reason | None) -> Step:
    own = reason_of(stage.holds[-1]) if stage.holds else None
    return Step(stage.starts_at, own or waited)
