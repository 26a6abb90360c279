"""Say what ties changes together, and what that keeps from being sealed, left or taken apart (RULES I)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from releasetrain.lib.schedule import at_words
from releasetrain.lib.verdict import Reason
from releasetrain.lib.words import listed
from releasetrain.trains.rules.boarding import GONE
from releasetrain.trains.rules.graph import Circle, circle_with, needs_of, path, turned
from releasetrain.trains.rules.states import BOARDING_STATES, ChangeState, DepartureState, WithdrawalState

D = DepartureState
SEALED_STATES = frozenset({D.DECIDING, D.CLEARED})
MOST_NAMED = 5
NOT_ABOARD = {
    ChangeState.SUBMITTED: "is aboard no train yet",
    ChangeState.WITHDRAWN: "was withdrawn",
    ChangeState.RETURNED: "was returned to its author",
    ChangeState.EJECTED: "was ejected",
    ChangeState.STAND_BY: "stands by for room",
    ChangeState.DRAFT: "is a draft",
    ChangeState.ROLLED_OVER: "was rolled over to another train",
}


@dataclass(frozen=True, slots=True)
class Tied:
    """A change as its ties see it: where it is, and with whom it goes all or nothing."""

    change: int
    title: str
    state: ChangeState
    departure: int | None = None
    code: str = ""
    departs_at: datetime | None = None
    bundle: int | None = None


@dataclass(frozen=True, slots=True)
class Ties:
    """The needs of some changes, (change, needed) by their ids, and what is known of both."""

    changes: Mapping[int, Tied]
    needs: tuple[tuple[int, int], ...]


def why_not_met(needed: Tied, *, departure: int, departs_at: datetime, zone: str, is_sealing: bool) -> str:
    """Return what keeps a needed change from being there in time, in the words after “and that”, or nothing.

    One that is aboard an earlier departure lets the seal pass, but has to have arrived before this one goes.
    """
    if needed.state is ChangeState.SHIPPED or (
        needed.state is ChangeState.ABOARD and needed.departure == departure
    ):
        return ""
    if needed.state is not ChangeState.ABOARD or needed.departs_at is None:
        return NOT_ABOARD.get(needed.state, f"is {needed.state.value.replace('_', ' ')}")
    when = at_words(needed.departs_at, zone)
    if needed.departs_at >= departs_at:
        return f"is aboard {needed.code}, which departs later, on {when}"
    return "" if is_sealing else f"is aboard {needed.code}, which has not arrived yet"


def why_not_all_met(
    ties: Ties, *, departure: int, departs_at: datetime, zone: str, is_sealing: bool, who: str
) -> list[Reason]:
    """Return a reason for each needed change that is not there in time, with the chain to it (RULES I8)."""
    needed_by = needs_of(turned(ties.needs))
    found: list[Reason] = []
    for pk in sorted({needed for _, needed in ties.needs}):
        why = why_not_met(
            ties.changes[pk], departure=departure, departs_at=departs_at, zone=zone, is_sealing=is_sealing
        )
        if why:
            said = chain_words([ties.changes[one].title for one in longest_up(pk, needed_by)])
            found.append(Reason("needs", f"{said}, and that {why}.", who=who))
    return found


def longest_up(start: int, needed_by: Mapping[int, Sequence[int]]) -> list[int]:
    """Return the chain that ends at one that is needed and begins at the farthest that hangs on it."""
    depth: dict[int, int] = {start: 0}
    queue = [start]
    for here in queue:
        for one in needed_by.get(here, ()):
            if one not in depth:
                depth[one] = depth[here] + 1
                queue.append(one)
    return path(start, queue[-1], needed_by)[::-1]


def chain_words(titles: Sequence[str]) -> str:
    """Say who needs whom, e.g. “C” needs “B”, which needs “A”; of a long chain, both ends."""
    quoted = [f"“{title}”" for title in titles]
    if len(quoted) > MOST_NAMED:
        left_out = len(quoted) - MOST_NAMED + 1
        quoted = [*quoted[:2], f"{left_out} more", *quoted[-2:]]
    first, *rest = quoted
    return f"{first} needs {', which needs '.join(rest)}" if rest else first


def why_bundle_is_broken(
    name: str, missing: Sequence[str], standing: Sequence[str], who: str
) -> Reason | None:
    """Return why a bundle that is not whole cannot be sealed, or None (RULES I9).

    :param missing: the titles of those that have left it
    :param standing: the titles of those that stand by for room
    """
    if not missing and not standing:
        return None
    said = []
    if missing:
        has = "has" if len(missing) == 1 else "have"
        said.append(f"{listed([f'“{one}”' for one in missing])} {has} left it")
    if standing:
        stands = "stands" if len(standing) == 1 else "stand"
        said.append(f"{listed([f'“{one}”' for one in standing])} {stands} by for room")
    ways = "take the rest off, or say that it goes without"
    text = f"The bundle {name} goes all or nothing, and {' and '.join(said)}: {ways}."
    return Reason("bundle", text, who=who)


def why_withdrawal_waits(title: str, by: str, reason: str, who: str) -> Reason:
    """Say that somebody has asked to take a change off and waits for an answer (RULES I3)."""
    return Reason("withdrawal", f"{by} asks to take “{title}” off: {reason.rstrip('.')}.", who=who)


def why_not_need(
    change: Tied, needed: Tied, needs: Iterable[tuple[int, int]], changes: Mapping[int, Tied]
) -> Reason | None:
    """Return why a change may not need another one: a circle through more than one bundle (RULES I9).

    :param needs: those that are known already
    """
    if change.change == needed.change:
        return Reason("itself", "A change cannot need itself.")
    circle = circle_with((change.change, needed.change), needs)
    bundles = {changes[one].bundle for one in circle}
    if not circle or (len(bundles) == 1 and None not in bundles):
        return None
    printed = Circle([f"“{changes[one].title}”" for one in circle], "changes")
    return Reason("circle", f"{printed} Put them into one bundle if they have to go together.")


def why_not_tie(
    state: DepartureState | None,
    *,
    runs_it: bool,
    cut_off_at: datetime | None,
    zone: str,
    who: str,
    now: datetime,
) -> Reason | None:
    """Return why what a change needs, or its bundle, may not be edited now, or None.

    After the cut-off only whoever runs the departure may: it makes a new revision.

    :param state: of its departure; None where it is on none
    """
    if state is None:
        return None
    if state in GONE:
        return Reason("gone", f"This departure {GONE[state]}.")
    is_closed = state in SEALED_STATES or (cut_off_at is not None and now >= cut_off_at)
    if is_closed and not runs_it:
        when = f" on {at_words(cut_off_at, zone)}" if cut_off_at else ""
        text = (
            f"The cut-off was{when}; what goes together is fixed. {who} can change it, with a new revision."
        )
        return Reason("cut_off", text, who=who)
    return None


def why_not_eject(state: ChangeState, departure: DepartureState | None) -> Reason | None:
    """Return why a change may not be taken off by whoever runs its departure, or None (RULES I4)."""
    if departure is None or state is not ChangeState.ABOARD:
        return Reason("not_aboard", "This change is aboard no departure, so there is nothing to take off.")
    return why_rolling(departure) or (
        Reason("gone", f"This departure {GONE[departure]}.") if departure in GONE else None
    )


def why_rolling(departure: DepartureState) -> Reason | None:
    """Return that a departure is under way, and what helps then instead (RULES I4)."""
    if departure is not D.ROLLING:
        return None
    return Reason(
        "rolling",
        "This departure has departed, so nothing can be withdrawn. Switch the change’s flag off, roll the "
        "departure back, or mend it with a hotfix.",
    )


def why_not_ask(
    state: ChangeState,
    departure: DepartureState | None,
    *,
    cut_off_at: datetime | None,
    is_asked: bool,
    zone: str,
    now: datetime,
) -> Reason | None:
    """Return why nobody may ask to take a change off, or None (RULES I2 to I4)."""
    if why := why_not_eject(state, departure):
        return why
    if is_asked:
        return Reason("asked", "That is asked already, and waits for an answer.")
    if departure in BOARDING_STATES and cut_off_at is not None and now < cut_off_at:
        text = f"Until the cut-off on {at_words(cut_off_at, zone)} it can simply be withdrawn."
        return Reason("open", text, until=cut_off_at)
    return None


def why_not_decide(state: WithdrawalState, departure: DepartureState, change: ChangeState) -> Reason | None:
    """Return why a request to leave cannot be answered any more, or None."""
    if state is not WithdrawalState.ASKED:
        return Reason("decided", f"This request was {state.value.replace('_', ' ')} already.")
    return why_not_eject(change, departure)


def why_not_reopen(
    state: DepartureState, *, cut_off_at: datetime, departs_at: datetime, zone: str, now: datetime
) -> Reason | None:
    """Return why a sealed departure may not board again until a new cut-off, or None (RULES I13)."""
    if why := why_never_reopen(state):
        return why
    if cut_off_at <= now:
        return Reason("past", "The new cut-off has passed already; choose a later one.")
    if cut_off_at > departs_at:
        text = (
            f"The new cut-off lies after the departure on {at_words(departs_at, zone)}; postpone that first."
        )
        return Reason("after_departure", text)
    return None


def why_never_reopen(state: DepartureState) -> Reason | None:
    """Return why there is nothing to open again, or None."""
    if state in GONE:
        return Reason("gone", f"This departure {GONE[state]}.")
    if state in BOARDING_STATES:
        return Reason("boarding", "This departure is not sealed; changes board as they are.")
    return None
