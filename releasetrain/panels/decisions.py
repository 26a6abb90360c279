"""Gather the public part of go/no-go: what is asked, who voted, who is missing."""

from collections.abc import Mapping
from datetime import datetime

from releasetrain.lib.spans import in_words
from releasetrain.lib.words import listed
from releasetrain.panels import links
from releasetrain.panels.audience import Audience
from releasetrain.panels.departures import departure_of
from releasetrain.panels.shapes import Ballot, Decision, Need
from releasetrain.trains.queries import Standing, standing_of
from releasetrain.trains.rules import ballots as rules
from releasetrain.trains.rules.decision import Line
from releasetrain.trains.rules.plan import Ask
from releasetrain.trains.rules.states import DepartureState

MOST_NAMES = 4
OPEN = (DepartureState.DECIDING, DepartureState.CLEARED)


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
        decide_by_at=departure.decide_by_at if departure.state in OPEN else None,
        escalated=_escalated(standing),
        lasts=f"A go lasts {in_words(plan.votes_last)}." if plan.votes_last else "",
    )


def _no_approval(standing: Standing) -> str:
    if standing.plan.asks or not standing.plan.no_approval_needed:
        return ""
    owner = standing.plan.policy_owner or standing.departure.train.team.name
    return f"No approval is needed. {owner} answers for that."


def _escalated(standing: Standing) -> str:
    if standing.departure.escalated_at is None or standing.departure.state != DepartureState.DECIDING:
        return ""
    owner = standing.plan.policy_owner or standing.departure.train.team.name
    return f"{standing.plan.escalates_to.label}s of {owner}"


def _needs(standing: Standing, audience: Audience) -> list[Need]:
    if standing.tally is None:
        return [_asked(ask) for ask in standing.plan.asks]
    why = {one.ballot.pk: one.why for one in standing.tally.not_counted}
    needs = [_need(line, standing, why, audience) for line in standing.tally.lines]
    return [*needs, *map(_not_asked, standing.no_seats), *_outsiders(standing, why, audience)]


def _asked(ask: Ask) -> Need:
    return Need(_capital(ask.label or ask.role.label), 0 if ask.only_veto else ask.quorum, 0, [])


def _not_asked(ask: Ask) -> Need:
    """Say that a requirement does not apply, as nothing of that team is aboard."""
    note = "Not applicable: nothing of theirs is aboard."
    return Need(_capital(ask.label or ask.role.label), 0, 0, [], is_met=True, note=note)


def _capital(words: str) -> str:
    return words[:1].upper() + words[1:]


def _need(line: Line, standing: Standing, why: Mapping[int, str], audience: Audience) -> Need:
    given = [ballot for ballot in standing.ballots if ballot.seat_name == line.name]
    seat = line.seat
    return Need(
        role=_capital(line.words),
        quorum=line.quorum,
        given=min(line.quorum, len(line.said_go)),
        ballots=[_ballot(one, line, why, standing) for one in given] if audience.sees_people else [],
        missing=_missing(line, audience),
        since_at=None if line.is_met else (seat.asked_at if seat else None) or standing.departure.sealed_at,
        silent_yes_at=seat.silent_yes_at if seat and not line.is_met else None,
        is_met=line.is_met,
        note=_note(line),
    )


def _note(line: Line) -> str:
    if line.is_silent:
        return "Silence means yes here, and nobody has said otherwise."
    if line.seat and line.seat.only_veto:
        return "Not waited for; a no-go is heard."
    if line.seat and line.seat.self_certifies:
        return "Low risk: authors may say go to their own changes."
    return ""


def _ballot(one: rules.Ballot, line: Line | None, why: Mapping[int, str], standing: Standing) -> Ballot:
    not_counted = why.get(one.pk, "")
    is_carried = line is not None and one.principal in line.carried
    objects = one.choice in rules.OBJECTS and not not_counted
    return Ballot(
        person=one.name,
        choice=one.choice.value,
        at=one.at,
        reason=one.reason,
        not_counted=not_counted,
        carried=f"Carried over from revision {one.revision}" if is_carried else "",
        note=f"In place of {one.for_name}" if one.for_name else _own(one, line, standing),
        overrule_url=links.overrule(standing.departure.pk, one.pk) if objects else "",
    )


def _own(one: rules.Ballot, line: Line | None, standing: Standing) -> str:
    """Say that somebody certified their own change."""
    self_certifies = line is not None and line.seat is not None and line.seat.self_certifies
    is_author = one.user in standing.load.authors and one.choice in rules.FILLS
    return "Self-certified: low risk" if self_certifies and is_author else ""


def _missing(line: Line, audience: Audience) -> str:
    """Name who is missing (RULES D16)."""
    if line.is_met:
        return ""
    if not audience.sees_people:
        return f"{line.lacking} more"
    named = [*line.could[:MOST_NAMES], *(["others"] if len(line.could) > MOST_NAMES else [])]
    return listed(named) if named else "nobody holds this role who may still vote"


def _outsiders(standing: Standing, why: Mapping[int, str], audience: Audience) -> list[Need]:
    """Show votes in a seat that is not asked (any more): they stand on record."""
    if not audience.sees_people:
        return []
    asked = {seat.name for seat in standing.seats}
    lost = [one for one in standing.ballots if one.seat_name not in asked]
    names = dict.fromkeys((one.seat_name, one.role.label) for one in lost)
    return [
        Need(
            f"{_capital(label)} (not asked)",
            0,
            0,
            [_ballot(one, None, why, standing) for one in lost if one.seat_name == name],
        )
        for name, label in names
    ]
