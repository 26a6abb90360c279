"""Hold what a form says about a policy, find what is wrong with it, and count votes about weaker editions."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Self

from releasetrain.accounts.models import Team
from releasetrain.accounts.rules import Role
from releasetrain.catalog.models import Service
from releasetrain.lib import deadlines
from releasetrain.lib.hashing import digest
from releasetrain.lib.recurrence import BadRule
from releasetrain.trains.models import Policy, PolicyVote, Proposal
from releasetrain.trains.queries.aboard import Load
from releasetrain.trains.queries.seats import Holders
from releasetrain.trains.queries.timetable import asks_of
from releasetrain.trains.rules.ballots import Ballot, Seat
from releasetrain.trains.rules.decision import Tally, tally, why_not_quorum
from releasetrain.trains.rules.plan import Ask
from releasetrain.trains.rules.quorums import Places, Terms, flaws, weaker, why_not_fillable
from releasetrain.trains.rules.states import Choice, Part

SHORTEST_LIFE, LONGEST_LIFE = timedelta(hours=1), timedelta(days=60)
WHOLE_HOUSE = "the whole house"


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicySettings:
    """Everything that a person decides about a policy; see models.Policy for what each field means."""

    name: str
    owner: Team
    asks: tuple[Ask, ...] = ()
    no_approval_needed: bool = False
    votes_last: timedelta | None = None
    decide_by: Mapping[str, Any] = field(default_factory=dict)
    escalates_to: Role = Role.RELEASE_MANAGER
    guards_quorum: bool = False

    @classmethod
    def of(cls, policy: Policy) -> Self:
        """Return the settings that a policy has now, to be edited."""
        return cls(
            name=policy.name,
            owner=policy.owner,
            asks=asks_of(policy),
            no_approval_needed=policy.no_approval_needed,
            votes_last=policy.votes_last,
            decide_by=policy.decide_by,
            escalates_to=Role(policy.escalates_to),
            guards_quorum=policy.guards_quorum,
        )

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads, as a proposal keeps it."""
        return {
            "name": self.name,
            "owner": self.owner.pk,
            "asks": [ask.to_json() for ask in self.asks],
            "no_approval_needed": self.no_approval_needed,
            "votes_last_seconds": int(self.votes_last.total_seconds()) if self.votes_last else None,
            "decide_by": dict(self.decide_by),
            "escalates_to": self.escalates_to.value,
            "guards_quorum": self.guards_quorum,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        seconds = value["votes_last_seconds"]
        return cls(
            name=value["name"],
            owner=Team.objects.get(pk=value["owner"]),
            asks=tuple(Ask.from_json(one) for one in value["asks"]),
            no_approval_needed=value["no_approval_needed"],
            votes_last=timedelta(seconds=seconds) if seconds else None,
            decide_by=value["decide_by"],
            escalates_to=Role(value["escalates_to"]),
            guards_quorum=value["guards_quorum"],
        )

    @property
    def digest(self) -> str:
        """Return what votes about this edition are bound to."""
        return digest(self.to_json())

    @property
    def terms(self) -> Terms:
        return Terms(
            owner=self.owner.pk,
            asks=self.asks,
            no_approval_needed=self.no_approval_needed,
            votes_last=self.votes_last,
            decide_by=self.decide_by,
            guards_quorum=self.guards_quorum,
        )


def what_is_weaker(policy: Policy, settings: PolicySettings) -> list[str]:
    """Say what an edit of a policy gives up, where somebody is asked now who can decide about that (D2)."""
    old = PolicySettings.of(policy)
    return weaker(old.terms, settings.terms) if any(not ask.only_veto for ask in old.asks) else []


def policy_problems(settings: PolicySettings, policy: Policy | None = None) -> dict[str, str]:
    """Return a sentence for each field of a policy that cannot be used (RULES D4, D11)."""
    found = dict(_own_problems(settings, policy))
    return found if "asks" in found else found | dict(_quorum_problems(settings, policy))


def _own_problems(settings: PolicySettings, policy: Policy | None) -> Iterator[tuple[str, str]]:
    name, asks = settings.name.strip(), settings.asks
    if not name or len(name) > 100:
        yield "name", "A policy needs a name of at most 100 characters."
    taken = Policy.objects.filter(name=name)
    if (taken.exclude(pk=policy.pk) if policy else taken).exists():
        yield "name", f"Another policy is called “{name}” already."
    if asks and settings.no_approval_needed and not all(ask.only_veto for ask in asks):
        yield "no_approval_needed", "A policy either asks somebody or says that no approval is needed."
    if not asks and not settings.no_approval_needed:
        yield "no_approval_needed", "Nobody is asked. Say so on purpose, or ask somebody."
    if settings.votes_last is not None and not SHORTEST_LIFE <= settings.votes_last <= LONGEST_LIFE:
        yield "votes_last", "A go lasts from 1 hour to 60 days, or for ever."
    if settings.decide_by:
        try:
            if deadlines.read(settings.decide_by).is_after:
                yield "decide_by", "A decision is due before its departure."
        except BadRule as refusal:
            yield "decide_by", str(refusal)
    if why := flaws(asks, no_approval_needed=settings.no_approval_needed):
        yield "asks", why


def _quorum_problems(settings: PolicySettings, policy: Policy | None) -> Iterator[tuple[str, str]]:
    for ask in settings.asks:
        people = _holders(ask, settings.owner.pk, (), anywhere=True)
        if why := why_not_quorum(ask.role, ask.quorum, len(people), ask.team[1] if ask.team else WHOLE_HOUSE):
            yield "asks", why
            return
    if policy is None:
        return
    trains = policy.trains.filter(retired_at__isnull=True).select_related("team")
    for train in trains.prefetch_related("services__team"):
        if why := why_not_met(settings.asks, train.team, train.services.all()):
            yield "asks", f"{train}: {why}"
            return


def why_not_policy(policy: Policy, team: Team, services: Iterable[Service]) -> str | None:
    """Return why a policy could never be met on such a train, or None (RULES D4, D11)."""
    asks = asks_of(policy)
    if not asks and not policy.no_approval_needed:
        return f"{policy.name} asks nobody and does not say that no approval is needed."
    return why_not_met(asks, team, services)


def why_not_met(asks: Iterable[Ask], team: Team, services: Iterable[Service]) -> str | None:
    """Return why different people could never fill every seat for a train of a team, or None (D4, D6)."""
    carried, places = list(services), []
    for ask in asks:
        if ask.only_veto:
            continue
        for where, own in _wheres(ask, team, carried):
            people = _holders(ask, where.pk, own)
            if why := why_not_quorum(ask.role, ask.quorum, len(people), where.name):
                return why
            places.append(Places(ask.label or f"{ask.role.label} of {where.name}", ask.quorum, people))
    return why_not_fillable(places)


def _wheres(ask: Ask, team: Team, services: list[Service]) -> Iterator[tuple[Team, list[Service]]]:
    """Return for which teams a requirement makes seats on a train that carries these services."""
    if ask.part is Part.WHOLE:
        yield (Team(pk=ask.team[0], name=ask.team[1]) if ask.team else team), services
        return
    teams = {one.team_id: one.team for one in services}
    for pk, owner in sorted(teams.items()):
        if ask.team is None or ask.team[0] == pk:
            yield owner, [one for one in services if one.team_id == pk]


def _holders(ask: Ask, team: int, services: Iterable[Service], *, anywhere: bool = False) -> frozenset[int]:
    """Return who may sit in a requirement's seat: ids."""
    carried = list(services)
    load = Load({one.pk: one.name for one in carried}, {one.team_id for one in carried})
    teams = set(Team.objects.values_list("pk", flat=True)) if anywhere else {team, *load.teams}
    holders = Holders.of({ask.role}, teams=teams, services=set(load.services))
    if ask.team:
        return frozenset(holders.people_of(ask.role, ask.team[0]))
    if anywhere:
        return frozenset(one.user for one in holders.by_role[ask.role])
    return frozenset(holders.seat(ask.role, 1, team, load).people)


def policy_seats(policy: Policy, at: datetime) -> tuple[Seat, ...]:
    """Return the seats of those whom a policy asks now, who decide about a weaker edition of it (D2).

    They sit for the whole of it: people of the owner's team and the house, or of the team that is named.
    """
    asks = asks_of(policy)
    teams = {policy.owner_id, *(ask.team[0] for ask in asks if ask.team)}
    holders = Holders.of({ask.role for ask in asks}, teams=teams, services=set(), at=at)
    return tuple(
        Seat(
            role=ask.role,
            quorum=ask.quorum,
            people=holders.people_of(ask.role, ask.team[0])
            if ask.team
            else holders.seat(ask.role, 1, policy.owner_id, Load()).people,
            key=ask.key,
            label=ask.label,
            only_veto=ask.only_veto,
        )
        for ask in asks
    )


def policy_tally(proposal: Proposal, at: datetime) -> Tally:
    """Return how the votes about a weaker edition stand; whoever proposed it does not count."""
    rows = PolicyVote.objects.filter(proposal=proposal, replaced_at__isnull=True).order_by("at")
    ballots = [
        Ballot(
            user=row.user_id,
            name=row.user_label,
            role=Role(row.role),
            choice=Choice(row.choice),
            digest=proposal.digest,
            at=row.at,
            reason=row.reason,
            seat=row.seat,
            pk=row.pk,
        )
        for row in rows
    ]
    proposer = {proposal.proposed_by_id} if proposal.proposed_by_id else set()
    return tally(
        policy_seats(proposal.policy, at),
        ballots,
        digest=proposal.digest,
        authors=frozenset(proposer),
        no_approval_needed=False,
    )


def open_proposal(policy: Policy) -> Proposal | None:
    """Return the weaker edition that waits for votes, if there is one."""
    return policy.proposals.filter(ended_at__isnull=True).select_related("policy__owner").first()
