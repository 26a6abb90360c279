"""Price a late pass, and say who may ask for it, grant it, extend it and use it (RULES I1, I6)."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Self

from releasetrain.accounts.rules import Role
from releasetrain.lib.hashing import digest
from releasetrain.lib.schedule import at_words
from releasetrain.lib.spans import in_words
from releasetrain.lib.verdict import Reason
from releasetrain.lib.words import listed
from releasetrain.trains.rules.ballots import FILLS
from releasetrain.trains.rules.boarding import GONE
from releasetrain.trains.rules.decision import Ballot, Tally
from releasetrain.trains.rules.forecast import SHIFT_TAKES, Run, length
from releasetrain.trains.rules.states import DepartureState

D = DepartureState
# A pass that names no limit is good for so long, or until the departure leaves.
USUAL_LIMIT = timedelta(hours=24)


class PassState(StrEnum):
    """How far a late pass has come; a priced one bothers nobody yet."""

    PRICED = "priced"
    ASKED = "asked"
    GRANTED = "granted"
    REFUSED = "refused"
    WITHDRAWN = "withdrawn"
    USED = "used"
    LAPSED = "lapsed"


P = PassState
LIVE = (P.PRICED, P.ASKED, P.GRANTED)
OVER = {
    P.REFUSED: "This late pass was refused.",
    P.WITHDRAWN: "This late pass was withdrawn.",
    P.USED: "This late pass is used already.",
    P.LAPSED: "This late pass has lapsed.",
}


class Phase(StrEnum):
    """How far a departure is, as a latecomer sees it; the later, the stricter."""

    OPEN = "open"
    UNSEALED = "unsealed"
    DECIDING = "deciding"
    CLEARED = "cleared"
    GONE = "gone"

    @property
    def grants(self) -> int:
        """Return how many people have to grant a pass."""
        return 2 if self is Phase.CLEARED else 1

    @property
    def rule(self) -> str:
        return RULES[self]


RULES = {
    Phase.OPEN: "Boarding is open; no pass is needed.",
    Phase.UNSEALED: "The manifest is not sealed yet: one person who runs the departure grants it.",
    Phase.DECIDING: "People are deciding: one person who runs the departure grants it.",
    Phase.CLEARED: "It is cleared to depart: only what fixes something that would stop this departure may "
    "come, and two people who run it have to grant it.",
    Phase.GONE: "It is too late even for a pass.",
}


def phase_of(state: DepartureState, *, cut_off_at: datetime, now: datetime) -> Phase:
    """Return how far a departure is for a change whose cut-off this is; at the cut-off one is late (T13)."""
    if state in GONE:
        return Phase.GONE
    if now < cut_off_at:
        return Phase.OPEN
    if state is D.CLEARED:
        return Phase.CLEARED
    return Phase.DECIDING if state is D.DECIDING else Phase.UNSEALED


@dataclass(frozen=True, slots=True)
class Reopened:
    """One role that would have to say go again, and who in it has said so already."""

    role: Role
    people: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Price:
    """What it costs to let a change aboard now.

    `reopened` are the goes that would no longer count; `barred` of them can never say go again, as they
    would have a change aboard. `bake` is the time on users that new services add, `later` by how much later
    everybody has everything.
    """

    reopened: tuple[Reopened, ...] = ()
    barred: tuple[str, ...] = ()
    services: tuple[str, ...] = ()
    teams: tuple[str, ...] = ()
    bake: timedelta = timedelta(0)
    later: timedelta = timedelta(0)
    revision: int = 0

    @property
    def votes(self) -> int:
        """Return how many goes would no longer count."""
        return sum(len(one.people) for one in self.reopened)

    @property
    def is_free(self) -> bool:
        return not (self.votes or self.services or self.teams or self.bake or self.later)

    @property
    def seal(self) -> str:
        """Return what tells this price from every other one."""
        return digest(self.to_json())[:16]

    def sentences(self) -> list[str]:
        """Say it to people, the dearest first."""
        return [*self._votes(), *self._places(), *self._time()] or [
            "It costs nothing: nobody has said go yet."
        ]

    def brief(self) -> str:
        """Say it on a button, e.g. "re-opens 2 votes, adds 31 min"."""
        parts = [f"re-opens {_count(self.votes, 'vote')}"] if self.votes else []
        parts += [f"adds {in_words(self.later)}"] if self.later else []
        return ", ".join(parts) or "costs nothing"

    def _votes(self) -> list[str]:
        if not self.votes:
            return []
        named = [f"{one.role.label} ({listed(list(one.people))})" for one in self.reopened]
        verb = "is" if self.votes == 1 else "are"
        said = [f"{_count(self.votes, 'vote')} {verb} asked for again: {listed(named)}."]
        if self.barred:
            said.append(f"The go of {listed(list(self.barred))} cannot count again: it is their own change.")
        return said

    def _places(self) -> list[str]:
        said = []
        if self.services:
            one = len(self.services) == 1
            said.append(
                f"{listed(list(self.services))} {'is a service' if one else 'are services'} more to move."
            )
        if self.teams:
            said.append(f"People of {listed(list(self.teams))} are drawn in.")
        return said

    def _time(self) -> list[str]:
        said = []
        if self.bake:
            said.append(f"{in_words(self.bake)} of bake are added.")
        if self.later:
            said.append(f"Everybody has everything {in_words(self.later)} later.")
        elif self.bake:
            said.append("Nothing arrives later: it rolls out beside the rest.")
        return said

    def to_json(self) -> dict[str, Any]:
        return {
            "reopened": [{"role": one.role.value, "people": list(one.people)} for one in self.reopened],
            "barred": list(self.barred),
            "services": list(self.services),
            "teams": list(self.teams),
            "bake_seconds": self.bake.total_seconds(),
            "later_seconds": self.later.total_seconds(),
            "revision": self.revision,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        return cls(
            reopened=tuple(
                Reopened(Role(one["role"]), tuple(one["people"])) for one in value.get("reopened", ())
            ),
            barred=tuple(value.get("barred", ())),
            services=tuple(value.get("services", ())),
            teams=tuple(value.get("teams", ())),
            bake=timedelta(seconds=float(value.get("bake_seconds", 0))),
            later=timedelta(seconds=float(value.get("later_seconds", 0))),
            revision=int(value.get("revision", 0)),
        )


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def price(
    *,
    ballots: Iterable[Ballot],
    before: Tally | None,
    after: Tally | None,
    authors: Iterable[int],
    runs: Sequence[Run],
    with_it: Sequence[Run],
    teams: Iterable[str] = (),
    revision: int = 0,
) -> Price:
    """Price a change that comes aboard late.

    :param before: how the votes are counted now; None where nothing is sealed yet
    :param after: how they would be counted with the change aboard
    :param authors: ids of those who answer for the change
    :param runs: what rolls out now; `with_it` with the change aboard
    :param teams: names of the teams that have nothing aboard yet
    """
    lost = _lost(ballots, before, after)
    known, own = {one.service for one in runs}, set(authors)
    new = [one for one in with_it if one.service not in known]
    return Price(
        reopened=tuple(
            Reopened(role, tuple(one.name for one in lost if one.role is role))
            for role in sorted({one.role for one in lost}, key=lambda role: role.label)
        ),
        barred=tuple(one.name for one in lost if one.user in own),
        services=tuple(sorted(one.name for one in new)),
        teams=tuple(sorted(set(teams))),
        bake=sum((one.lasts - SHIFT_TAKES * len(one.steps) for one in new), timedelta(0)),
        later=max(length(with_it) - length(runs), timedelta(0)),
        revision=revision,
    )


def content_with(
    content: Mapping[str, Any],
    *,
    service: tuple[int, str],
    change: int,
    version: str,
    waiting: Collection[int],
) -> dict[str, Any]:
    """Return the content of a manifest with one change more, as far as votes are about it (RULES D1).

    :param content: see models.Manifest
    :param service: id and name of the service of the change
    :param waiting: ids of the services that go after it
    """
    own, name = service
    services = [dict(one) for one in content.get("services", ())]
    if own not in [one["id"] for one in services]:
        services.append({"id": own, "name": name, "version": "", "changes": []})
        for one in services:
            if one["id"] in waiting:
                waits = one.get("waits_for") or one.get("needs") or []
                one["waits_for"] = sorted({*waits, name})
    for one in services:
        if one["id"] == own:
            others = [old for old in one["changes"] if old["id"] != change]
            one["changes"], one["version"] = [*others, {"id": change, "version": version}], version
    return {**content, "services": services}


def part_with(
    part: frozenset[int] | None, service: int, mates: Collection[int | None]
) -> frozenset[int] | None:
    """Return the part of the manifest that a seat is about once one service more is aboard.

    :param mates: ids of the services aboard of the same team
    """
    if part is None:
        return None
    return part | {service} if part & set(mates) else part


def _lost(ballots: Iterable[Ballot], before: Tally | None, after: Tally | None) -> list[Ballot]:
    """Return the goes that count now and would not any more."""
    if before is None or after is None:
        return []
    void = {one.ballot.user for one in before.not_counted}
    gone = {one.ballot.user for one in after.not_counted} - void
    return [one for one in ballots if one.choice in FILLS and one.user in gone]


def why_not_ask(
    phase: Phase, *, state: DepartureState, fixes: str, cut_off_at: datetime, zone: str
) -> Reason | None:
    """Return why nobody can ask for a late pass now, or None.

    :param fixes: what would stop the departure and is fixed by the change, empty where it fixes nothing
    """
    if phase is Phase.GONE:
        instead = " Take the next departure or the hotfix lane." if state is D.ROLLING else ""
        return Reason("gone", f"This departure {GONE[state]}.{instead}")
    if phase is Phase.OPEN:
        return Reason("open", f"Boarding is open until {at_words(cut_off_at, zone)}; no late pass is needed.")
    if phase is Phase.CLEARED and not fixes.strip():
        return Reason("only_fixes", f"{phase.rule} Say what it fixes.")
    return None


def limit_of(*, departs_at: datetime, now: datetime) -> datetime:
    """Return until when a pass is good that names no limit: a day, or until its departure leaves."""
    return min(departs_at, now + USUAL_LIMIT) if departs_at > now else now + USUAL_LIMIT


def why_not_limit(
    use_by: datetime, *, departs_at: datetime, after: datetime | None, zone: str, now: datetime
) -> str | None:
    """Return why a pass cannot be good until then, or None.

    :param after: its limit now, where it is extended
    """
    if use_by <= now:
        return "Say until when the pass is good; that time has passed."
    if after is not None and use_by <= after:
        return f"It is good until {at_words(after, zone)} already; an extension ends later."
    latest = limit_of(departs_at=departs_at, now=now) if departs_at <= now else departs_at
    if use_by > latest:
        return f"A pass is good until {at_words(latest, zone)} at the latest: then it departs."
    return None
