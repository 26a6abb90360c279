"""Read the values of an event’s properties: days, times on somebody’s clocks, lengths and rules."""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from releasetrain.calendars.ics.lines import Line, Unreadable
from releasetrain.calendars.ics.zones import Clocks, Zones
from releasetrain.lib import recurrence
from releasetrain.lib.recurrence import BadRule, Recurrence
from releasetrain.lib.schedule import read_zone

DAY = re.compile(r"\d{8}")
TIME = re.compile(r"(\d{8})T?(\d{6})(Z?)")
LENGTH = re.compile(
    r"([+-]?)P(?:(\d{1,4})W)?(?:(\d{1,5})D)?(T(?:(\d{1,5})H)?(?:(\d{1,6})M)?(?:(\d{1,7})S)?)?"
)
YEARS = range(1900, 2201)
UTC_ZONE = read_zone("UTC")
SELDOM = frozenset({"YEARLY", "MONTHLY", "WEEKLY", "DAILY"})
UNTIL = re.compile(r";UNTIL=(\d{8})(T\d{6})?(Z?)(?=;|$)")
HOURLY_PARTS = frozenset({"FREQ", "INTERVAL", "UNTIL"})


@dataclass(frozen=True, slots=True)
class Moment:
    """A naive wall time on the clocks of a zone; a whole day begins at its midnight."""

    wall: datetime
    zone: Clocks
    is_day: bool = False

    def on(self, zone: Clocks) -> datetime:
        """Return its wall time on other clocks; a day stays that day everywhere."""
        if self.is_day or zone is self.zone:
            return self.wall
        return self.wall.replace(tzinfo=self.zone).astimezone(zone).replace(tzinfo=None)


@dataclass(frozen=True, slots=True)
class Length:
    """How long something lasts: whole days on the wall, the rest by a stopwatch."""

    days: int = 0
    rest: timedelta = timedelta()


class Reader:
    """Read moments as one calendar means them, and collect what had to be said."""

    def __init__(self, zones: Zones, own: Clocks, said: list[str]) -> None:
        self._zones = zones
        self._own = own
        self._said = said
        self._floats = f"Times without a zone were read as {own.key}."
        if zones.called and zones.called != own.key:
            self._floats += f" The calendar itself says that its zone is {zones.called}."

    def moment(self, line: Line, value: str = "") -> Moment:
        """Read a day or a time.

        :param value: one of several in the line; all of it where empty
        :raises Unreadable: it is neither, or its zone is not known
        """
        text = (value or line.value).strip()
        if DAY.fullmatch(text):
            return Moment(_wall(f"{text}000000", line), self._own, is_day=True)
        match = TIME.fullmatch(text)
        if match is None or line.params.get("VALUE", "").upper() == "TIME":
            raise Unreadable(f"{line.name} “{text[:40]}” is neither a day nor a time.")
        wall = _wall(match[1] + match[2], line)
        if match[3]:
            return Moment(wall, UTC_ZONE)
        if name := line.params.get("TZID", "").strip():
            zone, said = self._zones.read(name, wall)
            self._say(said)
            return Moment(wall, zone)
        self._say(self._floats)
        return Moment(wall, self._own)

    def like(self, start: Moment, line: Line, value: str = "") -> Moment:
        """Read which time of an event is meant: of one that takes whole days, the day, whatever else is said.

        :raises Unreadable: it is neither a day nor a time
        """
        text = (value or line.value).strip()
        match = TIME.fullmatch(text)
        if not start.is_day or match is None:
            return self.moment(line, value)
        wall = _wall(match[1] + match[2], line)
        if match[3]:
            wall = Moment(wall, UTC_ZONE).on(self._own)
        return Moment(wall.replace(hour=0, minute=0, second=0), self._own, is_day=True)

    def _say(self, sentence: str) -> None:
        if sentence and sentence not in self._said:
            self._said.append(sentence)


def _wall(digits: str, line: Line) -> datetime:
    try:
        wall = datetime.strptime(digits, "%Y%m%d%H%M%S")  # noqa: DTZ007 - a wall time has no zone
    except ValueError as fault:
        raise Unreadable(f"{line.name} “{line.value[:40]}” is no date of the calendar.") from fault
    if wall.year not in YEARS:
        raise Unreadable(f"{line.name} lies outside the years {YEARS.start} to {YEARS.stop - 1}.")
    return wall


def read_length(text: str) -> Length:
    """Read a length such as P1D or PT2H30M.

    :raises Unreadable: it is none, or runs backwards
    """
    match = LENGTH.fullmatch(text.strip())
    if match is None or text.strip().endswith(("P", "T")):
        raise Unreadable(f"DURATION “{text.strip()[:40]}” is no length such as P1D or PT2H.")
    sign, weeks, days, _, hours, minutes, seconds = match.groups()
    if sign == "-":
        raise Unreadable("It would end before it starts.")
    rest = timedelta(hours=int(hours or 0), minutes=int(minutes or 0), seconds=int(seconds or 0))
    return Length(7 * int(weeks or 0) + int(days or 0), rest)


def read_rule(text: str, start: Moment) -> Recurrence:
    """Read a rule that an event repeats by, with its end on the event’s own wall.

    :raises Unreadable: it cannot be followed, or not in bounded work
    """
    text = text.strip().upper().rstrip(";")
    shown = f"Its rule {text[:120]}"
    try:
        rule = recurrence.read(UNTIL.sub(lambda found: _last(found, start), text))
        never = (
            "UNTIL" not in rule.parts and rule.frequency in SELDOM and not rule.probe(start.wall, UTC_ZONE, 1)
        )
    except BadRule as refusal:
        raise Unreadable(f"{shown} cannot be followed: {refusal}") from refusal
    except (ValueError, TypeError, OverflowError) as fault:
        raise Unreadable(f"{shown} cannot be followed: {str(fault).rstrip('.')}.") from fault
    if rule.frequency not in SELDOM and not (
        rule.frequency == "HOURLY" and rule.parts.keys() <= HOURLY_PARTS
    ):
        raise Unreadable(f"{shown} comes too often in a day to be followed.")
    if never:
        raise Unreadable(f"{shown} never comes true.")
    return rule


def _last(found: re.Match[str], start: Moment) -> str:
    """Write the end of a rule on the wall of its event: as a day for days, as a time there for times."""
    day, time, is_utc = found.groups()
    if int(day[:4]) > YEARS[-1]:
        return ""
    if start.is_day or not time:
        return f";UNTIL={day}"
    wall = datetime.strptime(day + time, "%Y%m%dT%H%M%S")  # noqa: DTZ007 - a wall time has no zone
    if is_utc:
        wall = Moment(wall, UTC_ZONE).on(start.zone)
    return f";UNTIL={wall:%Y%m%dT%H%M%S}"
