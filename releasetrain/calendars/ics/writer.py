"""Write our own calendars: zones defined, ids that stay, changes numbered, cancellations said (RFC 5545)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from icalendar import Calendar, Event

from releasetrain.calendars.ics.definitions import definition

REFRESHED_EVERY = timedelta(hours=1)
LONGEST_TITLE, LONGEST_TEXT = 300, 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One event of a calendar of ours.

    `uid` stays the same for the same thing, whatever becomes of it; `sequence` grows with every change of it,
    of which `changed_at` was the last. No `ends_at` is a moment. `zone` is on whose clocks it is written.
    """

    uid: str
    title: str
    starts_at: datetime
    zone: str
    changed_at: datetime
    ends_at: datetime | None = None
    text: str = ""
    url: str = ""
    category: str = ""
    sequence: int = 0
    is_cancelled: bool = False
    is_busy: bool = False


def write(name: str, entries: Iterable[Entry]) -> bytes:
    """Return the text of a calendar; the same entries give the same text."""
    known = sorted(entries, key=lambda one: (one.starts_at, one.uid))
    calendar = Calendar()
    calendar.add("prodid", "-//Release Train//Calendar//EN")
    calendar.add("version", "2.0")
    calendar.add("method", "PUBLISH")
    calendar.add("name", name[:LONGEST_TITLE])
    calendar.add("x-wr-calname", name[:LONGEST_TITLE])
    calendar.add("refresh-interval", REFRESHED_EVERY, parameters={"VALUE": "DURATION"})
    for zone in sorted({one.zone for one in known if one.zone != "UTC"}):
        calendar.add_component(definition(zone, *_years(known)))
    for one in known:
        calendar.add_component(_event(one))
    body: bytes = calendar.to_ical()
    return body


def _years(entries: Sequence[Entry]) -> tuple[int, int]:
    ends = [end for one in entries for end in (one.starts_at, one.ends_at or one.starts_at)]
    return min(ends).year, max(ends).year


def _event(entry: Entry) -> Event:
    event = Event()
    event.add("uid", entry.uid)
    event.add("dtstamp", entry.changed_at.astimezone(UTC).replace(microsecond=0))
    event.add("last-modified", entry.changed_at.astimezone(UTC).replace(microsecond=0))
    event.add("sequence", entry.sequence)
    event.add("summary", f"Cancelled: {entry.title}"[:LONGEST_TITLE] if entry.is_cancelled else entry.title)
    event.add("dtstart", _local(entry.starts_at, entry.zone))
    if entry.ends_at:
        event.add("dtend", _local(entry.ends_at, entry.zone))
    event.add("status", "CANCELLED" if entry.is_cancelled else "CONFIRMED")
    event.add("transp", "OPAQUE" if entry.is_busy else "TRANSPARENT")
    if entry.text:
        event.add("description", entry.text[:LONGEST_TEXT])
    if entry.url:
        event.add("url", entry.url)
    if entry.category:
        event.add("categories", [entry.category])
    return event


def _local(at: datetime, zone: str) -> datetime:
    """Return an instant on the clocks of a zone; in UTC where they show that time a second time.

    A wall time that occurs twice means the first of both to whoever reads it.
    """
    local = at.astimezone(ZoneInfo(zone)).replace(microsecond=0)
    return at.astimezone(UTC).replace(microsecond=0) if local.fold or zone == "UTC" else local
