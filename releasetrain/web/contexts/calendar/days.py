"""Lay days and spans out: which days a view shows, what the clocks do on them, and which lane a bar takes."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import pairwise

from releasetrain.lib.spans import Span, in_words

DAY = timedelta(days=1)
TICK = timedelta(microseconds=1)
VIEWS = ("month", "week", "agenda")
AGENDA_DAYS = 28


@dataclass(frozen=True, slots=True)
class Stretch:
    """The days that a view shows, and the days to which its neighbours lead."""

    first: date
    days: int
    earlier: date
    later: date

    @property
    def dates(self) -> list[date]:
        return [self.first + timedelta(days=index) for index in range(self.days)]

    @property
    def last(self) -> date:
        return self.first + timedelta(days=self.days - 1)

    def span(self, zone: tzinfo) -> Span:
        """Return the instants from the first day's first to the last day's last."""
        return Span(day_start(self.first, zone), day_start(self.first + timedelta(days=self.days), zone))


def stretch_of(view: str, on: date) -> Stretch:
    """Say which days a view shows for a day: whole weeks from Monday for a month and a week."""
    if view == "week":
        monday = on - timedelta(days=on.weekday())
        return Stretch(monday, 7, monday - timedelta(days=7), monday + timedelta(days=7))
    if view == "agenda":
        step = timedelta(days=AGENDA_DAYS)
        return Stretch(on, AGENDA_DAYS, on - step, on + step)
    first = on.replace(day=1)
    following = (first + timedelta(days=31)).replace(day=1)
    monday = first - timedelta(days=first.weekday())
    weeks = -(-(following - monday).days // 7)
    return Stretch(monday, weeks * 7, (first - DAY).replace(day=1), following)


def day_start(day: date, zone: tzinfo) -> datetime:
    """Return the first instant of a day; where midnight does not exist, the first that does (RULES T4)."""
    return datetime.combine(day, time.min, zone).astimezone(UTC)


def local_day(at: datetime, zone: tzinfo) -> date:
    """Return the day on which an instant falls."""
    return at.astimezone(zone).date()


def last_day(span: Span, zone: tzinfo) -> date:
    """Return the day on which the last instant of a half-open span falls (RULES T13)."""
    return local_day(span.end - TICK, zone)


def clocks_on(dates: Sequence[date], zone: tzinfo) -> dict[date, str]:
    """Say on which of these days the clocks of a zone change, when and by how much."""
    found: dict[date, str] = {}
    starts = [day_start(day, zone) for day in [*dates, dates[-1] + DAY]]
    for day, (start, end) in zip(dates, pairwise(starts), strict=True):
        before, after = _offset(start - TICK, zone), _offset(end - TICK, zone)
        if before != after:
            at = _turn(start - TICK, end - TICK, zone)
            way = "forward" if after > before else "back"
            wall = (at + before).replace(tzinfo=None)
            found[day] = f"Clocks go {way} {in_words(after - before)} at {wall:%H:%M}"
    return found


def _offset(at: datetime, zone: tzinfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()


def _turn(before: datetime, after: datetime, zone: tzinfo) -> datetime:
    """Find the minute at which the offset changes between two instants."""
    old = _offset(before, zone)
    while after - before > timedelta(seconds=30):
        middle = before + (after - before) / 2
        before, after = (middle, after) if _offset(middle, zone) == old else (before, middle)
    return (after + timedelta(seconds=30)).replace(second=0, microsecond=0)


def lanes_of(spans: Iterable[tuple[int, int]]) -> list[int]:
    """Give each (first, last) pair, both included, the first lane that is free there; they come sorted."""
    ends: list[int] = []
    lanes: list[int] = []
    for first, last in spans:
        lane = next((index for index, end in enumerate(ends) if end < first), len(ends))
        ends[lane : lane + 1] = [last]
        lanes.append(lane)
    return lanes


def shares(minutes: Sequence[int], length: int) -> list[tuple[int, int]]:
    """Set instants of one day side by side where they would cover each other: (lane, lanes) for each.

    :param minutes: of the day, rising
    :param length: how many minutes each one covers
    """
    found: list[tuple[int, int]] = []
    cluster: list[int] = []
    for minute in [*minutes, 10**6]:
        if cluster and minute >= cluster[-1] + length:
            lanes = lanes_of((one, one + length - 1) for one in cluster)
            found += [(lane, max(lanes) + 1) for lane in lanes]
            cluster = []
        cluster.append(minute)
    return found


def span_words(span: Span, zone: tzinfo, *, is_all_day: bool = False) -> str:
    """Say a span on the clocks of a zone, as short as it goes: "Fri 20 Nov 18:00 – Mon 23 Nov 06:00"."""
    start, end = span.start.astimezone(zone), span.end.astimezone(zone)
    final = last_day(span, zone)
    if is_all_day and start.time() == time.min and end.time() == time.min:
        return (
            day_words(start.date())
            if start.date() == final
            else f"{day_words(start.date())} – {day_words(final)}"
        )
    if start.date() == end.date():
        return f"{day_words(start.date())} {start:%H:%M}–{end:%H:%M}"
    return f"{day_words(start.date())} {start:%H:%M} – {day_words(end.date())} {end:%H:%M}"


def day_words(day: date) -> str:
    """Say a day: Mon 23 Nov."""
    return f"{day:%a} {day.day} {day:%b}"


def title_of(view: str, on: date, stretch: Stretch) -> str:
    """Head a view: November 2026, or 23 – 29 November 2026."""
    if view == "month":
        return f"{on:%B %Y}"
    first, last = stretch.first, stretch.last
    if first.year != last.year:
        return f"{first.day} {first:%B %Y} – {last.day} {last:%B %Y}"
    if first.month != last.month:
        return f"{first.day} {first:%B} – {last.day} {last:%B %Y}"
    return f"{first.day} – {last.day} {last:%B %Y}"
