"""Say one window: what it stops, when, who opened it, and what ending it would do."""

from collections.abc import Iterable, Sequence
from datetime import datetime, tzinfo
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from releasetrain.accounts.rules import Roles
from releasetrain.calendars.models import Occurrence, Window
from releasetrain.calendars.queries import WindowSettings
from releasetrain.calendars.rules.windows import DayMode, Effect, Lane, Stops
from releasetrain.lib import schedule
from releasetrain.lib.moments import city
from releasetrain.lib.recurrence import BadRule
from releasetrain.lib.spans import Span, in_words
from releasetrain.lib.words import listed
from releasetrain.panels.shapes import Link
from releasetrain.trains.models import Override
from releasetrain.trains.queries.overrides import overrides_with_everything
from releasetrain.web.contexts.calendar.days import span_words
from releasetrain.web.contexts.calendar.line import OPEN_ROLES
from releasetrain.web.contexts.calendar.overrides import override_row
from releasetrain.web.contexts.calendar.shapes import WindowPage, WindowTime
from releasetrain.web.contexts.calendar.window_actions import actions_of, why_not_window

NEXT_TIMES, MOST_OVERRIDES = 10, 20
AT_00 = " at 00:00"


def window_page(
    window: Window, hits: Sequence[str], *, roles: Roles, zone: tzinfo, now: datetime
) -> WindowPage:
    """Gather everything about one window.

    :param hits: the codes of the departures that it meets from now on
    """
    settings = WindowSettings.of(window)
    rows = window.occurrences.filter(during__endswith__gt=now).select_related("region").order_by("during")
    times = [_time(row, settings, zone, now) for row in rows[:NEXT_TIMES]]
    over, ahead = over_words(window, now), rows.count()
    return WindowPage(
        pk=window.pk,
        name=window.name,
        look=look_of(window),
        sentences=list(sentences_of(settings, stops_the_line=window.stops_the_line)),
        facts=facts_of(window, settings),
        zone=window.time_zone,
        times=times,
        more=max(ahead - NEXT_TIMES, 0),
        actions=[] if over else actions_of(window, settings, hits, times, ahead, roles),
        overrides=[override_row(one, now) for one in overrides_through(window)],
        edit_url=edit_url(window, settings, roles) if not over else "",
        feed=Link(window.feed.name, f"/calendar/feeds/{window.feed_id}/") if window.feed else None,
        over=over,
        is_stale=bool(window.feed and window.feed.problem),
    )


def look_of(window: Window) -> str:
    """Name the look of a window: a stopped line, one that allows, or how much it stops."""
    if window.stops_the_line:
        return "line"
    return "allow" if window.effect == Effect.ALLOW else window.level


def sentences_of(settings: WindowSettings, *, stops_the_line: bool = False) -> Iterable[str]:
    """Say in sentences what a window does."""
    lanes = listed([lane.words for lane in Lane if lane in settings.lanes or not settings.lanes])
    where = settings.where
    if settings.effect is Effect.ALLOW:
        place = "everywhere" if where == "everything" else f"in {where}"
        yield f"{lanes.capitalize()} move only inside it {place}."
        if settings.capacity:
            noun = "change" if settings.capacity == 1 else "changes"
            yield f"It has room for {settings.capacity} {noun} aboard, each time it opens."
    elif settings.level is Stops.NOTICE:
        yield f"It is announced for {where}; it stops nothing."
        return
    else:
        place = "everywhere" if where == "everything" else f"in {where}"
        verb = (
            "stand still" if settings.level is Stops.HARD else "move only once somebody has acknowledged it"
        )
        yield f"{lanes.capitalize()} {verb} {place}."
    yield f"A rollout that runs when it opens {settings.behaviour.words}."
    yield "Rollbacks, and switching a flag off, always go through."
    if stops_the_line:
        yield "It was opened by stopping the line, and ends by itself."


def when_words(settings: WindowSettings) -> str:
    """Say when a window is open, on its own clocks: "every Friday at 18:00 until Monday 06:00"."""
    start, end = datetime.fromisoformat(settings.starts_local), datetime.fromisoformat(settings.ends_local)
    if settings.is_all_day:
        last = "" if start.date() == end.date() else f" to {_day(end)}"
        first = f"{_day(start)}{last}, {settings.day_mode.words}"
    else:
        last = f"{end:%H:%M}" if start.date() == end.date() else f"{_day(end)} {end:%H:%M}"
        first = f"{_day(start)} {start:%H:%M} to {last}"
    if settings.holidays:
        return f"{first}; again on the holidays of {settings.holidays}"
    if not settings.rule:
        return first
    return f"{first}; {rule_words(settings)}"


def rule_words(settings: WindowSettings) -> str:
    """Say how a window comes again, without the zone, which stands beside it."""
    try:
        read = schedule.read(settings.rule, settings.starts_local, settings.time_zone)
    except BadRule:
        return f"by the rule {settings.rule}"
    words = read.in_words().replace(f" {settings.time_zone}", "", 1)
    return words.replace(AT_00, "", 1) if settings.is_all_day else words


def _day(at: datetime) -> str:
    return f"{at:%a} {at.day} {at:%b %Y}"


def facts_of(window: Window, settings: WindowSettings) -> list[tuple[str, str]]:
    """Return the facts of a window by name."""
    needs_no_zone = settings.is_all_day and settings.day_mode is not DayMode.ZONE
    where = settings.where
    facts = [
        ("Reason", settings.reason),
        ("Covers", where[:1].upper() + where[1:]),
        ("When", when_words(settings)),
        ("On the clocks of", "" if needs_no_zone else city(settings.time_zone)),
        ("Opened by", "" if window.feed_id else str(window.created_by or "somebody who has left")),
    ]
    return [(name, said) for name, said in facts if said]


def over_words(window: Window, now: datetime) -> str:
    """Say that a window is over and how it came to that; nothing where it is not."""
    if window.deleted_at:
        return f"Deleted by {window.deleted_by_label}: {window.deleted_reason}"
    if window.ended_early_at and window.ended_early_at <= now:
        return "Ended early."
    if window.ends_at and window.ends_at <= now:
        return "Over."
    return ""


def _time(row: Occurrence, settings: WindowSettings, zone: tzinfo, now: datetime) -> WindowTime:
    span = Span(row.during.lower, row.during.upper)
    own = ZoneInfo(row.region.time_zone if row.region else settings.time_zone)
    there = span_words(span, own, is_all_day=settings.is_all_day)
    words = span_words(span, zone, is_all_day=settings.is_all_day)
    return WindowTime(
        span=span,
        words=words,
        length=in_words(span.end - span.start),
        there="" if there == words else f"{there} {city(str(own))}",
        region=row.region.name if row.region else "",
        is_now=now in span,
    )


def edit_url(window: Window, settings: WindowSettings, roles: Roles) -> str:
    """Return where a window is edited; nothing where it comes from elsewhere or is not this person's."""
    if window.feed_id or window.stops_the_line or why_not_window(settings, roles, OPEN_ROLES, "edit it"):
        return ""
    return f"/calendar/windows/{window.pk}/edit/"


def overrides_through(window: Window) -> QuerySet[Override]:
    """Return who was let through a window, the newest first."""
    return overrides_with_everything().filter(windows=window)[:MOST_OVERRIDES]
