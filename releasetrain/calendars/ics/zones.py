"""Find the clocks that a calendar means by a name; say what was read into it, and never guess (RULES T1).

The library that parses calendars keeps zones of one file for the next, by name, as long as its process lives.
So names are looked up here, for each calendar alone.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from itertools import pairwise, takewhile
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from releasetrain.calendars.ics.lines import Part, Unreadable, plain
from releasetrain.lib.schedule import known_zones

FURTHEST = timedelta(hours=16)
LAST_YEAR = 2100
OFFSET = re.compile(r"([+-])(\d{2})(\d{2})(\d{2})?")
# What calendars call the files that Unix keeps zones in.
UNIX = ("posix/", "right/")
# A definition may repeat itself by the year only; with these parts that stays within bounds.
CLOCK_PARTS = {"BYHOUR", "BYMINUTE", "BYSECOND"}
RULE_PARTS = CLOCK_PARTS | {"FREQ", "INTERVAL", "BYMONTH", "BYDAY", "BYMONTHDAY", "UNTIL", "COUNT", "WKST"}
# Exchange lets each half of a year begin in 1601, when nothing that it says was so.
BEGINNING = datetime(1970, 1, 1)  # noqa: DTZ001 - a wall time has no zone


@dataclass(frozen=True, slots=True, order=True)
class Turn:
    """One time that a zone's clocks are put on or back; `at` is naive UTC."""

    at: datetime
    before: timedelta
    after: timedelta

    @property
    def earliest(self) -> datetime:
        """Return the wall time from which the new offset may be meant (PEP 495, fold=1)."""
        return self.at + min(self.before, self.after)

    @property
    def latest(self) -> datetime:
        """Return the wall time from which only the new offset can be meant (fold=0)."""
        return self.at + max(self.before, self.after)


class OwnZone(tzinfo):
    """The clocks that a calendar itself defines under a name of its own."""

    def __init__(self, key: str, turns: tuple[Turn, ...]) -> None:
        self.key = key
        self.turns = turns
        self._at = [turn.at for turn in turns]
        self._earliest = [turn.earliest for turn in turns]
        self._latest = [turn.latest for turn in turns]

    def knows(self, wall: datetime) -> bool:
        """Tell whether the definition says anything about a wall time."""
        return wall >= self._latest[0]

    def utcoffset(self, dt: datetime | None) -> timedelta:
        if dt is None:
            return self.turns[-1].after
        marks = self._earliest if dt.fold else self._latest
        index = bisect_right(marks, dt.replace(tzinfo=None, fold=0))
        return self.turns[index - 1].after if index else self.turns[0].before

    def fromutc(self, dt: datetime) -> datetime:
        index = bisect_right(self._at, dt.replace(tzinfo=None, fold=0))
        if not index:
            return dt + self.turns[0].before
        turn = self.turns[index - 1]
        again = dt.replace(tzinfo=None) < turn.at + (turn.before - turn.after)
        return (dt + turn.after).replace(fold=int(again))

    def dst(self, dt: datetime | None) -> timedelta | None:
        return None

    def tzname(self, dt: datetime | None) -> str:
        return self.key

    def __str__(self) -> str:
        return self.key

    def __repr__(self) -> str:
        return f"OwnZone({self.key!r})"


Clocks = ZoneInfo | OwnZone


class Zones:
    """The zones of one calendar: those that the world knows, and those that it defines itself.

    `called` is what the calendar says of itself as a whole (X-WR-TIMEZONE).
    """

    def __init__(self, calendar: Part) -> None:
        self.called = calendar.text("X-WR-TIMEZONE")[:80]
        self._definitions: dict[str, list[Part]] = {}
        for part in calendar.parts:
            if part.name == "VTIMEZONE":
                for name in _names(part):
                    self._definitions.setdefault(name, []).append(part)
        self._own: dict[str, OwnZone] = {}

    def read(self, name: str, wall: datetime) -> tuple[Clocks, str]:
        """Return the clocks that a name means at a naive wall time, and what was read into the name.

        :raises Unreadable: nobody knows it, and the calendar does not define it soundly for that time
        """
        if name in known_zones():
            return self._checked(name, ZoneInfo(name), wall, "")
        if known := _known_as(name):
            return self._checked(
                name, ZoneInfo(known), wall, f"The time zone “{name[:80]}” was read as {known}."
            )
        if located := self._located(name):
            said = f"The time zone “{name[:80]}” was read as {located}, as the calendar says."
            return self._checked(name, ZoneInfo(located), wall, said)
        own = self._defined(name)
        if not own.knows(wall):
            raise Unreadable(
                f"The calendar defines the time zone “{name[:80]}” only from "
                f"{own.turns[0].latest:%Y-%m-%d} on, and nobody else knows it."
            )
        return (
            own,
            f"No zone is called “{name[:80]}”; the offsets that the calendar defines for it were used.",
        )

    def _checked(self, name: str, zone: ZoneInfo, wall: datetime, said: str) -> tuple[ZoneInfo, str]:
        """Add that the calendar itself has other offsets in mind at that time, where it does."""
        if name not in self._definitions:
            return zone, said
        try:
            own = self._defined(name)
        except Unreadable:
            return zone, said
        if own.knows(wall) and own.utcoffset(wall) != wall.replace(tzinfo=zone).utcoffset():
            differs = f"The calendar defines “{name[:80]}” with other offsets; those of {zone.key} were used."
            said = f"{said} {differs}".strip()
        return zone, said

    def _located(self, name: str) -> str:
        for part in self._definitions.get(name, []):
            located = part.text("X-LIC-LOCATION")
            if located in known_zones():
                return located
        return ""

    def _defined(self, name: str) -> OwnZone:
        if name not in self._own:
            self._own[name] = _definition(name, self._definitions.get(name, []))
        return self._own[name]


