"""Say what repeats in words; what has no short words is shown as it is written."""

from datetime import date, datetime

from releasetrain.lib.recurrence import Recurrence, Recurrences

DAY_NAMES = {
    "MO": "Monday",
    "TU": "Tuesday",
    "WE": "Wednesday",
    "TH": "Thursday",
    "FR": "Friday",
    "SA": "Saturday",
    "SU": "Sunday",
}
DAY_CODES = tuple(DAY_NAMES)
MONTH_NAMES = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
ORDINALS = {1: "first", 2: "second", 3: "third", 4: "fourth", 5: "fifth", -1: "last", -2: "last but one"}
NOUNS = {"YEARLY": "year", "MONTHLY": "month", "WEEKLY": "week", "DAILY": "day"}


def listed(items: list[str]) -> str:
    """Join words as people do: "a", "a and b", "a, b and c"."""
    return " and ".join([", ".join(items[:-1]), items[-1]]) if len(items) > 1 else "".join(items)


# More single dates than these are counted, not listed.
MOST_LISTED = 4


def lines_in_words(lines: Recurrences, first: datetime, zone: str) -> str:
    """Say what starts at a wall time of a zone, e.g. "every Tuesday at 14:00 Europe/Berlin"."""
    said = [rule_in_words(rule, first, "") for rule in lines.rules[:-1]]
    said += [rule_in_words(rule, first, zone) for rule in lines.rules[-1:]]
    if lines.more:
        single = _single_dates(lines.single_times(first), zone if not said else "")
        said.append(f"also {single}" if said else single)
    if lines.less:
        said.append(f"not {_days_off(lines.less)}")
    return ", ".join(said)


def _single_dates(times: list[datetime], zone: str) -> str:
    clocks = {wall.time() for wall in times}
    at = f" at {times[0]:%H:%M}" if len(clocks) == 1 else ""
    if len(times) > MOST_LISTED:
        return (
            f"on {len(times)} dates from {day_words(times[0])} to {day_words(times[-1])}{at} {zone}".rstrip()
        )
    days = listed([day_words(wall) if at else f"{day_words(wall)} at {wall:%H:%M}" for wall in times])
    return f"on {days}{at} {zone}".rstrip()


def _days_off(dates: tuple[date, ...]) -> str:
    if len(dates) > MOST_LISTED:
        return f"on {len(dates)} dates"
    ordered = sorted(dates, key=lambda one: one.strftime("%Y%m%dT%H%M%S"))
    return f"on {listed([_day_or_time(one) for one in ordered])}"


def _day_or_time(one: date) -> str:
    return f"{day_words(one)} at {one:%H:%M}" if isinstance(one, datetime) else day_words(one)


def day_words(day: date) -> str:
    """Say a day, e.g. "Tue 24 Nov 2026"."""
    return f"{day:%a} {day.day} {day:%b %Y}"


def rule_in_words(rule: Recurrence, first: datetime, zone: str) -> str:
    """Say a rule that starts at a wall time of a zone, e.g. "every Tuesday at 14:00 Europe/Berlin"."""
    days, times = _days(rule, first), _times(rule, first)
    if not days or not times:
        return f"by the rule {rule} from {first:%Y-%m-%d %H:%M} {zone}".rstrip()
    return f"{days} {times} {zone}".rstrip() + _end(rule)


def _days(rule: Recurrence, first: datetime) -> str | None:
    """Say which days; None where there are no short words for it."""
    if {"BYYEARDAY", "BYWEEKNO"} & rule.parts.keys():
        return None
    if rule.is_sub_daily:
        return _sub_daily(rule)
    if rule.frequency == "DAILY":
        return _daily(rule)
    if rule.frequency == "WEEKLY":
        return _weekly(rule, first)
    return _monthly(rule, first) if rule.frequency == "MONTHLY" else _yearly(rule, first)


def _every(rule: Recurrence) -> str:
    noun = NOUNS[rule.frequency]
    return f"every {noun}" if rule.interval == 1 else f"every {rule.interval} {noun}s"


