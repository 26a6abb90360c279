"""Say when a window would be open before it is saved, how long, and what the clocks do (W10, T5, T7)."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from releasetrain.calendars.queries.settings import WindowSettings, plan_of, regions_of, spec_of
from releasetrain.calendars.rules.checks import HALF_A_DAY
from releasetrain.calendars.rules.times import MOST_TIMES, Plan, Spec
from releasetrain.calendars.rules.windows import DayMode, Effect
from releasetrain.catalog.models import Environment, Region
from releasetrain.lib.schedule import at_words
from releasetrain.lib.spans import Span
from releasetrain.lib.wallspans import hours_words, length_of
from releasetrain.lib.words import listed


@dataclass(frozen=True, slots=True)
class Stretch:
    """One time that a window would be open; `region` names whose day it is, `words` say it on its clocks."""

    span: Span
    region: str
    words: str


@dataclass(frozen=True, slots=True)
class Reach:
    """What a window would be open for, within so many days.

    `stretches` are its times, soonest first, and `notes` what the clocks do to them. Its first opening lasts
    `length_words`; where each region has a day of its own, `per_zone` has a line for each, and together they
    last `union_words`, an instant counting once (T7). `warnings` are not in the way of saving.
    """

    stretches: tuple[Stretch, ...]
    notes: tuple[str, ...]
    per_zone: tuple[str, ...]
    length_words: str
    union_seconds: float
    union_words: str
    warnings: tuple[str, ...]

    @property
    def spans(self) -> list[Span]:
        return [one.span for one in self.stretches]


def reach_of(settings: WindowSettings, now: datetime, days: int = 400) -> Reach:
    """Foresee a window that has no problems.

    :raises BadTime: one end cannot be read; ask `window_problems` first
    :raises BadRule: the zone or the rule cannot be read
    """
    until = now + timedelta(days=days)
    regions = regions_of(settings)
    spec, planned = spec_of(settings), plan_of(settings, now, ahead=timedelta(days=days))
    clocks = "UTC" if spec.is_all_day and spec.day_mode is DayMode.ANYWHERE else spec.zone.key
    stretches = tuple(
        _stretch(one.span, regions.get(one.region or 0), clocks)
        for one in planned.times
        if one.span.start < until or one is planned.times[0]
    )
    first = list({one.region: one for one in reversed(stretches)}.values())[::-1]
    union = length_of(one.span for one in first)
    longest = max((one.span.end - one.span.start for one in first), default=timedelta())
    return Reach(
        stretches=stretches,
        notes=planned.notes,
        per_zone=tuple(_line(one) for one in first),
        length_words=hours_words(longest),
        union_seconds=union.total_seconds(),
        union_words=hours_words(union),
        warnings=tuple(_warnings(settings, spec, planned, now)),
    )


def _stretch(span: Span, region: Region | None, clocks: str) -> Stretch:
    zone = region.time_zone if region else clocks
    start = at_words(span.start, zone).removesuffix(f" {zone}")
    return Stretch(span, region.name if region else "", f"{start} to {at_words(span.end, zone)}")


def _line(stretch: Stretch) -> str:
    named = f"{stretch.region}: " if stretch.region else ""
    return f"{named}{stretch.words}, {hours_words(stretch.span.end - stretch.span.start)}"


def _warnings(settings: WindowSettings, spec: Spec, planned: Plan, now: datetime) -> Iterator[str]:
    start = min((one.span.start for one in planned.times), default=now)
    if start < now:
        yield f"It opens at once: its start, {at_words(start, spec.zone.key)}, has passed."
    if not spec.is_repeated and not spec.is_all_day and spec.end - spec.start == HALF_A_DAY:
        yield "It lasts exactly 12 h: check that no morning is an afternoon."
    if settings.effect is Effect.ALLOW:
        until = "" if not planned.is_last else ", until the last of them is over"
        yield f"From now on, {settings.where} moves only inside its times{until}."
    if len(planned.times) >= MOST_TIMES:
        last = at_words(planned.times[-1].span.end, spec.zone.key)
        yield f"It opens so often that only its times until {last} are known yet; later ones follow."
    if spec.is_all_day and spec.day_mode is DayMode.REGIONS and (nowhere := _without_region(settings)):
        yield f"{listed(nowhere)} lies in no region and takes part in the day of each."


def _without_region(settings: WindowSettings) -> list[str]:
    """Return the environments without a region that a window covers."""
    rows = Environment.objects.filter(region__isnull=True)
    named = [one.environment.pk for one in settings.includes if one.environment]
    if named and len(named) == len(settings.includes):
        rows = rows.filter(pk__in=named)
    if settings.includes and all(one.region for one in settings.includes):
        return []
    return [one.name for one in rows]
