"""Say who may overrule an objection: two people, neither of whom has a hand in it (RULES D8)."""

from dataclasses import dataclass

from releasetrain.lib.verdict import Reason
from releasetrain.trains.rules.ballots import OBJECTS
from releasetrain.trains.rules.states import Choice


@dataclass(frozen=True, slots=True)
class Objection:
    """A vote as the rules of overruling see it, and how far that has come."""

    choice: Choice
    voter: int | None
    voter_name: str
    is_open: bool = True
    asked_by: int | None = None
    asked_by_name: str = ""
    is_overruled: bool = False


def why_not_overrule(one: Objection, *, person: int, authors: frozenset[int]) -> Reason | None:
    """Return why this person may not ask to overrule an objection, or None.

    :param authors: ids of those who wrote or submitted a change aboard
    """
    if why := _why_over(one):
        return why
    if one.asked_by_name:
        return Reason("asked", f"{one.asked_by_name} has asked for that already; a second person must agree.")
    return _why_involved(one, person, authors)


def why_not_agree(one: Objection, *, person: int, authors: frozenset[int]) -> Reason | None:
    """Return why this person may not be the second one, or None."""
    if why := _why_over(one):
        return why
    if not one.asked_by_name:
        return Reason("not_asked", "Nobody has asked to overrule this vote.")
    if person == one.asked_by:
        return Reason("second_person", "You asked for this; somebody else must agree.")
    return _why_involved(one, person, authors)


def _why_over(one: Objection) -> Reason | None:
    if one.choice not in OBJECTS:
        return Reason("no_objection", "This vote stops nothing, so there is nothing to overrule.")
    if not one.is_open:
        return Reason("gone", "This vote was replaced, or its departure is no longer being decided.")
    if one.is_overruled:
        return Reason("overruled", "This vote is overruled already.")
    return None


def _why_involved(one: Objection, person: int, authors: frozenset[int]) -> Reason | None:
    if person == one.voter:
        return Reason("second_person", "This is your own vote; vote again instead.")
    if person in authors:
        text = (
            f"You wrote or submitted a change aboard; {one.voter_name} is overruled by others or not at all."
        )
        return Reason("second_person", text)
    return None
