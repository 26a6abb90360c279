"""Gather the public part of go/no-go: what is asked, who voted, who is missing."""

from collections.abc import Sequence
from datetime import datetime

from releasetrain.lib.words import listed
from releasetrain.panels.audience import Audience
from releasetrain.panels.departures import departure_of
from releasetrain.panels.shapes import Ballot, Decision, Need
from releasetrain.trains.queries import Standing, standing_of
from releasetrain.trains.rules.decision import Line, NotCounted

MOST_NAMES = 4


def load_decision(pk: int, audience: Audience, now: datetime) -> Decision | None:
    """Gather how the decision of a departure stands, without anybody's own buttons."""
    departure = departure_of(pk)
    return None if departure is None else decision_of(standing_of(departure, now), audience)


def decision_of(standing: Standing, audience: Audience) -> Decision:
    """Say what is asked and what was given; a stakeholder reads numbers and no names."""
    departure, plan = standing.departure, standing.plan
    return Decision(
        pk=departure.pk,
        state=departure.state,
        policy=plan.policy,
        needs=_needs(standing, audience),
        digest=standing.manifest.digest if standing.manifest else "",
        revision=standing.manifest.revision if standing.manifest else None,
        no_approval_needed=_no_approval(standing),
    )


def _no_approval(standing: Standing) -> str:
    if standing.plan.asks or not standing.plan.no_approval_needed:
        return ""
    owner = standing.plan.policy_owner or standing.departure.train.team.name
    return f"No approval is needed. {owner} answers for that."


def _needs(standing: Standing, audience: Audience) -> list[Need]:
    if standing.tally is None:
        return [Need(ask.role.label.capitalize(), ask.quorum, 0, []) for ask in standing.plan.asks]
    why = {_key(one): one.why for one in standing.tally.not_counted}
    needs = [_need(line, standing, why, audience) for line in standing.tally.lines]
    return [*needs, *_outsiders(standing, standing.tally.not_counted, audience)]


def _key(one: NotCounted) -> tuple[int | None, datetime]:
    return one.ballot.user, one.ballot.at


def _need(
    line: Line, standing: Standing, why: dict[tuple[int | None, datetime], str], audience: Audience
) -> Need:
    given = [ballot for ballot in standing.ballots if ballot.role is line.role]
    ballots = [
        Ballot(
            ballot.name, ballot.choice.value, ballot.at, ballot.reason, why.get((ballot.user, ballot.at), "")
        )
        for ballot in given
    ]
    return Need(
        role=line.role.label.capitalize(),
        quorum=line.quorum,
        given=min(line.quorum, len(line.said_go)),
        ballots=ballots if audience.sees_people else [],
        missing=_missing(line, audience),
        since_at=None if line.is_met else standing.departure.sealed_at,
    )


def _missing(line: Line, audience: Audience) -> str:
    """Name who is missing (RULES D16)."""
    if line.is_met:
        return ""
    if not audience.sees_people:
        return f"{line.lacking} more"
    named = [*line.could[:MOST_NAMES], *(["others"] if len(line.could) > MOST_NAMES else [])]
    return listed(named) if named else "nobody holds this role who may still vote"


def _outsiders(standing: Standing, not_counted: Sequence[NotCounted], audience: Audience) -> list[Need]:
    """Show votes in a role that is not asked (any more): they stand on record."""
    asked = {ask.role for ask in standing.plan.asks}
    roles = dict.fromkeys(one.ballot.role for one in not_counted if one.ballot.role not in asked)
    if not audience.sees_people:
        return []
    return [
        Need(
            f"{role.label.capitalize()} (not asked)",
            0,
            0,
            [
                Ballot(one.ballot.name, one.ballot.choice.value, one.ballot.at, one.ballot.reason, one.why)
                for one in not_counted
                if one.ballot.role is role
            ],
        )
        for role in roles
    ]
