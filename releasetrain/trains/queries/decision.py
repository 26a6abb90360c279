"""Read how departures stand: their votes, who is missing, and what keeps them from leaving."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Q

from releasetrain.accounts.models import Membership, User
from releasetrain.accounts.rules import Role
from releasetrain.calendars.queries import windows_between
from releasetrain.calendars.rules.judging import judge
from releasetrain.calendars.rules.windows import Freeze, Place
from releasetrain.catalog.models import Service, ServiceRole, Target
from releasetrain.lib.schedule import at_words
from releasetrain.lib.verdict import ALLOWED, Reason, Verdict, combine, deny, hold
from releasetrain.trains.models import Change, Departure, Manifest, Train, Vote
from releasetrain.trains.rules.boarding import GONE
from releasetrain.trains.rules.decision import Ballot, Seat, Tally, tally, why_waiting
from releasetrain.trains.rules.departing import why_late
from releasetrain.trains.rules.plan import Plan
from releasetrain.trains.rules.states import BOARDING_STATES, Choice, DepartureState


@dataclass(slots=True)
class Load:
    """What is aboard one departure: its places and the people who answer for it."""

    services: dict[int, str] = field(default_factory=dict)
    teams: set[int] = field(default_factory=set)
    places: list[Place] = field(default_factory=list)
    authors: set[int] = field(default_factory=set)
    changes: int = 0


@dataclass(frozen=True, slots=True)
class Standing:
    """How one departure stands.

    `tally` is None until the manifest is sealed. `verdict` answers whether it may leave at its time (at once
    where that has passed), with every reason.
    """

    departure: Departure
    plan: Plan
    load: Load
    manifest: Manifest | None
    seats: tuple[Seat, ...]
    ballots: tuple[Ballot, ...]
    tally: Tally | None
    verdict: Verdict

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
    plans = {one.pk: Plan.from_json(one.plan) for one in departures}
    loads = _loads(departures)
    sealed = [one for one in departures if one.sealed_at is not None]
    manifests = latest_manifests([one.pk for one in sealed])
    ballots = _ballots([one.pk for one in sealed])
    holders = _Holders.of(
        {ask.role for one in sealed for ask in plans[one.pk].asks},
        teams={team for one in sealed for team in (one.train.team_id, *loads[one.pk].teams)},
        services={service for one in sealed for service in loads[one.pk].services},
    )
    freezes = _freezes(departures, at)
    untargeted = _untargeted(sealed, loads)
    found: dict[int, Standing] = {}
    for one in departures:
        plan, load, manifest = plans[one.pk], loads[one.pk], manifests.get(one.pk)
        seats = tuple(holders.seat(ask.role, ask.quorum, one.train.team_id, load) for ask in plan.asks)
        own = tuple(ballots.get(one.pk, ()))
        count = _count(manifest, seats, own, plan, load) if manifest else None
        verdict = _may_leave(one, plan, load, count, freezes, untargeted.get(one.pk, []), at)
        found[one.pk] = Standing(one, plan, load, manifest, seats, own, count, verdict)
    return found


def _count(
    manifest: Manifest, seats: Sequence[Seat], ballots: Iterable[Ballot], plan: Plan, load: Load
) -> Tally:
    return tally(
        seats,
        ballots,
        digest=manifest.digest,
        authors=frozenset(load.authors),
        no_approval_needed=plan.no_approval_needed,
    )


def tally_with(standing: Standing, person: User, role: Role) -> Tally | None:
    """Return how the decision would stand if this person said go now (RULES D10)."""
    if standing.manifest is None:
        return None
    manifest = standing.manifest
    others = [one for one in standing.ballots if one.user != person.pk]
    go = Ballot(person.pk, str(person), role, Choice.GO, manifest.digest, manifest.sealed_at)
    return _count(manifest, standing.seats, [*others, go], standing.plan, standing.load)


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


def _loads(departures: Sequence[Departure]) -> dict[int, Load]:
    loads = {one.pk: Load() for one in departures}
    environments = {one.pk: one.train.environment for one in departures}
    rows = Change.objects.filter(departure__in=loads).values_list(
        "departure_id", "service_id", "service__name", "service__team_id", "author_id", "submitted_by_id"
    )
    for departure, service, name, team, author, submitter in rows:
        assert departure is not None  # noqa: S101 - filtered by departure
        load = loads[departure]
        load.changes += 1
        if service not in load.services:
            load.services[service] = name
            load.teams.add(team)
            where = environments[departure]
            load.places.append(Place(team, service, where.pk, where.region_id))
        load.authors |= {person for person in (author, submitter) if person is not None}
    return loads


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
        members = members.filter(Q(team__isnull=True) | Q(team__in=teams)).select_related("user")
        for row in members.order_by("user__name"):
            by_role[Role(row.role)].append((row.user_id, str(row.user), row.team_id))
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


def _freezes(departures: Sequence[Departure], at: datetime) -> list[Freeze]:
    """Return the windows that are open when any of the departures would leave."""
    instants = [max(at, one.departs_at) for one in departures if DepartureState(one.state) not in GONE]
    if not instants:
        return []
    return windows_between(min(instants), max(instants))


def _untargeted(sealed: Sequence[Departure], loads: Mapping[int, Load]) -> dict[int, list[str]]:
    """Return the services aboard that have no target in the train's environment: nothing could move them."""
    services = {service for one in sealed for service in loads[one.pk].services}
    if not services:
        return {}
    known = set(Target.objects.filter(service__in=services).values_list("service_id", "environment_id"))
    return {
        one.pk: [
            name
            for service, name in loads[one.pk].services.items()
            if (service, one.train.environment_id) not in known
        ]
        for one in sealed
    }


