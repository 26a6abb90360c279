"""Read what is aboard departures: its places, who answers for it, and who has not checked in."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Exists, OuterRef

from releasetrain.calendars.rules.windows import Place
from releasetrain.catalog.models import Dependency, Service, Target
from releasetrain.trains.models import Change, Departure, Override
from releasetrain.trains.rules.states import BOARDING_STATES, ChangeState


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
    asked = Exists(Override.objects.filter(departure=OuterRef("departure"), withdrawn_at__isnull=True))
    rows = Change.objects.filter(departure__in=loads).values_list(
        "departure_id",
        "service_id",
        "service__name",
        "service__team_id",
        "author_id",
        "submitted_by_id",
        "checked_in_at",
        "state",
        "pk",
        "title",
        "author_label",
        asked,
    )
    for (
        pk,
        service,
        name,
        team,
        author,
        submitter,
        checked_in_at,
        state,
        change,
        title,
        label,
        has_any,
    ) in rows:
        assert pk is not None  # noqa: S101 - filtered by departure
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
        if pk in asking and checked_in_at is None and state == ChangeState.ABOARD:
            load.unchecked.append(Missing(change, title, label))
    _expect_all(departures, loads)
    return loads


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
    rows = Service.objects.filter(pk__in=asked).values_list(
        "pk",
        ArraySubquery(Dependency.objects.filter(service=OuterRef("pk")).values("depends_on")),
        ArraySubquery(Target.objects.filter(service=OuterRef("pk")).values("environment")),
    )
    found = list(rows)
    return Wiring(
        {service: frozenset(needs) for service, needs, _ in found},
        {service: frozenset(environments) for service, _, environments in found},
    )
