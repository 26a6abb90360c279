"""Read how people set a deadline before a departure, and find its instant (RULES T1 to T3, T13)."""

from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime, time, timedelta
from enum import StrEnum
from typing import Any
from zoneinfo import ZoneInfo

from releasetrain.lib.recurrence import BadRule
from releasetrain.lib.schedule import read_zone, resolve
from releasetrain.lib.spans import in_words
from releasetrain.lib.words import DAY_CODES, DAY_NAMES, day_words

ANYWHERE = "anywhere on Earth"
# A date is over in the last zone, UTC−12, when it is noon of the next day in Greenwich.
LAST_ZONE = timedelta(hours=12)
LONGEST_LEAD = timedelta(days=365)
MOST_DAYS, MOST_WEEKS, MOST_WORKING_DAYS = 365, 52, 250
LONGEST_BREAK = 60


class Kind(StrEnum):
    """How a deadline is counted."""

    LEAD = "lead"
    WALL = "wall"
    INSTANT = "instant"
    AOE = "aoe"
    WEEK = "week"
    WORKDAYS = "workdays"


@dataclass(frozen=True, slots=True, kw_only=True)
class Deadline:
    """Hold one deadline; which fields count depends on its kind.

    - LEAD: `seconds` before departure, in elapsed time.
    - WALL: `days` before the day of departure, at `clock` on the wall.
    - INSTANT: `at`, whenever the departure is.
    - AOE: the end of `day`, or of the day `days` before departure, in the last zone on Earth.
    - WEEK: `weekday` of the week `weeks` before that of departure, at `clock` on the wall, or without one
      until that day has ended anywhere on Earth.
    - WORKDAYS: `days` working days before the day of departure, at `clock` on the wall; Saturdays, Sundays
      and what the calendar `holidays` names are none. From a day off one counts back to a working day.

    Days and weeks below zero lie after the departure. Without a `zone` the train's own wall clock counts.
    """

    kind: Kind
    seconds: int = 0
    days: int = 0
    weeks: int = 0
    weekday: str = ""
    clock: time | None = None
    zone: str = ""
    at: datetime | None = None
    day: date | None = None
    holidays: int | None = None

    @property
    def is_fixed(self) -> bool:
        """Tell whether it stays where it is when the departure moves."""
        return self.at is not None or self.day is not None

    @property
    def is_after(self) -> bool:
        """Tell whether it is meant to lie after the departure."""
        return self.days < 0 or self.weeks < 0

    def instant(
        self, departs_at: datetime, zone: ZoneInfo, holidays: Container[date] = frozenset()
    ) -> datetime:
        """Return when it falls, as an aware instant in UTC; from that instant on one is late.

        :param departs_at: aware
        :param zone: the train's; the day of departure is read on its clocks
        :param holidays: the days off of the calendar that WORKDAYS names
        """
        if self.kind is Kind.LEAD:
            return departs_at - timedelta(seconds=self.seconds)
        if self.at is not None:
            return self.at
        day = self._day(departs_at.astimezone(zone).date(), holidays)
        if self.clock is None:
            return end_anywhere(day)
        return resolve(datetime.combine(day, self.clock), ZoneInfo(self.zone) if self.zone else zone).at

    def _day(self, departure: date, holidays: Container[date]) -> date:
        if self.day is not None:
            return self.day
        if self.kind is Kind.WEEK:
            monday = departure - timedelta(days=departure.weekday(), weeks=self.weeks)
            return monday + timedelta(days=DAY_CODES.index(self.weekday))
        if self.kind is Kind.WORKDAYS:
            return working_day_before(departure, self.days, holidays)
        return departure - timedelta(days=self.days)

    def in_words(self) -> str:
        """Say it, e.g. "2 h before departure" or "Thursday of week R−6, anywhere on Earth"."""
        return WORDS[self.kind](self)

    def to_json(self) -> dict[str, Any]:
        """Return what `read` reads: the kind and what differs from the defaults."""
        kept: dict[str, Any] = {"kind": self.kind.value}
        defaults = {field.name: field.default for field in fields(self)}
        for key in FIELDS[self.kind]:
            name = STORED.get(key, key)
            value = getattr(self, name)
            if value != defaults[name] or key in NEEDED[self.kind]:
                kept[key] = WRITERS.get(type(value), _as_it_is)(value)
        return kept