def _sub_daily(rule: Recurrence) -> str | None:
    if any(key.startswith("BY") for key in rule.parts):
        return None
    noun = "hour" if rule.frequency == "HOURLY" else "minute"
    return f"every {noun}" if rule.interval == 1 else f"every {rule.interval} {noun}s"


def _daily(rule: Recurrence) -> str | None:
    if {"BYMONTH", "BYMONTHDAY", "BYSETPOS"} & rule.parts.keys():
        return None
    if "BYDAY" in rule.parts:
        return f"every {_weekdays(rule.items('BYDAY'))}" if rule.interval == 1 else None
    return _every(rule)


def _weekdays(codes: list[str]) -> str:
    if set(codes) == set(DAY_CODES[:5]):
        return "working day"
    return listed([DAY_NAMES[code] for code in sorted(codes, key=DAY_CODES.index)])


def _weekly(rule: Recurrence, first: datetime) -> str | None:
    if {"BYMONTH", "BYSETPOS"} & rule.parts.keys():
        return None
    days = _weekdays(rule.items("BYDAY") or [DAY_CODES[first.weekday()]])
    if rule.interval == 1:
        return f"every {days}"
    each = "second week" if rule.interval == 2 else f"{rule.interval} weeks"
    return f"every {each} on {days}"


def _monthly(rule: Recurrence, first: datetime) -> str | None:
    if "BYMONTH" in rule.parts:
        return None
    day = _day_of_month(rule, first)
    if day is None:
        return None
    return f"on {day} of {_every(rule)}"


def _yearly(rule: Recurrence, first: datetime) -> str | None:
    days = _day_of_month(rule, first)
    months = rule.items("BYMONTH") or ([str(first.month)] if "BYDAY" not in rule.parts else [])
    if days is None or not months:
        return None
    named = listed([MONTH_NAMES[int(month) - 1] for month in months])
    return (
        f"{_every(rule)} on {days.removeprefix('day ')} {named}"
        if days.startswith("day ")
        else (f"{_every(rule)} on {days} of {named}")
    )


def _day_of_month(rule: Recurrence, first: datetime) -> str | None:
    days, dates, positions = rule.items("BYDAY"), rule.items("BYMONTHDAY"), rule.items("BYSETPOS")
    if days and not dates:
        return _numbered_weekdays(days, positions)
    if days or positions or any(int(date) < -1 for date in dates):
        return None
    return listed(
        ["the last day" if date == "-1" else f"day {int(date)}" for date in dates or [str(first.day)]]
    )


def _numbered_weekdays(days: list[str], positions: list[str]) -> str | None:
    if len(positions) > 1:
        return None
    said: list[str] = []
    for day in days:
        number, code = day[:-2], day[-2:]
        ordinal = ORDINALS.get(int(number or (positions[0] if positions else 0)))
        if ordinal is None or (number and positions):
            return None
        said.append(f"the {ordinal} {DAY_NAMES[code]}")
    if positions and set(days) == set(DAY_CODES[:5]):
        return f"the {ORDINALS[int(positions[0])]} working day"
    # "The first of Monday or Tuesday" is not "the first Monday and the first Tuesday".
    return None if positions and len(days) > 1 else listed(said)


def _times(rule: Recurrence, first: datetime) -> str:
    """Say the times of the day; nothing where there are too many to say."""
    if rule.is_sub_daily:
        return f"from {first:%Y-%m-%d %H:%M}"
    hours = [int(hour) for hour in rule.items("BYHOUR")] or [first.hour]
    minutes = [int(minute) for minute in rule.items("BYMINUTE")] or [first.minute]
    if len(hours) * len(minutes) > 4:
        return ""
    return "at " + listed([f"{hour:02}:{minute:02}" for hour in sorted(hours) for minute in sorted(minutes)])


def _end(rule: Recurrence) -> str:
    if count := rule.parts.get("COUNT"):
        return ", once" if count == "1" else f", {count} times"
    if until := rule.parts.get("UNTIL"):
        return f", until {until[:4]}-{until[4:6]}-{until[6:8]}"
    return ""
