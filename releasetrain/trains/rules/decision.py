"""Count votes against what a plan asks for, and say who is missing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from releasetrain.accounts.rules import Role
from releasetrain.lib.schedule import time_words
from releasetrain.lib.verdict import Reason
from releasetrain.lib.words import listed
from releasetrain.trains.rules.states import Choice

# A go that is older does not count once its departure is later than planned (RULES W2).
GO_LASTS = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Seat:
    """A role that is asked, how many of it must say go, and who may: user id to name."""

    role: Role
    quorum: int
    people: Mapping[int, str]


@dataclass(frozen=True, slots=True)
class Ballot:
    """What one person said in one role about one manifest."""

    user: int | None
    name: str
    role: Role
    choice: Choice
    digest: str
    at: datetime
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """How one seat stands: who said go, and who still could (RULES D16)."""

    role: Role
    quorum: int
    said_go: tuple[str, ...]
    could: tuple[str, ...]

    @property
    def lacking(self) -> int:
        return max(0, self.quorum - len(self.said_go))

    @property
    def is_met(self) -> bool:
        return self.lacking == 0


@dataclass(frozen=True, slots=True)
class NotCounted:
    """A vote that stands on record and does not count, with the reason (RULES D5)."""

    ballot: Ballot
    why: str


@dataclass(frozen=True, slots=True)
class Tally:
    """How a decision stands."""

    lines: tuple[Line, ...]
    no_gos: tuple[Ballot, ...]
    not_counted: tuple[NotCounted, ...]
    no_approval_needed: bool = False
    missing: Mapping[int, str] | None = None

    @property
    def is_go(self) -> bool:
        """Tell whether it may depart; nothing asked is a go only where the policy says so (RULES D11)."""
        if self.no_gos:
            return False
        return all(line.is_met for line in self.lines) if self.lines else self.no_approval_needed


def tally(
    seats: Sequence[Seat],
    ballots: Iterable[Ballot],
    *,
    digest: str,
    authors: frozenset[int],
    no_approval_needed: bool,
    requesters: frozenset[int] = frozenset(),
    stands_until: datetime | None = None,
    now: datetime | None = None,
) -> Tally:
    """Count the votes.

    A go counts if it is about this very manifest, from somebody who holds the role now and has no change
    aboard (D3, D5). A no-go by anyone who holds the role blocks, authors included and whatever the
    revision, until that person takes it back (D8).

    :param requesters: ids of those who asked for an override
    :param stands_until: no go grows too old before
    :param now: when they are counted; None where their age does not matter
    """
    barred = Barred(digest, authors, requesters, stands_until, now)
    by_role = {seat.role: seat for seat in seats}
    gos: dict[Role, dict[int, str]] = {seat.role: {} for seat in seats}
    no_gos: list[Ballot] = []
    not_counted: list[NotCounted] = []
    for ballot in ballots:
        if why := why_not_counted(ballot, by_role.get(ballot.role), barred):
            not_counted.append(NotCounted(ballot, why))
        elif ballot.choice is Choice.NO_GO:
            no_gos.append(ballot)
        elif ballot.choice is Choice.GO and ballot.user is not None:
            gos[ballot.role][ballot.user] = ballot.name
    spent = {user for given in gos.values() for user in given}
    lines = tuple(
        Line(
            seat.role,
            seat.quorum,
            tuple(gos[seat.role].values()),
            tuple(_could(seat, authors | requesters | spent).values()),
        )
        for seat in seats
    )
    missing = {
        user: name
        for seat, line in zip(seats, lines, strict=True)
        if not line.is_met
        for user, name in _could(seat, authors | requesters | spent).items()
    }
    return Tally(lines, tuple(no_gos), tuple(not_counted), no_approval_needed, missing)


def _could(seat: Seat, without: Iterable[int]) -> dict[int, str]:
    """Return who may still fill a seat: nobody votes twice, or about what they wrote (D5, D6)."""
    out = set(without)
    return {user: name for user, name in seat.people.items() if user not in out}


@dataclass(frozen=True, slots=True)
class Barred:
    """What keeps a go from counting: another manifest, a hand in what is decided, or its age."""

    digest: str
    authors: frozenset[int]
    requesters: frozenset[int] = frozenset()
    stands_until: datetime | None = None
    now: datetime | None = None

    def is_too_old(self, ballot: Ballot) -> bool:
        """Tell whether a go was said too long ago; never before its departure as it was planned."""
        if self.now is None:
            return False
        return self.now >= max(ballot.at + GO_LASTS, self.stands_until or self.now)


def why_not_counted(ballot: Ballot, seat: Seat | None, barred: Barred) -> str | None:
    """Return why a vote does not count, or None."""
    if ballot.choice is Choice.ABSTAIN:
        return None
    if seat is None or ballot.user not in seat.people:
        return f"{ballot.name} does not hold the role {ballot.role.label} here any more."
    if ballot.choice is Choice.NO_GO:
        return None
    if ballot.user in barred.authors:
        return f"{ballot.name} wrote or submitted a change aboard, so this go is not counted."
    if ballot.user in barred.requesters:
        return f"{ballot.name} asked for an override, so this go is not counted."
    if ballot.digest != barred.digest:
        return f"{ballot.name} said go to an older manifest."
    if barred.is_too_old(ballot):
        return f"{ballot.name} said go more than {GO_LASTS.days} days ago, and the departure is late."
    return None


def why_waiting(count: Tally, *, policy: str, owner: str) -> tuple[Reason, ...]:
    """Return each reason why a decision is not a go yet, naming who can change it (RULES D16)."""
    reasons = [
        Reason("no_go", f"{ballot.name} says no-go: {ballot.reason}", who=ballot.name)
        for ballot in count.no_gos
    ]
    if not count.lines and not count.no_approval_needed:
        reasons.append(
            Reason(
                "nothing_asked",
                f"The policy {policy or 'of this train'} asks nobody and does not say that this is meant.",
                who=owner,
            )
        )
    return (*reasons, *(_why_lacking(line) for line in count.lines if not line.is_met))


def _why_lacking(line: Line) -> Reason:
    people = people_words(line.lacking, line.role, more=bool(line.said_go))
    if len(line.could) < line.lacking:
        rest = listed(list(line.could)) or "nobody"
        text = f"Needs a go from {people}, but who may still give one is {rest}."
        return Reason("votes", text, who="an administrator")
    named = " or ".join(line.could[:4]) + (" or others" if len(line.could) > 4 else "")
    return Reason("votes", f"Needs a go from {people}: {named}.", who=named)


def people_words(count: int, role: Role, *, more: bool = False) -> str:
    """Say how many people of a role, e.g. "2 more release managers"."""
    if role is Role.ON_CALL:
        noun = "on-call person" if count == 1 else "on-call people"
    else:
        noun = role.label if count == 1 else f"{role.label}s"
    return f"{count} more {noun}" if more else f"{count} {noun}"


def why_not_quorum(role: Role, quorum: int, holders: int, where: str) -> str | None:
    """Return why a quorum can never be reached, or None (RULES D4)."""
    if quorum < 1:
        return f"A quorum asks for at least one {role.label}; leave the role out to ask nobody."
    if quorum > holders:
        held = "nobody holds" if holders == 0 else f"only {holders} hold" + ("s" if holders == 1 else "")
        return f"The quorum asks for {quorum} × {role.label}, but {held} that role in {where}."
    return None


def go_words(*, clears: bool, departs_at: datetime, zone: str, is_held: bool, now: datetime) -> str:
    """Say what the go button does (RULES D10).

    :param clears: this vote is the last one needed
    """
    if not clears:
        return "Say go"
    if is_held:
        return "Approve; departs once released"
    if now >= departs_at:
        return "Approve and depart now"
    return f"Approve and depart at {time_words(departs_at, zone)}"
