"""Find who sits in the seats of a decision: who holds the asked roles, and who stands in for them.

Every verdict about a sealed departure asks this: the statement is written out.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field
from datetime import datetime

from django.db import connection

from releasetrain.accounts.rules import Role
from releasetrain.catalog.models import Service
from releasetrain.lib.words import listed
from releasetrain.trains.models import Manifest
from releasetrain.trains.queries.aboard import Load
from releasetrain.trains.rules.ballots import Seat
from releasetrain.trains.rules.parts import asked_since, part_digest
from releasetrain.trains.rules.plan import Ask
from releasetrain.trains.rules.states import Part

# Roles in teams and in the house, those of one service for people on call, and superusers; `given` is who may
# vote in somebody's place at an instant, nobody where that is null.
HOLDERS = """
WITH held AS (
    SELECT role, user_id, team_id, NULL::bigint AS service_id FROM accounts_membership
    WHERE role = ANY(%(roles)s::text[]) AND (team_id IS NULL OR team_id = ANY(%(teams)s::bigint[]))
    UNION ALL
    SELECT role, user_id, NULL, service_id FROM catalog_servicerole
    WHERE role = %(on_call)s AND %(on_call)s = ANY(%(roles)s::text[])
        AND service_id = ANY(%(services)s::bigint[])
    UNION ALL
    SELECT %(administrator)s, id, NULL, NULL FROM accounts_user
    WHERE is_superuser AND %(administrator)s = ANY(%(roles)s::text[])
)
SELECT held.role, held.user_id, coalesce(nullif(person.name, ''), person.email), held.team_id,
    held.service_id, taker.id
FROM held
JOIN accounts_user person ON person.id = held.user_id AND person.is_active
LEFT JOIN trains_delegation given ON given.giver_id = held.user_id AND given.ended_at IS NULL
    AND given.starts_at <= %(at)s::timestamptz AND given.ends_at > %(at)s::timestamptz
    AND given.role IN ('', held.role)