def before(lead: timedelta) -> dict[str, Any]:
    """Return what is kept of a deadline that lies so long before departure."""
    return Deadline(kind=Kind.LEAD, seconds=int(lead.total_seconds())).to_json()


def end_anywhere(day: date) -> datetime:
    """Return the instant at which a day has ended anywhere on Earth."""
    return datetime.combine(day + timedelta(days=1), time(), UTC) + LAST_ZONE


def working_day_before(day: date, count: int, holidays: Container[date]) -> date:
    """Count back so many working days; none counts back to a working day.

    :raises BadRule: the calendar of days off has no working day for two months
    """
    found = _working_day_until(day, holidays)
    for _ in range(count):
        found = _working_day_until(found - timedelta(days=1), holidays)
    return found


def _working_day_until(day: date, holidays: Container[date]) -> date:
    for _ in range(LONGEST_BREAK):
        if day.weekday() < 5 and day not in holidays:
            return day
        day -= timedelta(days=1)
    raise BadRule(f"There is no working day in the {LONGEST_BREAK} days before {day_words(day)}.")


def read(spec: Mapping[str, Any]) -> Deadline:
    """Read a deadline from what is kept of it, e.g. {"kind": "lead", "seconds": 7200}.

    :raises BadRule: it cannot be used
    """
    try:
        kind = Kind(spec.get("kind", ""))
    except ValueError:
        named = ", ".join(kind.value for kind in Kind)
        raise BadRule(f"“{spec.get('kind', '')}” is no kind of deadline; there are {named}.") from None
    wanted = {key: value for key, value in spec.items() if key in FIELDS[kind] and value not in (None, "")}
    found = {key: READERS[key](value, kind) for key, value in wanted.items()}
    for key in NEEDED[kind]:
        if key not in found:
            raise BadRule(f"A deadline of this kind lacks {NAMES[key]}.")
    if kind is Kind.AOE and ("days" in found) == ("date" in found):
        raise BadRule(f"A date {ANYWHERE} is either a day itself or a number of days before departure.")
    if "zone" in found and "time" not in found:
        raise BadRule(f"Without a time of day a deadline lasts until the day has ended {ANYWHERE}.")
    return Deadline(kind=kind, **{STORED.get(key, key): value for key, value in found.items()})


def _whole(value: object, lowest: int, highest: int, what: str) -> int:
    text = str(value).strip()
    if isinstance(value, float) and value.is_integer():
        text = str(int(value))
    try:
        number = int(text)
    except ValueError:
        number = highest + 1
    if not lowest <= number <= highest:
        raise BadRule(f"{what} is a whole number from {lowest} to {highest}, not “{text[:20]}”.")
    return number


def _seconds(value: object, _: Kind) -> int:
    text = str(value).strip()
    if not text.lstrip("-").isdecimal() or not 0 <= int(text) <= LONGEST_LEAD.total_seconds():
        raise BadRule(f"A deadline lies from 0 minutes to {in_words(LONGEST_LEAD)} before departure.")
    return int(text)


def _days(value: object, kind: Kind) -> int:
    if kind is Kind.WORKDAYS:
        return _whole(value, 0, MOST_WORKING_DAYS, "The number of working days")
    return _whole(value, -MOST_DAYS, MOST_DAYS, "The number of days")


def _weeks(value: object, _: Kind) -> int:
    return _whole(value, -MOST_WEEKS, MOST_WEEKS, "The number of weeks")


def _weekday(value: object, _: Kind) -> str:
    code = str(value).strip().upper()
    if code not in DAY_NAMES:
        raise BadRule(f"“{str(value)[:20]}” is not a weekday such as TH.")
    return code


def _time(value: object, _: Kind) -> time:
    try:
        found = time.fromisoformat(str(value).strip())
    except ValueError:
        found = None
    if found is None or found.tzinfo is not None:
        raise BadRule(f"“{str(value)[:20]}” is not a time of day such as 17:00.")
    return found.replace(microsecond=0)


def _zone(value: object, _: Kind) -> str:
    return read_zone(str(value)).key


