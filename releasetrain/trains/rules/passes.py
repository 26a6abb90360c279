"""Say who may grant, refuse, extend and use a late pass (RULES I1, I6)."""

from dataclasses import dataclass
from datetime import datetime

from releasetrain.lib.schedule import at_words
from releasetrain.lib.verdict import Reason
from releasetrain.trains.rules.late import OVER, PassState, Phase

P = PassState


@dataclass(frozen=True, slots=True)
class Pass:
    """A late pass as the rules see it: how far it has come, and who has had a hand in it."""

    state: PassState
    asked_by: int | None = None
    authors: frozenset[int] = frozenset()
    granted_by: int | None = None
    use_by: datetime | None = None
    is_extended: bool = False
    fixes: str = ""
    grants: int = 0

    def is_good_at(self, now: datetime) -> bool:
        """Tell whether it lets its change aboard; at the very instant of its limit it does not (T13)."""
        return self.state is P.GRANTED and self.use_by is not None and now < self.use_by

    def is_enough_in(self, phase: Phase) -> bool:
        """Tell whether as many people have granted it as it takes by now."""
        return self.grants >= phase.grants


def why_over(one: Pass, *, zone: str, now: datetime) -> Reason | None:
    """Return why nothing can be done about a pass any more, or None."""
    if one.state in OVER:
        return Reason(one.state.value, OVER[one.state])
    if one.state is P.GRANTED and one.use_by is not None and now >= one.use_by:
        return Reason("lapsed", f"This late pass has lapsed: it was good until {at_words(one.use_by, zone)}.")
    return None


def why_not_decide(one: Pass, phase: Phase, *, person: int | None, zone: str, now: datetime) -> Reason | None:
    """Return why this person may not grant a pass or refuse it, or None.

    Whoever asked or answers for the change is not the one who decides; a second grant needs a second person.
    """
    if why := why_over(one, zone=zone, now=now):
        return why
    if one.state is P.PRICED:
        return Reason("not_asked", "Nobody has asked for this late pass yet.")
    if one.state is P.GRANTED and one.is_enough_in(phase):
        return Reason("granted", "This late pass is granted already.")
    if person is not None and person == one.asked_by:
        return Reason("second_person", "You asked for this late pass; somebody else must decide about it.")
    if person is not None and person in one.authors:
        return Reason("second_person", "It is your own change; somebody else must decide about it.")
    if phase is Phase.GONE:
        return Reason("gone", phase.rule)
    return None


def why_not_grant(one: Pass, phase: Phase, *, person: int | None, zone: str, now: datetime) -> Reason | None:
    """Return why this person may not grant a pass, or None; the rule is that of the phase it is in now."""
    if why := why_not_decide(one, phase, person=person, zone=zone, now=now):
        return why
    if phase is Phase.CLEARED and not one.fixes:
        return Reason("only_fixes", phase.rule)
    if person is not None and person == one.granted_by:
        return Reason("second_person", "You have granted it already; a second person has to as well.")
    return None


def why_not_use(one: Pass, phase: Phase, *, zone: str, now: datetime) -> Reason | None:
    """Return why a pass lets nothing aboard now, or None.

    One that was granted at a lower price, before its departure was cleared, is granted again at the new one.
    """
    if why := why_over(one, zone=zone, now=now):
        return why
    if one.state is not P.GRANTED:
        return Reason("not_granted", "This late pass is not granted yet.")
    if one.is_enough_in(phase):
        return None
    how = (
        "a second person who runs it has to grant the pass at what it costs now"
        if one.fixes
        else "only what fixes something may come now: take the pass back, and ask again for what it fixes"
    )
    return Reason("priced_again", f"It was granted before this departure was cleared to depart; {how}.")


def why_not_extend(one: Pass, phase: Phase, *, zone: str, now: datetime) -> Reason | None:
    """Return why a pass cannot be good for longer, or None; it is extended once (RULES I6)."""
    if why := why_over(one, zone=zone, now=now):
        return why
    if one.state is not P.GRANTED:
        return Reason("not_granted", "This late pass is not granted, so there is no limit to extend.")
    if one.is_extended:
        return Reason("extended", "This late pass was extended already; a second extension is refused.")
    return Reason("gone", phase.rule) if phase is Phase.GONE else None
