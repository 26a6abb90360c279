"""Load what a stretch of the calendar holds, in a number of queries that does not grow with it."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from typing import Any

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Func, JSONField, Q, TextField, Value
from django.db.models.functions import Cast

from releasetrain.calendars.models import Holidays
from releasetrain.calendars.queries import windows_between
from releasetrain.calendars.queries.holidays import dates_of
from releasetrain.calendars.rules.windows import Effect, Freeze, Lane, Place, Scope, Time
from releasetrain.lib.spans import Span
from releasetrain.panels.board import Filters
from releasetrain.trains.models import Departure
from releasetrain.web.contexts.calendar.days import last_day, local_day, span_words
from releasetrain.web.contexts.calendar.shapes import Holiday, Opening
from releasetrain.web.forms.calendar import Chosen
from releasetrain.web.forms.parts import Parts

# Milestones may lie weeks before a departure, and some days after it.
MILESTONES_BEFORE, MILESTONES_AFTER = timedelta(days=140), timedelta(days=30)
# So far after the stretch, a departure in it may still be climbing.
RUN_ON = timedelta(days=7)
MOST_DEPARTURES = 600
# The cut-offs beside the one for everything else, which `cut_off_at` knows.
CUT_OFFS_BY_CATEGORY = Func(
    "cut_offs",
    Cast(Value(""), TextField()),
    template="(%(expressions)s)",
    arg_joiner=" - ",
    output_field=JSONField(),
)


def departures_in(span: Span, chosen: Chosen) -> list[Departure]:
    """Return departures that leave, cut off or have a milestone in the span; each knows its `service_ids`."""
    during = Q(departs_at__gte=span.start, departs_at__lt=span.end)
    cut_off = Q(cut_off_at__gte=span.start, cut_off_at__lt=span.end)
    around = Q(departs_at__gte=span.start - MILESTONES_AFTER, departs_at__lt=span.end + MILESTONES_BEFORE)
    has_more = ~Q(milestones=[]) | ~Q(cut_offs_by_category={})
    found = Departure.objects.alias(cut_offs_by_category=CUT_OFFS_BY_CATEGORY)
    found = found.filter(during | cut_off | (around & has_more))
    if chosen.narrows:
        narrowed = Departure.objects.filter(Filters(**chosen.narrows).as_query())
        found = found.filter(pk__in=narrowed.values("pk"))
    rows = found.select_related("train").annotate(service_ids=ArrayAgg("train__services", default=[]))
    return list(rows.order_by("departs_at", "pk")[:MOST_DEPARTURES])


def freezes_in(span: Span) -> list[Freeze]:
    """Return what may stop something in the span, and a while after it, as departures still climb then."""
    return windows_between(span.start, span.end + RUN_ON)


def holidays_in(dates: Sequence[date]) -> dict[date, list[Holiday]]:
    """Return the public holidays that this house counts by, day by day."""
    found: dict[date, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for holidays in Holidays.objects.all():
        for day, name in dates_of(holidays, dates[0], dates[-1]).items():
            found[day][name].append(holidays.name)
    return {
        day: [Holiday(name, ", ".join(whose)) for name, whose in names.items()]
        for day, names in found.items()
    }


@dataclass(frozen=True, slots=True)
class Open:
    """One time that a window is open, and the days on which that begins and ends; not drawn yet."""

    freeze: Freeze
    time: Time
    first: date
    last: date

    @property
    def span(self) -> Span:
        return self.time.span


def openings_in(
    freezes: Iterable[Freeze], span: Span, chosen: Chosen, parts: Parts, zone: tzinfo
) -> list[Open]:
    """Return each time in the span that a window is open over what was chosen, soonest and longest first."""
    places = chosen_places(chosen, parts)
    found = [
        Open(freeze, time, local_day(time.span.start, zone), last_day(time.span, zone))
        for freeze in freezes
        for time in freeze.times
        if time.span.overlaps(span) and touches(freeze, time, places)
    ]
    return sorted(found, key=lambda one: (one.first, one.span.start - one.span.end, one.freeze.name))


def opening_of(open_: Open, parts: Parts, zone: tzinfo) -> Opening:
    """Say in words what is open when, and over what."""
    freeze, time = open_.freeze, open_.time
    return Opening(
        window=freeze.id,
        url=f"/calendar/windows/{freeze.id}/",
        name=freeze.name,
        look=look_of(freeze),
        span=time.span,
        words=span_words(time.span, zone, is_all_day=freeze.is_all_day),
        where=where_words(freeze.includes, freeze.excludes, parts),
        reason=freeze.reason,
        region=parts.regions.get(time.region, "") if time.region is not None else "",
        is_all_day=freeze.is_all_day,
        is_stale=freeze.is_stale,
    )


def look_of(freeze: Freeze) -> str:
    """Name the look of a window: a stopped line, one that allows, or how much it stops."""
    if freeze.stops_the_line:
        return "line"
    return "allow" if freeze.effect is Effect.ALLOW else freeze.level.value


def chosen_places(chosen: Chosen, parts: Parts) -> list[Place] | None:
    """Return every place that the filters let through; None where nothing is filtered."""
    if not chosen.narrows:
        return None
    services = [chosen.service] if chosen.service is not None else list(parts.services)
    environments = [chosen.environment] if chosen.environment is not None else list(parts.environments)
    return [
        Place(parts.owners[service], service, environment, parts.places.get(environment))
        for service in services
        if service in parts.owners and chosen.team in (None, parts.owners[service])
        for environment in environments
    ]


def touches(freeze: Freeze, time: Time, places: Sequence[Place] | None) -> bool:
    """Tell whether one time of a window concerns any of the places, on any of its lanes."""
    if places is None:
        return True
    lane = next(iter(freeze.lanes), Lane.TRAIN)
    return any(time.covers(place) and freeze.concerns(place, lane) for place in places)


def where_words(includes: Sequence[Scope], excludes: Sequence[Scope], parts: Parts) -> str:
    """Say what a window covers: "Storefront in Production, without Search"."""
    covered = " and ".join(scope_words(scope, parts) for scope in includes) or "Everything"
    left_out = " and ".join(scope_words(scope, parts) for scope in excludes)
    return f"{covered}, without {left_out}" if left_out else covered


def scope_words(scope: Scope, parts: Parts) -> str:
    """Name a part of the house: "Storefront in Production"."""
    named: list[tuple[dict[int, str], int | None]] = [
        (parts.teams, scope.team),
        (parts.services, scope.service),
        (parts.environments, scope.environment),
        (parts.regions, scope.region),
    ]
    words = [names.get(pk, "something that is gone") for names, pk in named if pk is not None]
    return " in ".join(words) or "everything"


def instants_of(departure: Departure) -> list[tuple[str, str, datetime]]:
    """Return (kind, name, instant) of what a departure has on the calendar."""
    if departure.state in {"cancelled", "skipped"}:
        return [("departure", "", departure.departs_at)]
    cut_offs: dict[str, Any] = departure.cut_offs or {"": departure.cut_off_at}
    by_instant: dict[datetime, list[str]] = defaultdict(list)
    for category, at in cut_offs.items():
        by_instant[_instant(at)].append(category)
    found = [("cut_off", _categories(names), at) for at, names in by_instant.items()]
    found += [("milestone", one["name"], _instant(one["at"])) for one in departure.milestones]
    return [*found, ("departure", "", departure.departs_at)]


def _categories(names: list[str]) -> str:
    return "" if "" in names else ", ".join(sorted(names))


def _instant(at: datetime | str) -> datetime:
    return datetime.fromisoformat(at) if isinstance(at, str) else at
