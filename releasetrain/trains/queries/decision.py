"""Read how departures stand: their votes, who is missing, and what keeps them from leaving."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from django.db.models import Q, prefetch_related_objects

from releasetrain.accounts.models import Membership, User
from releasetrain.accounts.rules import Role
from releasetrain.catalog.models import Service, ServiceRole
from releasetrain.lib.verdict import Reason, Verdict
from releasetrain.trains.models import Departure, Manifest, Vote
from releasetrain.trains.queries.aboard import Load, loads_of
from releasetrain.trains.queries.leaving import Case, may_leave
from releasetrain.trains.queries.overrides import passings_of
from releasetrain.trains.queries.routes import Foreseen, foresee_all, routes_of
from releasetrain.trains.rules.boarding import GONE
from releasetrain.trains.rules.decision import Ballot, Seat, Tally, tally
from releasetrain.trains.rules.departing import MAX_HOLD
from releasetrain.trains.rules.plan import Plan
from releasetrain.trains.rules.states import Choice, DepartureState

Counting = Callable[[Iterable[Ballot]], Tally]


@dataclass(frozen=True, slots=True)
class Standing:
    """How one departure stands.

    `tally` is None until the manifest is sealed. `verdict` answers whether it may leave at its time (at once
    where that has passed), with every reason. `foreseen` is None once it has left and where it has no stages.
    """

    departure: Departure
    plan: Plan
    load: Load
    manifest: Manifest | None
    seats: tuple[Seat, ...]
    ballots: tuple[Ballot, ...]
    tally: Tally | None
    verdict: Verdict
    foreseen: Foreseen | None
    counting: Counting | None
    at: datetime

    @property
    def missing(self) -> list[str]:
        """Return the names of those who could still say go and are needed (RULES D16)."""
        return list((self.tally.missing or {}).values()) if self.tally else []


def standing_of(departure: Departure, at: datetime) -> Standing:
    """Return how one departure stands at an instant."""
    return standings([departure], at)[departure.pk]


def standings(departures: Sequence[Departure], at: datetime) -> dict[int, Standing]:
    """Return how departures stand, in a number of queries that does not grow with theirs.

    :param departures: best loaded with `train__team`, `train__environment` and `train__captain`
    """
    if any(one.captain_id for one in departures):
        prefetch_related_objects(list(departures), "captain")
    plans = {one.pk: Plan.from_json(one.plan) for one in departures}
    loads = loads_of(departures)
    passings = passings_of(pk for pk, load in loads.items() if load.has_overrides)
    sealed = [one for one in departures if one.sealed_at is not None]
    manifests = latest_manifests([one.pk for one in sealed])
    ballots = _ballots([one.pk for one in sealed])
    holders = _Holders.of(
        {ask.role for one in sealed for ask in plans[one.pk].asks},
        teams={team for one in sealed for team in (one.train.team_id, *loads[one.pk].teams)},
        services={service for one in sealed for service in loads[one.pk].services},
    )
    waiting = [one for one in departures if DepartureState(one.state) not in GONE]
    foreseen = foresee_all(routes_of(waiting, plans, loads, passings, at), around=True)
    found: dict[int, Standing] = {}
    for one in departures:
        case = Case(
            one,
            plans[one.pk],
            loads[one.pk],
            passings.get(one.pk, ()),
            foreseen.get(one.pk),
            _untargeted(one, loads[one.pk]),
        )
        seats = tuple(
            holders.seat(ask.role, ask.quorum, one.train.team_id, case.load) for ask in case.plan.asks
        )
        found[one.pk] = _standing(case, manifests.get(one.pk), seats, tuple(ballots.get(one.pk, ())), at)
    return found


def _standing(
    case: Case,
    manifest: Manifest | None,
    seats: tuple[Seat, ...],
    ballots: tuple[Ballot, ...],
    at: datetime,
) -> Standing:
    counting = _counting(case, manifest, seats, at) if manifest else None
    count = counting(ballots) if counting else None
    return Standing(
        departure=case.departure,
        plan=case.plan,
        load=case.load,
        manifest=manifest,
        seats=seats,
        ballots=ballots,
        tally=count,
        verdict=may_leave(case, count, at),
        foreseen=case.foreseen,
        counting=counting,
        at=at,
    )


def _counting(case: Case, manifest: Manifest, seats: tuple[Seat, ...], at: datetime) -> Counting:
    """Return how votes about a manifest are counted."""
    return partial(
        tally,
        seats,
        digest=manifest.digest,
        authors=frozenset(case.load.authors),
        no_approval_needed=case.plan.no_approval_needed,
        requesters=frozenset(one.requested_by for one in case.passings if one.requested_by),
        stands_until=case.departure.planned_at + MAX_HOLD,
        now=at,
    )


def tally_with(standing: Standing, person: User, role: Role) -> Tally | None:
    """Return how the decision would stand if this person said go now (RULES D10)."""
    if standing.manifest is None or standing.counting is None:
        return None
    others = [one for one in standing.ballots if one.user != person.pk]
    go = Ballot(person.pk, str(person), role, Choice.GO, standing.manifest.digest, standing.at)
    return standing.counting([*others, go])


def latest_manifests(departures: Iterable[int]) -> dict[int, Manifest]:
    """Return the newest revision of each departure's manifest."""
    rows = Manifest.objects.filter(departure__in=list(departures)).order_by("departure_id", "-revision")
    return {row.departure_id: row for row in rows.distinct("departure_id")}


