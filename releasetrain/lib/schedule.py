"""Turn a rule on the wall clock of a zone into instants, and instants into words (RULES T1 to T3)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

from releasetrain.lib import recurrence
from releasetrain.lib.recurrence import BadRule, Recurrence, Recurrences
from releasetrain.lib.words import lines_in_words

# What is kept ahead at most: what is daily for 400 days, what is hourly for two days.
MOST_AHEAD = 500
MOST_AHEAD_SUB_DAILY = 48


@dataclass(frozen=True, slots=True)
class Schedule:
    """Hold what repeats, its first wall time (naive) and the zone whose clocks it follows."""

    lines: Recurrences
    first: datetime
    zone: ZoneInfo

    @property
    def most_ahead(self) -> int:
        return MOST_AHEAD_SUB_DAILY if self.lines.is_sub_daily else MOST_AHEAD

    def in_words(self) -> str:
        """Say the schedule, e.g. "every Tuesday at 14:00 Europe/Berlin"."""
        return lines_in_words(self.lines, self.first, self.zone.key)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """One instant of a schedule, with the wall time that the rule asked for.

    `note` says where the clocks did not let that wall time be what it says.
    """

    at: datetime
    wall: datetime
    offset: timedelta
    note: str = ""


@lru_cache(maxsize=1)
def known_zones() -> frozenset[str]:
    """Return the names of the IANA zones that this machine knows."""
    return frozenset(available_timezones())


def read_zone(name: str) -> ZoneInfo:
    """Read the name of an IANA zone.

    :raises BadRule: nobody knows it; a likely one is named
    """
    if name in known_zones():
        return ZoneInfo(name)
    near = get_close_matches(name, known_zones(), n=1, cutoff=0.7)
    hint = f"Did you mean {near[0]}?" if near else "Use a name such as Europe/Berlin."
    raise BadRule(f"“{name[:80]}” is not a time zone. {hint}")


def read_first(text: str) -> datetime:
    """Read the wall time at which something happens first.

    :raises BadRule: it is no wall time, or far from anybody's life
    """
    try:
        first = datetime.fromisoformat(text.strip())
    except ValueError:
        raise BadRule(f"“{text[:40]}” is not a local time such as 2026-11-24T14:00.") from None
    if first.tzinfo is not None:
        raise BadRule("This is a time on the wall clock; leave its offset out, the zone says it.")
    if not 1970 <= first.year <= 2200:
        raise BadRule("The first time must lie between the years 1970 and 2200.")
    return first.replace(microsecond=0)


def read(rule: str, first: str, zone: str) -> Schedule:
    """Read a schedule: the lines of its rule, its first wall time and its zone.

    :param rule: one RFC 5545 rule, or several lines RRULE, RDATE and EXDATE
    :raises BadRule: one of the three cannot be used
    """
    return Schedule(recurrence.read_lines(rule), read_first(first), read_zone(zone))


def flaws(rule: str, first: str, zone: str) -> dict[str, str]:
    """Return a sentence for each field that cannot be used; none means that the schedule runs.

    :return: by "rule", "first_departs_at_local" and "time_zone", as trains name them
    """
    found: dict[str, str] = {}
    for field, reader, text in (
        ("rule", recurrence.read_lines, rule),
        ("first_departs_at_local", read_first, first),
        ("time_zone", read_zone, zone),
    ):
        try:
            reader(text)
        except BadRule as refusal:
            found[field] = str(refusal)
    if not found:
        try:
            nearest(read(rule, first, zone))
        except BadRule as refusal:
            found["rule"] = str(refusal)
    return found


def nearest(schedule: Schedule) -> timedelta | None:
    """Return how near to each other its first times are on the wall; None where there is only one.

    :raises BadRule: a rule of it never comes true
    """
    found = recurrence.probe(schedule.lines, schedule.first, schedule.zone)
    return min((later - earlier for earlier, later in pairwise(found)), default=None)


def resolve(wall: datetime, zone: ZoneInfo) -> Occurrence:
    """Find the instant of a wall time: by the offset before the gap if it does not exist, the first of two.

    Both are what `fold=0` means to Python (PEP 495) and what RFC 5545 asks for (RULES T2, T3).
    """
    local = wall.replace(tzinfo=zone, fold=0)
    at = local.astimezone(UTC)
    shown = at.astimezone(zone)
    return Occurrence(at, wall, shown.utcoffset() or timedelta(0), _note(wall, local, shown, zone))


def _note(wall: datetime, local: datetime, shown: datetime, zone: ZoneInfo) -> str:
    day = f"{wall:%a} {wall.day} {wall:%b %Y}"
    if shown.replace(tzinfo=None, fold=0) != wall:
        return f"{wall:%H:%M} does not exist on {day} in {zone.key}; {shown:%H:%M} is taken instead."
    if local.utcoffset() != local.replace(fold=1).utcoffset():
        return f"{wall:%H:%M} occurs twice on {day} in {zone.key}; the first one counts."
    return ""


def occurrences(
    schedule: Schedule, *, after: datetime, until: datetime, limit: int | None = None
) -> list[Occurrence]:
    """Return what a schedule brings in the half-open span from `after` to `until`, soonest first.

    :param after: an aware instant; so is `until`
    :param limit: at most so many; the schedule's own measure where None
    """
    most = schedule.most_ahead if limit is None else limit
    found: dict[datetime, Occurrence] = {}
    for rule in schedule.lines.rules:
        last = rule.last_instant()
        for one in _of_rule(schedule, rule, after, until, most + len(schedule.lines.less)):
            if last is None or one.at <= last:
                found.setdefault(one.at, one)
    for wall in schedule.lines.single_times(schedule.first):
        one = resolve(wall, schedule.zone)
        if after <= one.at < until:
            found.setdefault(one.at, one)
    kept = [one for one in found.values() if not schedule.lines.leaves_out(one.wall)]
    return sorted(kept, key=lambda one: one.at)[:most]


def _of_rule(
    schedule: Schedule, rule: Recurrence, after: datetime, until: datetime, most: int
) -> Iterator[Occurrence]:
    """Yield what one rule brings in a span, and a little more than is asked for."""
    day = timedelta(days=2)  # a zone may skip a whole day, and wall times then change their order
    since = _wall(after, schedule.zone) - day
    end = _wall(until, schedule.zone) + day
    count = 0
    for wall in rule.wall_times(schedule.first, schedule.zone, since=since):
        if wall > end or count > most + 100:
            break
        if wall < since:
            continue
        one = resolve(wall, schedule.zone)
        if after <= one.at < until:
            count += 1
            yield one


def _wall(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def at_words(instant: datetime, zone: str) -> str:
    """Say an instant on the clocks of a zone, e.g. "Tue 24 Nov 2026 14:00 Europe/Berlin"."""
    local = instant.astimezone(ZoneInfo(zone))
    return f"{local:%a} {local.day} {local:%b %Y %H:%M} {zone}"


def time_words(instant: datetime, zone: str) -> str:
    """Say the time of day of an instant on the clocks of a zone, e.g. "14:00"."""
    return f"{instant.astimezone(ZoneInfo(zone)):%H:%M}"
