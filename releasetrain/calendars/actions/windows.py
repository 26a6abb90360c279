"""Open, change, end and delete windows, and stop the line."""

from collections.abc import Sequence
from datetime import UTC, datetime

from django.db import transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from releasetrain.accounts.models import User
from releasetrain.calendars.actions.occurrences import shut_occurrences, write_bounds, write_occurrences
from releasetrain.calendars.actions.refusals import (
    EVERYTHING,
    MAY_OPEN,
    MAY_STOP,
    AlreadyEnded,
    gone,
    refuse_empty,
    refuse_foreign,
    refuse_over,
    refuse_problems,
    refuse_stale,
    refuse_strangers,
)
from releasetrain.calendars.models import Feed, Occurrence, Window, WindowScope
from releasetrain.calendars.queries.settings import (
    Where,
    WindowSettings,
    plan_of,
    window_problems,
)
from releasetrain.calendars.rules.checks import why_not_stop
from releasetrain.calendars.rules.judging import WHO_ENDS_IT
from releasetrain.calendars.rules.times import Plan
from releasetrain.events.actions import SYSTEM, SystemActor, record
from releasetrain.lib.errors import Invalid
from releasetrain.lib.schedule import at_words
from releasetrain.lib.words import listed

TIMES = {
    "starts_local",
    "ends_local",
    "time_zone",
    "is_all_day",
    "day_mode",
    "rule",
    "holidays",
    "capacity",
    "effect",
    "includes",
}
PLAIN = (
    "level",
    "effect",
    "behaviour",
    "time_zone",
    "is_all_day",
    "day_mode",
    "rule",
    "holidays",
    "capacity",
)


@transaction.atomic
def open_window(
    settings: WindowSettings, *, by: User | SystemActor, now: datetime, is_confirmed: bool = False
) -> Window:
    """Stop, announce or confine movement for some time, once or again and again.

    :raises Invalid: it is typed wrong; what is doubtful must be confirmed (RULES W10)
    :raises NotAllowed: one of its places is not this person's to close
    """
    refuse_strangers(by, MAY_OPEN, "open a window here", settings.includes)
    refuse_problems(window_problems(settings, now, is_confirmed=is_confirmed))
    window = _create(settings, plan_of(settings, now), now, by=by)
    record(kind="calendars.window.opened", subject=window, actor=by, now=now, **_facts(window, settings))
    return window


@transaction.atomic
def save_window(
    window: Window,
    settings: WindowSettings,
    *,
    by: User | SystemActor,
    now: datetime,
    is_confirmed: bool = False,
    seen: str | None = None,
) -> Window:
    """Change a window; what it has stopped so far stays as it was (RULES T12, W3).

    :param seen: the print of the settings that were changed; None where nobody looked at any
    :raises AlreadyEnded: it was ended or deleted
    :raises Invalid: it is typed wrong; what is newly doubtful must be confirmed (RULES W10)
    :raises NotAllowed: one of its places, as they were or will be, is not this person's to close
    :raises NotOurs: it comes from a feed, or it is a stopped line
    :raises Stale: somebody else has changed it meanwhile (RULES L7)
    """
    locked = _locked(window)
    before = WindowSettings.of(locked)
    refuse_strangers(by, MAY_OPEN, "change this window", before.includes)
    refuse_strangers(by, MAY_OPEN, "let this window cover that", settings.includes)
    refuse_over(locked, now)
    refuse_foreign(locked)
    refuse_stale(locked, seen=seen, is_now=before.fingerprint)
    refuse_problems(window_problems(settings, now, is_confirmed=is_confirmed, window=locked))
    changed = before.differing(settings)
    if changed:
        _change(locked, settings, changed)
        if TIMES & set(changed):
            plan = plan_of(settings, now)
            write_occurrences(locked, plan, now)
            write_bounds(locked, is_last=plan.is_last)
        words = listed([name.replace("_", " ").removesuffix(" local") for name in changed])
        facts = {**_facts(locked, settings), "changed": words}
        record(kind="calendars.window.changed", subject=locked, actor=by, now=now, **facts)
    return locked


