"""Check that a policy can be met at all, and say what an edit of it gives up (RULES D2, D4, D6)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from releasetrain.accounts.rules import Role
from releasetrain.lib.spans import in_words
from releasetrain.lib.words import listed
from releasetrain.trains.rules.plan import Ask
from releasetrain.trains.rules.states import Part


@dataclass(frozen=True, slots=True)
class Places:
    """How many different people a seat asks for, and who holds its role: ids."""

    words: str
    quorum: int
    people: frozenset[int]


def why_not_fillable(seats: Sequence[Places]) -> str | None:
    """Return why different people can never fill every seat at once, or None (RULES D4, D6).

    Each person fills one place only, whatever roles they hold: a matching is looked for.
    """
    taken: dict[int, tuple[int, int]] = {}
    for number, seat in enumerate(seats):
        for place in range(seat.quorum):
            if not _seated((number, place), seats, taken, set()):
                named = listed(
                    [one.words for one in seats[: number + 1] if one.people & seat.people or one is seat]
                )
                return f"There are not enough different people to fill {named}: each fills one place only."
    return None


def _seated(
    place: tuple[int, int],
    seats: Sequence[Places],
    taken: dict[int, tuple[int, int]],
    asked: set[int],
) -> bool:
    """Find somebody for a place, moving others to their other seats where that helps."""
    for person in sorted(seats[place[0]].people - asked):
        asked.add(person)
        if person not in taken or _seated(taken[person], seats, taken, asked):
            taken[person] = place
            return True
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a policy asks, as far as it can be asked less."""

    owner: int
    asks: tuple[Ask, ...] = ()
    no_approval_needed: bool = False
    votes_last: timedelta | None = None
    decide_by: Mapping[str, Any] | None = None
    guards_quorum: bool = False


def weaker(old: Terms, new: Terms) -> list[str]:
    """Say what a new edition of a policy gives up, nothing where it asks no less (RULES D2)."""
    return list(_weaker(old, new))


def _weaker(old: Terms, new: Terms) -> Iterator[str]:
    kept = {ask.key: ask for ask in new.asks}
    for ask in old.asks:
        if ask.key in kept:
            yield from _weaker_ask(ask, kept[ask.key])
        else:
            yield f"{_named(ask)} is not asked any more"
    if new.no_approval_needed and not old.no_approval_needed:
        yield "no approval is needed any more"
    if new.owner != old.owner:
        yield "another team answers for it"
    if old.votes_last is not None and (new.votes_last is None or new.votes_last > old.votes_last):
        lasts = f"lasts {in_words(new.votes_last)}" if new.votes_last else "does not expire"
        yield f"a go {lasts} instead of {in_words(old.votes_last)}"
    if old.decide_by and not new.decide_by:
        yield "no deadline is put to anybody any more"
    if old.guards_quorum and not new.guards_quorum:
        yield "people may lose a role that is needed"


def _named(ask: Ask) -> str:
    return ask.label or ask.role.label


def _weaker_ask(old: Ask, new: Ask) -> Iterator[str]:
    who = _named(old)
    if new.only_veto and not old.only_veto:
        yield f"no go of {who} is waited for"
    elif new.quorum < old.quorum:
        yield f"{new.quorum} instead of {old.quorum} × {who}"
    if (old.team and old.team[0]) != (new.team and new.team[0]):
        yield f"{who} are other people"
    if old.part is Part.WHOLE and new.part is Part.OWN:
        yield f"{who} is asked about a part only"
    if new.allows_not_applicable and not old.allows_not_applicable:
        yield f"{who} may say “not applicable”"
    if new.self_certify_up_to is not None and new.self_certify_up_to > (
        -1 if old.self_certify_up_to is None else old.self_certify_up_to
    ):
        yield f"authors may say go to their own changes of up to {new.self_certify_up_to} points as {who}"
    if new.silence_after is not None and (old.silence_after is None or new.silence_after < old.silence_after):
        yield f"silence of {who} means yes after {in_words(new.silence_after)}"


def flaws(asks: Sequence[Ask], *, no_approval_needed: bool) -> str | None:
    """Return what is wrong with what a policy asks by itself, or None (RULES D11)."""
    keys = [ask.key for ask in asks]
    if twice := sorted({_named(ask) for ask in asks if keys.count(ask.key) > 1}):
        return f"{listed(twice)} is asked twice; give each slot of a role a name of its own."
    for ask in asks:
        if why := _flaw(ask):
            return why
    if asks and all(ask.only_veto for ask in asks) and not no_approval_needed:
        return "Vetoes alone approve nothing. Ask somebody for a go, or say that no approval is needed."
    return None


def _flaw(ask: Ask) -> str | None:
    if len(ask.slot) > MOST_SLOT:
        return f"A slot has a name of at most {MOST_SLOT} characters."
    if ask.role is Role.VIEWER:
        return "Viewers do not vote; ask a role that answers for something."
    if ask.silence_after is not None and not SHORTEST_SILENCE <= ask.silence_after <= LONGEST_SILENCE:
        shortest, longest = in_words(SHORTEST_SILENCE), in_words(LONGEST_SILENCE)
        return f"Silence means yes after {shortest} to {longest}."
    if ask.only_veto and ask.silence_after is not None:
        return "A seat with a veto only is not waited for, so silence means nothing there."
    return None


MOST_SLOT = 60
SHORTEST_SILENCE, LONGEST_SILENCE = timedelta(minutes=10), timedelta(days=14)
