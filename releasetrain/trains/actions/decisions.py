"""Vote, and let a decision follow from the votes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db import transaction
from django.db.models import Q

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.events.actions import SYSTEM, record
from releasetrain.lib.errors import Invalid, NotAllowed, Stale
from releasetrain.lib.words import listed
from releasetrain.trains.actions.locking import locked_departure
from releasetrain.trains.actions.refusals import VoteRefused, refuse_unless
from releasetrain.trains.models import Departure, Manifest, Vote
from releasetrain.trains.queries import Action, By, Standing, seats_of, standing_of, verdict
from releasetrain.trains.queries.deciding import decide_by_of, next_look_at
from releasetrain.trains.rules.ballots import FILLS, OBJECTS, Ballot, Seat
from releasetrain.trains.rules.decision import Tally
from releasetrain.trains.rules.parts import part_digest, versions_of
from releasetrain.trains.rules.states import Choice, DepartureState

LONGEST_REASON = 500
# What a vote says; the same again is no other vote.
SAID = ("seat", "for_user_id", "choice", "digest", "reason", "about")


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
    seat: str = "",
    in_place_of: int | None = None,
    reason: str = "",
    about: Iterable[int] = (),
) -> Voted:
    """Say something about a sealed manifest; the last go that is needed clears the departure.

    A person has one vote; another one replaces it until departure and both stay on record (RULES D6, D13).
    The same vote again changes nothing.

    :param digest: of the manifest that was read; an older one is refused
    :param role: the asked role to vote in, or `seat`, its name; needed only by somebody who has several
    :param in_place_of: whom this person stands in for (D14); needed only by somebody who may choose
    :param about: ids of the changes that an objection is about; none for everything
    :raises VoteRefused: nothing is being decided, or this person has said go in another seat
    :raises Stale: the manifest is another one by now
    :raises Invalid: a reason or a choice of seat is missing, or the seat does not take this choice
    :raises NotAllowed: this person is not asked
    """
    locked = locked_departure(departure.pk)
    refuse_unless(verdict(Action.VOTE, locked, by, now), VoteRefused)
    if not isinstance(by, User):
        raise NotAllowed("Only people vote; tokens and system accounts cannot.")
    standing = standing_of(locked, now)
    manifest = _manifest(standing, digest)
    chosen = seat_for(seats_of(standing, by), by, role, seat)
    if choice is Choice.NOT_APPLICABLE and not chosen.allows_not_applicable:
        raise Invalid(f"The seat {chosen.words} does not take “not applicable”.", field="choice")
    place = place_for(chosen, by, in_place_of)
    _refuse_second(standing, by, chosen, place)
    vote = Vote(
        departure=locked,
        user=by,
        user_label=str(by)[:200],
        for_user_id=place[0],
        for_label=place[1],
        role=chosen.role,
        seat=chosen.name,
        choice=choice,
        reason=_reason(choice, reason),
        about=_about(choice, about, manifest),
        digest=digest,
        part_digest=part_digest(manifest.content, chosen.part),
        revision=manifest.revision,
        at=now,
    )
    given, is_new = _cast(locked, vote, now)
    if is_new:
        _record(locked, given, chosen, by, now)
    standing, cleared = settle(locked, now)
    return Voted(given, locked, _tally(standing), cleared, _why_not_counted(standing, by))


def _record(locked: Departure, given: Vote, chosen: Seat, by: User, now: datetime) -> None:
    record(
        kind="trains.vote.cast",
        subject=locked,
        actor=by,
        now=now,
        choice=Choice(given.choice).words,
        role=chosen.role.value,
        seat=chosen.words,
        in_place_of=given.for_label,
        reason=given.reason,
        digest=given.digest,
    )


def settle(locked: Departure, now: datetime) -> tuple[Standing, bool]:
    """Let the state of a sealed, locked departure follow from its votes; tell whether that cleared it."""
    standing = standing_of(locked, now)
    count = _tally(standing)
    is_cleared = count.is_go and locked.state == DepartureState.DECIDING
    if is_cleared:
        _clear(locked, count, now)
        standing = standing_of(locked, now)
    elif not count.is_go and locked.state == DepartureState.CLEARED:
        reopen(locked, standing, now)
    plan_next_look(locked, standing, now)
    return standing, is_cleared


def plan_next_look(locked: Departure, standing: Standing, now: datetime) -> None:
    """Note when a locked departure's decision has to be looked at again by itself (RULES D7)."""
    decide_by_at = decide_by_of(locked, standing.plan)
    decide_at = next_look_at(standing, decide_by_at, now)
    if (locked.decide_by_at, locked.decide_at) != (decide_by_at, decide_at):
        locked.decide_by_at, locked.decide_at = decide_by_at, decide_at
        locked.save(update_fields=["decide_by_at", "decide_at"])


def _clear(locked: Departure, count: Tally, now: datetime) -> None:
    locked.state = DepartureState.CLEARED.value
    locked.cleared_at = now
    locked.save(update_fields=["state", "cleared_at"])
    said = sorted({name for line in count.lines for name in line.said_go})
    silent = [line.words for line in count.lines if line.is_silent]
    why = f"{listed(said)} said go" if said else ""
    if silent:
        why = f"{why}; silence means yes for {listed(silent)}".removeprefix("; ")
    why = why or "its policy says that no approval is needed"
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
    plan_next_look(locked, standing, now)


