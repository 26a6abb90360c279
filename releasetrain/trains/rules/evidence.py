"""Read what machines say about versions: which words mean green, and which of two reports counts."""

from datetime import datetime, timedelta
from enum import StrEnum

from releasetrain.lib.spans import in_words

# The clocks of two machines differ; what claims to come from later than that is refused.
MOST_AHEAD = timedelta(minutes=5)


class EvidenceState(StrEnum):
    """What a machine says about a version."""

    GREEN = "green"
    RED = "red"
    PENDING = "pending"


# How code hosts and CI say it; what is skipped or neutral stands in nobody's way.
SPOKEN = {
    "success": EvidenceState.GREEN,
    "neutral": EvidenceState.GREEN,
    "skipped": EvidenceState.GREEN,
    "failure": EvidenceState.RED,
    "error": EvidenceState.RED,
    "timed_out": EvidenceState.RED,
    "cancelled": EvidenceState.RED,
    "action_required": EvidenceState.RED,
    "startup_failure": EvidenceState.RED,
    "stale": EvidenceState.RED,
    "pending": EvidenceState.PENDING,
    "queued": EvidenceState.PENDING,
    "requested": EvidenceState.PENDING,
    "waiting": EvidenceState.PENDING,
    "in_progress": EvidenceState.PENDING,
}


def read_spoken(word: object) -> EvidenceState | None:
    """Read the word of a code host; None for one that says nothing of success or failure."""
    return SPOKEN.get(word) if isinstance(word, str) else None


def replaces(at: datetime, before: datetime | None) -> bool:
    """Tell whether a report counts in place of an earlier one: messages may overtake each other."""
    return before is None or at >= before


def is_keepable(text: str) -> bool:
    """Tell whether a database keeps a text: no NUL, no halves of surrogate pairs."""
    return "\0" not in text and not any("\ud800" <= one <= "\udfff" for one in text)


def why_not_evidence(
    *, version: str, name: str, url: str, at: datetime, now: datetime
) -> tuple[str, str] | None:
    """Return the field and why a report cannot be kept, or None."""
    for field, text in (("version", version), ("name", name)):
        if not text.strip() or len(text) > 100:
            return field, f"A report names its {field}, in at most 100 characters."
        if not is_keepable(text):
            return field, f"The {field} holds a character that cannot be kept."
    if url and (len(url) > 500 or not url.startswith(("https://", "http://")) or not is_keepable(url)):
        return "url", "The address of a report starts with https:// and has at most 500 characters."
    if at - now > MOST_AHEAD:
        return "at", f"It claims to be from {in_words(at - now)} ahead; set the clock of whoever reports."
    return None