@transaction.atomic
def end_window(
    window: Window,
    *,
    reason: str,
    by: User | SystemActor,
    now: datetime,
    only_this_time: bool = False,
) -> Window:
    """End a window early, for good or only this time; it stays on record with who and why (RULES W3).

    :raises AlreadyEnded: it is over, or not open this time
    :raises Invalid: there is no reason
    :raises NotAllowed: one of its places is not this person's to open
    """
    locked = _locked(window)
    may = MAY_STOP if locked.stops_the_line else MAY_OPEN
    refuse_strangers(by, may, "end this window", WindowSettings.of(locked).includes)
    refuse_empty(reason=reason)
    refuse_over(locked, now)
    if only_this_time and (locked.rule or locked.holidays):
        _end_this_time(locked, now)
    else:
        locked.ended_early_at = now
        locked.save(update_fields=["ended_early_at"])
        shut_occurrences(locked, now)
    record(
        kind="calendars.window.ended",
        subject=locked,
        actor=by,
        now=now,
        reason=reason.strip(),
        only_this_time=only_this_time,
    )
    return locked


@transaction.atomic
def delete_window(window: Window, *, reason: str, by: User | SystemActor, now: datetime) -> Window:
    """Take a window off the calendar; the row keeps who did it and why (RULES W3).

    :raises AlreadyEnded: it was deleted before
    :raises Invalid: there is no reason
    :raises NotAllowed: one of its places is not this person's to open
    :raises NotOurs: it comes from a feed, or it is a stopped line
    """
    locked = _locked(window)
    refuse_strangers(by, MAY_OPEN, "delete this window", WindowSettings.of(locked).includes)
    refuse_empty(reason=reason)
    if locked.deleted_at:
        raise AlreadyEnded(gone(locked), who=locked.deleted_by_label)
    refuse_foreign(locked)
    _delete(locked, reason, by, now)
    return locked


@transaction.atomic
def stop_the_line(
    *, reason: str, until: datetime, by: User | SystemActor, now: datetime, where: Where = EVERYTHING
) -> Window:
    """Stop every departure, promotion and flag-on in a place at once, until a time; rollbacks go on (W12).

    :raises Invalid: no reason, or an end that is past or too far away
    :raises NotAllowed: the place is not this person's to stop
    """
    includes = () if where.is_everything else (where,)
    refuse_strangers(by, MAY_STOP, "stop the line here", includes)
    refuse_empty(reason=reason)
    if why := why_not_stop(until=until, now=now):
        raise Invalid(why, field="until")
    window = Window.objects.create(
        name=str(where)[:120],
        reason=reason.strip(),
        starts_local=f"{now.astimezone(UTC):%Y-%m-%dT%H:%M:%S}",
        ends_local=f"{until.astimezone(UTC):%Y-%m-%dT%H:%M:%S}",
        starts_at=now,
        ends_at=until,
        stops_the_line=True,
        created_by=by if isinstance(by, User) else None,
        created_at=now,
    )
    _write_scopes(window, includes, ())
    Occurrence.objects.create(window=window, during=DateTimeTZRange(now, until))
    record(
        kind="calendars.line.stopped",
        subject=window,
        actor=by,
        now=now,
        reason=reason.strip(),
        scope=str(where),
        ends_at=until.isoformat(),
    )
    return window


def put_window(
    feed: Feed, uid: str, settings: WindowSettings, *, plan: Plan, now: datetime
) -> tuple[Window | None, str]:
    """Open or change the window that an event of a feed stands for, within the caller's transaction.

    :param plan: the times of the event, which may be moved one by one and lie on clocks of their own
    :return: the window and "added", "changed" or "same"; no window where a new event is over already
    """
    known = feed.windows.select_for_update(no_key=True).filter(uid=uid, deleted_at__isnull=True).first()
    if known is None:
        return (_create(settings, plan, now, feed=feed, uid=uid), "added") if plan.times else (None, "same")
    if known.ended_early_at:
        return known, "same"
    changed = WindowSettings.of(known).differing(settings)
    if changed:
        _change(known, settings, changed)
    has_moved = write_occurrences(known, plan, now, is_new_plan=bool(TIMES & set(changed)))
    if has_moved or plan.is_last != (known.ends_at is not None):
        write_bounds(known, is_last=plan.is_last)
    return known, "changed" if changed or has_moved else "same"


