"""Choose which reasons a page shows, and what a stakeholder reads of them."""

from collections.abc import Iterable

from releasetrain.lib.verdict import Reason
from releasetrain.panels.audience import Audience

# The page shows these by a countdown, a tally or a chip already.
SHOWN_OTHERWISE = ("not_sealed", "time", "gone")
PUBLIC = {
    "held": "It is held.",
    "window": "Nothing moves at this time.",
    "votes": "People are still deciding.",
    "no_go": "Somebody has said no-go.",
    "operator": "It is paused.",
    "blackout": "Nothing moves at this time.",
    "inconclusive": "The measurements are not clear yet.",
    "metrics_outage": "The measurements are missing.",
}


def shown(reasons: Iterable[Reason], audience: Audience, *, without: tuple[str, ...] = ()) -> list[Reason]:
    """Return the reasons that a page has to spell out, in words for the audience."""
    spelt = [reason for reason in reasons if reason.code not in (*SHOWN_OTHERWISE, *without)]
    return spelt if audience.sees_people else [public(reason) for reason in spelt]


def public(reason: Reason) -> Reason:
    """Keep what and until when; leave out names and what people typed."""
    text = next((words for code, words in PUBLIC.items() if reason.code.startswith(code)), "It waits.")
    return Reason(reason.code, text, reason.until)