def captain_words(train: Train) -> str:
    """Name who runs a train's departures."""
    return f"the captain {train.captain}" if train.captain else f"a release manager of {train.team.name}"


def _may_leave(
    departure: Departure,
    plan: Plan,
    load: Load,
    count: Tally | None,
    freezes: Iterable[Freeze],
    untargeted: list[str],
    at: datetime,
) -> Verdict:
    """Unite everything that keeps a departure from leaving; every reason is kept."""
    state = DepartureState(departure.state)
    if state in GONE:
        return deny("gone", f"This departure {GONE[state]}.")
    train, who = departure.train, captain_words(departure.train)
    leaves_at = max(at, departure.departs_at)
    verdicts = [
        _held(departure, who),
        judge(freezes, load.places, leaves_at, frozenset(departure.acknowledged_windows)),
    ]
    if state in BOARDING_STATES:
        text = f"The manifest is sealed at the cut-off on {at_words(departure.cut_off_at, train.time_zone)}."
        verdicts.append(hold("not_sealed", text, until=departure.cut_off_at))
    elif at < departure.departs_at:
        text = f"It departs on {at_words(departure.departs_at, train.time_zone)}."
        verdicts.append(hold("time", text, until=departure.departs_at))
    if count is not None and not count.is_go:
        reasons = why_waiting(count, policy=plan.policy, owner=plan.policy_owner or train.team.name)
        verdicts += [hold(one.code, one.text, until=one.until, who=one.who) for one in reasons]
    late = why_late(departs_at=departure.departs_at, grace=plan.grace, captain=who, now=at)
    if late and not departure.held_at:
        verdicts.append(hold(late.code, late.text, who=late.who))
    if untargeted:
        verdicts.append(_no_target(untargeted, train))
    return combine(*verdicts)


def _held(departure: Departure, who: str) -> Verdict:
    if departure.held_at is None:
        return ALLOWED
    text = f"Held by {departure.held_by_label or 'Release Train'}: {departure.held_reason.rstrip('.')}."
    return hold(f"held_{departure.held_kind or 'person'}", text, until=departure.held_until, who=who)


def _no_target(services: list[str], train: Train) -> Verdict:
    named = ", ".join(services)
    text = f"Nothing can move {named} in {train.environment.name}: no target is set up there."
    return hold("no_target", text, who="an administrator")


def reasons_of(verdict: Verdict, *prefixes: str) -> tuple[Reason, ...]:
    """Return the reasons whose code starts with one of the prefixes."""
    return tuple(reason for reason in verdict.reasons if reason.code.startswith(prefixes))
