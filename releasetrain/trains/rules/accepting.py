"""Say where a departure would be held on its way, and whether somebody has accepted that (RULES W4)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from releasetrain.lib.schedule import at_words
from releasetrain.lib.verdict import Reason
from releasetrain.trains.rules.forecast import Course, Hold


def where_words(hold: Hold, zone: str) -> str:
    """Say what becomes of a service, e.g. "Shop would be held at 25 % from … until …"."""
    start = at_words(hold.start, zone)
    if hold.comes_back:
        return f"{hold.run.name} would be rolled back from {hold.weight} % on {start}"
    until = f"until {at_words(hold.end, zone)}" if hold.end else "and nobody knows until when"
    return f"{hold.run.name} would be held at {hold.weight} % from {start} {until}"


def why_will_hold(
    hold: Hold, *, zone: str, last_safe_at: datetime | None, next_at: datetime | None, who: str, now: datetime
) -> Reason:
    """Return why a departure may not leave before somebody accepts what would become of it."""
    because = " ".join(one.text for one in hold.reasons())
    parts = [f"{where_words(hold, zone)}: {because}"]
    if last_safe_at:
        verb = "is" if last_safe_at >= now else "was"
        parts.append(f"The last safe departure {verb} {at_words(last_safe_at, zone)}.")
    if next_at:
        parts.append(f"The next safe one is {at_words(next_at, zone)}.")
    parts.append("Accepted, it leaves all the same.")
    return Reason("will_hold", " ".join(parts), until=next_at, who=who)


def agreement(course: Course) -> dict[str, Any]:
    """Return what somebody accepts who lets a departure go in spite of its holds.

    :raises ValueError: nothing would be held
    """
    worst = course.worst
    if worst is None:
        raise ValueError("nothing would be held")
    ends = [one.end for one in course.holds if not one.comes_back]
    known = [end for end in ends if end is not None]
    return {
        "weight": max(one.weight for one in course.holds),
        "service": worst.run.name,
        "services": sorted({one.run.service for one in course.holds}),
        "until": max(known).isoformat() if known and len(known) == len(ends) else None,
        "comes_back": any(one.comes_back for one in course.holds),
    }


def is_accepted(accepted: Mapping[str, Any], course: Course) -> bool:
    """Tell whether what somebody accepted covers what is foreseen now; anything worse is asked again.

    Worse is: another service, more users, a later end, or a rollback instead of a hold.
    """
    if not accepted or not course.holds:
        return not course.holds
    now = agreement(course)
    if now["comes_back"] and not accepted.get("comes_back"):
        return False
    if now["weight"] > accepted.get("weight", 0) or not set(now["services"]) <= set(accepted["services"]):
        return False
    if accepted.get("until") is None:
        return True
    return now["until"] is not None and datetime.fromisoformat(now["until"]) <= datetime.fromisoformat(
        accepted["until"]
    )
