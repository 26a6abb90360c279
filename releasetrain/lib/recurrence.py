"""Read RFC 5545 recurrence rules, with single dates more or less, and walk their wall-clock times."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import partial
from itertools import groupby, islice
from zoneinfo import ZoneInfo

from dateutil.rrule import rrulestr

FREQUENCIES = ("YEARLY", "MONTHLY", "WEEKLY", "DAILY", "HOURLY", "MINUTELY")
SUB_DAILY = frozenset({"HOURLY", "MINUTELY"})
UNITS = {
    "WEEKLY": timedelta(weeks=1),
    "DAILY": timedelta(days=1),
    "HOURLY": timedelta(hours=1),
    "MINUTELY": timedelta(minutes=1),
}
LONGEST_RULE = 300
LONGEST_TEXT = 4000
MOST_DATES = 300

DAY = re.compile(r"([+-]?\d{1,2})?(MO|TU|WE|TH|FR|SA|SU)")
UNTIL = re.compile(r"\d{8}(T\d{6}Z?)?")


class BadRule(ValueError):
    """Refuse a rule or a deadline, in a sentence for the person who typed it."""


@dataclass(frozen=True, slots=True)
class Recurrence:
    """Hold the parts of one rule that has been found sound."""

    parts: dict[str, str]

    def __str__(self) -> str:
        return ";".join(f"{key}={value}" for key, value in self.parts.items())

    @property
    def frequency(self) -> str:
        return self.parts["FREQ"]

    @property
    def interval(self) -> int:
        return int(self.parts.get("INTERVAL", "1"))

    @property
    def is_sub_daily(self) -> bool:
        return self.frequency in SUB_DAILY

    def items(self, key: str) -> list[str]:
        """Return the comma-separated values of a part, none where it is absent."""
        return self.parts[key].split(",") if key in self.parts else []

    def last_instant(self) -> datetime | None:
        """Return UNTIL where the rule gives it in UTC."""
        until = self.parts.get("UNTIL", "")
        return datetime.strptime(until, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC) if until.endswith("Z") else None

    def wall_times(
        self, first: datetime, zone: ZoneInfo, *, since: datetime | None = None
    ) -> Iterator[datetime]:
        """Yield the rule's local wall times in the order of the wall clock, without a zone.

        :param first: DTSTART, naive; it counts only where the rule itself hits it
        :param since: a naive time before which the caller needs nothing (earlier ones may still be yielded)
        """
        start = self._nearer(first, since) if since else first
        return iter(rrulestr(self._for_dateutil(zone), dtstart=start))

    def _nearer(self, first: datetime, since: datetime) -> datetime:
        """Move DTSTART forward by whole periods, so that an old rule does not count from its first day."""
        unit = UNITS.get(self.frequency)
        if unit is None or "COUNT" in self.parts:
            return first
        period = unit * self.interval
        steps = (since - first - timedelta(days=8)) // period
        return first + steps * period if steps > 0 else first

    def _for_dateutil(self, zone: ZoneInfo, years: int = 0) -> str:
        """Write the rule with UNTIL on the wall clock, which is what a DTSTART without a zone asks for."""
        parts = dict(self.parts)
        if "UNTIL" in parts:
            parts["UNTIL"] = _shifted(self._last_wall_time(zone), years).strftime("%Y%m%dT%H%M%S")
        return ";".join(f"{key}={value}" for key, value in parts.items())

    def _last_wall_time(self, zone: ZoneInfo) -> datetime:
        until = self.parts["UNTIL"]
        if instant := self.last_instant():
            # The exact end is judged on instants, by the schedule; the wall clock may repeat an hour.
            return instant.astimezone(zone).replace(tzinfo=None) + timedelta(days=1)
        if "T" in until:
            return datetime.strptime(until, "%Y%m%dT%H%M%S")  # noqa: DTZ007 - a wall time has no zone
        return datetime.strptime(until, "%Y%m%d") + timedelta(days=1, seconds=-1)  # noqa: DTZ007

    def probe(self, first: datetime, zone: ZoneInfo, most: int) -> list[datetime]:
        """Return the first wall times, in bounded work even where there are none.

        dateutil looks for an impossible date up to the year 9999. The calendar repeats itself exactly every
        400 years, so the question is asked in the last cycle.
        """
        years = 400 * ((9999 - 60 - first.year) // 400)
        found = rrulestr(self._for_dateutil(zone, years), dtstart=_shifted(first, years))
        return [_shifted(wall, -years) for wall in islice(found, most)]


def _shifted(wall: datetime, years: int) -> datetime:
    return wall.replace(year=wall.year + years) if years else wall


def read(text: str) -> Recurrence:
    """Read a rule such as FREQ=WEEKLY;BYDAY=TU.

    :raises BadRule: it cannot be read, or RFC 5545 does not allow it
    """
    text = text.strip().upper().removeprefix("RRULE:").rstrip(";")
    if not text:
        raise BadRule("A rule says when something repeats, for example FREQ=WEEKLY;BYDAY=TU.")
    if len(text) > LONGEST_RULE:
        raise BadRule(f"The rule is longer than {LONGEST_RULE} characters.")
    if not text.isascii() or any(sign.isspace() for sign in text):
        raise BadRule("A rule is one line of parts joined by “;”, for example FREQ=WEEKLY;BYDAY=TU.")
    parts: dict[str, str] = {}
    for part in text.split(";"):
        key, equals, value = part.partition("=")
        if not equals or not value:
            raise BadRule(f"“{part}” is not a part of a rule; each one reads NAME=VALUE, as in BYDAY=TU.")
        if key in parts:
            raise BadRule(f"{key} stands in the rule twice.")
        _check_value(key, value)
        parts[key] = value
    _check_together(parts)
    return Recurrence(parts)


def _whole(key: str, value: str, lowest: int, highest: int, *, signed: bool = False) -> None:
    for one in value.split(","):
        digits = one.lstrip("+-") if signed and len(one) - len(one.lstrip("+-")) <= 1 else one
        if not digits.isdigit() or len(digits) > 6 or not lowest <= int(digits) <= highest:
            sign = ", or the same counted from the end with a minus" if signed else ""
            raise BadRule(f"{key}={value} must hold whole numbers from {lowest} to {highest}{sign}.")


def _one(key: str, value: str) -> None:
    if "," in value:
        raise BadRule(f"{key} takes one number, not {value}.")
    _whole(key, value, 1, 999_999)


def _frequency(key: str, value: str) -> None:
    if value == "SECONDLY":
        raise BadRule("Nothing here repeats every few seconds; the shortest frequency is MINUTELY.")
    if value not in FREQUENCIES:
        raise BadRule(f"FREQ={value} is not one of {', '.join(FREQUENCIES)}.")


def _days(key: str, value: str) -> None:
    for one in value.split(","):
        match = DAY.fullmatch(one)
        if match is None or (match[1] and not 1 <= abs(int(match[1])) <= 53):
            raise BadRule(f"BYDAY={value}: “{one}” is not a weekday such as TU, 1TU or -1FR.")


def _weekday(key: str, value: str) -> None:
    if value not in {"MO", "TU", "WE", "TH", "FR", "SA", "SU"}:
        raise BadRule(f"WKST={value} is not a weekday such as MO.")


def _until(key: str, value: str) -> None:
    shape = {8: "%Y%m%d", 15: "%Y%m%dT%H%M%S", 16: "%Y%m%dT%H%M%SZ"}.get(len(value), "")
    try:
        if not UNTIL.fullmatch(value):
            raise ValueError  # noqa: TRY301 - both faults are one sentence
        year = datetime.strptime(value, shape).year  # noqa: DTZ007 - only looked at
    except ValueError:
        raise BadRule(f"UNTIL={value} is not a date such as 20271231 or 20271231T170000Z.") from None
    if not 1970 <= year <= 2200:
        raise BadRule(f"UNTIL={value} lies outside the years 1970 to 2200.")


CHECKS: dict[str, Callable[[str, str], None]] = {
    "FREQ": _frequency,
    "INTERVAL": _one,
    "COUNT": _one,
    "UNTIL": _until,
    "WKST": _weekday,
    "BYDAY": _days,
    "BYMONTH": partial(_whole, lowest=1, highest=12),
    "BYMONTHDAY": partial(_whole, lowest=1, highest=31, signed=True),
    "BYYEARDAY": partial(_whole, lowest=1, highest=366, signed=True),
    "BYWEEKNO": partial(_whole, lowest=1, highest=53, signed=True),
    "BYSETPOS": partial(_whole, lowest=1, highest=366, signed=True),
    "BYHOUR": partial(_whole, lowest=0, highest=23),
    "BYMINUTE": partial(_whole, lowest=0, highest=59),
    "BYSECOND": partial(_whole, lowest=0, highest=59),
}


def _check_value(key: str, value: str) -> None:
    if key not in CHECKS:
        raise BadRule(f"{key} is not a part of an RFC 5545 rule.")
    CHECKS[key](key, value)


def _check_together(parts: dict[str, str]) -> None:
    """Refuse combinations that RFC 5545 rules out, and those that could never end."""
    frequency = parts.get("FREQ", "")
    if not frequency:
        raise BadRule("The rule lacks FREQ, for example FREQ=WEEKLY.")
    if "COUNT" in parts and "UNTIL" in parts:
        raise BadRule("A rule ends by COUNT or by UNTIL, not by both.")
    if "BYWEEKNO" in parts and frequency != "YEARLY":
        raise BadRule("BYWEEKNO goes with FREQ=YEARLY only.")
    if "BYYEARDAY" in parts and frequency in {"MONTHLY", "WEEKLY", "DAILY"}:
        raise BadRule(f"BYYEARDAY does not go with FREQ={frequency}.")
    if "BYMONTHDAY" in parts and frequency == "WEEKLY":
        raise BadRule("BYMONTHDAY does not go with FREQ=WEEKLY; FREQ=MONTHLY counts days of the month.")
    has_numbered_day = any(len(day) > 2 for day in parts.get("BYDAY", "").split(","))
    if has_numbered_day and (frequency not in {"MONTHLY", "YEARLY"} or "BYWEEKNO" in parts):
        raise BadRule("A numbered weekday such as 1TU goes with FREQ=MONTHLY or FREQ=YEARLY only.")
    if "BYSETPOS" in parts and (frequency in SUB_DAILY or not _has_another_by(parts)):
        raise BadRule(
            "BYSETPOS picks among several days: it needs another BY… part and FREQ=DAILY or longer."
        )


def _has_another_by(parts: dict[str, str]) -> bool:
    return any(key.startswith("BY") and key != "BYSETPOS" for key in parts)


@dataclass(frozen=True, slots=True)
class Recurrences:
    """Hold what the lines of a schedule say: rules, single dates more (RDATE), and dates less (EXDATE).

    A date without a time of day is the first time of that day (RDATE), or every time of it (EXDATE).
    """

    rules: tuple[Recurrence, ...] = ()
    more: tuple[date, ...] = ()
    less: tuple[date, ...] = ()

    def __str__(self) -> str:
        if len(self.rules) == 1 and not self.more and not self.less:
            return str(self.rules[0])
        lines = [f"RRULE:{rule}" for rule in self.rules]
        for name, dates in (("RDATE", self.more), ("EXDATE", self.less)):
            lines += [f"{name}:{','.join(map(_written, some))}" for some in _alike(dates)]
        return "\n".join(lines)

    @property
    def is_sub_daily(self) -> bool:
        return any(rule.is_sub_daily for rule in self.rules)

    def single_times(self, first: datetime) -> list[datetime]:
        """Return the wall times of the single dates more, in order."""
        return sorted({_at_time_of(one, first) for one in self.more})

    def leaves_out(self, wall: datetime) -> bool:
        """Tell whether a wall time is one of those less."""
        return wall in self.less or wall.date() in self.less


def _at_time_of(day: date, first: datetime) -> datetime:
    return day if isinstance(day, datetime) else datetime.combine(day, first.time())


def _written(day: date) -> str:
    return day.strftime("%Y%m%dT%H%M%S" if isinstance(day, datetime) else "%Y%m%d")


def _ordered(dates: Iterable[date]) -> tuple[date, ...]:
    """Return days, then times of day, each once and in order."""
    return tuple(sorted(set(dates), key=lambda one: (isinstance(one, datetime), _written(one))))


def _alike(dates: Iterable[date]) -> list[list[date]]:
    """Part days from times of day, which stand in lines of their own."""
    return [list(some) for _, some in groupby(dates, lambda one: isinstance(one, datetime))]


def read_lines(text: str) -> Recurrences:
    """Read the lines of a schedule: RRULE, RDATE and EXDATE; a rule may stand alone without its name.

    :raises BadRule: a line cannot be read, or nothing says when anything happens
    """
    if len(text) > LONGEST_TEXT:
        raise BadRule(f"The schedule is longer than {LONGEST_TEXT} characters.")
    rules: list[Recurrence] = []
    more: list[date] = []
    less: list[date] = []
    for line in [line.strip() for line in text.splitlines() if line.strip()] or [""]:
        name, parameters, value = _parted(line)
        if name == "RRULE":
            rules.append(read(value))
        elif name in ("RDATE", "EXDATE"):
            (more if name == "RDATE" else less).extend(_dates(name, parameters, value))
        else:
            raise BadRule(f"{name[:40]} is no line of a schedule; it has RRULE, RDATE and EXDATE.")
    if not rules and not more:
        raise BadRule("Only EXDATE is given: say by RRULE or RDATE when something happens at all.")
    if len(more) + len(less) > MOST_DATES:
        raise BadRule(f"A schedule has at most {MOST_DATES} single dates.")
    return Recurrences(tuple(rules), _ordered(more), _ordered(less))


def _parted(line: str) -> tuple[str, str, str]:
    """Part a line into its name, its parameters and its value."""
    head, colon, value = line.partition(":")
    if not colon:
        return "RRULE", "", line
    name, _, parameters = head.strip().upper().partition(";")
    return name, parameters, value


def _dates(name: str, parameters: str, value: str) -> list[date]:
    if parameters not in ("", "VALUE=DATE", "VALUE=DATE-TIME"):
        raise BadRule(f"{name} takes times on the schedule’s own clocks; leave “{parameters[:40]}” out.")
    return [_date(name, one.strip().upper()) for one in value.split(",")]


def _date(name: str, text: str) -> date:
    if text.endswith("Z"):
        raise BadRule(f"{name}: leave the Z of “{text[:20]}” out; the zone of the schedule says the rest.")
    try:
        day = datetime.strptime(text, "%Y%m%dT%H%M%S" if "T" in text else "%Y%m%d")  # noqa: DTZ007
        if not UNTIL.fullmatch(text) or not 1970 <= day.year <= 2200:
            raise ValueError  # noqa: TRY301 - both faults are one sentence
    except ValueError:
        raise BadRule(f"{name}: “{text[:20]}” is not a date such as 20261224 or 20261224T140000.") from None
    return day if "T" in text else day.date()


def probe(lines: Recurrences, first: datetime, zone: ZoneInfo, most: int = 100) -> list[datetime]:
    """Return the first wall times of each rule and all single ones, in order and in bounded work.

    :raises BadRule: a rule never hits a date, or nothing is left
    """
    found: set[datetime] = set(lines.single_times(first))
    for rule in lines.rules:
        try:
            times = rule.probe(first, zone, most)
        except (ValueError, TypeError, OverflowError) as error:
            raise BadRule(f"This rule cannot be followed: {str(error).rstrip('.')}.") from error
        if not times:
            raise BadRule("This rule never comes true: no date and time from the first one on satisfies it.")
        found.update(times)
    left = sorted(wall for wall in found if not lines.leaves_out(wall))
    if not left:
        raise BadRule("EXDATE leaves nothing of this schedule.")
    return left
