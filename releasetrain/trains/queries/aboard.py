"""Read what is aboard departures: its places, who answers for it, and who has not checked in.

Every verdict asks this: the statement is written out, as building it took longer than its answer.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from django.db import connection

from releasetrain.calendars.rules.windows import Place
from releasetrain.lib.once import once
from releasetrain.trains.models import Departure
from releasetrain.trains.rules.states import BOARDING_STATES, ChangeState

# Kinds of rows: a change aboard; a service that a train carries, where nothing is aboard yet; a departure for
# which somebody asked for an override; one where something that ties changes together is loose; what each
# service needs, and where it can be moved or has a live hotfix.
ABOARD = """
WITH aboard AS MATERIALIZED (
    SELECT c.departure_id, c.service_id, service.name, service.team_id, c.author_id, c.submitted_by_id,
        c.checked_in_at IS NULL AND c.state = %(aboard)s AS is_out, c.id, c.title, c.author_label,
        c.submitted_at, c.risk_points, c.state, c.bundle_id
    FROM trains_change c JOIN catalog_service service ON service.id = c.service_id
    WHERE c.departure_id = ANY(%(departures)s::bigint[])
), carried AS MATERIALIZED (
    SELECT departure.id AS departure_id, service.id AS service_id, service.name, service.team_id
    FROM trains_departure departure
    JOIN trains_train_services carries ON carries.train_id = departure.train_id
    JOIN catalog_service service ON service.id = carries.service_id AND service.archived_at IS NULL
    WHERE departure.id = ANY(%(boarding)s::bigint[])
        AND NOT EXISTS (SELECT FROM aboard WHERE aboard.departure_id = departure.id)
)
SELECT 'aboard', departure_id, service_id, name, team_id, author_id, submitted_by_id, is_out, id, title,
    author_label, submitted_at, NULL::bigint[], NULL::bigint[], NULL::bigint[], risk_points
FROM aboard
UNION ALL
SELECT 'carried', departure_id, service_id, name, team_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    NULL, NULL, NULL
FROM carried
UNION ALL
SELECT DISTINCT 'overridden', departure_id, NULL::bigint, NULL, NULL::bigint, NULL::bigint, NULL::bigint,
    NULL::boolean, NULL::bigint, NULL, NULL, NULL::timestamptz, NULL::bigint[], NULL::bigint[],
    NULL::bigint[], NULL::smallint
FROM trains_override WHERE departure_id = ANY(%(departures)s::bigint[])
UNION ALL
SELECT DISTINCT 'loose', departure_id, NULL::bigint, NULL, NULL::bigint, NULL::bigint, NULL::bigint,
    NULL::boolean, NULL::bigint, NULL, NULL, NULL::timestamptz, NULL::bigint[], NULL::bigint[],
    NULL::bigint[], NULL::smallint
FROM aboard WHERE state = %(aboard)s AND (
    EXISTS (
        SELECT FROM trains_need need JOIN trains_change other ON other.id = need.needed_id
        WHERE need.change_id = aboard.id AND other.state <> %(shipped)s
            AND (other.state <> %(aboard)s OR other.departure_id IS DISTINCT FROM aboard.departure_id)
    )
    OR EXISTS (SELECT FROM trains_bundle WHERE trains_bundle.id = bundle_id AND missing <> '[]')
    OR EXISTS (
        SELECT FROM trains_change mate
        WHERE mate.bundle_id = aboard.bundle_id AND mate.state = 'stand_by'
    )
    OR EXISTS (
        SELECT FROM trains_withdrawal asked WHERE asked.change_id = aboard.id
            AND asked.departure_id = aboard.departure_id AND asked.state = 'asked'
    )
)
UNION ALL
SELECT 'wired', NULL, service_id, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL,
    ARRAY(SELECT depends_on_id FROM catalog_dependency WHERE service_id = named.service_id),
    ARRAY(SELECT environment_id FROM catalog_target WHERE service_id = named.service_id),
    ARRAY(SELECT environment_id FROM trains_livefix WHERE service_id = named.service_id AND ended_at IS NULL),
    NULL
