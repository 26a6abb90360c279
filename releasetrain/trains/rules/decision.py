"""Count votes against what a plan asks for, and say who is missing."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from releasetrain.accounts.rules import Role
from releasetrain.lib.schedule import time_words
from releasetrain.lib.verdict import Reason
from releasetrain.lib.words import listed
from releasetrain.trains.rules.ballots import (
    FILLS,
    GO_LASTS,
    OBJECTS,
    Ballot,
    Barred,
    Seat,
    why_not_counted,
)
from releasetrain.trains.rules.states import Choice

__all__ = [
    "GO_LASTS",
    "Ballot",
    "Line",
    "NotCounted",
    "Seat",
    "Tally",
    "go_words",
    "people_words",
    "tally",
    "why_not_quorum",
    "why_waiting",
]


@dataclass(frozen=True, slots=True)
class Line:
    """How one seat stands: who said go, and who still could (RULES D16).

    `said_go` names also who stood in for somebody, who found it not applicable, and `carried` whose go was
    about an older revision. `is_silent` tells that silence means yes by now.
    """

    role: Role
    quorum: int
    said_go: tuple[str, ...]
    could: tuple[str, ...]
    seat: Seat | None = None
    carried: frozenset[int] = frozenset()
    is_silent: bool = False

    @property
    def name(self) -> str:
        return self.seat.name if self.seat else self.role.value

    @property
    def words(self) -> str:
        return self.seat.words if self.seat else self.role.label

    @property
    def lacking(self) -> int:
        return max(0, self.quorum - len(self.said_go))

    @property
    def is_met(self) -> bool:
        return self.lacking == 0 or self.is_silent


@dataclass(frozen=True, slots=True)
class NotCounted:
    """A vote that stands on record and does not count, with the reason (RULES D5)."""

    ballot: Ballot
    why: str


@dataclass(frozen=True, slots=True)
class Tally:
    """How a decision stands; `no_gos` are all objections that count: no-go and needs work."""

    lines: tuple[Line, ...]
    no_gos: tuple[Ballot, ...]
    not_counted: tuple[NotCounted, ...]
    no_approval_needed: bool = False
    missing: Mapping[int, str] | None = None

    def counts(self, ballot: Ballot) -> bool:
        """Tell whether a vote counts, or is on record only."""
        return all(one.ballot.pk != ballot.pk for one in self.not_counted)

    @property
    def is_go(self) -> bool:
        """Tell whether it may depart; nothing asked is a go only where the policy says so (RULES D11)."""
        if self.no_gos:
            return False
        if any(line.quorum for line in self.lines):
            return all(line.is_met for line in self.lines)
        return self.no_approval_needed


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
    lasts: timedelta | None = None,
    aboard: Mapping[int, str] | None = None,
) -> Tally:
    """Count the votes.

    A go counts if its part of the manifest is as it was (D1), from somebody who holds the role now and has no
    change aboard (D3, D5). A no-go by anyone who holds the role blocks, authors included and whatever the
    revision, until that person takes it back, everything that it names has changed, or it is overruled (D8).
    "Needs work" blocks until its part changes.

    :param requesters: ids of those who asked for an override
    :param stands_until: no go grows too old before
    :param now: when they are counted; None where their age does not matter
    :param lasts: how long a go lasts (D7)
    :param aboard: the version of each change in the manifest, by its id
    """
    given = list(ballots)
    asked = requesters | {one.overrule_asked_by for one in given if one.overrule_asked_by is not None}
    barred = Barred(digest, authors, asked, stands_until, now, lasts, aboard)
    by_name = {seat.name: seat for seat in seats}
    gos: dict[str, dict[int, Ballot]] = {seat.name: {} for seat in seats}
    no_gos: list[Ballot] = []
    not_counted: list[NotCounted] = []
    for ballot in given:
        if why := why_not_counted(ballot, by_name.get(ballot.seat_name), barred):
            not_counted.append(NotCounted(ballot, why))
        elif ballot.choice in OBJECTS:
            no_gos.append(ballot)
        elif ballot.choice in FILLS and ballot.principal is not None:
            gos[ballot.seat_name].setdefault(ballot.principal, ballot)
    answers = _Answers.of(given, gos, barred)
    lines = tuple(_line(seat, gos[seat.name], answers, barred, is_objected=bool(no_gos)) for seat in seats)
    missing = {
        user: name
        for seat, line in zip(seats, lines, strict=True)
        if not line.is_met
        for user, name in answers.could(seat, line.lacking).items()
    }
    return Tally(lines, tuple(no_gos), tuple(not_counted), no_approval_needed, missing)


@dataclass(frozen=True, slots=True)
class _Answers:
    """Who is out: those who have filled a seat, and who may fill none; and who has abstained."""

    out: frozenset[int]
    authors: frozenset[int]
    abstained: frozenset[int]

    @classmethod
    def of(
        cls, ballots: Iterable[Ballot], gos: Mapping[str, Mapping[int, Ballot]], barred: Barred
    ) -> "_Answers":
        spent = {person for given in gos.values() for one in given.values() for person in _people(one)}
        said_nothing = {one.user for one in ballots if one.choice is Choice.ABSTAIN and one.user is not None}
        return cls(frozenset(barred.requesters | spent), barred.authors, frozenset(said_nothing))

    def could(self, seat: Seat, lacking: int) -> dict[int, str]:
        """Return who may still fill a seat: nobody votes twice, or about what they wrote (D5, D6).

        Somebody who has abstained is named only where the others are too few.
        """
        out = self.out if seat.self_certifies else self.out | self.authors
        free = {user: name for user, name in seat.people.items() if user not in out}
        fresh = {user: name for user, name in free.items() if user not in self.abstained}
        return fresh if len(fresh) >= lacking else free


def _people(ballot: Ballot) -> set[int]:
    return {person for person in (ballot.user, ballot.principal) if person is not None}


def _line(
    seat: Seat, gos: Mapping[int, Ballot], answers: _Answers, barred: Barred, *, is_objected: bool
) -> Line:
    lacking = max(0, seat.needed - len(gos))
    could = answers.could(seat, lacking)
    # Silence of nobody is no yes (RULES D11).
    silent = (
        lacking > 0
        and not is_objected
        and len(could) >= lacking
        and seat.silent_yes_at is not None
        and barred.now is not None
        and barred.now >= seat.silent_yes_at
    )
    carried = frozenset(user for user, one in gos.items() if barred.is_carried(one, seat))
    said = tuple(one.who for one in gos.values())
    return Line(seat.role, seat.needed, said, tuple(could.values()), seat, carried, silent)


def why_waiting(count: Tally, *, policy: str, owner: str) -> tuple[Reason, ...]:
    """Return each reason why a decision is not a go yet, naming who can change it (RULES D16)."""
    reasons = [
        Reason("no_go", f"{ballot.who} says {ballot.choice.words}: {ballot.reason}", who=_who_clears(ballot))
        for ballot in count.no_gos
    ]
    if not any(line.quorum for line in count.lines) and not count.no_approval_needed:
        reasons.append(
            Reason(
                "nothing_asked",
                f"The policy {policy or 'of this train'} asks nobody and does not say that this is meant.",
                who=owner,
            )
        )
    return (*reasons, *(_why_lacking(line) for line in count.lines if not line.is_met))


def _who_clears(ballot: Ballot) -> str:
    """Say who can take an objection away (RULES D8)."""
    return ballot.name if ballot.for_name == "" else f"{ballot.name} or {ballot.for_name}"


def _why_lacking(line: Line) -> Reason:
    people = people_words(line.lacking, line.role, more=bool(line.said_go))
    if line.seat and line.seat.label:
        people = (
            f"{line.lacking} more for {line.words}" if line.said_go else f"{line.lacking} for {line.words}"
        )
    if len(line.could) < line.lacking:
        rest = listed(list(line.could)) or "nobody"
        text = f"Needs a go from {people}, but who may still give one is {rest}."
        return Reason("votes", text, who="an administrator")
    named = " or ".join(line.could[:4]) + (" or others" if len(line.could) > 4 else "")
    until = line.seat.silent_yes_at if line.seat else None
    return Reason("votes", f"Needs a go from {people}: {named}.", until, who=named)


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