def _tally(standing: Standing) -> Tally:
    if standing.tally is None:
        raise VoteRefused(f"{standing.departure} has no manifest yet, so there is nothing to decide.")
    return standing.tally


def _manifest(standing: Standing, digest: str) -> Manifest:
    """Return the newest manifest, where it is the one that was read."""
    manifest = standing.manifest
    if manifest is None:
        raise VoteRefused(f"{standing.departure} has no manifest yet, so there is nothing to decide.")
    if manifest.digest == digest:
        return manifest
    raise Stale(
        f"The manifest is another one since your page was drawn: revision {manifest.revision}, digest "
        f"{manifest.digest[:12]}. Read it and vote again; nothing was counted."
    )


def seat_for(seats: Sequence[Seat], person: User, role: Role | None, name: str = "") -> Seat:
    """Return the one seat in which this person votes (RULES D6).

    :param seats: those in which they may vote
    :param role: the role of the seat, or `name`, its own
    :raises Invalid: there are several, and none was chosen
    :raises NotAllowed: it is not theirs
    """
    asked = [one for one in seats if (not name or one.name == name) and (role is None or one.role is role)]
    if len(asked) == 1:
        return asked[0]
    if not asked:
        what = role.label if role else f"“{name[:60]}”"
        raise NotAllowed(f"You do not hold the role {what} for this departure.", who="an administrator")
    own = [one for one in asked if person.pk in one.people]
    if len(own) == 1 and len(asked) > 1 and role is not None:
        return own[0]
    raise Invalid(
        f"You hold {listed([one.words for one in asked])}; choose the one in which you vote.",
        field="role",
    )


def place_for(seat: Seat, person: User, in_place_of: int | None) -> tuple[int | None, str]:
    """Return whom a person votes for: nobody but themselves, or somebody who has delegated it (RULES D14)."""
    givers = dict(seat.proxies.get(person.pk, ()))
    if in_place_of is not None and in_place_of != person.pk:
        if in_place_of not in givers:
            raise NotAllowed(f"Nobody has asked you to vote in that place as {seat.words}.")
        return in_place_of, givers[in_place_of]
    if person.pk in seat.people:
        return None, ""
    if len(givers) > 1:
        raise Invalid(f"Say for whom you vote: {listed(list(givers.values()))}.", field="in_place_of")
    return next(iter(givers.items()))


def _refuse_second(standing: Standing, by: User, seat: Seat, place: tuple[int | None, str]) -> None:
    """Refuse a vote that would fill a second seat, or one that is taken: one vote a decision (RULES D6)."""
    giver, _ = place
    uncounted = {one.ballot.pk for one in _tally(standing).not_counted}
    for one in standing.ballots:
        stands = one.choice in FILLS and one.pk not in uncounted
        if one.user == by.pk and one.seat_name != seat.name and stands:
            raise VoteRefused(
                f"You have said {one.choice.words} as {_words(standing, one)} already, and each person has "
                "one vote. Abstain there first, then vote here.",
                code="voted",
            )
        if giver is not None and one.user != by.pk and one.principal == giver and one.choice in FILLS:
            raise VoteRefused(f"{one.who} has voted already; nobody votes in that place twice.", code="voted")


def _words(standing: Standing, ballot: Ballot) -> str:
    return next((one.words for one in standing.seats if one.name == ballot.seat_name), ballot.role.label)


def _reason(choice: Choice, reason: str) -> str:
    words = reason.strip()
    if choice.needs_a_reason and not words:
        what = choice.words[:1].upper() + choice.words[1:]
        what = f"A {choice.words}" if choice is Choice.NO_GO else f"“{what}”"
        raise Invalid(f"{what} needs a reason, so that people know what to change.", field="reason")
    if len(words) > LONGEST_REASON:
        raise Invalid(f"A reason has at most {LONGEST_REASON} characters.", field="reason")
    return words


def _about(choice: Choice, about: Iterable[int], manifest: Manifest) -> dict[str, str]:
    """Return what an objection is about: the version of each change that it names (RULES D8)."""
    named = set(about)
    if choice not in OBJECTS or not named:
        return {}
    aboard = versions_of(manifest.content)
    if strangers := named - aboard.keys():
        raise Invalid(f"Change {min(strangers)} is not aboard.", field="about")
    return {str(change): aboard[change] for change in sorted(named)}


def _cast(locked: Departure, vote: Vote, now: datetime) -> tuple[Vote, bool]:
    """Write the vote beside the one that it replaces; tell whether it says anything new.

    Whoever votes in person takes back what was said in their place.
    """
    standing = locked.votes.filter(replaced_at__isnull=True)
    before = standing.filter(user=vote.user).first()
    if before is not None and all(getattr(before, name) == getattr(vote, name) for name in SAID):
        return before, False
    mine = Q(user=vote.user) if vote.for_user_id else Q(user=vote.user) | Q(for_user=vote.user)
    standing.filter(mine).update(replaced_at=now)
    vote.save()
    return vote, True


def _why_not_counted(standing: Standing, by: User) -> str:
    return next((one.why for one in _tally(standing).not_counted if one.ballot.user == by.pk), "")
