"""Take what services report, exactly once, and forget it in time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from django.conf import settings
from django.db import connection
from django.db.models import QuerySet

from releasetrain.catalog.models import Target
from releasetrain.health.days import delete_rest, drop_days
from releasetrain.health.error_lines import TURN, by_the_hour, count_lines, kinds_of
from releasetrain.health.models import ErrorBatch, ErrorCount, ErrorLine
from releasetrain.health.rules.reports import Report, flaw_of
from releasetrain.lib.errors import Invalid
from releasetrain.lib.transactions import brief

# Of error lines; how long readings are kept is a setting.
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
class Delivery:
    """A report, and the target (by id) that it is about."""

    target: int
    report: Report


@dataclass(frozen=True, slots=True)
class Forgotten:
    """How much was too old to keep: whole days of readings, and single ones of other days."""

    days: Sequence[date]
    readings: int
    error_counts: int
    error_lines: int


def take_readings(*, target: Target, report: Report, now: datetime) -> Taken:
    """Count a report of a service; what was counted before is not counted again.

    :raises Invalid: the report cannot be true, or comes too late
    """
    if flaw := flaw_of(report, now):
        raise Invalid(flaw.text, field=flaw.field)
    return take_reports([Delivery(target.pk, report)], now)[0]


def take_reports(deliveries: Sequence[Delivery], now: datetime) -> list[Taken]:
    """Count reports that have no flaw, all or none, and say of each how much of it was new.

    A target's reports commit one after the other, so their ids rise in the order in which others see them.
    Error lines belong to the readings that they come with: they count only where one of those is new.

    :param deliveries: of no target, source and start more than one
    """
    kinds = [kinds_of(one.report.errors) for one in deliveries]
    if not any(kinds):
        return [
            Taken(new, len(one.report.readings) - new, 0)
            for one, new in zip(deliveries, _insert(deliveries, now), strict=True)
        ]
    with brief():
        counted = []
        for one, own, new in zip(deliveries, kinds, _insert(deliveries, now), strict=True):
            lines = count_lines(one.target, own, now) if new and own else 0
            counted.append(Taken(new, len(one.report.readings) - new, lines))
    return counted


def _insert(deliveries: Sequence[Delivery], now: datetime) -> list[int]:
    """Insert the readings of reports in one statement and return how many of each were new.

    The statement takes the turns of all targets before it draws the first id, in the order of their ids, so
    that two of these never wait for each other.
    """
    if not deliveries:
        return []
    rows = [(place, row) for place, one in enumerate(deliveries) for row in one.report.readings]
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            WITH turn AS MATERIALIZED (
                SELECT {TURN} FROM unnest(%s::bigint[]) AS one (target)
            ), ready AS MATERIALIZED (
                SELECT count(*) FROM turn
            ), report AS (
                SELECT *
                FROM unnest(%s::int[], %s::bigint[], %s::text[], %s::timestamptz[], %s::timestamptz[])
                    AS one (place, target, source, starts_at, ends_at)
            ), fresh AS (
                INSERT INTO health_reading
                    (target_id, source, starts_at, ends_at, received_at, arm, metric, units, bad)
                SELECT target, source, starts_at, ends_at, %s, arm, metric, units, bad
                FROM ready, report JOIN
                    unnest(%s::int[], %s::text[], %s::text[], %s::bigint[], %s::bigint[])
                        AS reading (place, arm, metric, units, bad) USING (place)
                ON CONFLICT (target_id, metric, starts_at, arm, source) DO NOTHING
                RETURNING target_id, source, starts_at
            )
            SELECT place, count(*) FROM fresh JOIN report
                ON (target, report.source, report.starts_at) = (target_id, fresh.source, fresh.starts_at)
            GROUP BY place
            """,  # noqa: S608 - the one name in it is our own
            [
                sorted({one.target for one in deliveries}),
                list(range(len(deliveries))),
                [one.target for one in deliveries],
                [one.report.source for one in deliveries],
                [one.report.span.start for one in deliveries],
                [one.report.span.end for one in deliveries],
                now,
                [place for place, _ in rows],
                [row.arm for _, row in rows],
                [row.metric for _, row in rows],
                [row.units for _, row in rows],
                [row.bad for _, row in rows],
            ],
        )
        new: dict[int, int] = dict(cursor.fetchall())
    return [new.get(place, 0) for place in range(len(deliveries))]


def forget_old(now: datetime) -> Forgotten:
    """Drop the days of readings that are older than is kept, and delete what else is, in small bites.

    What is left over waits for the next turn.
    """
    before = now - RETENTION
    oldest_reading = now - timedelta(days=settings.READINGS_DAYS)
    by_the_hour(now, BATCH)
    _delete(ErrorBatch.objects.filter(received_at__lt=before))
    return Forgotten(
        days=drop_days(oldest_reading),
        readings=delete_rest(oldest_reading, bite=BATCH, most_bites=MOST_BATCHES),
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
