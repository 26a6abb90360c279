"""Take what services report, exactly once, and forget it in time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection
from django.db.models import QuerySet

from releasetrain.catalog.models import Target
from releasetrain.health.models import ErrorCount, ErrorLine, Reading
from releasetrain.health.rules.lines import fingerprint, masked
from releasetrain.health.rules.reports import Complaint, Report, flaw_of
from releasetrain.lib.errors import Invalid
from releasetrain.lib.transactions import brief

RETENTION = timedelta(days=14)
BATCH = 10_000
MOST_BATCHES = 50
MOST_LINES = 1000
OVERFLOW = "(more kinds of error lines than are kept)"


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


@dataclass(slots=True)
class _Kind:
    """Error lines of one kind and one minute, as they are about to be counted."""

    arm: str
    fingerprint: str
    sample: str
    first_at: datetime
    last_at: datetime
    count: int = 0

    @property
    def minute_at(self) -> datetime:
        return self.first_at.replace(second=0, microsecond=0)


def take_readings(*, target: Target, report: Report, now: datetime) -> Taken:
    """Count a report of a service; what was counted before is not counted again.

    A target's reports commit one after the other, so their ids rise in the order in which others see them.
    Error lines belong to the readings that they come with: they count only where one of those is new.

    :raises Invalid: the report cannot be true, or comes too late
    """
    if flaw := flaw_of(report, now):
        raise Invalid(flaw.text, field=flaw.field)
    kinds = _kinds(report.errors)
    with brief():
        _take_turn(target.pk)
        new = _insert_readings(target.pk, report, now)
        lines = _count_lines(target.pk, kinds) if new and kinds else 0
    return Taken(new, len(report.readings) - new, lines)


def _kinds(errors: Sequence[Complaint]) -> list[_Kind]:
    """Mask and group error lines; the lock is not held while this runs."""
    kinds: dict[tuple[str, str, datetime], _Kind] = {}
    for one in errors:
        sample, at = masked(one.message), one.at.astimezone(UTC)
        name = fingerprint(sample)
        minute = at.replace(second=0, microsecond=0)
        kind = kinds.setdefault((one.arm, name, minute), _Kind(one.arm, name, sample, at, at))
        kind.count += one.count
        kind.first_at, kind.last_at = min(kind.first_at, at), max(kind.last_at, at)
    return list(kinds.values())


def _take_turn(target: int) -> None:
    """Wait for the other reports of this target to be committed; the turn ends with the transaction."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_advisory_xact_lock(hashtextextended('health.readings:' || %s, 0))", [str(target)]
        )


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


def _count_lines(target: int, kinds: Sequence[_Kind]) -> int:
    """Add error lines to their kinds, and return how many kinds; past a thousand, new ones share one line."""
    have = set(ErrorLine.objects.filter(target=target).values_list("arm", "fingerprint"))
    for kind in kinds:
        if (kind.arm, kind.fingerprint) not in have and len(have) >= MOST_LINES:
            kind.sample, kind.fingerprint = OVERFLOW, fingerprint(OVERFLOW)
        have.add((kind.arm, kind.fingerprint))
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH given AS (
                SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::timestamptz[], %s::timestamptz[],
                    %s::timestamptz[], %s::bigint[])
                AS g (arm, fingerprint, sample, first_at, last_at, minute_at, count)
            ), line AS (
                INSERT INTO health_errorline AS old
                    (target_id, arm, fingerprint, sample, count, first_at, last_at)
                SELECT %s, arm, fingerprint, min(sample), sum(count), min(first_at), max(last_at)
                FROM given GROUP BY arm, fingerprint
                ON CONFLICT (target_id, arm, fingerprint) DO UPDATE SET
                    count = old.count + excluded.count,
                    first_at = least(old.first_at, excluded.first_at),
                    last_at = greatest(old.last_at, excluded.last_at)
                RETURNING id, arm, fingerprint
            )
            INSERT INTO health_errorcount AS old (line_id, minute_at, count)
            SELECT line.id, given.minute_at, sum(given.count)
            FROM given JOIN line USING (arm, fingerprint) GROUP BY 1, 2
            ON CONFLICT (line_id, minute_at) DO UPDATE SET count = old.count + excluded.count
            """,
            [
                [one.arm for one in kinds],
                [one.fingerprint for one in kinds],
                [one.sample for one in kinds],
                [one.first_at for one in kinds],
                [one.last_at for one in kinds],
                [one.minute_at for one in kinds],
                [one.count for one in kinds],
                target,
            ],
        )
    return len({(one.arm, one.fingerprint) for one in kinds})


def forget_old(now: datetime) -> Forgotten:
    """Delete what is older than fourteen days, in small bites; what is left over waits for the next turn."""
    before = now - RETENTION
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
