"""Say which events are told to whom, and when an undelivered message is tried again."""

from datetime import timedelta
from enum import StrEnum


class Audience(StrEnum):
    """People who are concerned by a departure."""

    ABOARD = "aboard"
    RUNNERS = "runners"
    VOTERS = "voters"


A = Audience
EVERYBODY = (A.ABOARD, A.RUNNERS)
TOLD: dict[str, tuple[Audience, ...]] = {
    "trains.departure.sealed": (A.VOTERS, A.ABOARD, A.RUNNERS),
    "trains.departure.reopened": (A.VOTERS, A.RUNNERS),
    "trains.departure.cleared": (A.RUNNERS,),
    "trains.departure.held": EVERYBODY,
    "trains.departure.released": EVERYBODY,
    "trains.departure.moved": EVERYBODY,
    "trains.departure.departed": EVERYBODY,
    "trains.departure.arrived": EVERYBODY,
    "trains.departure.rolled_back": EVERYBODY,
    "trains.departure.cancelled": EVERYBODY,
    "trains.departure.skipped": (A.RUNNERS,),
}

WAITS = tuple(
    timedelta(seconds=seconds) for seconds in (10, 60, 5 * 60, 30 * 60, 2 * 3600, 6 * 3600, 12 * 3600)
)


def wait_after(attempts: int) -> timedelta | None:
    """Return how long to wait after so many attempts, or None when it is time to give up."""
    return WAITS[attempts - 1] if attempts <= len(WAITS) else None
