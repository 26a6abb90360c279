"""Turn the events of a calendar into windows or shifts: add, change and remove only what differs."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Q, QuerySet

from releasetrain.accounts.actions import drop_fed_shifts, put_fed_shift
from releasetrain.accounts.actions.rota import AHEAD as DUTIES_AHEAD
from releasetrain.accounts.actions.rota import Wanted
from releasetrain.accounts.models import Shift
from releasetrain.calendars.actions.windows import drop_window, put_window
from releasetrain.calendars.ics.events import Event, Time
from releasetrain.calendars.ics.reader import Read
from releasetrain.calendars.models import Feed, Window
from releasetrain.calendars.queries.people import Known
from releasetrain.calendars.queries.settings import AHEAD, Where, WindowSettings
from releasetrain.calendars.rules.times import Plan
from releasetrain.calendars.rules.windows import Behaviour, Effect, Lane, Stops
from releasetrain.calendars.rules.windows import Time as Opening
from releasetrain.lib.spans import Span

# Nothing that ends by a rule goes on for longer than this after what is written ahead.
FAR = timedelta(days=366 * 20)
LONGEST_REASON = 2000
MOST_WINDOWS, MOST_TIMES = 2000, 20_000
TOO_MANY = f"The calendar opens more than {MOST_WINDOWS} windows, or {MOST_TIMES} times; this is left out."
NO_LENGTH = "It has no length, so there is nothing that it could stop."


@dataclass(slots=True)
class Changes:
    """What taking a calendar in has changed, and what there is to say about it, as the feed keeps it."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    report: list[dict[str, Any]] = field(default_factory=list)

    def count(self, outcome: str) -> None:
        self.added += outcome == "added"
        self.changed += outcome == "changed"

    def say(self, event: str, problem: str, *, is_taken: bool) -> None:
        self.report.append({"event": event[:200], "problem": problem[:500], "is_taken": is_taken})


def had(feed: Feed, now: datetime) -> int:
    """Return how many events of a calendar stand that are not over."""
    return _shifts(feed).count() if feed.brings == "shifts" else _windows(feed, now).count()


def apply(feed: Feed, found: Read, now: datetime, *, before: Read, removes: bool = True) -> Changes:
    """Make what stands of a calendar what it says, within the caller's transaction.

    What could not be read this time stays as it was; what is over stays as it is.

    :param before: what it said when it was taken in last; an event that is the same is left alone
    """
    changes = Changes()
    for remark in found.remarks:
        if remark.sentence:
            changes.say(remark.event, remark.sentence, is_taken=not remark.is_lost)
    if feed.brings == "shifts":
        _apply_shifts(feed, found, now, changes, removes=removes)
    else:
        _open_windows(feed, found, now, changes, before)
        if removes:
            _drop_windows(feed, found, now, changes)
    return changes


def _open_windows(feed: Feed, found: Read, now: datetime, changes: Changes, before: Read) -> None:
    known = set(feed.windows.filter(deleted_at__isnull=True).values_list("uid", flat=True))
    same = {event.uid: event for event in before.events if not event.repeats and event.uid in known}
    windows, times = MOST_WINDOWS, MOST_TIMES
    for event in found.events:
        if same.get(event.uid) == event:
            continue
        plan = _plan(event, feed, now)
        if not plan.times and event.uid not in known:
            if _is_moment(event, now):
                changes.say(event.title or event.uid, NO_LENGTH, is_taken=False)
            continue
        windows, times = windows - 1, times - len(plan.times)
        if windows < 0 or times < 0:
            changes.say(event.title or event.uid, TOO_MANY, is_taken=False)
        else:
            changes.count(put_window(feed, event.uid, _settings(feed, event), now=now, plan=plan)[1])


def _drop_windows(feed: Feed, found: Read, now: datetime, changes: Changes) -> None:
    there = _there(found)
    for window in _windows(feed, now):
        if not there(window.uid):
            why = "was called off" if window.uid in found.cancelled else "is not in it any more"
            drop_window(window, reason=f"The event {why}, says the calendar “{feed}”.", now=now)
            changes.removed += 1


def _is_moment(event: Event, now: datetime) -> bool:
    """Tell whether an event takes place without lasting."""
    return any(one.start == one.end for one in event.times(now, now + AHEAD, most=1))


def _plan(event: Event, feed: Feed, now: datetime) -> Plan:
    ahead = event.times(now, now + AHEAD, is_widest=Effect(feed.effect) is Effect.DENY)
    times = tuple(Opening(Span(one.start, one.end)) for one in ahead if one.start < one.end)
    return Plan(times, is_last=not _goes_on(event, now + AHEAD))


