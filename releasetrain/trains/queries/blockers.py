"""Read blockers, and what a watch over an error rate finds."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet

from releasetrain.catalog.models import Target
from releasetrain.health.queries import ERRORS, totals_since
from releasetrain.trains.models import Blocker, Departure
from releasetrain.trains.queries.aboard import loads_of
from releasetrain.trains.queries.leaving import runner_words
from releasetrain.trains.rules.blockers import BlockerKind, Finding, Rate, blocked_words, clearer_words, find
from releasetrain.trains.rules.boarding import GONE

# A blocker may be put on so many of a train's departures: this one and those after it.
OFFERED = 8


def blockers_with_everything() -> QuerySet[Blocker]:
    """Return blockers with everything that a row of a list names, open ones first."""
    rows = Blocker.objects.select_related(
        "departure__train__team",
        "departure__train__captain",
        "departure__train__environment",
        "departure__captain",
        "owner",
        "service",
    )
    return rows.order_by("-cleared_at", "opened_at", "pk")


def blocking_of(departure: Departure, blockers: Iterable[Blocker]) -> list[dict[str, Any]]:
    """Return what a departure keeps of its open blockers, for the verdict and for whoever reads it."""
    return [
        {
            "id": one.pk,
            "kind": one.kind,
            "blocks": one.blocks,
            "title": one.title,
            "text": words_of(one),
            "who": clearer_words(one.owner_label, one.clears, runner_words(departure)),
            "owner": one.owner_id,
            "by": one.opened_by_label,
            "at": one.opened_at.isoformat(),
        }
        for one in blockers
        if one.cleared_at is None
    ]


def words_of(blocker: Blocker) -> str:
    """Say what blocks; a watch says what it has found."""
    if blocker.kind == BlockerKind.ERROR_RATE and blocker.finding:
        return blocker.finding
    return blocked_words(blocker.title, BlockerKind(blocker.kind), blocker.owner_label)


def departures_to_block(departure: Departure) -> list[Departure]:
    """Return the departure and those of its train after it that have not left, soonest first."""
    rows = Departure.objects.filter(train=departure.train_id).exclude(state__in=GONE)
    later = rows.filter(planned_at__gte=departure.planned_at).select_related("train").order_by("planned_at")
    return list(later[:OFFERED])


def next_to_block(departure: Departure) -> Departure | None:
    """Return the next departure of the same train that has not left, where there is one."""
    rows = Departure.objects.filter(train=departure.train_id).exclude(state__in=GONE)
    return rows.filter(planned_at__gt=departure.planned_at).order_by("planned_at").first()


def services_to_watch(departure: Departure) -> dict[int, str]:
    """Return the services aboard, or those that the train carries where nothing is aboard yet."""
    load = loads_of([departure])[departure.pk]
    return {service: name for service, (name, _) in load.expected.items()}


def finding_of(blocker: Blocker, now: datetime) -> Finding:
    """Look at the error rate of a service in the environment of the train, over both horizons."""
    service = blocker.service
    if service is None or blocker.limit is None:
        raise ValueError(f"blocker {blocker.pk} watches nothing")
    where = Target.objects.filter(service=service, environment=blocker.departure.train.environment_id)
    target = where.values_list("pk", flat=True).first()
    rates = (_rate(target, horizon, now) for horizon in (blocker.short, blocker.long))
    return find(service.name, blocker.limit, *rates)


def _rate(target: int | None, horizon: timedelta, now: datetime) -> Rate:
    counts = totals_since([target], ERRORS, now - horizon).get(target) if target else None
    return Rate(horizon, counts.bad, counts.units) if counts else Rate(horizon, None, None)


def due_to_watch() -> QuerySet[Blocker]:
    """Return the open watches over error rates."""
    rows = Blocker.objects.filter(kind=BlockerKind.ERROR_RATE, cleared_at__isnull=True)
    return rows.exclude(departure__state__in=GONE)


def left_behind() -> QuerySet[Blocker]:
    """Return the open blockers of departures that are over, where another one can be blocked instead."""
    rows = Blocker.objects.filter(cleared_at__isnull=True, departure__state__in=GONE)
    later = Departure.objects.filter(
        train=OuterRef("departure__train"), planned_at__gt=OuterRef("departure__planned_at")
    ).exclude(state__in=GONE)
    return rows.filter(Exists(later) | Q(kind=BlockerKind.ERROR_RATE))
