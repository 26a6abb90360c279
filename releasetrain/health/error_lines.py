"""Count error lines: masked, grouped by kind, bounded, and each batch once."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection

from releasetrain.catalog.models import Target
from releasetrain.health.models import ErrorLine
from releasetrain.health.rules.lines import fingerprint, masked
from releasetrain.health.rules.reports import Complaint, flaw_of_errors
from releasetrain.health.rules.severity import Severity, severity_of
from releasetrain.lib.errors import Invalid
from releasetrain.lib.transactions import brief

# So many kinds are kept of each arm of a target; 500 samples of 2,000 characters are a megabyte.
MOST_KINDS = 500
# A kind that has not come for so long makes room for a new one.
REST = timedelta(hours=1)
BY_THE_MINUTE = timedelta(days=1)
OVERFLOW = "(more kinds of error lines than are kept)"
SHARED = fingerprint(OVERFLOW)
# Waits for the turn of a target, in SQL in which `target` is its id.
TURN = "pg_advisory_xact_lock(hashtextextended('health.readings:' || target, 0))"


@dataclass(frozen=True, slots=True)
class Batch:
    """Error lines without counts of requests, under a key by which a repeat is known.

    One without lines is a sign of life: whoever reads the log is there, and there was nothing to tell.
    """

    key: uuid.UUID
    errors: Sequence[Complaint]


@dataclass(frozen=True, slots=True)
class TakenLines:
    """How many kinds of error lines a batch had, and whether it had been counted before."""

    error_lines: int
    is_repeated: bool


@dataclass(slots=True)
class Kind:
    """Error lines of one kind and one minute, as they are about to be counted."""

    arm: str
    fingerprint: str
    sample: str
    severity: Severity
    first_at: datetime
    last_at: datetime
    count: int = 0

    @property
    def minute_at(self) -> datetime:
        return self.first_at.replace(second=0, microsecond=0)


def take_turn(target: int) -> None:
    """Wait for the other reports of this target to be committed; the turn ends with the transaction."""
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {TURN} FROM (VALUES (%s::bigint)) AS one (target)", [target])  # noqa: S608


def take_error_lines(*, target: Target, batch: Batch, now: datetime) -> TakenLines:
    """Count a batch of error lines; one that was counted before is not counted again.

    :raises Invalid: the lines cannot be true, or come too late
    """
    if flaw := flaw_of_errors(batch.errors, now):
        raise Invalid(flaw.text, field=flaw.field)
    kinds = kinds_of(batch.errors)
    with brief():
        take_turn(target.pk)
        is_new = _note(target.pk, batch.key, now)
        counted = count_lines(target.pk, kinds, now) if is_new and kinds else 0
    return TakenLines(counted, not is_new)


def _note(target: int, key: uuid.UUID, now: datetime) -> bool:
    """Keep the key of a batch and tell whether it is new."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO health_errorbatch (target_id, key, received_at) VALUES (%s, %s, %s) "
            "ON CONFLICT (target_id, key) DO NOTHING",
            [target, key, now],
        )
        return bool(cursor.rowcount)


def kinds_of(errors: Sequence[Complaint]) -> list[Kind]:
    """Mask and group error lines by arm, kind and minute; no lock is held while this runs."""
    kinds: dict[tuple[str, str, datetime], Kind] = {}
    for one in errors:
        sample, at = masked(one.message), one.at.astimezone(UTC)
        name, severity = fingerprint(sample), severity_of(sample, one.severity)
        minute = at.replace(second=0, microsecond=0)
        kind = kinds.setdefault((one.arm, name, minute), Kind(one.arm, name, sample, severity, at, at))
        kind.count += one.count
        kind.severity = max(kind.severity, severity)
        kind.first_at, kind.last_at = min(kind.first_at, at), max(kind.last_at, at)
    return list(kinds.values())


