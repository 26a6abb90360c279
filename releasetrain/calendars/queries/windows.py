"""Ask what windows are open over something that would move."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.backends.postgresql.psycopg_any import DateTimeTZRange
from django.db.models import Q

from releasetrain.calendars.models import Occurrence, Window, WindowScope
from releasetrain.calendars.rules.judging import Openness, Overridden, judge, openness
from releasetrain.calendars.rules.windows import Behaviour, Effect, Freeze, Lane, Place, Scope, Stops, Time
from releasetrain.catalog.models import Environment, Service
from releasetrain.lib.spans import Span
from releasetrain.lib.verdict import Verdict

# How far ahead is looked for the next opening or closing.
HORIZON = timedelta(days=400)


def windows_between(first: datetime, last: datetime) -> list[Freeze]:
    """Return what may stop something at an instant from first to last (both count).

    That is every window that is open then, with those of its times, and every window that allows, with its
    times from then on as far as the horizon: what it does not allow, it stops.
    """
    found = Occurrence.objects.filter(window__deleted_at__isnull=True).filter(
        Q(during__overlap=DateTimeTZRange(first, last, "[]"), window__effect=Effect.DENY)
        | Q(during__overlap=DateTimeTZRange(first, last + HORIZON, "[]"), window__effect=Effect.ALLOW)
    )
    return freezes_of(found)


def windows_at(at: datetime) -> list[Freeze]:
    """Return what may stop something at an instant."""
    return windows_between(at, at)


def freezes_of(occurrences: Iterable[Occurrence]) -> list[Freeze]:
    """Read occurrences into the windows that they belong to, in two queries; soonest end first."""
    times: dict[int, list[Time]] = defaultdict(list)
    for row in occurrences:
        times[row.window_id].append(Time(Span(row.during.lower, row.during.upper), row.region_id))
    windows = Window.objects.filter(pk__in=times)
    scopes: dict[int, list[WindowScope]] = defaultdict(list)
    for scope in WindowScope.objects.filter(window__in=times):
        scopes[scope.window_id].append(scope)
    found = [_freeze(one, times[one.pk], scopes[one.pk]) for one in windows]
    return sorted(found, key=lambda one: (one.times[-1].span.end, one.id))


def _freeze(row: Window, times: list[Time], scopes: list[WindowScope]) -> Freeze:
    return Freeze(
        id=row.pk,
        name=row.name,
        level=Stops(row.level),
        reason=row.reason,
        times=tuple(sorted(times, key=lambda one: one.span.start)),
        effect=Effect(row.effect),
        behaviour=Behaviour(row.behaviour),
        lanes=frozenset(Lane(lane) for lane in row.lanes),
        includes=tuple(_scope(one) for one in scopes if not one.is_exclusion),
        excludes=tuple(_scope(one) for one in scopes if one.is_exclusion),
        stops_the_line=row.stops_the_line,
    )


def _scope(row: WindowScope) -> Scope:
    return Scope(row.team_id, row.service_id, row.environment_id, row.region_id)


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
    """Answer whether anything may move in the places now, and when that changes next."""
    return openness(windows_between(at, at + HORIZON), places, at, lane=lane)
