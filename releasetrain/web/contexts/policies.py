"""Gather what the pages of policies show."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from django.db.models import Count, Q

from releasetrain.accounts.models import User
from releasetrain.lib import deadlines
from releasetrain.lib.recurrence import BadRule
from releasetrain.lib.spans import in_words
from releasetrain.lib.words import listed
from releasetrain.panels.shapes import Choice
from releasetrain.trains.models import Policy, Proposal
from releasetrain.trains.queries.policies import PolicySettings, policy_seats, policy_tally
from releasetrain.trains.rules.plan import Ask
from releasetrain.trains.rules.states import Part

MOST_NAMES = 8


@dataclass(frozen=True, slots=True)
class PolicyRow:
    """One line of the list."""

    pk: int
    name: str
    owner: str
    asks: str
    trains: int
    is_waiting: bool = False


@dataclass(frozen=True, slots=True)
class AskLine:
    """One requirement in words, and who could fill it."""

    words: str
    people: str
    notes: Sequence[str]


@dataclass(frozen=True, slots=True)
class PolicyPage:
    """What a policy asks."""

    pk: int
    name: str
    owner: str
    asks: Sequence[AskLine]
    no_approval: str = ""
    notes: Sequence[str] = ()
    trains: Sequence[tuple[str, str]] = ()
    past: Sequence[tuple[str, str]] = ()


@dataclass(frozen=True, slots=True)
class ProposalPage:
    """An edition that asks less, how the votes about it stand, and what this person may say.

    `lines` are (seat, given, needed, who is missing), `votes` (name, what, reason, why it does not count).
    """

    pk: int
    policy: int
    by: str
    at: datetime
    reason: str
    weaker: Sequence[str]
    lines: Sequence[tuple[str, int, int, str]]
    votes: Sequence[tuple[str, str, str, str]]
    seats: Sequence[Choice] = field(default_factory=list)
    go_label: str = "Say go"
    may_withdraw: bool = False


def policy_rows() -> list[PolicyRow]:
    """Return every policy with how many trains run under it."""
    rows = Policy.objects.select_related("owner").prefetch_related("requirements__team")
    rows = rows.annotate(
        used=Count("trains", filter=Q(trains__retired_at__isnull=True), distinct=True),
        waiting=Count("proposals", filter=Q(proposals__ended_at__isnull=True), distinct=True),
    )
    return [
        PolicyRow(
            one.pk,
            one.name,
            one.owner.name,
            listed([ask.words for ask in PolicySettings.of(one).asks]) or "no approval needed",
            one.used,
            one.waiting > 0,
        )
        for one in rows
    ]


def policy_page(policy: Policy, now: datetime) -> PolicyPage:
    """Return what a policy asks, with who could fill each seat on a train of its owner."""
    settings = PolicySettings.of(policy)
    people = {seat.name: sorted(seat.people.values()) for seat in policy_seats(policy, now)}
    trains = policy.trains.filter(retired_at__isnull=True).values_list("name", "slug")
    past = policy.proposals.filter(ended_at__isnull=False)[:5]
    return PolicyPage(
        pk=policy.pk,
        name=policy.name,
        owner=policy.owner.name,
        asks=[AskLine(ask.words, _people(people.get(ask.key, [])), _notes(ask)) for ask in settings.asks],
        no_approval=f"No approval is needed. {policy.owner} answers for that."
        if policy.no_approval_needed
        else "",
        notes=_policy_notes(settings),
        trains=[(name, f"/trains/{slug}/") for name, slug in trains],
        past=[(listed(one.weaker), one.outcome) for one in past],
    )


def _people(names: list[str]) -> str:
    return (
        listed([*names[:MOST_NAMES], *(["others"] if len(names) > MOST_NAMES else [])]) or "nobody holds it"
    )


def _notes(ask: Ask) -> list[str]:
    found = []
    if ask.part is Part.OWN:
        found.append("asked about the services of their own team; asked again only when these change")
    if ask.silence_after:
        found.append(f"silence means yes {in_words(ask.silence_after)} after being asked")
    if ask.self_certify_up_to is not None:
        found.append(f"authors may say go to changes of up to {ask.self_certify_up_to} risk points")
    if ask.allows_not_applicable:
        found.append("may say “not applicable”")
    return found


def _policy_notes(settings: PolicySettings) -> list[str]:
    found = []
    if settings.votes_last:
        found.append(f"A go lasts {in_words(settings.votes_last)}; then it is asked for again.")
    if settings.decide_by:
        try:
            due = deadlines.read(settings.decide_by).in_words()
        except BadRule as refusal:
            due = str(refusal)
        role, owner = settings.escalates_to.label, settings.owner.name
        found.append(f"To be decided by: {due}. Missed, it is put to each {role} of {owner}.")
    if settings.guards_quorum:
        found.append("Nobody may lose a role that it needs.")
    return found


def proposal_page(proposal: Proposal, person: User, now: datetime) -> ProposalPage:
    """Return how the votes about a weaker edition stand, and what this person may say about it."""
    count, seats = policy_tally(proposal, now), policy_seats(proposal.policy, now)
    why = {one.ballot.pk: one.why for one in count.not_counted}
    votes = proposal.votes.filter(replaced_at__isnull=True)
    mine = [seat for seat in seats if person.pk in seat.people]
    return ProposalPage(
        pk=proposal.pk,
        policy=proposal.policy_id,
        by=proposal.proposed_by_label,
        at=proposal.proposed_at,
        reason=proposal.reason,
        weaker=proposal.weaker,
        lines=[
            (line.words, len(line.said_go), line.quorum, "" if line.is_met else _people(list(line.could)))
            for line in count.lines
        ],
        votes=[(one.user_label, one.choice, one.reason, why.get(one.pk, "")) for one in votes.order_by("at")],
        seats=[Choice(seat.name, seat.words) for seat in mine],
        go_label=_go_label(sum(line.lacking for line in count.lines), is_asked=bool(mine)),
        may_withdraw=proposal.proposed_by_id == person.pk,
    )


def _go_label(lacking: int, *, is_asked: bool) -> str:
    """Say what the last go does (RULES D10)."""
    return "Approve, and let it count from now on" if lacking == 1 and is_asked else "Say go"
