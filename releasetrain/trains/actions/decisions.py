"""Vote, and let a decision follow from the votes."""

from dataclasses import dataclass
from datetime import datetime

from django.db import transaction

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.events.actions import SYSTEM, record
from releasetrain.lib.errors import Invalid, NotAllowed, Stale
from releasetrain.lib.words import listed
from releasetrain.trains.actions.locking import locked_departure
from releasetrain.trains.actions.refusals import VoteRefused, refuse_unless
from releasetrain.trains.models import Departure, Vote
from releasetrain.trains.queries import Action, By, Standing, seats_of, standing_of, verdict
from releasetrain.trains.rules.decision import Tally
from releasetrain.trains.rules.states import Choice, DepartureState

LONGEST_REASON = 500
WORDS = {Choice.GO: "go", Choice.NO_GO: "no-go", Choice.ABSTAIN: "nothing (abstained)"}


@dataclass(frozen=True, slots=True)
class Voted:
    """What became of a vote; `not_counted` says why it does not count, where it does not (RULES D5)."""

    vote: Vote
    departure: Departure
    tally: Tally
    cleared: bool
    not_counted: str = ""


@transaction.atomic
def vote(
    departure: Departure,
    *,
    choice: Choice,
    digest: str,
    by: By,
    now: datetime,
    role: Role | None = None,
    reason: str = "",
) -> Voted:
    """Say go, no-go or abstain about a sealed manifest; the last go that is needed clears the departure.

    A person has one vote; another one replaces it until departure and both stay on record (RULES D6, D13).
    The same vote again changes nothing.

    :param digest: of the manifest that was read; an older one is refused
    :param role: the asked role to vote in; needed only by somebody who holds several
    :raises VoteRefused: nothing is being decided
    :raises Stale: the manifest is another one by now
    :raises Invalid: a no-go without a reason, or a choice of role is missing
    :raises NotAllowed: this person is not asked
    """
    locked = locked_departure(departure.pk)
    refuse_unless(verdict(Action.VOTE, locked, by, now), VoteRefused)
    if not isinstance(by, User):
        raise NotAllowed("Only people vote; tokens and system accounts cannot.")
    standing = standing_of(locked, now)
    _refuse_stale(standing, digest)
    chosen = _seat(standing, by, role)
    words = _reason(choice, reason)
    given, is_new = _cast(locked, by, chosen, choice, digest, words, now)
    if is_new:
        record(
            kind="trains.vote.cast",
            subject=locked,
            actor=by,
            now=now,
            choice=WORDS[choice],
            role=chosen.value,
            reason=words,
            digest=digest,
        )
    standing, cleared = settle(locked, now)
    return Voted(given, locked, _tally(standing), cleared, _why_not_counted(standing, by))


def settle(locked: Departure, now: datetime) -> tuple[Standing, bool]:
    """Let the state of a sealed, locked departure follow from its votes; tell whether that cleared it."""
    standing = standing_of(locked, now)
    count = _tally(standing)
    if count.is_go and locked.state == DepartureState.DECIDING:
        _clear(locked, count, now)
        return standing_of(locked, now), True
    if not count.is_go and locked.state == DepartureState.CLEARED:
        reopen(locked, standing, now)
    return standing, False


def _clear(locked: Departure, count: Tally, now: datetime) -> None:
    locked.state = DepartureState.CLEARED.value
    locked.cleared_at = now
    locked.save(update_fields=["state", "cleared_at"])
    said = sorted({name for line in count.lines for name in line.said_go})
    why = f"{listed(said)} said go" if said else "its policy says that no approval is needed"
    record(kind="trains.departure.cleared", subject=locked, actor=SYSTEM, now=now, why=why)


def reopen(locked: Departure, standing: Standing, now: datetime) -> None:
    """Ask again about a locked, cleared departure whose votes no longer suffice (RULES D3)."""
    locked.state = DepartureState.DECIDING.value
    locked.cleared_at = None
    locked.save(update_fields=["state", "cleared_at"])
    count = _tally(standing)
    gone = [one.why for one in count.not_counted]
    why = [
        reason.text
        for reason in standing.verdict.reasons
        if reason.code in ("votes", "no_go", "nothing_asked")
    ]
    record(
        kind="trains.departure.reopened", subject=locked, actor=SYSTEM, now=now, why=" ".join([*gone, *why])
    )


def _tally(standing: Standing) -> Tally:
    if standing.tally is None:
        raise VoteRefused(f"{standing.departure} has no manifest yet, so there is nothing to decide.")
    return standing.tally


def _refuse_stale(standing: Standing, digest: str) -> None:
    manifest = standing.manifest
    if manifest is None or manifest.digest == digest:
        return
    raise Stale(
        f"The manifest is another one since your page was drawn: revision {manifest.revision}, digest "
        f"{manifest.digest[:12]}. Read it and vote again; nothing was counted."
    )


def _seat(standing: Standing, person: User, role: Role | None) -> Role:
    """Return the one role in which this person votes (RULES D6)."""
    seats = seats_of(standing, person)
    if role in seats and role is not None:
        return role
    if role is not None:
        raise NotAllowed(f"You do not hold the role {role.label} for this departure.", who="an administrator")
    if len(seats) > 1:
        raise Invalid(
            f"You hold {listed([one.label for one in seats])}; choose the one in which you vote.",
            field="role",
        )
    return seats[0]


def _reason(choice: Choice, reason: str) -> str:
    words = reason.strip()
    if choice is Choice.NO_GO and not words:
        raise Invalid("A no-go needs a reason, so that people know what to change.", field="reason")
    if len(words) > LONGEST_REASON:
        raise Invalid(f"A reason has at most {LONGEST_REASON} characters.", field="reason")
    return words


def _cast(
    locked: Departure, by: User, role: Role, choice: Choice, digest: str, reason: str, now: datetime
) -> tuple[Vote, bool]:
    """Write the vote beside the one that it replaces; tell whether it says anything new."""
    before = locked.votes.filter(user=by, replaced_at__isnull=True).first()
    said = (role.value, choice.value, digest, reason)
    if before is not None:
        if (before.role, before.choice, before.digest, before.reason) == said:
            return before, False
        before.replaced_at = now
        before.save(update_fields=["replaced_at"])
    given = locked.votes.create(
        user=by, user_label=str(by), role=role, choice=choice, digest=digest, reason=reason, at=now
    )
    return given, True


def _why_not_counted(standing: Standing, by: User) -> str:
    return next((one.why for one in _tally(standing).not_counted if one.ballot.user == by.pk), "")
