"""Turn a rule on the wall clock of a zone into instants, and instants into words (RULES T1 to T3)."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from functools import lru_cache
from zoneinfo import ZoneInfo, available_timezones

from releasetrain.lib import recurrence
from releasetrain.lib.recurrence import BadRule, Recurrence
from releasetrain.lib.words import rule_in_words

# What is kept ahead at most: a daily train for 400 days, an hourly one for two days.
MOST_AHEAD = 500
MOST_AHEAD_SUB_DAILY = 48


@dataclass(frozen=True, slots=True)
class Schedule:
    """Hold a rule, its first wall time (naive) and the zone whose clocks it follows."""

    rule: Recurrence
    first: datetime
    zone: ZoneInfo

    @property
    def most_ahead(self) -> int:
        return MOST_AHEAD_SUB_DAILY if self.rule.is_sub_daily else MOST_AHEAD

    def in_words(self) -> str:
        """Say the schedule, e.g. "every Tuesday at 14:00 Europe/Berlin"."""
        return rule_in_words(self.rule, self.first, self.zone.key)


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
    """Read the first departure's local wall time.

    :raises BadRule: it is no wall time, or far from any train's life
    """
    try:
        first = datetime.fromisoformat(text.strip())
    except ValueError:
        raise BadRule(f"“{text[:40]}” is not a local time such as 2026-11-24T14:00.") from None
    if first.tzinfo is not None:
        raise BadRule(
            "The first departure is a time on the wall clock; leave its offset out, the zone says it."
        )
    if not 1970 <= first.year <= 2200:
        raise BadRule("The first departure must lie between the years 1970 and 2200.")
    return first.replace(microsecond=0)


def read(rule: str, first: str, zone: str) -> Schedule:
    """Read a schedule from what a train keeps.

    :raises BadRule: one of the three cannot be used
    """
    return Schedule(recurrence.read(rule), read_first(first), read_zone(zone))


def flaws(rule: str, first: str, zone: str) -> dict[str, str]:
    """Return a sentence for each field that cannot be used; none means that the schedule runs."""
    found: dict[str, str] = {}
    for field, reader, text in (
        ("rule", recurrence.read, rule),
        ("first_departs_at_local", read_first, first),
        ("time_zone", read_zone, zone),
    ):
        try:
            reader(text)
        except BadRule as refusal:
            found[field] = str(refusal)
    if not found:
        try:
            recurrence.check_runs(recurrence.read(rule), read_first(first), read_zone(zone))
        except BadRule as refusal:
            found["rule"] = str(refusal)
    return found


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
        return f"{wall:%H:%M} does not exist on {day} in {zone.key}; it departs at {shown:%H:%M}."
    if local.utcoffset() != local.replace(fold=1).utcoffset():
        return f"{wall:%H:%M} occurs twice on {day} in {zone.key}; it departs the first time."
    return ""


def occurrences(
    schedule: Schedule, *, after: datetime, until: datetime, limit: int | None = None
) -> list[Occurrence]:
    """Return the departures of a schedule in the half-open span from `after` to `until`, soonest first.

    :param after: an aware instant; so is `until`
    :param limit: at most so many; the schedule's own measure where None
    """
    most = schedule.most_ahead if limit is None else limit
    last = schedule.rule.last_instant()
    day = timedelta(days=2)  # a zone may skip a whole day, and wall times then change their order
    since = _wall(after, schedule.zone) - day
    end = _wall(until, schedule.zone) + day
    found: dict[datetime, Occurrence] = {}
    for wall in schedule.rule.wall_times(schedule.first, schedule.zone, since=since):
        if wall > end or len(found) > most + 100:
            break
        if wall < since:
            continue
        one = resolve(wall, schedule.zone)
        if after <= one.at < until and (last is None or one.at <= last):
            found.setdefault(one.at, one)
    return sorted(found.values(), key=lambda one: one.at)[:most]


def _wall(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=None, fold=0)


def at_words(instant: datetime, zone: str) -> str:
    """Say an instant on the clocks of a zone, e.g. "Tue 24 Nov 2026 14:00 Europe/Berlin"."""
    local = instant.astimezone(ZoneInfo(zone))
    return f"{local:%a} {local.day} {local:%b %Y %H:%M} {zone}"


def time_words(instant: datetime, zone: str) -> str:
    """Say the time of day of an instant on the clocks of a zone, e.g. "14:00"."""
    return f"{instant.astimezone(ZoneInfo(zone)):%H:%M}"