FROM (
    SELECT service_id FROM aboard UNION SELECT service_id FROM carried UNION SELECT unnest(%(also)s::bigint[])
) named
ORDER BY 12 DESC NULLS LAST
"""


@dataclass(frozen=True, slots=True)
class Missing:
    """A change aboard whose author has not said that they are there for it."""

    change: int
    title: str
    author: str


@dataclass(frozen=True, slots=True)
class Wiring:
    """What each service needs, and in which environments it can be moved or has a live hotfix; ids."""

    needs: dict[int, frozenset[int]] = field(default_factory=dict)
    environments: dict[int, frozenset[int]] = field(default_factory=dict)
    fixed: dict[int, frozenset[int]] = field(default_factory=dict)


@dataclass(slots=True)
class Load:
    """What is aboard one departure: its places and the people who answer for it.

    `expected` is the place of each service, by id: of those aboard or, where nothing is aboard yet, of all
    that the train carries. `wiring` knows at least these. `has_overrides` tells whether one was asked for,
    `has_open_ends` whether something that ties changes together has to be read.
    `risk` are the points of the riskiest change aboard, None where there is none.
    """

    services: dict[int, str] = field(default_factory=dict)
    teams: set[int] = field(default_factory=set)
    places: list[Place] = field(default_factory=list)
    authors: set[int] = field(default_factory=set)
    changes: int = 0
    unchecked: list[Missing] = field(default_factory=list)
    expected: dict[int, tuple[str, Place]] = field(default_factory=dict)
    has_overrides: bool = False
    has_open_ends: bool = False
    wiring: Wiring = field(default_factory=Wiring)
    risk: int | None = None


@once(lambda departures, *, also=(): (tuple((one.pk, one.state) for one in departures), tuple(also)))
def loads_of(departures: Sequence[Departure], *, also: Iterable[int] = ()) -> dict[int, Load]:
    """Return what is aboard each departure, in one query.

    :param departures: loaded with `train__environment`
    :param also: services whose wiring is asked for, wherever they are
    """
    rows = _read(departures, also)
    wiring = Wiring(
        {row.service: frozenset(row.needs) for row in rows if row.kind == "wired"},
        {row.service: frozenset(row.environments) for row in rows if row.kind == "wired"},
        {row.service: frozenset(row.fixed) for row in rows if row.kind == "wired" and row.fixed},
    )
    loads = {one.pk: Load(wiring=wiring) for one in departures}
    environments = {one.pk: one.train.environment for one in departures}
    asking = {one.pk for one in departures if one.train.check_in_lead is not None}
    for row in rows:
        if row.kind == "wired":
            continue
        load, where = loads[row.departure], environments[row.departure]
        if row.kind in ("overridden", "loose"):
            load.has_overrides = load.has_overrides or row.kind == "overridden"
            load.has_open_ends = load.has_open_ends or row.kind == "loose"
            continue
        if row.service not in load.expected:
            load.expected[row.service] = row.name, Place(row.team, row.service, where.pk, where.region_id)
        if row.kind == "aboard":
            _put_aboard(load, row, asks=row.departure in asking)
    return loads


def _put_aboard(load: Load, row: "_Row", *, asks: bool) -> None:
    load.changes += 1
    load.risk = max(load.risk or 0, row.points)
    if row.service not in load.services:
        load.services[row.service] = row.name
        load.teams.add(row.team)
        load.places.append(load.expected[row.service][1])
    load.authors |= {person for person in (row.author, row.submitter) if person is not None}
    if row.is_out and asks:
        load.unchecked.append(Missing(row.change, row.title, row.author_label))


class _Row(NamedTuple):
    """One row of the statement; which fields are filled depends on its kind."""

    kind: str
    departure: int
    service: int
    name: str
    team: int
    author: int | None
    submitter: int | None
    is_out: bool
    change: int
    title: str
    author_label: str
    submitted_at: datetime
    needs: list[int]
    environments: list[int]
    fixed: list[int]
    points: int


def _read(departures: Sequence[Departure], also: Iterable[int]) -> list[_Row]:
    asked: dict[str, str | list[int]] = {
        "departures": [one.pk for one in departures],
        "boarding": [one.pk for one in departures if one.state in BOARDING_STATES],
        "aboard": ChangeState.ABOARD.value,
        "shipped": ChangeState.SHIPPED.value,
        "also": list(also),
    }
    with connection.cursor() as cursor:
        cursor.execute(ABOARD, asked)
        return [_Row._make(row) for row in cursor.fetchall()]