def drop_window(window: Window, *, reason: str, now: datetime, by: User | SystemActor = SYSTEM) -> None:
    """Take the window of an event that is gone from its feed off the calendar (RULES W3)."""
    _delete(_locked(window), reason, by, now)


def _locked(window: Window) -> Window:
    """Lock a window until the transaction ends: its occurrences are written under this lock only."""
    return (
        Window.objects.select_for_update(no_key=True, of=("self",)).select_related("feed").get(pk=window.pk)
    )


def _create(
    settings: WindowSettings,
    plan: Plan,
    now: datetime,
    *,
    by: User | SystemActor | None = None,
    feed: Feed | None = None,
    uid: str = "",
) -> Window:
    times = plan.united()
    window = Window(
        feed=feed,
        uid=uid,
        planned_at=now,
        created_by=by if isinstance(by, User) else None,
        created_at=now,
        starts_at=times[0].span.start,
        ends_at=max(one.span.end for one in times) if plan.is_last else None,
    )
    _fill(window, settings)
    window.save(force_insert=True)
    _write_scopes(window, settings.includes, settings.excludes)
    write_occurrences(window, plan, now)
    return window


def _change(window: Window, settings: WindowSettings, changed: Sequence[str]) -> None:
    """Write everything but the times, which `write_occurrences` does."""
    _fill(window, settings)
    window.save(update_fields=["name", "reason", "starts_local", "ends_local", "lanes", *PLAIN])
    if {"includes", "excludes"} & set(changed):
        window.scopes.all().delete()
        _write_scopes(window, settings.includes, settings.excludes)


def _fill(window: Window, settings: WindowSettings) -> None:
    for name in PLAIN:
        setattr(window, name, getattr(settings, name))
    window.name, window.reason = settings.name.strip(), settings.reason.strip()
    window.starts_local, window.ends_local = settings.local_ends
    window.lanes = sorted(settings.lanes)


def _write_scopes(window: Window, includes: Sequence[Where], excludes: Sequence[Where]) -> None:
    WindowScope.objects.bulk_create(
        WindowScope(
            window=window,
            is_exclusion=is_exclusion,
            team=one.team,
            service=one.service,
            environment=one.environment,
            region=one.region,
        )
        for is_exclusion, places in ((False, includes), (True, excludes))
        for one in places
    )


def _end_this_time(window: Window, now: datetime) -> None:
    rows = window.occurrences.filter(during__contains=now)
    if not rows:
        later = window.occurrences.filter(during__startswith__gt=now).order_by("during").first()
        opens = later.during.lower if later else None
        when = f"; it opens next on {at_words(opens, window.time_zone)}" if opens else ""
        raise AlreadyEnded(f"The window “{window.name}” is not open now{when}.", until=opens, who=WHO_ENDS_IT)
    for row in rows:
        if row.during.lower == now:
            row.delete()
            continue
        row.during = DateTimeTZRange(row.during.lower, now)
        row.save(update_fields=["during"])


def _delete(window: Window, reason: str, by: User | SystemActor, now: datetime) -> None:
    window.deleted_at, window.deleted_by_label = now, str(by)[:200]
    window.deleted_reason = reason.strip()[:500]
    window.save(update_fields=["deleted_at", "deleted_by_label", "deleted_reason"])
    shut_occurrences(window, now)
    record(kind="calendars.window.deleted", subject=window, actor=by, now=now, reason=reason.strip())


def _facts(window: Window, settings: WindowSettings) -> dict[str, object]:
    """Return what everybody may want to know of a window when it is opened or changed."""
    return {
        "reason": window.reason,
        "level": settings.level.value,
        "effect": settings.effect.value,
        "scope": settings.where,
        "starts_at": window.starts_at.isoformat(),
        "ends_at": window.ends_at.isoformat() if window.ends_at else None,
    }
