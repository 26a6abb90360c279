"""Judge what windows stop at an instant; rollback is never asked about (RULES W1, W5, W9)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from releasetrain.lib.spans import in_words
from releasetrain.lib.verdict import Decision, Reason, Verdict, combine


class Stops(StrEnum):
    """How much a window stops."""

    HARD = "hard"
    SOFT = "soft"
    NOTICE = "notice"


DECISIONS = {Stops.HARD: Decision.DENY, Stops.SOFT: Decision.HOLD, Stops.NOTICE: Decision.ALLOW}
WHO_ENDS_IT = "a release manager or an administrator"
LONG = timedelta(days=14)
LONGEST_STOP = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Place:
    """What would move: a service of a team, in an environment."""

    team: int
    service: int
    environment: int


@dataclass(frozen=True, slots=True)
class Freeze:
    """A window as the rules see it; an empty scope field means all."""

    id: int
    name: str
    level: Stops
    reason: str
    starts_at: datetime
    ends_at: datetime
    team: int | None = None
    service: int | None = None
    environment: int | None = None
    stops_the_line: bool = False

    def covers(self, place: Place) -> bool:
        """Tell whether every filled field of the scope matches."""
        return (
            self.team in (None, place.team)
            and self.service in (None, place.service)
            and self.environment in (None, place.environment)
        )

    def is_open(self, at: datetime) -> bool:
        """Tell whether an instant lies inside; one that ends at 06:00 does not block 06:00 (RULES T13)."""
        return self.starts_at <= at < self.ends_at

    def verdict(self) -> Verdict:
        what = {
            Stops.HARD: "stops this",
            Stops.SOFT: "asks for an acknowledgement before this",
            Stops.NOTICE: "is announced",
        }[self.level]
        name = f"Stop the line: {self.name}" if self.stops_the_line else self.name
        reason = Reason(
            f"window_{self.level.value}",
            f"“{name}” {what}: {self.reason.rstrip('.')}.",
            self.ends_at,
            WHO_ENDS_IT,
        )
        return Verdict(DECISIONS[self.level], (reason,))


def judge(
    freezes: Iterable[Freeze],
    places: Iterable[Place],
    at: datetime,
    acknowledged: frozenset[int] = frozenset(),
) -> Verdict:
    """Unite what the open windows over any of the places say.

    :param acknowledged: ids of soft windows that somebody has accepted for this departure
    """
    where = list(places)
    return combine(
        *(
            freeze.verdict()
            for freeze in sorted(freezes, key=lambda one: (one.ends_at, one.id))
            if freeze.is_open(at)
            and any(freeze.covers(place) for place in where)
            and not (freeze.level is Stops.SOFT and freeze.id in acknowledged)
        )
    )


def why_not_window(
    *, starts_at: datetime, ends_at: datetime, is_confirmed: bool, now: datetime
) -> str | None:
    """Return why a window cannot be saved as typed, or None (RULES W10)."""
    if ends_at <= starts_at:
        return "The window ends before it starts."
    if ends_at <= now:
        return "The window has ended already."
    if ends_at - starts_at > LONG and not is_confirmed:
        return f"The window lasts {in_words(ends_at - starts_at)}. Confirm that this is meant."
    return None


def why_not_stop(*, until: datetime, now: datetime) -> str | None:
    """Return why the line cannot be stopped until then, or None (RULES W12)."""
    if until <= now:
        return "Say until when the line is stopped; that time has passed."
    if until - now > LONGEST_STOP:
        return f"The line can be stopped for {in_words(LONGEST_STOP)} at most; open a window for longer."
    return None
