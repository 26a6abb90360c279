"""Lay a schedule out over time, with other schedules for single weeks (real case O2)."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from releasetrain.lib.schedule import Occurrence, Schedule, occurrences, resolve
from releasetrain.lib.spans import in_words
from releasetrain.trains.rules.times import Terms
from releasetrain.trains.rules.timetable import Date

WEEK = timedelta(weeks=1)
NEAREST_DEPARTURES = timedelta(minutes=5)


def why_too_near(gap: timedelta | None) -> str | None:
    """Return why a train cannot depart at such short intervals, or None."""
    if gap is None or gap >= NEAREST_DEPARTURES:
        return None
    return (
        f"This train departs {in_words(gap)} after another departure; "
        f"a train needs at least {in_words(NEAREST_DEPARTURES)} in between."
    )


def monday_of(instant: datetime, zone: ZoneInfo) -> date:
    """Return the Monday of the week in which an instant lies on the clocks of a zone."""
    day = instant.astimezone(zone).date()
    return day - timedelta(days=day.weekday())


def week_start(monday: date, zone: ZoneInfo) -> datetime:
    """Return the first instant of a week on the clocks of a zone (RULES T4)."""
    return resolve(datetime(monday.year, monday.month, monday.day), zone).at  # noqa: DTZ001 - a wall time


def occurrences_with_weeks(
    usual: Schedule,
    weeks: Mapping[date, Schedule | None],
    *,
    after: datetime,
    until: datetime,
    limit: int | None = None,
) -> list[Occurrence]:
    """Return the occurrences in a half-open span, soonest first.

    :param weeks: what the train runs by in single weeks instead, by Monday; None where nothing departs
    """
    # A chosen week may take away as many as it has, so the usual ones are counted after that.
    found = occurrences(
        usual, after=after, until=until, limit=None if limit is None else limit + 100 * len(weeks)
    )
    if not weeks:
        return found
    found = [one for one in found if monday_of(one.at, usual.zone) not in weeks]
    for monday, variant in weeks.items():
        start, end = week_start(monday, usual.zone), week_start(monday + WEEK, usual.zone)
        start, end = max(start, after), min(end, until)
        if variant is not None and start < end:
            found += occurrences(variant, after=start, until=end)
    found.sort(key=lambda one: one.at)
    return found[: usual.most_ahead if limit is None else limit]


def dates_between(
    usual: Schedule,
    weeks: Mapping[date, Schedule | None],
    terms: Terms,
    *,
    after: datetime,
    until: datetime,
    limit: int | None = None,
) -> list[Date]:
    """Return the dates of a train in a half-open span, with their times and what the clocks do to them."""
    found = occurrences_with_weeks(usual, weeks, after=after, until=until, limit=limit)
    dates: list[Date] = []
    before: timedelta | None = None
    for one in found:
        offset = one.at.astimezone(terms.zone).utcoffset() or timedelta(0)
        shift = offset - before if before is not None else timedelta(0)
        dates.append(Date(one.at, terms.times(one.at), one.note, shift))
        before = offset
    return dates
