"""Write the times that windows are open as rows, and keep them ahead; the past stays as it was (T12)."""

import logging
from datetime import datetime

from django.db import transaction
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.db.models import F, Max, Min, Q
from django.db.models.functions import Lower, Upper

from releasetrain.calendars.models import Occurrence, Window
from releasetrain.calendars.queries.settings import WindowSettings, plan_of
from releasetrain.calendars.rules.times import Plan
from releasetrain.calendars.rules.windows import Time
from releasetrain.lib.spans import Span

logger = logging.getLogger(__name__)

# So many windows are planned within seconds; a worker has a minute for everything that it does.
MOST_AT_ONCE = 200


def write_occurrences(window: Window, plan: Plan, now: datetime, *, is_new_plan: bool = True) -> bool:
    """Make the times of a locked window that are not over what its plan says; tell whether any had to change.

    What is open keeps its start: it was shut to nobody before. Times of a window with room for a number of
    changes are counted one by one and stay apart; all others are united (RULES W5).

    :param is_new_plan: it was edited; otherwise a time that was ended early is not opened again
    """
    rows = list(window.occurrences.filter(during__endswith__gt=now))
    wanted = set(plan.times if window.capacity is not None else plan.united())
    kept = {_time(row) for row in rows} & wanted
    wanted -= kept
    is_changed = False
    for row in rows:
        if (known := _time(row)) in kept:
            continue
        heir = next((one for one in sorted(wanted, key=_end) if _continues(known, one, now)), None)
        wanted.discard(heir) if heir else None
        is_changed |= _change(row, heir, now)
    if not is_new_plan:
        wanted -= _ended_early(window, wanted, now)
    Occurrence.objects.bulk_create(
        Occurrence(window=window, region_id=one.region, during=DateTimeTZRange(one.span.start, one.span.end))
        for one in wanted
    )
    return is_changed or bool(wanted)


def _time(row: Occurrence) -> Time:
    return Time(Span(row.during.lower, row.during.upper), row.region_id)


def _end(time: Time) -> datetime:
    return time.span.end


def _continues(known: Time, planned: Time, now: datetime) -> bool:
    """Tell whether a planned time is the one that is open, with another end or start."""
    return known.region == planned.region and now in known.span and now in planned.span


def _change(row: Occurrence, heir: Time | None, now: datetime) -> bool:
    """Give what is open another end, or shut it; take back what has not opened."""
    if heir is None and row.during.lower >= now:
        row.delete()
        return True
    end = heir.span.end if heir else now
    if end == row.during.upper:
        return False
    row.during = DateTimeTZRange(row.during.lower, end)
    row.save(update_fields=["during"])
    return True


def _ended_early(window: Window, wanted: set[Time], now: datetime) -> set[Time]:
    """Return those planned times that would be open now but were ended before their time."""
    open_now = {one for one in wanted if now in one.span}
    if not open_now:
        return set()
    over = window.occurrences.filter(during__endswith__lte=now, during__endswith__gt=_first(open_now))
    known = {(row.region_id, row.during.lower) for row in over}
    return {one for one in open_now if any(one.region == region and at in one.span for region, at in known)}


def _first(times: set[Time]) -> datetime:
    return min(one.span.start for one in times)


def shut_occurrences(window: Window, now: datetime) -> None:
    """End what is open of a locked window, and take back every later time."""
    write_occurrences(window, Plan(()), now)


def write_bounds(window: Window, *, is_last: bool) -> None:
    """Note from when to when all times of a window lie; without an end where more may follow."""
    found = window.occurrences.aggregate(first=Min(Lower("during")), last=Max(Upper("during")))
    if found["first"] is None:
        return
    window.starts_at, window.ends_at = found["first"], found["last"] if is_last else None
    window.save(update_fields=["starts_at", "ends_at"])


def materialise_windows(now: datetime, *, most: int = MOST_AT_ONCE) -> int:
    """Write the times of windows that stand about two years ahead; return how many had to change.

    Everything ahead is planned anew: clocks, holidays and regions may have been decided otherwise since. What
    a feed brings is written when that is read. Those that have waited longest come first.

    :param most: of so many windows; the rest wait for the next time
    """
    stands = Q(deleted_at__isnull=True, ended_early_at__isnull=True, stops_the_line=False, feed__isnull=True)
    comes = Q(ends_at__isnull=True) | Q(ends_at__gt=now)
    waiting = Window.objects.filter(stands & comes).order_by(F("planned_at").asc(nulls_first=True), "pk")
    changed = 0
    for pk in waiting.values_list("pk", flat=True)[:most]:
        try:
            changed += _materialise(pk, now)
        except Exception:
            logger.exception("The times of window %s could not be written.", pk)
            Window.objects.filter(pk=pk).update(planned_at=now)
    return changed


@transaction.atomic
def _materialise(pk: int, now: datetime) -> bool:
    window = Window.objects.select_for_update(no_key=True).get(pk=pk)
    if window.deleted_at or window.ended_early_at:
        return False
    window.planned_at = now
    window.save(update_fields=["planned_at"])
    plan = plan_of(WindowSettings.of(window), now)
    if not plan.times and not plan.is_last:
        return False
    is_changed = write_occurrences(window, plan, now, is_new_plan=False)
    if is_changed or plan.is_last != (window.ends_at is not None):
        write_bounds(window, is_last=plan.is_last)
    return is_changed