LEFT JOIN accounts_user taker ON taker.id = given.taker_id AND taker.is_active
ORDER BY person.name, held.user_id
"""


@dataclass(frozen=True, slots=True)
class Held:
    """One role that one person holds: in a team, in the house (neither), or for one service."""

    user: int
    name: str
    team: int | None = None
    service: int | None = None


@dataclass(frozen=True, slots=True)
class Holders:
    """Who holds the asked roles in the asked teams.

    `standins` is (role, holder) to the ids of those who may vote for them.
    """

    by_role: Mapping[Role, list[Held]]
    teams: Set[int] = frozenset()
    standins: Mapping[tuple[Role, int], set[int]] = field(default_factory=dict)

    @classmethod
    def of(
        cls, roles: set[Role], *, teams: set[int], services: set[int], at: datetime | None = None
    ) -> "Holders":
        """Load the active people who were given these roles; a vote counts roles given, not included.

        In one query.

        :param at: when people stand in for others; nobody does where None
        """
        by_role: dict[Role, list[Held]] = {role: [] for role in roles}
        standins: dict[tuple[Role, int], set[int]] = defaultdict(set)
        for role, held, taker in _rows(roles, teams, services, at):
            if held not in by_role[role]:
                by_role[role].append(held)
            if taker is not None:
                standins[role, held.user].add(taker)
        return cls(by_role, teams, standins)

    def knows(self, role: Role, team: int) -> bool:
        """Tell whether this was asked for."""
        return role in self.by_role and team in self.teams

    def seat(self, role: Role, quorum: int, train_team: int, load: Load) -> Seat:
        """Return a role's seat: people of the house and of the train's team.

        On-call people of every service aboard count as well: it is their pager that rings.
        """
        teams = {None, train_team, *(load.teams if role is Role.ON_CALL else ())}
        people = self._people(role, teams, set(load.services))
        return Seat(role, quorum, people, proxies=self._proxies(role, people))

    def seats(self, ask: Ask, train_team: int, load: Load, manifest: Manifest | None) -> Iterator[Seat]:
        """Return the seats that a requirement makes for what is aboard.

        One for each team aboard where it is about their own part; none for a named team of which nothing is
        aboard: there it does not apply.
        """
        if ask.part is Part.WHOLE:
            yield self._whole(ask, train_team, load, manifest)
            return
        for team, services in _by_team(load).items():
            if ask.team is None or ask.team[0] == team:
                yield self._own(ask, team, services, load, manifest)

    def _whole(self, ask: Ask, train_team: int, load: Load, manifest: Manifest | None) -> Seat:
        if ask.team is None:
            people: Mapping[int, str] = self.seat(ask.role, ask.quorum, train_team, load).people
        else:
            people = self._people(ask.role, {ask.team[0]}, set())
        return self._seat(ask, people, manifest, load, part=None, key=ask.key, label=ask.label)

    def _own(
        self, ask: Ask, team: int, services: frozenset[int], load: Load, manifest: Manifest | None
    ) -> Seat:
        teams = {team} if ask.team else {None, team}
        people = self._people(ask.role, teams, services)
        named = listed(sorted(load.services[one] for one in services))
        label = ask.label or f"{ask.role.label} of {named}"
        key = ask.key if ask.team else f"{ask.key}@{team}"
        return self._seat(ask, people, manifest, load, part=services, key=key, label=label)

    def _seat(
        self,
        ask: Ask,
        people: Mapping[int, str],
        manifest: Manifest | None,
        load: Load,
        *,
        part: frozenset[int] | None,
        key: str,
        label: str,
    ) -> Seat:
        asked_at = asked_since(manifest.since, part, manifest.sealed_at) if manifest else None
        limit = ask.self_certify_up_to
        return Seat(
            role=ask.role,
            quorum=ask.quorum,
            people=people,
            key=key,
            label=label,
            part=part,
            # Nothing can be carried over before there is a second revision.
            part_digest=part_digest(manifest.content, part) if manifest and manifest.revision > 1 else "",
            asked_at=asked_at,
            only_veto=ask.only_veto,
            allows_not_applicable=ask.allows_not_applicable,
            self_certifies=limit is not None and load.risk is not None and load.risk <= limit,
            silent_yes_at=asked_at + ask.silence_after if asked_at and ask.silence_after else None,
            proxies=self._proxies(ask.role, people),
        )

    def of_train(self, role: Role, team: int) -> dict[int, str]:
        """Return who holds a role in the house or in a train's team."""
        return self._people(role, {None, team}, ())

    def people_of(self, role: Role, team: int) -> dict[int, str]:
        """Return who holds a role in one team alone."""
        return self._people(role, {team}, ())

    def _people(self, role: Role, teams: Collection[int | None], services: Collection[int]) -> dict[int, str]:
        held = self.by_role.get(role, [])
        people = {one.user: one.name for one in held if one.service is None and one.team in teams}
        return people | {one.user: one.name for one in held if one.service in services}

    def _proxies(self, role: Role, people: Mapping[int, str]) -> dict[int, tuple[tuple[int, str], ...]]:
        """Return who may vote in whose place; whoever was delegated to passes nothing on (RULES D14)."""
        found: dict[int, list[tuple[int, str]]] = defaultdict(list)
        if self.standins:
            for user, name in people.items():
                for taker in sorted(self.standins.get((role, user), ())):
                    found[taker].append((user, name))
        return {taker: tuple(givers) for taker, givers in found.items()}


def _rows(
    roles: set[Role], teams: set[int], services: set[int], at: datetime | None
) -> Iterator[tuple[Role, Held, int | None]]:
    """Return each role that is held with one who stands in for its holder, several times where several do."""
    if not roles:
        return
    asked: dict[str, list[str] | list[int] | str | datetime | None] = {
        "roles": [role.value for role in roles],
        "teams": list(teams),
        "services": list(services),
        "on_call": Role.ON_CALL.value,
        "administrator": Role.ADMINISTRATOR.value,
        "at": at,
    }
    with connection.cursor() as cursor:
        cursor.execute(HOLDERS, asked)
        for role, user, name, team, service, taker in cursor.fetchall():
            yield Role(role), Held(user, name, team=team, service=service), taker


def _by_team(load: Load) -> dict[int, frozenset[int]]:
    """Return the services aboard by their team, teams in the order of their numbers."""
    found: dict[int, set[int]] = defaultdict(set)
    for place in load.places:
        if place.team is not None and place.service is not None:
            found[place.team].add(place.service)
    return {team: frozenset(found[team]) for team in sorted(found)}


def seat_holders(role: Role, team: int, services: Iterable[Service] = ()) -> dict[int, str]:
    """Return who may sit in a role's seat for a train of a team that carries these services."""
    carried = list(services)
    load = Load({one.pk: one.name for one in carried}, {one.team_id for one in carried})
    holders = Holders.of({role}, teams={team, *load.teams}, services=set(load.services))
    return dict(holders.seat(role, 1, team, load).people)