def _instant(value: object, _: Kind) -> datetime:
    try:
        found = datetime.fromisoformat(str(value).strip())
    except ValueError:
        found = None
    if found is None or found.tzinfo is None or not 1970 <= found.year <= 2200:
        raise BadRule(f"“{str(value)[:40]}” is not an instant such as 2026-11-24T13:00:00Z.")
    return found.astimezone(UTC)


def _date(value: object, _: Kind) -> date:
    try:
        found = date.fromisoformat(str(value).strip())
    except ValueError:
        found = None
    if found is None or not 1970 <= found.year <= 2200:
        raise BadRule(f"“{str(value)[:20]}” is not a date such as 2026-03-18.")
    return found


def _holidays(value: object, _: Kind) -> int:
    return _whole(value, 1, 2**31, "The number of a holiday calendar")


READERS: dict[str, Callable[[Any, Kind], Any]] = {
    "seconds": _seconds,
    "days": _days,
    "weeks": _weeks,
    "weekday": _weekday,
    "time": _time,
    "zone": _zone,
    "at": _instant,
    "date": _date,
    "holidays": _holidays,
}
NEEDED: dict[Kind, tuple[str, ...]] = {
    Kind.LEAD: ("seconds",),
    Kind.WALL: ("days", "time"),
    Kind.INSTANT: ("at",),
    Kind.AOE: (),
    Kind.WEEK: ("weeks", "weekday"),
    Kind.WORKDAYS: ("days", "time"),
}
FIELDS: dict[Kind, tuple[str, ...]] = {
    Kind.LEAD: ("seconds",),
    Kind.WALL: ("days", "time", "zone"),
    Kind.INSTANT: ("at",),
    Kind.AOE: ("days", "date"),
    Kind.WEEK: ("weeks", "weekday", "time", "zone"),
    Kind.WORKDAYS: ("days", "time", "zone", "holidays"),
}
STORED = {"time": "clock", "date": "day"}
NAMES = {
    "seconds": "how long before departure it lies",
    "days": "the number of days",
    "weeks": "the number of weeks",
    "weekday": "the weekday",
    "time": "the time of day",
    "at": "its instant",
}


def _as_it_is(value: object) -> object:
    return value


WRITERS: dict[type, Callable[[Any], object]] = {
    time: lambda value: value.isoformat("minutes" if value.second == 0 else "seconds"),
    date: date.isoformat,
    datetime: lambda value: value.isoformat().replace("+00:00", "Z"),
}


def _clock(one: Deadline) -> str:
    """Say the time of day and whose it is."""
    if one.clock is None:
        return ANYWHERE
    at = one.clock.isoformat("minutes" if one.clock.second == 0 else "seconds")
    return f"at {at} {one.zone}".rstrip()


def _distance(days: int) -> str:
    if days == 0:
        return "on the day of departure"
    way = "before" if days > 0 else "after"
    return f"the day {way} departure" if abs(days) == 1 else f"{abs(days)} days {way} departure"


def _week_words(one: Deadline) -> str:
    week = (
        "the week of departure"
        if one.weeks == 0
        else f"week R{'−' if one.weeks > 0 else '+'}{abs(one.weeks)}"
    )
    join = " " if one.clock else ", "
    return f"{DAY_NAMES[one.weekday]} of {week}{join}{_clock(one)}"


def _working_words(one: Deadline) -> str:
    if one.days == 0:
        return f"on the day of departure or the working day before it {_clock(one)}"
    return f"{one.days} working day{'' if one.days == 1 else 's'} before departure {_clock(one)}"


def _aoe_words(one: Deadline) -> str:
    if one.day is not None:
        return f"the end of {day_words(one.day)}, {ANYWHERE}"
    return f"{_distance(one.days)}, {ANYWHERE}"


WORDS: dict[Kind, Callable[[Deadline], str]] = {
    Kind.LEAD: lambda one: f"{in_words(one.seconds)} before departure" if one.seconds else "at departure",
    Kind.WALL: lambda one: f"{_distance(one.days)} {_clock(one)}",
    Kind.INSTANT: lambda one: f"{day_words(one.at.date())} {one.at:%H:%M} UTC" if one.at else "",
    Kind.AOE: _aoe_words,
    Kind.WEEK: _week_words,
    Kind.WORKDAYS: _working_words,
}
