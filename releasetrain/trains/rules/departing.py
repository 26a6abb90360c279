"""Say whether a cleared departure may leave, and what its holds mean."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from releasetrain.lib.spans import in_words
from releasetrain.lib.verdict import Reason
from releasetrain.lib.words import listed


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
    NEEDS = "needs"
    WITHDRAWAL = "withdrawal"
    BLOCKER = "blocker"
    READINESS = "readiness"
    HOTFIX = "hotfix"


# A departure whose window lasted longer needs a person to say go (RULES W2).
MAX_HOLD = timedelta(hours=24)
# What is asked about again at every tick, as it may be over at any moment (RULES W2, W3).
ASKED_AGAIN = frozenset(
    {
        HoldKind.WINDOW,
        HoldKind.FORECAST,
        HoldKind.CHECK_IN,
        HoldKind.BUSY,
        HoldKind.NEEDS,
        HoldKind.WITHDRAWAL,
        HoldKind.BLOCKER,
        HoldKind.READINESS,
        HoldKind.HOTFIX,
    }
)
# What stops the seal, too: there is nothing sound to seal.
STOPS_THE_SEAL = frozenset({HoldKind.MANIFEST, HoldKind.ERROR})
MOST_FAILURES = 5
# Departures that waited for the same window leave one after the other.
STAGGER = timedelta(minutes=2)


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


def why_not_checked_in(title: str, author: str, *, captain: str) -> Reason:
    """Say that nobody is there for a change aboard."""
    return Reason(
        "check_in",
        f"{author} has not checked in for “{title}”.",
        who=f"{author}, or {captain} in their place",
    )


def why_busy(services: Mapping[str, str]) -> Reason | None:
    """Return why a departure that waited does not go on yet, or None: another one still moves the same (W2).

    :param services: name of a service to the departure that moves it
    """
    if not services:
        return None
    named = listed([f"{service} with {departure}" for service, departure in sorted(services.items())])
    return Reason("busy", f"Still on its way: {named}.")


def slot_after(now: datetime, taken: Iterable[datetime], *, places: int = 0) -> datetime:
    """Return when a departure leaves that has waited: two minutes from every other one (RULES W2).

    :param taken: the instants of other departures
    :param places: how many that were planned earlier still have to find theirs
    """
    near = sorted(taken)
    slot, left = now, places
    while True:
        clash = next((one for one in near if abs(one - slot) < STAGGER), None)
        if clash is None and left == 0:
            return slot
        left -= clash is None
        slot = slot + STAGGER if clash is None else clash + STAGGER


def goes_on_by_itself(*, held_at: datetime, now: datetime) -> bool:
    """Tell whether a departure may leave by itself once the window that held it has ended."""
    return now - held_at <= MAX_HOLD
