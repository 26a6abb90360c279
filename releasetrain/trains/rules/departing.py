"""Say whether a cleared departure may leave, and what its holds mean."""

from datetime import datetime, timedelta
from enum import StrEnum

from releasetrain.lib.spans import in_words
from releasetrain.lib.verdict import Reason


class HoldKind(StrEnum):
    """Why a departure is held; each kind has its own way out."""

    PERSON = "person"
    WINDOW = "window"
    LATE = "late"
    MANIFEST = "manifest"
    TARGET = "target"
    ERROR = "error"
    FORECAST = "forecast"
    CHECK_IN = "check_in"
    BUSY = "busy"


# A departure whose window lasted longer needs a person to say go (RULES W2).
MAX_HOLD = timedelta(hours=24)
# What stops the seal, too: there is nothing sound to seal.
STOPS_THE_SEAL = frozenset({HoldKind.MANIFEST, HoldKind.ERROR})
MOST_FAILURES = 5


def why_late(*, departs_at: datetime, grace: timedelta, captain: str, now: datetime) -> Reason | None:
    """Return why a departure is too late to leave by itself, or None (RULES T11)."""
    late = now - departs_at
    if late <= grace:
        return None
    return Reason(
        "late",
        f"It is {in_words(late)} late; more than {in_words(grace)} is for a person to decide.",
        who=captain,
    )


def goes_on_by_itself(*, held_at: datetime, now: datetime) -> bool:
    """Tell whether a departure may leave by itself once the window that held it has ended."""
    return now - held_at <= MAX_HOLD
