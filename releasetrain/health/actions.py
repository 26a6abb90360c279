"""Take what services report, exactly once, and forget it in time."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from releasetrain.catalog.models import Target
from releasetrain.health.error_lines import by_the_hour, count_lines, kinds_of, take_turn
from releasetrain.health.models import ErrorBatch, ErrorCount, ErrorLine, Reading
from releasetrain.health.rules.reports import Report, flaw_of
from releasetrain.lib.errors import Invalid
from releasetrain.lib.transactions import brief

RETENTION = timedelta(days=14)
BATCH = 10_000
MOST_BATCHES = 50


@dataclass(frozen=True, slots=True)
class Taken:
    """How much of a report was new; a repeat counts once."""

    readings: int
    repeated: int
    error_lines: int


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How much was too old to keep."""

    readings: int
    error_counts: int
    error_lines: int


def take_readings(*, target: Target, report: Report, now: datetime) -> Taken:
    """Count a report of a service; what was counted before is not counted again.

    A target's reports commit one after the other, so their ids rise in the order in which others see them.
    Error lines belong to the readings that they come with: they count only where one of those is new.

    :raises Invalid: the report cannot be true, or comes too late
    """
    if flaw := flaw_of(report, now):
        raise Invalid(flaw.text, field=flaw.field)
    kinds = kinds_of(report.errors)
    with brief():
        take_turn(target.pk)
        new = _insert_readings(target.pk, report, now)
        lines = count_lines(target.pk, kinds, now) if new and kinds else 0
    return Taken(new, len(report.readings) - new, lines)


def _insert_readings(target: int, report: Report, now: datetime) -> int:
    """Insert a report's readings in one statement and return how many were new."""
    rows = report.readings
    with connection.cursor() as cursor:
        cursor.execute(
            """
            INSERT INTO health_reading
                (target_id, source, starts_at, ends_at, received_at, arm, metric, units, bad)
            SELECT %s, %s, %s, %s, %s, r.*
            FROM unnest(%s::text[], %s::text[], %s::bigint[], %s::bigint[]) r
            ON CONFLICT (target_id, metric, starts_at, arm, source) DO NOTHING
            """,
            [
                target,
                report.source,
                report.span.start,
                report.span.end,
                now,
                [one.arm for one in rows],
                [one.metric for one in rows],
                [one.units for one in rows],
                [one.bad for one in rows],
            ],
        )
        return int(cursor.rowcount)


def forget_old(now: datetime) -> Forgotten:
    """Delete what is older than fourteen days, in small bites; what is left over waits for the next turn."""
    before = now - RETENTION
    by_the_hour(now, BATCH)
    _delete(ErrorBatch.objects.filter(received_at__lt=before))
    return Forgotten(
        readings=_delete(Reading.objects.filter(received_at__lt=before)),
        error_counts=_delete(ErrorCount.objects.filter(minute_at__lt=before)),
        error_lines=_delete(ErrorLine.objects.filter(last_at__lt=before)),
    )


def _delete(old: QuerySet[Any]) -> int:
    deleted = 0
    for _ in range(MOST_BATCHES):
        bite = old.model._default_manager.filter(pk__in=old.values("pk")[:BATCH])
        count = bite.delete()[1].get(old.model._meta.label, 0)
        deleted += count
        if count < BATCH:
            break
    return deleted
