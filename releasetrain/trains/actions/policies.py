"""Say who must say go; asking less needs the votes of those who are asked now (RULES D2, D4, D11)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from releasetrain.accounts.access import refuse_without
from releasetrain.accounts.models import Team, User
from releasetrain.accounts.rules import Role
from releasetrain.catalog.access import roles_of
from releasetrain.events.actions import SYSTEM, record
from releasetrain.lib.errors import Invalid, NotAllowed, Stale
from releasetrain.lib.words import listed
from releasetrain.trains.actions.decisions import seat_for
from releasetrain.trains.actions.refusals import PolicyRefused, VoteRefused
from releasetrain.trains.actions.typed import words_of
from releasetrain.trains.models import Policy, PolicyVote, Proposal
from releasetrain.trains.queries import By
from releasetrain.trains.queries.permissions import RUNNERS
from releasetrain.trains.queries.policies import (
    PolicySettings,
    open_proposal,
    policy_problems,
    policy_seats,
    policy_tally,
    what_is_weaker,
)
from releasetrain.trains.rules.ballots import seats_for
from releasetrain.trains.rules.decision import Tally
from releasetrain.trains.rules.plan import Ask
from releasetrain.trains.rules.states import Choice

LONGEST_REASON = 500
SAYABLE = (Choice.GO, Choice.NO_GO, Choice.ABSTAIN)


@transaction.atomic
def save_policy(
    *,
    name: str,
    owner: Team,
    asks: Mapping[Role, int] | Iterable[Ask],
    by: By,
    now: datetime,
    no_approval_needed: bool = False,
    policy: Policy | None = None,
    revision: int | None = None,
    **more: object,
) -> Policy:
    """Say who must say go; departures that are boarding or sealed keep what they have (RULES D2).

    :param asks: what is asked, or the quorum by role
    :param policy: the one to edit; None makes a new one
    :param revision: of the policy that was read; another one is refused
    :param more: the other fields of PolicySettings
    :raises Invalid: a quorum that nobody could reach, or nobody asked without saying so (D4, D11)
    :raises PolicyRefused: it would ask less than now; propose it
    :raises Stale: somebody else has saved it since
    :raises NotAllowed: this person runs no trains of the owner
    """
    every = (
        tuple(Ask(role, quorum) for role, quorum in asks.items())
        if isinstance(asks, Mapping)
        else tuple(asks)
    )
    settings = PolicySettings(
        name=name.strip(),
        owner=owner,
        asks=every,
        no_approval_needed=no_approval_needed,
        **more,  # type: ignore[arg-type]
    )
    locked = _locked(policy, revision)
    _refuse(settings, locked, by)
    if locked is not None and (gives_up := what_is_weaker(locked, settings)):
        raise PolicyRefused(
            f"This asks less than {locked.name} does now: {listed(gives_up)}. Propose it; those whom it "
            "asks now decide about it.",
            code="weaker",
            who=_asked_words(locked),
        )
    return _write(locked or Policy(), settings, by, now)


def _refuse(settings: PolicySettings, policy: Policy | None, by: By) -> None:
    if isinstance(by, User):
        held = roles_of(by)
        for team in {settings.owner, policy.owner if policy else settings.owner}:
            refuse_without(held, RUNNERS, f"save policies of {team.name}", team=team.pk)
    for field, sentence in policy_problems(settings, policy).items():
        raise Invalid(sentence, field=field)


def _locked(policy: Policy | None, revision: int | None = None) -> Policy | None:
    if policy is None:
        return None
    rows = Policy.objects.select_for_update(no_key=True, of=("self",)).select_related("owner")
    locked = rows.get(pk=policy.pk)
    if revision is not None and locked.revision != revision:
        raise Stale(f"{locked.name} was saved by somebody else since your page was drawn; look at it again.")
    return locked


def _asked_words(policy: Policy) -> str:
    return listed([ask.words for ask in PolicySettings.of(policy).asks])


def _write(saved: Policy, settings: PolicySettings, by: By, now: datetime) -> Policy:
    if saved.pk is not None:
        saved.revision += 1
    saved.name, saved.owner = settings.name, settings.owner
    saved.no_approval_needed, saved.votes_last = settings.no_approval_needed, settings.votes_last
    saved.decide_by, saved.escalates_to = dict(settings.decide_by), settings.escalates_to.value
    saved.guards_quorum = settings.guards_quorum
    saved.save()
    saved.requirements.all().delete()
    for ask in settings.asks:
        saved.requirements.create(
            role=ask.role,
            quorum=ask.quorum,
            slot=ask.slot,
            team_id=ask.team[0] if ask.team else None,
            part=ask.part,
            only_veto=ask.only_veto,
            allows_not_applicable=ask.allows_not_applicable,
            self_certify_up_to=ask.self_certify_up_to,
            silence_after=ask.silence_after,
        )
    words = listed([ask.words for ask in settings.asks]) or "no approval needed"
    record(kind="trains.policy.saved", subject=saved, actor=by, now=now, asks=words)
    overtaken = open_proposal(saved)
    if overtaken is not None and overtaken.base_revision != saved.revision:
        _end(overtaken, SYSTEM, now, f"{by} saved another edition")
    return saved


@transaction.atomic
def propose_policy(
    policy: Policy, settings: PolicySettings, *, reason: str, by: User, now: datetime
) -> Proposal:
    """Propose an edition of a policy that asks less; it counts once those whom it asks now say go (RULES D2).

    :raises Invalid: it cannot be met, or there is no reason
    :raises PolicyRefused: it asks no less, or another proposal waits
    :raises NotAllowed: this person runs no trains of the owner
    """
    locked = _locked(policy)
    if locked is None:
        raise PolicyRefused("Only a policy that stands can be weakened.")
    _refuse(settings, locked, by)
    gives_up = what_is_weaker(locked, settings)
    if not gives_up:
        raise PolicyRefused("This asks no less than the policy does now; save it instead.")
    if open_proposal(locked) is not None:
        raise PolicyRefused("Another edition waits for votes already; decide about it first.", code="waiting")
    words = words_of(reason, LONGEST_REASON, "Say why less is enough; others decide by it.")
    proposal = Proposal.objects.create(
        policy=locked,
        base_revision=locked.revision,
        content=settings.to_json(),
        digest=settings.digest,
        weaker=gives_up,
        reason=words,
        proposed_by=by,
        proposed_by_label=str(by)[:200],
        proposed_at=now,
    )
    record(
        kind="trains.policy.proposed",
        subject=locked,
        actor=by,
        now=now,
        weaker=listed(gives_up),
        reason=words,
        people_ids=sorted({user for seat in policy_seats(locked, now) for user in seat.people} - {by.pk}),
    )
    return proposal


@dataclass(frozen=True, slots=True)
class PolicyVoted:
    """What became of a vote about a weaker edition."""

    tally: Tally
    is_adopted: bool
    not_counted: str = ""


@transaction.atomic
def vote_on_policy(
    proposal: Proposal, *, choice: Choice, by: By, now: datetime, seat: str = "", reason: str = ""
) -> PolicyVoted:
    """Say something about a weaker edition in a seat of the one that stands; the last go adopts it.

    :raises VoteRefused: it is decided already, or the choice cannot be said here
    :raises Invalid: a no-go without a reason, a choice of seat is missing, or it can no longer be met
    :raises NotAllowed: this person is not asked
    """
    if not isinstance(by, User):
        raise NotAllowed("Only people vote; tokens and system accounts cannot.")
    policy = _locked(proposal.policy)
    locked = Proposal.objects.select_related("policy__owner").get(pk=proposal.pk)
    if policy is None or locked.ended_at is not None:
        raise VoteRefused(f"This edition is decided: {locked.outcome}", code="gone")
    if choice not in SAYABLE:
        raise VoteRefused("About a policy one says go, no-go or nothing.")
    seats = seats_for([one for one in policy_seats(policy, now) if by.pk in one.people], by.pk)
    if not seats:
        raise NotAllowed(f"{policy.name} does not ask you.", who=_asked_words(policy))
    chosen = seat_for(seats, by, None, seat)
    words = (
        words_of(reason, LONGEST_REASON, "A no-go needs a reason.")
        if choice is Choice.NO_GO
        else reason.strip()[:LONGEST_REASON]
    )
    locked.votes.filter(user=by, replaced_at__isnull=True).update(replaced_at=now)
    given: PolicyVote = locked.votes.create(
        user=by,
        user_label=str(by)[:200],
        role=chosen.role,
        seat=chosen.name,
        choice=choice,
        reason=words,
        at=now,
    )
    record(
        kind="trains.policy.vote_cast", subject=policy, actor=by, now=now, choice=choice.words, reason=words
    )
    count = policy_tally(locked, now)
    if count.is_go:
        _adopt(policy, locked, by, now)
    why = next((one.why for one in count.not_counted if one.ballot.pk == given.pk), "")
    return PolicyVoted(count, count.is_go, why)


def _adopt(policy: Policy, proposal: Proposal, by: User, now: datetime) -> None:
    """Let a weaker edition count, checked again as it is now."""
    settings = PolicySettings.from_json(proposal.content)
    for field, sentence in policy_problems(settings, policy).items():
        raise Invalid(f"It can no longer be met. {sentence}", field=field)
    _end(proposal, by, now, "adopted by those whom the policy asked")
    _write(policy, settings, by, now)


@transaction.atomic
def withdraw_proposal(proposal: Proposal, *, by: By, now: datetime) -> Proposal:
    """Take a weaker edition back.

    :raises PolicyRefused: it is decided already
    :raises NotAllowed: this person runs no trains of the owner
    """
    policy = _locked(proposal.policy)
    locked = Proposal.objects.select_related("policy__owner").get(pk=proposal.pk)
    if policy is None or locked.ended_at is not None:
        raise PolicyRefused(f"This edition is decided: {locked.outcome}", code="gone")
    if isinstance(by, User) and by.pk != locked.proposed_by_id:
        refuse_without(roles_of(by), RUNNERS, f"withdraw it from {policy.owner.name}", team=policy.owner_id)
    _end(locked, by, now, f"{by} withdrew it")
    return locked


def _end(proposal: Proposal, by: By, now: datetime, why: str) -> None:
    proposal.ended_at, proposal.outcome = now, why[:300]
    proposal.save(update_fields=["ended_at", "outcome"])
    people = [proposal.proposed_by_id] if proposal.proposed_by_id else []
    record(
        kind="trains.policy.proposal_ended",
        subject=proposal.policy,
        actor=by,
        now=now,
        why=why,
        people_ids=people,
    )
