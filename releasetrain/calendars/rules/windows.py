"""Say what a window is: how much it stops, where, for which lanes, and when."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from releasetrain.lib.spans import Span


class Stops(StrEnum):
    """How much a window stops."""

    HARD = "hard"
    SOFT = "soft"
    NOTICE = "notice"

    @property
    def words(self) -> str:
        return {
            Stops.HARD: "hard: nothing moves",
            Stops.SOFT: "soft: needs an acknowledgement",
            Stops.NOTICE: "notice: shown only",
        }[self]


class Effect(StrEnum):
    """Whether things stand still inside a window, or move only inside it; deny beats allow (RULES W5)."""

    DENY = "deny"
    ALLOW = "allow"

    @property
    def words(self) -> str:
        return {Effect.DENY: "nothing moves inside it", Effect.ALLOW: "things move only inside it"}[self]


class Behaviour(StrEnum):
    """What becomes of a rollout that runs when the window opens (RULES W1)."""

    HOLD = "hold"
    FINISH_STAGE = "finish_stage"
    FINISH_ROLLOUT = "finish_rollout"
    ROLL_BACK = "roll_back"

    @property
    def words(self) -> str:
        return {
            Behaviour.HOLD: "holds where it is",
            Behaviour.FINISH_STAGE: "finishes its stage, then holds",
            Behaviour.FINISH_ROLLOUT: "goes on to its end",
            Behaviour.ROLL_BACK: "is rolled back",
        }[self]


class Lane(StrEnum):
    """Which way something goes out; a window may stop one lane and leave another open."""

    TRAIN = "train"
    HOTFIX = "hotfix"
    FLAGS = "flags"

    @property
    def words(self) -> str:
        return {Lane.TRAIN: "trains", Lane.HOTFIX: "hotfixes", Lane.FLAGS: "flags switched on"}[self]


class DayMode(StrEnum):
    """Whose day an all-day window means (RULES T7)."""

    ZONE = "zone"
    REGIONS = "regions"
    ANYWHERE = "anywhere"

    @property
    def words(self) -> str:
        return {
            DayMode.ZONE: "the day in one zone",
            DayMode.REGIONS: "each region’s own day",
            DayMode.ANYWHERE: "the day everywhere on Earth",
        }[self]


@dataclass(frozen=True, slots=True)
class Place:
    """What would move: a service of a team, in an environment, in its region where it has one; ids."""

    team: int
    service: int
    environment: int
    region: int | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """A part of the house by ids; an empty field matches anything."""

    team: int | None = None
    service: int | None = None
    environment: int | None = None
    region: int | None = None

    def matches(self, place: Place) -> bool:
        """Tell whether every filled field matches."""
        return (
            self.team in (None, place.team)
            and self.service in (None, place.service)
            and self.environment in (None, place.environment)
            and self.region in (None, place.region)
        )


@dataclass(frozen=True, slots=True)
class Time:
    """One time that a window is open; of one region only, where each has a day of its own.

    What runs in no region may serve people in any: it takes part in the day of each (RULES T7).
    """

    span: Span
    region: int | None = None

    def covers(self, place: Place) -> bool:
        return self.region is None or place.region is None or self.region == place.region


@dataclass(frozen=True, slots=True)
class Freeze:
    """A window as the rules see it, with those of its times that a question may touch, soonest first.

    No `includes` means everything, no `lanes` means every lane. `over_at` is when its last time ends, None
    where it comes again and again. `is_stale` says that the calendar it comes from cannot be read (W11).
    """

    id: int
    name: str
    level: Stops
    reason: str
    times: tuple[Time, ...]
    effect: Effect = Effect.DENY
    behaviour: Behaviour = Behaviour.HOLD
    lanes: frozenset[Lane] = frozenset()
    includes: tuple[Scope, ...] = ()
    excludes: tuple[Scope, ...] = ()
    stops_the_line: bool = False
    capacity: int | None = None
    is_all_day: bool = False
    is_stale: bool = False
    over_at: datetime | None = None
    who: str = ""

    def concerns(self, place: Place, lane: Lane) -> bool:
        """Tell whether scope and lane include something, whatever the time."""
        if self.lanes and lane not in self.lanes:
            return False
        if any(scope.matches(place) for scope in self.excludes):
            return False
        return not self.includes or any(scope.matches(place) for scope in self.includes)

    def confines(self, at: datetime) -> bool:
        """Tell whether things move only inside it: not once the last of its times is over."""
        return self.effect is Effect.ALLOW and (self.over_at is None or at < self.over_at)

    def open_span(self, place: Place, at: datetime) -> Span | None:
        """Return the span in which the window is open over a place around an instant; None where it is shut.

        Times of one window that overlap or touch are one (RULES W5); the end itself is open again (T13).
        """
        start = end = at
        for time in self.times:
            if time.covers(place) and time.span.start <= end < time.span.end:
                start, end = min(start, time.span.start), time.span.end
        return Span(start, end) if end > at else None

    def next_start(self, place: Place, after: datetime) -> datetime | None:
        """Return when it next opens over a place, strictly after an instant; None where nobody knows."""
        starts = (time.span.start for time in self.times if time.covers(place) and time.span.start > after)
        return min(starts, default=None)
