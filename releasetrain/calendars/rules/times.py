"""Plan when a window is open, from what was typed on the wall clock (RULES T1 to T5, T7)."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from releasetrain.calendars.rules.windows import DayMode, Effect, Time
from releasetrain.lib import schedule
from releasetrain.lib.spans import Span
from releasetrain.lib.wallspans import Found, between, days, days_anywhere, midnight, united

# How often a window opens in what is planned ahead; one that opens more often is planned less far.
MOST_TIMES = 2000
# A rule that does not come round in so many years never does: 29 February on a Monday takes 28, or 40.
COMES_ROUND = timedelta(days=366 * 45)
DAY = timedelta(days=1)
# Zones lie up to 26 hours apart, and one may skip a day.
MARGIN = timedelta(days=3)
UNTIL = re.compile(r"UNTIL=(\d{8}T\d{6}Z)", re.IGNORECASE)

Dates = Callable[[date, date], Iterable[date]]


class BadTime(ValueError):
    """Refuse one end of a window, in a sentence for the person who typed it."""


@dataclass(frozen=True, slots=True)
class Spec:
    """The two ends of a window's first time on the wall clock, and what repeats it.

    For whole days `start` is the first midnight and `end` the one after the last day. `dates` gives the
    days of a holiday calendar between two others, both included.
    """

    start: datetime
    end: datetime
    zone: ZoneInfo
    is_all_day: bool = False
    day_mode: DayMode = DayMode.ZONE
    rule: str = ""
    dates: Dates | None = None
    effect: Effect = Effect.DENY

    @property
    def is_repeated(self) -> bool:
        return bool(self.rule) or self.dates is not None


@dataclass(frozen=True, slots=True)
class Plan:
    """The times that a window is open in a span, as its author reads them, and what the clocks did to them.

    `is_last` says that nothing follows them.
    """

    times: tuple[Time, ...]
    notes: tuple[str, ...] = ()
    is_last: bool = True

    def united(self) -> list[Time]:
        """Return the times with those that overlap or touch as one, region by region (RULES W5)."""
        spans: dict[int | None, list[Span]] = {}
        for one in self.times:
            spans.setdefault(one.region, []).append(one.span)
        found = [Time(span, region) for region, own in spans.items() for span in united(own)]
        return sorted(found, key=lambda one: (one.span.start, one.region or 0))


def read_end(text: str, *, is_all_day: bool) -> datetime:
    """Read one end of a window as a naive wall time; of whole days, the midnight that its day starts with.

    :raises BadTime: it is no wall time, or far from anybody's plans
    """
    try:
        wall = datetime.fromisoformat(text.strip())
    except ValueError:
        example = "a day such as 2026-11-27" if is_all_day else "a local time such as 2026-11-27T18:00"
        raise BadTime(f"“{text.strip()[:40]}” is not {example}.") from None
    if wall.tzinfo is not None:
        raise BadTime("This is a time on the wall clock; leave its offset out, the time zone says it.")
    if not 1970 <= wall.year <= 2200:
        raise BadTime(f"The year {wall.year} lies outside 1970 to 2200.")
    return midnight(wall.date()) if is_all_day else wall.replace(microsecond=0)


def plan(
    spec: Spec, *, regions: Mapping[int, ZoneInfo], after: datetime, until: datetime, most: int = MOST_TIMES
) -> Plan:
    """Plan the times of a window that end after `after` and start before `until`, soonest first.

    The next one after `until` is planned, too, however far it is, so that its next opening is always known.

    :param regions: the zone of each region whose own day counts, by id
    :param after: an aware instant; so is `until`
    """
    starts, is_last = _starts(spec, after=after, until=until, most=most)
    length = spec.end - spec.start
    times: list[Time] = []
    notes: list[str] = []
    for start in starts:
        for region, found in _readings(spec, start, start + length, regions):
            if found.span is None or found.span.end > after:
                notes += found.notes
            if found.span is not None and found.span.end > after:
                times.append(Time(found.span, region))
    times.sort(key=lambda one: (one.span.start, one.span.end))
    return Plan(tuple(times), tuple(dict.fromkeys(notes)), is_last)


def _readings(
    spec: Spec, start: datetime, end: datetime, regions: Mapping[int, ZoneInfo]
) -> Iterable[tuple[int | None, Found]]:
    """Read one time of a window as its author means it: once, or once for each region."""
    is_widest = spec.effect is Effect.DENY
    if not spec.is_all_day:
        return [(None, between(start, end, spec.zone, is_widest=is_widest))]
    first, last = start.date(), end.date() - DAY
    if spec.day_mode is DayMode.ANYWHERE:
        return [(None, days_anywhere(first, last))]
    if spec.day_mode is DayMode.REGIONS:
        return [(region, days(first, last, zone, is_widest=is_widest)) for region, zone in regions.items()]
    return [(None, days(first, last, spec.zone, is_widest=is_widest))]


def _starts(spec: Spec, *, after: datetime, until: datetime, most: int) -> tuple[list[datetime], bool]:
    """Return the wall times at which a window opens, and whether there are no more of them."""
    since = after - (spec.end - spec.start) - MARGIN
    if spec.rule:
        return _by_rule(spec, since=since, until=until, most=most)
    if spec.dates is not None:
        return _by_dates(spec, spec.dates, since=since, until=until), False
    return [spec.start], True


def _by_rule(spec: Spec, *, since: datetime, until: datetime, most: int) -> tuple[list[datetime], bool]:
    rule, zone = spec.rule, spec.zone.key
    if spec.is_all_day:
        # Days have no clock: the rule runs over dates, which no zone skips or doubles.
        rule, zone = UNTIL.sub(lambda found: f"UNTIL={_local_day(found[1], spec.zone)}", rule), "UTC"
    read = schedule.read(rule, spec.start.isoformat(), zone)
    found = schedule.occurrences(read, after=since, until=until, limit=most)
    if len(found) == most:
        return [one.wall for one in found], False
    further = schedule.occurrences(read, after=until, until=until + COMES_ROUND, limit=1)
    return [one.wall for one in [*found, *further]], not further


def _local_day(until: str, zone: ZoneInfo) -> str:
    """Return the day in a zone of an instant that a rule ends with, as rules write days."""
    instant = datetime.strptime(until, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    return f"{instant.astimezone(zone):%Y%m%d}"


def _by_dates(spec: Spec, dates: Dates, *, since: datetime, until: datetime) -> list[datetime]:
    first = max(spec.start.date(), since.date())
    last = until.date() + MARGIN
    clock = spec.start.time()
    return [datetime.combine(day, clock) for day in sorted(dates(first, last))] if first <= last else []


def end_of_days(last: datetime) -> datetime:
    """Return the midnight after the last whole day, from the one that it starts with."""
    return last + DAY