def seat_holders(role: Role, team: int, services: Iterable[Service] = ()) -> dict[int, str]:
    """Return who may sit in a role's seat for a train of a team that carries these services."""
    carried = list(services)
    load = Load({one.pk: one.name for one in carried}, {one.team_id for one in carried})
    holders = _Holders.of({role}, teams={team, *load.teams}, services=set(load.services))
    return dict(holders.seat(role, 1, team, load).people)


def _ballots(departures: list[int]) -> dict[int, list[Ballot]]:
    found: dict[int, list[Ballot]] = {}
    for row in Vote.objects.filter(departure__in=departures, replaced_at__isnull=True).order_by("at"):
        found.setdefault(row.departure_id, []).append(
            Ballot(
                user=row.user_id,
                name=row.user_label,
                role=Role(row.role),
                choice=Choice(row.choice),
                digest=row.digest,
                at=row.at,
                reason=row.reason,
            )
        )
    return found


@dataclass(frozen=True, slots=True)
class _Holders:
    """Who holds the asked roles: (user, name, team or None for the whole house), and by service."""

    by_role: Mapping[Role, list[tuple[int, str, int | None]]]
    by_service: Mapping[Role, list[tuple[int, str, int]]]

    @classmethod
    def of(cls, roles: set[Role], *, teams: set[int], services: set[int]) -> "_Holders":
        """Load the active people who were given these roles; a vote counts roles given, not included."""
        by_role: dict[Role, list[tuple[int, str, int | None]]] = {role: [] for role in roles}
        by_service: dict[Role, list[tuple[int, str, int]]] = {role: [] for role in roles}
        if not roles:
            return cls(by_role, by_service)
        members = Membership.objects.filter(role__in=roles, user__is_active=True)
        members = members.filter(Q(team__isnull=True) | Q(team__in=teams)).order_by("user__name")
        for role, user, name, email, team in members.values_list(
            "role", "user_id", "user__name", "user__email", "team_id"
        ):
            by_role[Role(role)].append((user, name or email, team))
        if Role.ADMINISTRATOR in roles:
            for person in User.objects.filter(is_superuser=True, is_active=True):
                by_role[Role.ADMINISTRATOR].append((person.pk, str(person), None))
        if Role.ON_CALL in roles and services:
            own = ServiceRole.objects.filter(role=Role.ON_CALL, service__in=services, user__is_active=True)
            for one in own.select_related("user"):
                by_service[Role.ON_CALL].append((one.user_id, str(one.user), one.service_id))
        return cls(by_role, by_service)

    def seat(self, role: Role, quorum: int, train_team: int, load: Load) -> Seat:
        """Return a role's seat: people of the house and of the train's team.

        On-call people of every service aboard count as well: it is their pager that rings.
        """
        teams: set[int | None] = {None, train_team}
        if role is Role.ON_CALL:
            teams |= load.teams
        people = {user: name for user, name, team in self.by_role.get(role, []) if team in teams}
        people |= {user: name for user, name, one in self.by_service.get(role, []) if one in load.services}
        return Seat(role, quorum, people)


def _untargeted(departure: Departure, load: Load) -> list[str]:
    """Return the services aboard a sealed departure that nothing could move in its train's environment."""
    if departure.sealed_at is None:
        return []
    where = departure.train.environment_id
    return [
        name
        for service, name in load.services.items()
        if where not in load.wiring.environments.get(service, frozenset())
    ]


def reasons_of(verdict: Verdict, *prefixes: str) -> tuple[Reason, ...]:
    """Return the reasons whose code starts with one of the prefixes."""
    return tuple(reason for reason in verdict.reasons if reason.code.startswith(prefixes))
