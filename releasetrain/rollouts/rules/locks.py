"""Say why a lock cannot be taken, kept, released or taken over (RULES H6)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from releasetrain.lib.spans import in_words
from releasetrain.lib.verdict import Reason

LONGEST = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Held:
    """Who has a target: `person` is None where a rollout moves it."""

    holder: str
    reason: str
    fence: int
    person: int | None = None
    until: datetime | None = None


def why_not_until(until: datetime, now: datetime) -> str | None:
    """Return why a lock cannot last until then, or None."""
    if until <= now:
        return "Say until when you need it; that time has passed."
    if until - now > LONGEST:
        return f"A lock lasts for {in_words(LONGEST)} at most; renew it, or open a window for longer."
    return None


def why_not_take(held: Held | None) -> Reason | None:
    """Return why nobody can lock a target now, or None."""
    if held is None:
        return None
    text = f"{held.holder} has it: {held.reason} Take it over with a reason, or wait."
    return Reason("locked", text, held.until, held.holder)


def why_not_write(held: Held | None, *, person: int, fence: int) -> Reason | None:
    """Return why somebody may not renew or release a lock any more, or None: it is another one's by now."""
    if held is None:
        return Reason("not_locked", "This lock has ended; nobody has it.")
    if held.fence != fence or held.person != person:
        return Reason("taken_over", f"{held.holder} has it now: {held.reason}", held.until, held.holder)
    return None


def why_not_take_over(held: Held | None, *, person: int, fence: int) -> Reason | None:
    """Return why a lock cannot be taken over, or None; a page that showed another holder is out of date."""
    if held is None:
        return Reason("not_locked", "Nobody has it any more; lock it instead.")
    if held.fence != fence:
        return Reason("stale", f"The page was out of date: {held.holder} has it now, {held.reason}")
    if held.person == person:
        return Reason("yours", "You have it already; renew it instead.")
    return None