def count_lines(target: int, kinds: Sequence[Kind], now: datetime) -> int:
    """Add error lines to their kinds, in a transaction that has its turn, and return how many kinds."""
    named = ErrorLine.objects.filter(target=target, fingerprint__in={one.fingerprint for one in kinds})
    have = set(named.values_list("arm", "fingerprint"))
    if any((one.arm, one.fingerprint) not in have for one in kinds):
        _find_places(target, kinds, now)
    _add(target, kinds)
    return len({(one.arm, one.fingerprint) for one in kinds})


def _find_places(target: int, kinds: Sequence[Kind], now: datetime) -> None:
    """Make room for the kinds that are new."""
    rows = ErrorLine.objects.filter(target=target).exclude(fingerprint=SHARED)
    known = list(rows.only("arm", "fingerprint", "severity", "last_at").order_by("severity", "last_at"))
    leaving = [
        line
        for arm in {one.arm for one in kinds}
        for line in _make_room(
            [one for one in kinds if one.arm == arm], [one for one in known if one.arm == arm], now
        )
    ]
    if leaving:
        ErrorLine.objects.filter(pk__in=[one.pk for one in leaving]).delete()


def _make_room(kinds: Sequence[Kind], known: Sequence[ErrorLine], now: datetime) -> list[ErrorLine]:
    """Return which known lines of an arm give way to new kinds: those at rest, or milder, mildest first.

    A new kind for which there is no room shares one line with its like.
    """
    coming, have = {one.fingerprint for one in kinds}, {one.fingerprint for one in known}
    free, leaving = MOST_KINDS - len(known), []
    staying = [one for one in known if one.fingerprint not in coming]
    for kind in sorted(kinds, key=lambda one: (-one.severity, -one.count)):
        if kind.fingerprint in have:
            continue
        if free > 0:
            free -= 1
        elif place := _place_for(kind, staying, now):
            staying.remove(place)
            leaving.append(place)
        else:
            kind.sample, kind.fingerprint = OVERFLOW, SHARED
        have.add(kind.fingerprint)
    return leaving


def _place_for(kind: Kind, staying: Sequence[ErrorLine], now: datetime) -> ErrorLine | None:
    giving = (one for one in staying if one.last_at < now - REST or one.severity < kind.severity)
    return next(giving, None)


def _add(target: int, kinds: Sequence[Kind]) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH given AS (
                SELECT * FROM unnest(%s::text[], %s::text[], %s::text[], %s::smallint[], %s::timestamptz[],
                    %s::timestamptz[], %s::timestamptz[], %s::bigint[])
                AS g (arm, fingerprint, sample, severity, first_at, last_at, minute_at, count)
            ), line AS (
                INSERT INTO health_errorline AS old
                    (target_id, arm, fingerprint, sample, severity, count, first_at, last_at)
                SELECT %s, arm, fingerprint, min(sample), max(severity), sum(count), min(first_at),
                    max(last_at)
                FROM given GROUP BY arm, fingerprint
                ON CONFLICT (target_id, arm, fingerprint) DO UPDATE SET
                    count = old.count + excluded.count,
                    severity = greatest(old.severity, excluded.severity),
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
                [one.severity.value for one in kinds],
                [one.first_at for one in kinds],
                [one.last_at for one in kinds],
                [one.minute_at for one in kinds],
                [one.count for one in kinds],
                target,
            ],
        )


def by_the_hour(now: datetime, limit: int) -> int:
    """Add up the minutes of each hour that is older than a day, at most so many; return how many were."""
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH fine AS (
                DELETE FROM health_errorcount WHERE id IN (
                    SELECT id FROM health_errorcount
                    WHERE minute_at < %s AND minute_at <> date_trunc('hour', minute_at, 'UTC') LIMIT %s
                ) RETURNING line_id, date_trunc('hour', minute_at, 'UTC') AS hour_at, count
            ), added AS (
                INSERT INTO health_errorcount AS old (line_id, minute_at, count)
                SELECT line_id, hour_at, sum(count) FROM fine GROUP BY 1, 2
                ON CONFLICT (line_id, minute_at) DO UPDATE SET count = old.count + excluded.count
            )
            SELECT count(*) FROM fine
            """,
            [now - BY_THE_MINUTE, limit],
        )
        return int(cursor.fetchone()[0])
