"""Ask what windows are open over something that would move."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import reduce
from operator import or_
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.db.models import F, OuterRef, Q, QuerySet
from django.db.models.functions import JSONObject, Lower, Upper

from releasetrain.calendars.models import Occurrence, Window, WindowScope
from releasetrain.calendars.rules.judging import WHO_ENDS_IT, Openness, Overridden, judge, openness
from releasetrain.calendars.rules.windows import Behaviour, Effect, Freeze, Lane, Place, Scope, Stops, Time
from releasetrain.catalog.models import Environment, Service
from releasetrain.lib.spans import Span
from releasetrain.lib.verdict import Verdict
from releasetrain.lib.words import listed

# How far ahead is looked for the next opening or closing.
HORIZON = timedelta(days=400)
# The next openings of a window that allows are read so far: one for each region, where each has its own day.
MOST_NEXT = 40
WHO_LETS_THE_LINE_RUN = "somebody on call, a release manager or an administrator"


def windows_between(first: datetime, last: datetime) -> list[Freeze]:
    """Return what may stop something at an instant from first to last (both count), in three queries.

    That is every window that is open then, with those of its times, and every window that allows and whose
    last time is not over, with its times then and the next ones: what it does not allow, it stops. Soonest
    end first.
    """
    return windows_within([Span(first, last)])


def windows_within(spans: Iterable[Span]) -> list[Freeze]:
    """Return what may stop something within any of the spans (both ends count), in three queries."""
    asked = list(spans)
    if not asked:
        return []
    first, last = min(one.start for one in asked), max(one.end for one in asked)
    ranges = [Q(during__overlap=DateTimeTZRange(one.start, one.end, "[]")) for one in asked]
    if len(asked) > 1:
        # When a window that allows opens next is asked in between, too.
        whole = DateTimeTZRange(first, last, "[]")
        ranges.append(Q(during__overlap=whole, window__effect=Effect.ALLOW))
    times = _times(reduce(or_, ranges))
    rows = _rows(Q(pk__in=times) | (_alive(first) & Q(effect=Effect.ALLOW)))
    return _freezes(rows.annotate(following=_following(last)), times)


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


def _following(after: datetime) -> ArraySubquery:
    """Return the next times of each window that allows, as JSON; ranges are ordered by their start."""
    later = Occurrence.objects.filter(window=OuterRef("pk"), during__gt=DateTimeTZRange(after, None))
    later = later.filter(window__effect=Effect.ALLOW).order_by("during")
    shape = JSONObject(start=Lower("during"), end=Upper("during"), region=F("region_id"))
    return ArraySubquery(later.annotate(shape=shape).values("shape")[:MOST_NEXT])


def _rows(wanted: Q) -> QuerySet[Window]:
    """Return windows with what is known of their feed, but for its body, which may be long."""
    return (
        Window.objects.filter(wanted, deleted_at__isnull=True)
        .annotate(feed_problem=F("feed__problem"))
        .order_by()
    )


def freezes_of(occurrences: Iterable[Occurrence]) -> list[Freeze]:
    """Read occurrences into the windows that they belong to, in two queries more; soonest end first."""
    times: dict[int, set[Time]] = defaultdict(set)
    for row in occurrences:
        times[row.window_id].add(Time(Span(row.during.lower, row.during.upper), row.region_id))
    return _freezes(_rows(Q(pk__in=times)), times)


def _freezes(rows: Iterable[Any], times: dict[int, set[Time]]) -> list[Freeze]:
    windows = list(rows)
    scopes: dict[int, list[WindowScope]] = defaultdict(list)
    named = WindowScope.objects.filter(window__in=[one.pk for one in windows])
    for scope in named.select_related("team", "service__team").order_by("pk"):
        scopes[scope.window_id].append(scope)
    found = [_freeze(one, times.get(one.pk, set()), scopes[one.pk]) for one in windows]
    return sorted(found, key=lambda one: (not one.times, one.times[-1].span.end if one.times else 0, one.id))


def _freeze(row: Any, times: set[Time], scopes: list[WindowScope]) -> Freeze:
    known = times | {_time(one) for one in getattr(row, "following", None) or ()}
    includes = [one for one in scopes if not one.is_exclusion]
    return Freeze(
        id=row.pk,
        name=row.name,
        level=Stops(row.level),
        reason=row.reason,
        times=tuple(sorted(known, key=lambda one: (one.span.start, one.region or 0))),
        effect=Effect(row.effect),
        behaviour=Behaviour(row.behaviour),
        lanes=frozenset(Lane(lane) for lane in row.lanes),
        includes=tuple(_scope(one) for one in includes),
        excludes=tuple(_scope(one) for one in scopes if one.is_exclusion),
        stops_the_line=row.stops_the_line,
        capacity=row.capacity,
        is_all_day=row.is_all_day,
        is_stale=bool(row.feed_problem),
        over_at=min(filter(None, (row.ends_at, row.ended_early_at)), default=None),
        who=_who(includes, stops_the_line=row.stops_the_line),
    )


def _time(shape: dict[str, Any]) -> Time:
    start, end = (datetime.fromisoformat(shape[name]) for name in ("start", "end"))
    return Time(Span(start, end), shape["region"])


def _scope(row: WindowScope) -> Scope:
    return Scope(row.team_id, row.service_id, row.environment_id, row.region_id)


def _who(includes: list[WindowScope], *, stops_the_line: bool) -> str:
    """Say who can end a window: the people of its teams, or those of the house."""
    roles = WHO_LETS_THE_LINE_RUN if stops_the_line else WHO_ENDS_IT
    owners = [one.service.team if one.service else one.team for one in includes]
    teams = list(dict.fromkeys(owner.name for owner in owners if owner is not None))
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
    return [_with_times(one, times.get(one.id, set())) for one in concerned]


def _with_times(freeze: Freeze, times: set[Time]) -> Freeze:
    known = times | set(freeze.times)
    return replace(freeze, times=tuple(sorted(known, key=lambda one: (one.span.start, one.region or 0))))


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
