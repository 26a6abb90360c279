"""Define the zones that a calendar names, as RFC 5545 asks: each turn on the wall as it was before it.

The library's own definitions place the turn to summer time an hour late.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from icalendar import Timezone, TimezoneDaylight, TimezoneStandard

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)

Half = tuple[bool, timedelta, timedelta, str]


@lru_cache(maxsize=256)
def definition(name: str, first_year: int, last_year: int) -> Timezone:
    """Return the VTIMEZONE of an IANA zone for the years from the first to the last, both included."""
    zone = ZoneInfo(name)
    begin, end = datetime(first_year, 1, 1, tzinfo=UTC) - DAY, datetime(last_year + 1, 1, 1, tzinfo=UTC) + DAY
    halves: dict[Half, list[datetime]] = defaultdict(list)
    start = begin.astimezone(zone)
    halves[_half(start, _offset(start))].append(start.replace(tzinfo=None))
    for turn in _turns(zone, begin, end):
        before = _offset((turn - SECOND).astimezone(zone))
        halves[_half(turn.astimezone(zone), before)].append((turn + before).replace(tzinfo=None))
    found = Timezone()
    found.add("tzid", name)
    for (is_daylight, before, after, called), walls in halves.items():
        half = TimezoneDaylight() if is_daylight else TimezoneStandard()
        half.add("dtstart", walls[0])
        if walls[1:]:
            half.add("rdate", walls[1:])
        half.add("tzoffsetfrom", before)
        half.add("tzoffsetto", after)
        half.add("tzname", called)
        found.add_component(half)
    return found


def _offset(at: datetime) -> timedelta:
    return at.utcoffset() or timedelta()


def _half(after: datetime, before: timedelta) -> Half:
    return bool(after.dst()), before, _offset(after), after.tzname() or ""


def _turns(zone: ZoneInfo, begin: datetime, end: datetime) -> Iterator[datetime]:
    """Yield the instants at which the clocks of a zone are put on or back, to the second."""
    at = begin
    while at < end:
        if _clock(at, zone) != _clock(at + DAY, zone):
            low, high = at, at + DAY
            while high - low > SECOND:
                middle = low + (high - low) // 2 // SECOND * SECOND
                low, high = (middle, high) if _clock(middle, zone) == _clock(at, zone) else (low, middle)
            yield high
        at += DAY


def _clock(at: datetime, zone: ZoneInfo) -> tuple[timedelta, str, bool]:
    local = at.astimezone(zone)
    return _offset(local), local.tzname() or "", bool(local.dst())