def _goes_on(event: Event, after: datetime) -> bool:
    """Tell whether an event takes place after an instant, too."""
    if any("UNTIL" not in rule.parts and "COUNT" not in rule.parts for rule in event.rules):
        return True
    return bool(event.times(after, after + FAR, most=1))


def _settings(feed: Feed, event: Event) -> WindowSettings:
    where = Where(feed.team, feed.service, feed.environment)
    starts, ends = _ends(event, feed)
    is_ours = isinstance(event.zone, ZoneInfo)
    return WindowSettings(
        name=(event.title or feed.name).strip()[:120],
        reason=(event.description.strip() or f"The calendar “{feed}” says so.")[:LONGEST_REASON],
        starts_local=starts,
        ends_local=ends,
        level=Stops(feed.level),
        effect=Effect(feed.effect),
        behaviour=Behaviour(feed.behaviour),
        lanes=frozenset(Lane(lane) for lane in feed.lanes),
        time_zone=event.zone.key if is_ours else feed.zone,
        is_all_day=event.is_all_day,
        rule="\n".join(f"RRULE:{rule}" for rule in event.rules)[:1000] if is_ours else "",
        includes=() if where.is_everything else (where,),
    )


def _ends(event: Event, feed: Feed) -> tuple[str, str]:
    """Return both ends of an event's first time as a window keeps them; in the feed's zone if it has none."""
    first = event.first
    if event.is_all_day:
        return f"{first.start:%Y-%m-%d}", f"{first.end - timedelta(days=1):%Y-%m-%d}"
    if isinstance(event.zone, ZoneInfo):
        return first.start.isoformat(), (first.end + first.rest).isoformat()
    zone = ZoneInfo(feed.zone)
    start, end = (
        one.replace(tzinfo=event.zone).astimezone(zone).replace(tzinfo=None)
        for one in (first.start, first.end + first.rest)
    )
    return start.isoformat(), end.isoformat()


def _windows(feed: Feed, now: datetime) -> QuerySet[Window]:
    comes = Q(ends_at__isnull=True) | Q(ends_at__gt=now)
    return feed.windows.filter(comes, deleted_at__isnull=True).order_by("pk")


def _there(found: Read) -> Callable[[str], bool]:
    """Return what tells whether an event is still in its calendar, or may be for all that could be read."""
    read = {event.uid for event in found.events}
    return lambda uid: uid in read or uid.partition("#")[0] in found.lost


def _shifts(feed: Feed) -> QuerySet[Shift]:
    return Shift.objects.filter(feed=feed.pk, removed_at__isnull=True)


def _apply_shifts(feed: Feed, found: Read, now: datetime, changes: Changes, *, removes: bool) -> None:
    if feed.team is None:
        return
    known = Known.load()
    strangers: dict[str, None] = {}
    for event in found.events:
        times = event.times(now, now + DUTIES_AHEAD)
        if not times:
            continue
        duties = [duty for time in times for duty in _duties(time, known, strangers)]
        starts, ends = _ends(event, feed)
        _, is_new, has_changed = put_fed_shift(
            team=feed.team,
            feed=feed.pk,
            uid=event.uid,
            time_zone=event.zone.key if isinstance(event.zone, ZoneInfo) else feed.zone,
            starts_local=starts[:19],
            ends_local=ends[:19],
            rule="\n".join(f"RRULE:{rule}" for rule in event.rules),
            label=event.title or feed.name,
            duties=duties,
            now=now,
        )
        changes.count("added" if is_new else "changed" if has_changed else "same")
    for name in strangers:
        changes.say(name, "Nobody here is called that, so the shift carries the name alone.", is_taken=True)
    if removes:
        standing = list(filter(_there(found), _shifts(feed).values_list("uid", flat=True)))
        changes.removed += drop_fed_shifts(feed=feed.pk, keep=standing, now=now)


def _duties(time: Time, known: Known, strangers: dict[str, None]) -> Iterable[Wanted]:
    """Return who is on duty at one time of an event: the people that it names, or its title alone."""
    event, span = time.event, Span(time.start.astimezone(UTC), time.end.astimezone(UTC))
    if span.start >= span.end:
        return []
    if people := known.people_of(event):
        return [Wanted(span, person.pk, str(person)[:200]) for person in people]
    label = (event.title or next(iter(event.people), "") or "somebody")[:200]
    strangers[label] = None
    return [Wanted(span, None, label)]
