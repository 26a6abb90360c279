"""Read what calendars show: each time that a window is open, and the windows themselves."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.db.models import Exists, OuterRef, Q, QuerySet

from releasetrain.accounts.models import Team
from releasetrain.calendars.models import Occurrence, Window, WindowScope
from releasetrain.calendars.queries.settings import Where, where_in_words
from releasetrain.calendars.rules.windows import Effect, Stops
from releasetrain.catalog.models import Environment, Service
from releasetrain.lib.spans import Span

FIELDS = (
    "window", "window__name", "window__level", "window__effect", "window__reason", "window__stops_the_line",
    "window__is_all_day", "window__capacity", "window__feed__problem",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shown:
    """One time that a window is open, as a calendar shows it; `region` names whose day it is, if one's own.

    `where` says what the window covers, `is_stale` that the calendar it comes from can no longer be read.
    """

    window_id: int
    name: str
    level: Stops
    effect: Effect
    span: Span
    region: str
    reason: str
    where: str
    is_stale: bool
    stops_the_line: bool
    is_all_day: bool
    capacity: int | None


def occurrences_between(
    first: datetime,
    last: datetime,
    *,
    team: Team | None = None,
    service: Service | None = None,
    environment: Environment | None = None,
) -> list[Shown]:
    """Return each time between two instants that a window is open over what was chosen, in two queries.

    :param team: only what may concern it; so with `service` and `environment`
    """
    rows = Occurrence.objects.filter(
        during__overlap=DateTimeTZRange(first, last), window__deleted_at__isnull=True
    )
    chosen = Where(team=team, service=service, environment=environment)
    if not chosen.is_everything:
        rows = rows.filter(_concerns(chosen))
    found = list(rows.order_by("during", "pk").values("during", "region__name", *FIELDS))
    words = places_in_words({row["window"] for row in found})
    return [_shown(row, words[row["window"]]) for row in found]


def _shown(row: Mapping[str, Any], where: str) -> Shown:
    return Shown(
        window_id=row["window"],
        name=row["window__name"],
        level=Stops(row["window__level"]),
        effect=Effect(row["window__effect"]),
        span=Span(row["during"].lower, row["during"].upper),
        region=row["region__name"] or "",
        reason=row["window__reason"],
        where=where,
        is_stale=bool(row["window__feed__problem"]),
        stops_the_line=row["window__stops_the_line"],
        is_all_day=row["window__is_all_day"],
        capacity=row["window__capacity"],
    )


def _concerns(chosen: Where) -> Q:
    """Match occurrences of windows that include some of what was chosen and do not leave all of it out."""
    scopes = WindowScope.objects.filter(window=OuterRef("window"))
    included = scopes.filter(is_exclusion=False)
    region = chosen.environment.region_id if chosen.environment else None
    touches = ~Exists(included) | Exists(included.filter(_meets(chosen, region)))
    return touches & ~Exists(scopes.filter(_covers(chosen, region), is_exclusion=True)) & _is_day_of(region)


def _is_day_of(region: int | None) -> Q:
    return Q(region__isnull=True) | Q(region=region) if region is not None else Q()


def _meets(chosen: Where, region: int | None) -> Q:
    """Match scopes that share something with what was chosen: no field names another row."""
    wanted = Q()
    for field, pk in _ids(chosen, region).items():
        if pk is not None:
            wanted &= Q(**{f"{field}__isnull": True}) | Q(**{field: pk})
    if chosen.team and not chosen.service:
        wanted &= Q(service__isnull=True) | Q(service__team=chosen.team)
    return wanted


def _covers(chosen: Where, region: int | None) -> Q:
    """Match scopes that hold all of what was chosen: every field that is filled is chosen, too."""
    wanted = Q()
    for field, pk in _ids(chosen, region).items():
        wanted &= Q(**{f"{field}__isnull": True}) | (Q(**{field: pk}) if pk is not None else Q(pk__in=[]))
    return wanted


def _ids(chosen: Where, region: int | None) -> dict[str, int | None]:
    return {
        "team": chosen.team_id,
        "service": chosen.service.pk if chosen.service else None,
        "environment": chosen.environment.pk if chosen.environment else None,
        "region": region,
    }


def places_in_words(windows: Iterable[int]) -> dict[int, str]:
    """Say what each window covers, e.g. "Storefront in Production, without Search"; in one query."""
    wanted = list(windows)
    scopes: dict[int, list[WindowScope]] = defaultdict(list)
    rows = WindowScope.objects.filter(window__in=wanted)
    for row in rows.select_related("team", "service", "environment", "region").order_by("pk"):
        scopes[row.window_id].append(row)
    return {
        pk: where_in_words(
            [Where.of_scope(one) for one in scopes[pk] if not one.is_exclusion],
            [Where.of_scope(one) for one in scopes[pk] if one.is_exclusion],
        )
        for pk in wanted
    }


def standing_windows(now: datetime) -> QuerySet[Window]:
    """Return the windows whose last time is not over, soonest first; those that were deleted are gone."""
    ended = Q(ends_at__lte=now) | Q(ended_early_at__lte=now)
    known = Window.objects.filter(deleted_at__isnull=True).exclude(pk__in=Window.objects.filter(ended))
    return known.select_related("holidays", "created_by").order_by("starts_at", "pk")


def past_windows(now: datetime) -> QuerySet[Window]:
    """Return the windows that are over or were ended or deleted, the latest first."""
    ended = Q(ends_at__lte=now) | Q(ended_early_at__lte=now) | Q(deleted_at__isnull=False)
    return Window.objects.filter(ended).select_related("holidays", "created_by").order_by("-starts_at", "-pk")
