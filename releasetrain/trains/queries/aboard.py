"""Read what is aboard departures: its places, who answers for it, and who has not checked in.

Every verdict asks this: the two statements are written out, as building them took longer than their answer.
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from releasetrain.calendars.rules.windows import Place
from releasetrain.catalog.models import Service
from releasetrain.trains.models import Departure
from releasetrain.trains.rules.states import BOARDING_STATES, ChangeState

ABOARD = """
SELECT c.departure_id, c.service_id, service.name, service.team_id, c.author_id, c.submitted_by_id,
    c.checked_in_at IS NULL AND c.state = %(aboard)s, c.id, c.title, c.author_label, EXISTS (
        SELECT FROM trains_override o WHERE o.departure_id = c.departure_id AND o.withdrawn_at IS NULL
    )
FROM trains_change c JOIN catalog_service service ON service.id = c.service_id
WHERE c.departure_id = ANY(%(departures)s::bigint[])
ORDER BY c.submitted_at DESC
"""
WIRING = """
SELECT service.id,
    ARRAY(SELECT depends_on_id FROM catalog_dependency WHERE service_id = service.id),
    ARRAY(SELECT environment_id FROM catalog_target WHERE service_id = service.id)
FROM unnest(%(services)s::bigint[]) service (id)
"""


@dataclass(frozen=True, slots=True)
class Missing:
    """A change aboard whose author has not said that they are there for it."""

    change: int
    title: str
    author: str


@dataclass(slots=True)
class Load:
    """What is aboard one departure: its places and the people who answer for it.

    `expected` is the place of each service, by id: of those aboard or, where nothing is aboard yet, of all
    that the train carries. `has_overrides` is False only where it is known that nobody asked for one.
    """

    services: dict[int, str] = field(default_factory=dict)
    teams: set[int] = field(default_factory=set)
    places: list[Place] = field(default_factory=list)
    authors: set[int] = field(default_factory=set)
    changes: int = 0
    unchecked: list[Missing] = field(default_factory=list)
    expected: dict[int, tuple[str, Place]] = field(default_factory=dict)
    has_overrides: bool = True


def loads_of(departures: Sequence[Departure]) -> dict[int, Load]:
    """Return what is aboard each departure, in at most two queries.

    :param departures: loaded with `train__environment`
    """
    loads = {one.pk: Load() for one in departures}
    environments = {one.pk: one.train.environment for one in departures}
    asking = {one.pk for one in departures if one.train.check_in_lead is not None}
    for pk, service, name, team, author, submitter, is_out, change, title, label, has_any in _aboard(loads):
        load = loads[pk]
        load.changes += 1
        load.has_overrides = has_any
        if service not in load.services:
            load.services[service] = name
            load.teams.add(team)
            where = environments[pk]
            place = Place(team, service, where.pk, where.region_id)
            load.places.append(place)
            load.expected[service] = (name, place)
        load.authors |= {person for person in (author, submitter) if person is not None}
        if is_out and pk in asking:
            load.unchecked.append(Missing(change, title, label))
    _expect_all(departures, loads)
    return loads


def _aboard(departures: Iterable[int]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(ABOARD, {"departures": list(departures), "aboard": ChangeState.ABOARD.value})
        rows: list[tuple[Any, ...]] = cursor.fetchall()
    return rows


def _expect_all(departures: Sequence[Departure], loads: dict[int, Load]) -> None:
    """Expect everything that its train carries on a departure that nothing is aboard of yet."""
    empty = [one for one in departures if not loads[one.pk].services and one.state in BOARDING_STATES]
    if not empty:
        return
    carried: dict[int, list[tuple[int, str, int]]] = defaultdict(list)
    rows = Service.objects.filter(trains__in={one.train_id for one in empty}, archived_at__isnull=True)
    for train, service, name, team in rows.values_list("trains", "pk", "name", "team_id"):
        carried[train].append((service, name, team))
    for one in empty:
        where = one.train.environment
        loads[one.pk].expected = {
            service: (name, Place(team, service, where.pk, where.region_id))
            for service, name, team in carried[one.train_id]
        }


@dataclass(frozen=True, slots=True)
class Wiring:
    """Which of some services each of them needs, and where each of them can be moved: its environments."""

    needs: dict[int, frozenset[int]]
    environments: dict[int, frozenset[int]]


def wiring_of(services: Iterable[int]) -> Wiring:
    """Return how services hang together and what can move them, in one query."""
    asked = set(services)
    if not asked:
        return Wiring({}, {})
    with connection.cursor() as cursor:
        cursor.execute(WIRING, {"services": list(asked)})
        found = cursor.fetchall()
    return Wiring(
        {service: frozenset(needs) for service, needs, _ in found},
        {service: frozenset(environments) for service, _, environments in found},
    )
