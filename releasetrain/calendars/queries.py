"""Ask what windows are open over something that would move."""

from collections.abc import Iterable
from datetime import datetime

from django.db.models import Q

from releasetrain.calendars.models import Window
from releasetrain.calendars.rules import Freeze, Place, Stops, judge
from releasetrain.catalog.models import Environment, Service
from releasetrain.lib.verdict import Decision, Reason, Verdict


def windows_between(first: datetime, last: datetime) -> list[Freeze]:
    """Return every window that is open at some instant from first to last (both count), soonest end first."""
    rows = Window.objects.filter(starts_at__lte=last, ends_at__gt=first).filter(
        Q(ended_early_at__isnull=True) | Q(ended_early_at__gt=first)
    )
    return [_freeze(row) for row in rows.order_by("ends_at", "pk")]


def windows_at(at: datetime) -> list[Freeze]:
    """Return the windows that are open at an instant."""
    return windows_between(at, at)


def _freeze(row: Window) -> Freeze:
    ends_at = min(row.ends_at, row.ended_early_at) if row.ended_early_at else row.ends_at
    return Freeze(
        id=row.pk,
        name=row.name,
        level=Stops(row.level),
        reason=row.reason,
        starts_at=row.starts_at,
        ends_at=ends_at,
        team=row.team_id,
        service=row.service_id,
        environment=row.environment_id,
        stops_the_line=row.stops_the_line,
    )


def place(service: Service, environment: Environment) -> Place:
    """Return where a service of its team would move."""
    return Place(team=service.team_id, service=service.pk, environment=environment.pk)


def verdict_over(places: Iterable[Place], at: datetime, acknowledged: Iterable[int] = ()) -> Verdict:
    """Judge whether anything may move at an instant in any of the places.

    :param acknowledged: ids of soft windows that somebody has accepted
    """
    return judge(windows_at(at), places, at, frozenset(acknowledged))


def verdict_for(service: Service, environment: Environment, at: datetime) -> Verdict:
    """Judge whether a service may advance in an environment at an instant; a rollback never asks (W9)."""
    return verdict_over([place(service, environment)], at)


def why_not_move(service: Service, environment: Environment, at: datetime) -> Reason | None:
    """Return the reason with the latest end that stops a service at an instant, or None."""
    verdict = verdict_for(service, environment, at)
    if verdict.decision is Decision.ALLOW:
        return None
    return max(verdict.reasons, key=lambda one: (one.code != "window_notice", one.until or at))
