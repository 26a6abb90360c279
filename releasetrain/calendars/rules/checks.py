"""Refuse windows that are typed wrong, and doubt those that are probably not meant (RULES W10, W12)."""

from datetime import date, datetime, timedelta

from releasetrain.calendars.rules.times import Plan, Spec
from releasetrain.calendars.rules.windows import Effect
from releasetrain.lib.spans import in_words
from releasetrain.lib.wallspans import length_of

LONG = timedelta(days=14)
FAR = timedelta(days=366)
HALF_A_DAY = timedelta(hours=12)
LONGEST_STOP = timedelta(days=7)
MEANT = "Confirm that this is meant."


def why_not_ends(spec: Spec) -> str | None:
    """Return why the two ends of a window do not fit, with what was probably meant; or None (W10)."""
    if spec.end > spec.start:
        return None
    if spec.end == spec.start and not spec.is_all_day:
        return f"The window ends at the moment it starts, {_said(spec, spec.start)}."
    start, end = _said(spec, spec.start), _said(spec, last_said(spec))
    verb = "The last day is before the first" if spec.is_all_day else "The window ends before it starts"
    meant = _meant_end(spec)
    hint = f" Did you mean {_said(spec, meant)}?" if meant else ""
    return f"{verb}: {end} is before {start}.{hint}"


def _meant_end(spec: Spec) -> datetime | None:
    """Guess a slip in the half of the day, the day or the year of an end that lies before the start."""
    end = last_said(spec)
    if not spec.is_all_day and end.date() == spec.start.date():
        slips = [end + HALF_A_DAY] if end.hour < 12 else []
        return next((one for one in slips if one > spec.start), end + timedelta(days=1))
    later = _in_year(end, end.year + 1)
    return later if later > spec.start and later - spec.start <= 10 * LONG else None


def _in_year(wall: datetime, year: int) -> datetime:
    """Move a wall time to another year; 29 February becomes the day before."""
    try:
        return wall.replace(year=year)
    except ValueError:
        return wall.replace(year=year, day=28)


def why_not_plan(spec: Spec, plan: Plan, now: datetime) -> str | None:
    """Return why a window can never open from now on, or None (W10)."""
    if any(one.span.end > now for one in plan.times):
        return None
    if plan.notes:
        return f"The window can never open: {plan.notes[0]}"
    if not spec.is_repeated:
        return f"The window has ended already, on {_said(spec, last_said(spec))} {spec.zone.key}."
    if spec.rule:
        return "The window can never open: no day from now on satisfies its rule."
    return "The window can never open: none of its holidays lies ahead."


def doubts(spec: Spec, plan: Plan, now: datetime) -> dict[str, str]:
    """Return what is probably a slip, as {field: sentence}; confirming settles each (W10)."""
    found: dict[str, str] = {}
    length = max((one.span.end - one.span.start for one in plan.times), default=spec.end - spec.start)
    if length > LONG:
        found["ends_local"] = _long(spec, length)
    first = min((one.span.start for one in plan.times), default=now)
    if first - now > FAR:
        said = _said(spec, first.astimezone(spec.zone).replace(tzinfo=None))
        found["starts_local"] = f"The window first opens in {(first - now).days} days, on {said}. {MEANT}"
    if spec.effect is Effect.DENY and _never_shuts(plan):
        found["rule"] = f"Its times leave no gap between them, so nothing could ever move again. {MEANT}"
    return found


def _long(spec: Spec, length: timedelta) -> str:
    start, end = _said(spec, spec.start), _said(spec, last_said(spec))
    earlier = _in_year(last_said(spec), spec.end.year - 1)
    hint = f" Did you mean {_said(spec, earlier)}?" if length > FAR - LONG and earlier > spec.start else ""
    return f"The window lasts {in_words(length)}, from {start} to {end}.{hint} {MEANT}"


def _never_shuts(plan: Plan) -> bool:
    """Tell whether a window that comes again and again is open all the time."""
    if plan.is_last or len(plan.times) < 3:
        return False
    # The last one may lie far behind the others, where it is the next after what is planned.
    spans = [one.span for one in plan.times]
    return length_of(spans) == max(one.end for one in spans) - min(one.start for one in spans)


def last_said(spec: Spec) -> datetime:
    """Return the end as its author says it: of whole days, the last one itself."""
    return spec.end - timedelta(days=1) if spec.is_all_day else spec.end


def _said(spec: Spec, wall: datetime) -> str:
    day = day_words(wall.date())
    return day if spec.is_all_day else f"{day} {wall:%H:%M}"


def day_words(day: date) -> str:
    """Say a day, e.g. "Fri 27 Nov 2026"."""
    return f"{day:%a} {day.day} {day:%b %Y}"


def why_not_stop(*, until: datetime, now: datetime) -> str | None:
    """Return why the line cannot be stopped until then, or None (RULES W12)."""
    if until <= now:
        return "Say until when the line is stopped; that time has passed."
    if until - now > LONGEST_STOP:
        return f"The line can be stopped for {in_words(LONGEST_STOP)} at most; open a window for longer."
    return None
