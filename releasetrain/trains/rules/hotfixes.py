"""Say what a hotfix may do faster than a train, what it owes then, and what would undo it (RULES H3, H4)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from releasetrain.accounts.rules import Role
from releasetrain.lib.schedule import at_words
from releasetrain.lib.verdict import Reason
from releasetrain.trains.rules.decision import people_words
from releasetrain.trains.rules.states import DepartureState

OWED_FOR = timedelta(hours=24)
# A hotfix waits for its votes, not for the clock: it is not late before so long after it was started.
PATIENCE = timedelta(hours=12)

Ask = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Fix:
    """A hotfix that everybody has in one environment: since when, and by which departure."""

    service: int
    service_name: str
    version: str
    since_at: datetime
    departure: str = ""


def small_asks(asks: Sequence[Ask]) -> list[dict[str, Any]]:
    """Return what a broken glass asks for: half of each quorum, rounded down, and one on-call person (H4).

    :param asks: what the policy asks for, [{"role", "quorum", …}]
    """
    small = [{**one, "quorum": int(one["quorum"]) // 2} for one in asks]
    kept = [one for one in small if one["quorum"] and one["role"] != Role.ON_CALL.value]
    on_call = next((one for one in small if one["role"] == Role.ON_CALL.value), {"role": Role.ON_CALL.value})
    return [*kept, {**on_call, "quorum": max(1, int(on_call.get("quorum", 0)))}]


@dataclass(frozen=True, slots=True)
class Owed:
    """Votes of one role that are still owed after a broken glass, and who may give them."""

    role: Role
    quorum: int
    said: tuple[str, ...]
    could: tuple[str, ...]

    @property
    def lacking(self) -> int:
        return max(0, self.quorum - len(self.said))

    @property
    def words(self) -> str:
        """Say who is missing (RULES D16)."""
        people = people_words(self.lacking, self.role, more=bool(self.said))
        return f"{people}: {' or '.join(self.could) or 'nobody holds this role who may still vote'}"


def owed(
    asks: Sequence[Ask],
    holders: Mapping[Role, Mapping[int, str]],
    said_go: Mapping[int, tuple[Role, str]],
    authors: Iterable[int],
) -> list[Owed]:
    """Return how each role of the full policy stands, in its order.

    :param holders: who holds each asked role, id to name
    :param said_go: who said go, before or afterwards: id to the role and the name
    :param authors: who wrote or submitted what went out; they do not count (D5)
    """
    barred = set(authors)
    lines = []
    for one in asks:
        role = Role(one["role"])
        people = holders.get(role, {})
        said = tuple(
            name
            for who, (as_role, name) in said_go.items()
            if as_role is role and who in people.keys() - barred
        )
        could = tuple(name for who, name in people.items() if who not in barred and who not in said_go)
        lines.append(Owed(role, int(one["quorum"]), said, could))
    return lines


def why_undone(fix: Fix, *, version: str, zone: str) -> Reason:
    """Say that a version would take a live hotfix away again."""
    by = f" with {fix.departure}" if fix.departure else ""
    return Reason(
        "hotfix_undo",
        f"{fix.service_name} {version} is not known to contain the hotfix {fix.version}, live since "
        f"{at_words(fix.since_at, zone)}{by}: it would undo it. Send a version that contains it, or attest "
        f"that {version} does.",
        who=f"a submitter of {fix.service_name}, or on-call",
    )


def why_not_break(
    state: DepartureState, *, is_hotfix: bool, is_broken: bool, asks: Sequence[Ask]
) -> Reason | None:
    """Return why the glass of a departure cannot be broken, or None."""
    if not is_hotfix:
        return Reason(
            "not_hotfix",
            "Only a hotfix may go with fewer votes; start one, or wait for the votes of this train.",
        )
    if is_broken:
        return Reason("broken", "The glass is broken already; its small quorum decides.")
    if state is not DepartureState.DECIDING:
        return Reason("not_deciding", f"Nothing is being decided: this departure is {state.value}.")
    if not asks:
        return Reason("nothing_asked", "Its policy asks nobody, so there are no votes to go without.")
    return None


def why_twice(version: str, service: str, departure: str) -> Reason:
    """Say that the same hotfix is under way already."""
    return Reason("under_way", f"{service} {version} is under way already as the hotfix {departure}.")
