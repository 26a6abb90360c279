"""Say an instant on the clocks of a zone, with the offset that holds on that very date (RULES T8)."""

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

MINUS = "\N{MINUS SIGN}"


def city(zone: str) -> str:
    """Name a zone by its city: Europe/Berlin is Berlin."""
    return zone.rsplit("/", 1)[-1].replace("_", " ")


def offset_in_words(at: datetime) -> str:
    """Name the offset of an aware instant: UTC+1, UTC−3:30."""
    minutes = int((at.utcoffset() or timedelta()).total_seconds() // 60)
    if minutes == 0:
        return "UTC"
    hours, rest = divmod(abs(minutes), 60)
    return f"UTC{MINUS if minutes < 0 else '+'}{hours}" + (f":{rest:02}" if rest else "")


def where(at: datetime, zone: str) -> str:
    """Name a zone with the offset that it has at an instant: Berlin (UTC+1)."""
    name, offset = city(zone), offset_in_words(at.astimezone(ZoneInfo(zone)))
    return name if name == offset else f"{name} ({offset})"


def day_and_time(at: datetime, zone: str) -> str:
    """Say day and time without the zone: Mon 23 Nov, 16:00."""
    there = at.astimezone(ZoneInfo(zone))
    return f"{there:%a} {there.day} {there:%b}, {there:%H:%M}"


def moment(at: datetime, zone: str) -> str:
    """Say day, time, city and offset: Mon 23 Nov, 16:00 Berlin (UTC+1)."""
    return f"{day_and_time(at, zone)} {where(at, zone)}"


def move(before: datetime, after: datetime, zone: str) -> str:
    """Say from when to when something goes, naming the zone once unless its clocks change between.

    from Mon 23 Nov, 16:00 to Tue 24 Nov, 14:00 Berlin (UTC+1)
    """
    here, there = where(before, zone), where(after, zone)
    first = day_and_time(before, zone) if here == there else moment(before, zone)
    return f"from {first} to {moment(after, zone)}"
