"""Know who else is aboard the departures of many rollouts, in three questions however many they are."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from releasetrain.catalog.models import Dependency
from releasetrain.rollouts.models import Hold, Rollout
from releasetrain.rollouts.rules.bundles import Member
from releasetrain.rollouts.rules.states import HoldKind, RolloutKind, RolloutState
from releasetrain.trains.queries.bundling import waits_for_each

# Where the fields of a mate are read as they are.
FIELDS = {
    "pk": "pk",
    "service": "target__service_id",
    "name": "target__service__name",
    "stage_index": "stage_index",
    "bundle": "bundle",
    "makes_way": "makes_way",
    "is_window_return": "is_window_return",
    "created_at": "created_at",
    "reason": "reason",
}
ABOARD = (
    "departure_id",
    "target_id",
    "state",
    "bake_credit_seconds",
    "bake_needed_seconds",
    *FIELDS.values(),
)


@dataclass(frozen=True, slots=True)
class Mate:
    """A rollout as the others of its departure see it; it `waits` while it needs one of them to go first."""

    pk: int
    service: int
    name: str
    stage_index: int
    bundle: str
    makes_way: bool
    is_window_return: bool
    created_at: datetime
    reason: str
    state: RolloutState
    is_baked: bool
    waits: bool

    @property
    def member(self) -> Member:
        return Member(self.name, self.state, self.stage_index, is_baked=self.is_baked, waits=self.waits)


@dataclass(frozen=True, slots=True)
class Company:
    """Everybody aboard one departure that counts, one a target, the last attempt of what goes forward.

    `waits_for` says after which others a service goes, for those that were asked about; `making_way` are the
    ids of those that make way for a hotfix, older attempts among them.
    """

    mates: tuple[Mate, ...]
    waits_for: Mapping[int, Collection[int]]
    making_way: frozenset[int]


def company_of(row: Rollout, departure: int) -> Company:
    """Return who is aboard the departure of a rollout."""
    return companies_of([row])[departure]


def companies_of(rows: Collection[Rollout]) -> dict[int, Company]:
    """Return who is aboard the departures of some rollouts, by departure."""
    aboard = [(row.departure_id, row.target.service_id) for row in rows if row.departure_id is not None]
    if not aboard:
        return {}
    mates = _mates({departure for departure, _ in aboard})
    order = _order(aboard)
    return {departure: _company(mates.get(departure, []), order[departure]) for departure in order}


def _company(attempts: Iterable[tuple[int, Mate]], order: Mapping[int, Collection[int]]) -> Company:
    newest, making_way = {}, set()
    for target, mate in attempts:
        newest[target] = mate
        if mate.makes_way:
            making_way.add(mate.pk)
    return Company(tuple(newest.values()), order, frozenset(making_way))


def _mates(departures: Collection[int]) -> dict[int, list[tuple[int, Mate]]]:
    """Return what went forward on each target of each departure, the last attempt last."""
    forward = Rollout.objects.filter(departure__in=departures, kind=RolloutKind.FORWARD).order_by("attempt")
    held = Hold.objects.filter(
        rollout__departure__in=departures, kind=HoldKind.DEPENDENCY, cleared_at__isnull=True
    )
    waiting = set(held.order_by().values_list("rollout_id", flat=True))
    found: dict[int, list[tuple[int, Mate]]] = defaultdict(list)
    for row in forward.values(*ABOARD):
        mate = Mate(
            **{name: row[column] for name, column in FIELDS.items()},
            state=RolloutState(row["state"]),
            is_baked=row["bake_credit_seconds"] >= row["bake_needed_seconds"],
            waits=row["pk"] in waiting,
        )
        found[row["departure_id"]].append((row["target_id"], mate))
    return found


def _order(aboard: Collection[tuple[int, int]]) -> dict[int, dict[int, Collection[int]]]:
    """Return after which services each goes: by its manifest, or by the wiring where that kept no order."""
    found: dict[int, dict[int, Collection[int]]] = {departure: {} for departure, _ in aboard}
    known = waits_for_each(aboard)
    unknown = {service for departure, service in aboard if (departure, service) not in known}
    wiring: dict[int, list[int]] = defaultdict(list)
    if unknown:
        pairs = Dependency.objects.filter(service__in=unknown).values_list("service_id", "depends_on_id")
        for service, needed in pairs:
            wiring[service].append(needed)
    for departure, service in aboard:
        found[departure][service] = known.get((departure, service), wiring[service])
    return found
