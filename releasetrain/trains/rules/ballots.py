"""Say what a single vote is worth: in which seat it was given, about what, and whether it counts."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from releasetrain.accounts.rules import Role
from releasetrain.lib.spans import in_words
from releasetrain.trains.rules.states import Choice

# A go that is older does not count once its departure is later than planned (RULES W2).
GO_LASTS = timedelta(days=14)
# What fills a place in a seat.
FILLS = (Choice.GO, Choice.NOT_APPLICABLE)
# What keeps a departure back.
OBJECTS = (Choice.NO_GO, Choice.NEEDS_WORK)


@dataclass(frozen=True, slots=True)
class Seat:
    """A role that is asked, how many of it must say go, and who may: user id to name.

    `part` are the services that it is about, None for everything; `part_digest` is what is aboard of them and
    `asked_at` since when. `proxies` are people who may vote in the place of others: user id to (id, name) of
    each. Silence means yes from `silent_yes_at` on.
    """

    role: Role
    quorum: int
    people: Mapping[int, str]
    key: str = ""
    label: str = ""
    part: frozenset[int] | None = None
    part_digest: str = ""
    asked_at: datetime | None = None
    only_veto: bool = False
    allows_not_applicable: bool = False
    self_certifies: bool = False
    silent_yes_at: datetime | None = None
    proxies: Mapping[int, tuple[tuple[int, str], ...]] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Return what tells this seat apart from every other one of the same decision."""
        return self.key or self.role.value

    @property
    def words(self) -> str:
        return self.label or self.role.label

    @property
    def needed(self) -> int:
        return 0 if self.only_veto else self.quorum

    def admits(self, person: int) -> bool:
        """Tell whether somebody may vote here, for themselves or in somebody's place."""
        return person in self.people or person in self.proxies


@dataclass(frozen=True, slots=True)
class Ballot:
    """What one person said in one seat about one manifest.

    `about` is {change id: version} of what an objection is about. `for_user` is in whose place it was said.
    `overruled` says by whom an objection was overruled, `overrule_asked_by` who asked for that.
    """

    user: int | None
    name: str
    role: Role
    choice: Choice
    digest: str
    at: datetime
    reason: str = ""
    seat: str = ""
    part_digest: str = ""
    revision: int = 0
    about: Mapping[int, str] = field(default_factory=dict)
    for_user: int | None = None
    for_name: str = ""
    is_there: bool = True
    overruled: str = ""
    overrule_asked_by: int | None = None
    pk: int = 0

    @property
    def seat_name(self) -> str:
        return self.seat or self.role.value

    @property
    def principal(self) -> int | None:
        """Return whose place it fills."""
        return self.for_user if self.for_name else self.user

    @property
    def who(self) -> str:
        """Say who voted, and in whose place (RULES D14)."""
        return f"{self.name} for {self.for_name}" if self.for_name else self.name


@dataclass(frozen=True, slots=True)
class Barred:
    """What keeps a vote from counting: another manifest, a hand in what is decided, or its age.

    `aboard` is the version of each change in the newest manifest; `lasts` is how long a go lasts.
    """

    digest: str
    authors: frozenset[int]
    requesters: frozenset[int] = frozenset()
    stands_until: datetime | None = None
    now: datetime | None = None
    lasts: timedelta | None = None
    aboard: Mapping[int, str] | None = None

    def is_too_old(self, ballot: Ballot) -> bool:
        """Tell whether a go no longer counts: old, and for a departure that is late (RULES W2)."""
        if self.now is None:
            return False
        return self.now >= max(ballot.at + GO_LASTS, self.stands_until or self.now)

    def has_expired(self, ballot: Ballot) -> bool:
        """Tell whether a go has outlived what its policy allows (RULES D7)."""
        return self.now is not None and self.lasts is not None and self.now >= ballot.at + self.lasts

    def is_current(self, ballot: Ballot, seat: Seat) -> bool:
        """Tell whether the part of the manifest that a vote is about is as it was (RULES D1)."""
        if ballot.digest == self.digest:
            return True
        return bool(ballot.part_digest) and ballot.part_digest == seat.part_digest

    def is_carried(self, ballot: Ballot, seat: Seat) -> bool:
        """Tell whether a vote about an older revision stands, as its own part is as it was (RULES D1)."""
        return ballot.digest != self.digest and self.is_current(ballot, seat)

    def is_mended(self, ballot: Ballot) -> bool:
        """Tell whether everything that an objection names has changed or gone (RULES D8)."""
        if not ballot.about or self.aboard is None:
            return False
        return all(self.aboard.get(change) != version for change, version in ballot.about.items())


def why_not_counted(ballot: Ballot, seat: Seat | None, barred: Barred) -> str | None:
    """Return why a vote does not count, or None."""
    if ballot.choice is Choice.ABSTAIN:
        return None
    if why := _why_not_seated(ballot, seat):
        return why
    if seat is None:
        return None
    if ballot.choice in OBJECTS:
        return _why_not_objecting(ballot, seat, barred)
    if ballot.choice is Choice.NOT_APPLICABLE and not seat.allows_not_applicable:
        return f"{ballot.who} said not applicable, which the seat {seat.words} does not take."
    if why := _why_involved(ballot, seat, barred):
        return why
    said = f"{ballot.who} said {ballot.choice.words}"
    if not barred.is_current(ballot, seat):
        return f"{said} to an older manifest."
    if barred.has_expired(ballot) and barred.lasts:
        return f"{said} {in_words(barred.lasts)} ago or more; that is how long it lasts."
    if barred.is_too_old(ballot):
        return f"{said} more than {GO_LASTS.days} days ago, and the departure is late."
    return None


def _why_not_seated(ballot: Ballot, seat: Seat | None) -> str | None:
    """Return why somebody does not sit there (any more): roles are asked about as they are now (RULES D3)."""
    if seat is None or ballot.principal not in seat.people:
        words = seat.words if seat else ballot.role.label
        return f"{ballot.for_name or ballot.name} does not hold the role {words} here any more."
    if not ballot.is_there:
        return f"{ballot.name} is not here any more."
    return None


def _why_not_objecting(ballot: Ballot, seat: Seat, barred: Barred) -> str | None:
    if ballot.overruled:
        return f"{ballot.who} was overruled by {ballot.overruled}."
    if barred.is_mended(ballot):
        return f"What {ballot.who} objected to has changed or gone since revision {ballot.revision}."
    if ballot.choice is Choice.NEEDS_WORK and not ballot.about and not barred.is_current(ballot, seat):
        return f"{ballot.who} asked for work on an older manifest, and it has changed since."
    return None


def _why_involved(ballot: Ballot, seat: Seat, barred: Barred) -> str | None:
    """Return what hand a voter has in what is decided (RULES D5, D14)."""
    said = ballot.choice.words
    if ballot.for_name and ballot.for_user in barred.authors:
        return f"{ballot.for_name} wrote or submitted a change aboard, so nobody says {said} in that place."
    if ballot.user in barred.authors and not (seat.self_certifies and not ballot.for_name):
        return f"{ballot.name} wrote or submitted a change aboard, so this {said} is not counted."
    if barred.requesters & {ballot.user, ballot.principal}:
        return f"{ballot.name} asked for an override, so this {said} is not counted."
    return None


def seats_for(seats: Collection[Seat], person: int) -> list[Seat]:
    """Return the seats in which somebody may vote."""
    return [seat for seat in seats if seat.admits(person)]
