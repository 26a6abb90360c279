"""Hold what an event of somebody’s calendar says, and walk the times at which it takes place."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import islice

from releasetrain.calendars.ics.values import UTC_ZONE, Moment
from releasetrain.calendars.ics.zones import Clocks
from releasetrain.lib.recurrence import Recurrence
from releasetrain.lib.spans import Span
from releasetrain.lib.wallspans import Found, between, days

# One event of a calendar with more times than this in the span asked for is cut there.
MOST_TIMES = 2000
# An old daily event is counted from its first day where its rule ends by COUNT.
MOST_STEPS = 200_000
DAY, INSTANT = timedelta(days=1), timedelta(microseconds=1)
MARGIN = timedelta(days=2)  # a zone may skip a whole day


@dataclass(frozen=True, slots=True)
class Once:
    """One time on the wall: from a start to an end, and by the stopwatch a little further."""

    start: datetime
    end: datetime
    rest: timedelta = timedelta()

    def at(self, start: datetime) -> "Once":
        """Return the same at another start, with both ends on the wall (RULES T5)."""
        return Once(start, start + (self.end - self.start), self.rest)


@dataclass(frozen=True, slots=True)
class Time:
    """One time that an event takes place: half-open, with the event that speaks for it."""

    start: datetime
    end: datetime
    event: "Event"
    wall: datetime

    def touches(self, first: datetime, last: datetime) -> bool:
        return self.start < last and max(self.end, self.start + INSTANT) > first


@dataclass(frozen=True, slots=True)
class Override:
    """What becomes of one time of an event, or of it and all that follow; no event means that it is off."""

    of: Moment
    event: "Event | None"
    and_following: bool = False


@dataclass(frozen=True, slots=True)
class Event:
    """One event: what it says, its first time on the wall of its zone, and how it repeats.

    `people` are names and mail addresses of attendees, `organizer` is who called them; `revision` tells old
    copies from new.
    """

    uid: str
    title: str
    zone: Clocks
    first: Once
    is_all_day: bool = False
    description: str = ""
    location: str = ""
    people: tuple[str, ...] = ()
    organizer: tuple[str, ...] = ()
    revision: int = 0
    rules: tuple[Recurrence, ...] = ()
    dates: tuple[Once, ...] = ()
    excluded: tuple[Moment, ...] = ()
    overrides: tuple[Override, ...] = ()

    @property
    def repeats(self) -> bool:
        return bool(self.rules or self.dates)

    def times(
        self, first: datetime, last: datetime, *, is_widest: bool = True, most: int = MOST_TIMES
    ) -> list[Time]:
        """Return the times that touch the span between two instants, soonest first, at most so many.

        :param is_widest: whether a wall time that occurs twice is read so that the time is as long as may be
        """
        walked = self._walk(_wall(first, self.zone), _wall(last, self.zone))
        read = (_time(once, event, is_widest=is_widest) for once, event in walked)
        found = list(islice((one for one in read if one and one.touches(first, last)), most))
        for override in self.overrides:
            if override.event is not None:
                found += override.event.times(first, last, is_widest=is_widest, most=most)
        return sorted(found, key=lambda one: (one.start, one.end))[:most]

    def plans(self, of: Moment) -> bool:
        """Tell whether a time is one of its own, as it stands."""
        at = of.on(self.zone)
        near = self._walk(at - DAY, at + DAY)
        return any(once.start.date() == at.date() if of.is_day else once.start == at for once, _ in near)

    def _walk(self, since: datetime, until: datetime) -> Iterator[tuple[Once, "Event"]]:
        """Yield each time that stands, with the event that speaks for it, save those that were moved."""
        length = max(one.end - one.start + one.rest for one in (self.first, *self.dates))
        following = sorted(
            (one for one in self.overrides if one.and_following), key=lambda one: one.of.on(self.zone)
        )
        reach = max((abs(self._shift(one)) for one in following), default=timedelta()) + MARGIN
        days, walls = self._taken_out()
        for once in self._planned(since - length - reach, until + reach):
            if once.start in walls or once.start.date() in days:
                continue
            speaks = [one for one in following if one.of.on(self.zone) <= once.start]
            if not speaks:
                yield once, self
            elif event := speaks[-1].event:
                start = Moment(once.start + self._shift(speaks[-1]), self.zone, self.is_all_day)
                yield event.first.at(start.on(event.zone)), event

    def _taken_out(self) -> tuple[set[date], set[datetime]]:
        """Return the days of which all times are out, and the starts of single times that are."""
        moments = [*self.excluded, *(one.of for one in self.overrides)]
        return (
            {one.wall.date() for one in moments if one.is_day},
            {one.on(self.zone) for one in moments if not one.is_day},
        )

    def _planned(self, since: datetime, until: datetime) -> Iterator[Once]:
        """Yield each time that the event had before anything was taken out, once, in order."""
        # A period among the dates may say the first time once more; the longer one counts.
        given = sorted((self.first, *self.dates), key=lambda one: one.end + one.rest)
        found = {one.start: one for one in given}
        for rule in self.rules:
            for count, wall in enumerate(rule.wall_times(self.first.start, UTC_ZONE, since=since)):
                if wall > until or count > MOST_STEPS:
                    break
                found.setdefault(wall, self.first.at(wall))
        yield from (found[start] for start in sorted(found) if since <= start <= until)

    def _shift(self, override: Override) -> timedelta:
        if override.event is None:
            return timedelta()
        start = Moment(override.event.first.start, override.event.zone, override.event.is_all_day)
        return start.on(self.zone) - override.of.on(self.zone)


def _time(once: Once, event: Event, *, is_widest: bool) -> Time | None:
    """Read one time on the clocks of its event; nothing where they leave nothing of it."""
    if event.is_all_day:
        found = days(once.start.date(), (once.end - DAY).date(), event.zone, is_widest=is_widest)
    elif once.end > once.start and not once.rest:
        found = between(once.start, once.end, event.zone, is_widest=is_widest)
    else:
        start = _instant(once.start, event.zone)
        found = Found(Span(start, max(start, _instant(once.end, event.zone) + once.rest)))
    if found.span is None:
        return None
    return Time(found.span.start, found.span.end, event, once.start)


def _instant(wall: datetime, zone: Clocks) -> datetime:
    """Return the instant of a wall time: by the offset before a gap, the first of two (RULES T2, T3)."""
    return wall.replace(tzinfo=zone, fold=0).astimezone(UTC)


def _wall(at: datetime, zone: Clocks) -> datetime:
    return at.astimezone(zone).replace(tzinfo=None, fold=0)
