"""Ask what windows are open over something that would move."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.db.models import Case, Exists, F, OuterRef, Q, QuerySet, When
from django.db.models.functions import Coalesce, JSONObject, Lower, Upper

from releasetrain.calendars.models import Occurrence, Window, WindowScope
from releasetrain.calendars.rules.judging import WHO_ENDS_IT, Openness, Overridden, judge, openness
from releasetrain.calendars.rules.windows import (
    Behaviour,
    DayMode,
    Effect,
    Freeze,
    Lane,
    Place,
    Scope,
    Stops,
    Time,
)
from releasetrain.catalog.models import Environment, Service
from releasetrain.lib.spans import Span
from releasetrain.lib.verdict import Verdict
from releasetrain.lib.words import listed

# How far ahead is looked for the next opening or closing.
HORIZON = timedelta(days=400)
# So many regions at most have a next day of their own in a window that allows.
MOST_NEXT = 40
FIELDS = (
    "pk", "name", "level", "reason", "effect", "behaviour", "lanes", "stops_the_line", "capacity",
    "is_all_day", "ends_at", "ended_early_at",
)  # fmt: skip
PLACES = ("team_id", "service_id", "environment_id", "region_id")
WHO_LETS_THE_LINE_RUN = "somebody on call, a release manager or an administrator"

_Row = Mapping[str, Any]


def windows_between(first: datetime, last: datetime) -> list[Freeze]:
    """Return what may stop something at an instant from first to last (both count), in three queries.

    That is every window that is open then, with those of its times, and every window that allows and whose
    last time is not over, with its times then and the next ones: what it does not allow, it stops. Soonest
    end first.
    """
    return windows_within([Span(first, last)])


def windows_within(spans: Iterable[Span], places: Iterable[Place] = ()) -> list[Freeze]:
    """Return what may stop something within any of the spans (both ends count), in three queries.

    :param places: leave out what surely concerns none of them; everything counts where none is named
    """
    asked = list(spans)
    if not asked:
        return []
    first, last = min(one.start for one in asked), max(one.end for one in asked)
    ranges = [Q(during__overlap=DateTimeTZRange(one.start, one.end, "[]")) for one in asked]
    if len(asked) > 1:
        # When a window that allows opens next is asked in between, too.
        whole = DateTimeTZRange(first, last, "[]")
        ranges.append(Q(during__overlap=whole, window__effect=Effect.ALLOW))
    near = list(places)
    times = _times(reduce(or_, ranges) & _near(near, "window"))
    rows = _rows(Q(pk__in=times) | (_alive(first) & Q(effect=Effect.ALLOW) & _near(near, "pk")))
    return _freezes(rows.annotate(following=_following(last)), times)


def _near(places: Sequence[Place], window: str) -> Q:
    """Match windows that name nothing, or something that at least one of the places may be part of."""
    if not places:
        return Q()
    named = WindowScope.objects.filter(window=OuterRef(window), is_exclusion=False)
    fits = [
        Q(**{f"{part}__isnull": True})
        | Q(**{f"{part}__in": {found for one in places if (found := getattr(one, part)) is not None}})
        for part in ("team", "service", "environment", "region")
    ]
    return ~Exists(named) | Exists(named.filter(*fits))


def windows_at(at: datetime) -> list[Freeze]:
    """Return what may stop something at an instant."""
    return windows_between(at, at)


def _alive(at: datetime) -> Q:
    """Match windows whose last time is not over at an instant."""
    comes_again = Q(ends_at__isnull=True) | Q(ends_at__gt=at)
    return comes_again & (Q(ended_early_at__isnull=True) | Q(ended_early_at__gt=at))


def _times(wanted: Q) -> dict[int, set[Time]]:
    found: dict[int, set[Time]] = defaultdict(set)
    rows = Occurrence.objects.filter(wanted, window__deleted_at__isnull=True).order_by()
    for window, region, during in rows.values_list("window_id", "region_id", "during"):
        found[window].add(Time(Span(during.lower, during.upper), region))
    return found


def _following(after: datetime) -> Case:
    """Return the next time of each window that allows, as JSON; of those by region, the next of each."""
    is_by_region = Q(effect=Effect.ALLOW, is_all_day=True, day_mode=DayMode.REGIONS)
    return Case(
        When(is_by_region, then=_later(after, MOST_NEXT)),
        When(effect=Effect.ALLOW, then=_later(after, 1)),
        default=None,
    )


def _later(after: datetime, most: int) -> ArraySubquery:
    """Return so many times of a window after an instant; ranges are ordered by their start."""
    rows = Occurrence.objects.filter(window=OuterRef("pk"), during__gt=DateTimeTZRange(after, None))
    shape = JSONObject(start=Lower("during"), end=Upper("during"), region=F("region_id"))
    return ArraySubquery(rows.order_by("during").annotate(shape=shape).values("shape")[:most])


def _rows(wanted: Q) -> QuerySet[Window]:
    return Window.objects.filter(wanted, deleted_at__isnull=True).order_by()


def freezes_of(occurrences: Iterable[Occurrence]) -> list[Freeze]:
    """Read occurrences into the windows that they belong to, in two queries more; soonest end first."""
    times: dict[int, set[Time]] = defaultdict(set)
    for row in occurrences:
        times[row.window_id].add(Time(Span(row.during.lower, row.during.upper), row.region_id))
    return _freezes(_rows(Q(pk__in=times)), times)


def _freezes(rows: QuerySet[Window], times: Mapping[int, set[Time]]) -> list[Freeze]:
    """Read windows and their scopes into what the rules know; plain values, as this is asked all the time."""
    windows = list(rows.values(*FIELDS, *rows.query.annotations, "feed__problem"))
    scopes: dict[int, list[_Row]] = defaultdict(list)
    named = WindowScope.objects.filter(window__in=[one["pk"] for one in windows]).order_by("pk")
    owner = Coalesce("service__team__name", "team__name")
    for row in named.annotate(owner=owner).values("window", "is_exclusion", "owner", *PLACES):
        scopes[row["window"]].append(row)
    found = [_freeze(one, times.get(one["pk"], set()), scopes[one["pk"]]) for one in windows]
    return sorted(found, key=lambda one: (not one.times, one.times[-1].span.end if one.times else 0, one.id))


def _freeze(row: _Row, times: set[Time], scopes: list[_Row]) -> Freeze:
    includes = [one for one in scopes if not one["is_exclusion"]]
    ends = (row["ends_at"], row["ended_early_at"])
    return Freeze(
        id=row["pk"],
        name=row["name"],
        level=Stops(row["level"]),
        reason=row["reason"],
        times=_in_order(times | {_time(one) for one in row.get("following") or ()}),
        effect=Effect(row["effect"]),
        behaviour=Behaviour(row["behaviour"]),
        lanes=frozenset(map(Lane, row["lanes"])),
        includes=tuple(_scope(one) for one in includes),
        excludes=tuple(_scope(one) for one in scopes if one["is_exclusion"]),
        stops_the_line=row["stops_the_line"],
        capacity=row["capacity"],
        is_all_day=row["is_all_day"],
        is_stale=bool(row["feed__problem"]),
        over_at=min((at for at in ends if at), default=None),
        who=_who([one["owner"] for one in includes], stops_the_line=row["stops_the_line"]),
    )


def _in_order(times: Iterable[Time]) -> tuple[Time, ...]:
    return tuple(sorted(times, key=lambda one: (one.span.start, one.span.end)))


def _time(shape: _Row) -> Time:
    start, end = (datetime.fromisoformat(shape[name]) for name in ("start", "end"))
    return Time(Span(start, end), shape["region"])


def _scope(row: _Row) -> Scope:
    return Scope(*(row[name] for name in PLACES))


def _who(owners: Sequence[str | None], *, stops_the_line: bool) -> str:
    """Say who can end a window: the people of the teams that own its places, or those of the house."""
    roles = WHO_LETS_THE_LINE_RUN if stops_the_line else WHO_ENDS_IT
    teams = [team for team in dict.fromkeys(owners) if team is not None]
    if not teams or None in owners:
        return roles
    return f"{roles} of {listed(teams)} or of the house"


def place(service: Service, environment: Environment) -> Place:
    """Return where a service of its team would move."""
    return Place(service.team_id, service.pk, environment.pk, environment.region_id)


def verdict_over(
    places: Iterable[Place],
    at: datetime,
    acknowledged: Iterable[int] = (),
    *,
    lane: Lane = Lane.TRAIN,
    overridden: Overridden = frozenset(),
) -> Verdict:
    """Judge whether anything may move at an instant in any of the places.

    :param acknowledged: ids of soft windows that somebody has accepted
    """
    return judge(windows_at(at), places, at, frozenset(acknowledged), lane=lane, overridden=overridden)


def verdict_for(
    service: Service, environment: Environment, at: datetime, *, lane: Lane = Lane.TRAIN
) -> Verdict:
    """Judge whether a service may advance in an environment at an instant; a rollback never asks (W9)."""
    return verdict_over([place(service, environment)], at, lane=lane)


def openness_of(places: Iterable[Place], at: datetime, *, lane: Lane = Lane.TRAIN) -> Openness:
    """Answer whether anything may move in the places now, and when that changes next, in three queries."""
    where = list(places)
    return openness(_ahead(where, at, lane), where, at, lane=lane)


def _ahead(places: list[Place], at: datetime, lane: Lane) -> list[Freeze]:
    """Return the windows that concern any of the places, with all of their times within the horizon."""
    rows = _rows(_alive(at)).annotate(following=_following(at + HORIZON))
    concerned = [one for one in _freezes(rows, {}) if any(one.concerns(place, lane) for place in places)]
    span = DateTimeTZRange(at, at + HORIZON, "[]")
    times = _times(Q(during__overlap=span, window__in=[one.id for one in concerned]))
    return [replace(one, times=_in_order(times.get(one.id, set()) | set(one.times))) for one in concerned]


def capacity_at(places: Iterable[Place], at: datetime, lane: Lane) -> list[tuple[Freeze, Span, int]]:
    """Return the open windows that have room for a number of changes only, each with its open span.

    One of them counts where a place has no other that lets it move without a number.
    """
    freezes = windows_at(at)
    found: dict[int, tuple[Freeze, Span, int]] = {}
    for where in places:
        opened = [
            (one, time.span)
            for one in freezes
            if one.effect is Effect.ALLOW and one.concerns(where, lane)
            for time in one.times
            if time.covers(where) and at in time.span
        ]
        if all(one.capacity is not None for one, _ in opened):
            found |= {one.id: (one, span, one.capacity or 0) for one, span in opened}
    return sorted(found.values(), key=lambda one: (one[1].end, one[0].id))
