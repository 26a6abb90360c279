"""Read what was sealed and what was said about it: manifests and votes.

Every verdict asks this: it is one statement, written out, and votes are read without model instances.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from django.db import connection

from releasetrain.accounts.rules import Role
from releasetrain.lib.once import once
from releasetrain.trains.models import Manifest
from releasetrain.trains.rules.ballots import Ballot
from releasetrain.trains.rules.states import Choice

# The newest revision of each manifest, with the votes that nobody has replaced.
PAPERS = """
SELECT DISTINCT ON (m.departure_id) m.id, m.departure_id, m.revision, m.digest, m.content, m.since,
    m.sealed_at, (
        SELECT json_agg(json_build_array(
            v.id, v.user_id, v.user_label, v.role, v.choice, v.digest, v.at, v.reason, v.seat, v.part_digest,
            v.revision, v.about, v.for_user_id, v.for_label, person.is_active IS DISTINCT FROM false,
            v.overrule_asked_by_id, CASE WHEN v.overruled_at IS NULL THEN '' ELSE concat(
                v.overrule_asked_by_label, ' and ', v.overruled_by_label, ': ', v.overrule_reason
            ) END
        ) ORDER BY v.at)
        FROM trains_vote v LEFT JOIN accounts_user person ON person.id = v.user_id
        WHERE v.departure_id = m.departure_id AND v.replaced_at IS NULL
    )
FROM trains_manifest m
WHERE m.departure_id = ANY(%(departures)s::bigint[])
ORDER BY m.departure_id, m.revision DESC
"""


@dataclass(frozen=True, slots=True)
class Papers:
    """The newest revision of a manifest, and the votes of a departure that count or once counted."""

    manifest: Manifest
    ballots: tuple[Ballot, ...]


class _Vote(NamedTuple):
    """A vote as the statement gives it."""

    pk: int
    user: int | None
    name: str
    role: str
    choice: str
    digest: str
    at: str
    reason: str
    seat: str
    part_digest: str
    revision: int
    about: dict[str, str]
    for_user: int | None
    for_name: str
    is_there: bool
    overrule_asked_by: int | None
    overruled: str


def papers_of(departures: Iterable[int]) -> dict[int, Papers]:
    """Return the papers of each departure that was ever sealed, in one query; none for nothing."""
    return _papers_of(frozenset(departures))


def latest_manifests(departures: Iterable[int]) -> dict[int, Manifest]:
    """Return the newest revision of each departure's manifest."""
    return {pk: papers.manifest for pk, papers in papers_of(departures).items()}


@once(lambda departures: departures)
def _papers_of(departures: frozenset[int]) -> dict[int, Papers]:
    if not departures:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(PAPERS, {"departures": list(departures)})
        return {row[1]: _papers(row) for row in cursor.fetchall()}


def _papers(row: Sequence[Any]) -> Papers:
    pk, departure, revision, digest, content, since, sealed_at, votes = row
    manifest = Manifest(
        pk=pk,
        departure_id=departure,
        revision=revision,
        digest=digest,
        content=json.loads(content),
        since=json.loads(since),
        sealed_at=sealed_at,
    )
    manifest._state.adding = False
    return Papers(manifest, tuple(_ballot(_Vote._make(vote)) for vote in votes or ()))


def _ballot(vote: _Vote) -> Ballot:
    """Return a vote as the rules count it."""
    return Ballot(
        user=vote.user,
        name=vote.name,
        role=Role(vote.role),
        choice=Choice(vote.choice),
        digest=vote.digest,
        at=datetime.fromisoformat(vote.at),
        reason=vote.reason,
        seat=vote.seat,
        part_digest=vote.part_digest,
        revision=vote.revision,
        about={int(change): version for change, version in vote.about.items()},
        for_user=vote.for_user,
        for_name=vote.for_name,
        is_there=vote.is_there,
        overruled=vote.overruled,
        overrule_asked_by=vote.overrule_asked_by,
        pk=vote.pk,
    )