def _names(part: Part) -> list[str]:
    return [plain(line.value).strip() for line in part.all("TZID")]


@lru_cache(maxsize=512)
def _known_as(name: str) -> str:
    """Return the IANA zone behind a Windows name, a vendor's path or other capitals; empty if none is."""
    if name in WINDOWS_TO_OLSON:
        return WINDOWS_TO_OLSON[name] if WINDOWS_TO_OLSON[name] in known_zones() else ""
    trimmed = name.strip().strip("/")
    for prefix in UNIX:
        trimmed = trimmed.removeprefix(prefix)
    if trimmed in known_zones():
        return trimmed
    if name.startswith("/"):
        # RFC 5545, 3.2.19: a name that begins so has a vendor in front, and libical’s has its folders, too.
        steps = trimmed.split("/")[1:]
        tails = ["/".join(steps[start:]) for start in range(len(steps))]
        if tail := next((one for one in tails if "/" in one and one in known_zones()), ""):
            return tail
    spelled = {one.casefold(): one for one in known_zones()}
    return spelled.get(trimmed.casefold(), "")


def _definition(name: str, parts: list[Part]) -> OwnZone:
    """Read a zone's own definition.

    :raises Unreadable: there is none, or it is not sound
    """
    if not parts:
        raise Unreadable(f"Nobody knows the time zone “{name[:80]}”, and the calendar does not define it.")
    try:
        turns = sorted({turn for half in _only(parts).parts for turn in _turns(half)})
        _refuse_contradictions(turns)
    except (Unreadable, ValueError, OverflowError, TypeError) as fault:
        why = f"{fault}".rstrip(".") if isinstance(fault, Unreadable) else "it cannot be read"
        raise Unreadable(
            f"Nobody knows the time zone “{name[:80]}”, and what the calendar defines is not sound: {why}."
        ) from fault
    return OwnZone(name, tuple(turns))


def _only(parts: list[Part]) -> Part:
    if any(part != parts[0] for part in parts) or len(_names(parts[0])) > 1:
        raise Unreadable("it is defined in more than one way")
    return parts[0]


def _refuse_contradictions(turns: list[Turn]) -> None:
    if not turns:
        raise Unreadable("it names no offset")
    recent = [turn for turn in turns if turn.at >= BEGINNING]
    for earlier, later in pairwise(recent):
        if earlier.after != later.before or earlier.at == later.at:
            raise Unreadable(f"its offsets contradict each other in {later.at:%Y}")


def _turns(half: Part) -> Iterator[Turn]:
    """Yield the turns of one half of a definition, up to the year 2100."""
    if half.name not in {"STANDARD", "DAYLIGHT"}:
        return
    before, after = _offset(half, "TZOFFSETFROM"), _offset(half, "TZOFFSETTO")
    start = half.first("DTSTART")
    if start is None:
        raise Unreadable("a part of it does not say since when it holds")
    first = _wall(start.value)
    walls = [first]
    for line in half.all("RDATE"):
        walls += [_wall(value) for value in line.value.split(",")]
    for line in half.all("RRULE"):
        walls += _yearly(line.value, first, before)
    yield from (Turn(wall - before, before, after) for wall in walls)


def _offset(half: Part, name: str) -> timedelta:
    line = half.first(name)
    if line is None:
        raise Unreadable(f"a part of it lacks {name}")
    match = OFFSET.fullmatch(line.value.strip())
    if match is None:
        raise Unreadable(f"“{line.value.strip()[:12]}” is no offset")
    offset = timedelta(hours=int(match[2]), minutes=int(match[3]), seconds=int(match[4] or 0))
    if offset > FURTHEST:
        raise Unreadable(f"an offset of {match[0]} is none on Earth")
    return -offset if match[1] == "-" else offset


def _wall(text: str) -> datetime:
    try:
        return datetime.strptime(text.strip(), "%Y%m%dT%H%M%S")  # noqa: DTZ007 - a wall time has no zone
    except ValueError:
        raise Unreadable(f"“{text.strip()[:20]}” is not the wall time of a turn") from None


def _yearly(text: str, first: datetime, before: timedelta) -> list[datetime]:
    parts = dict(part.split("=", 1) for part in text.strip().upper().rstrip(";").split(";"))
    if parts.get("FREQ") != "YEARLY" or not parts.keys() <= RULE_PARTS or text.count(",") > 0:
        raise Unreadable("its clocks do not turn once a year")
    if parts.get("UNTIL", "").endswith("Z"):
        # On the wall, as everything else in a definition.
        until = datetime.strptime(parts["UNTIL"], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) + before
        parts["UNTIL"] = f"{until:%Y%m%dT%H%M%S}"
    rule = rrulestr(";".join(f"{key}={value}" for key, value in parts.items()), dtstart=first)
    return list(takewhile(lambda wall: wall.year <= LAST_YEAR, rule))
