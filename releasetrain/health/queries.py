"""Read what services reported: counts per arm, and how fresh they are."""

import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.db import connection
from django.db.models import DateTimeField, F, Func, Q, QuerySet, Sum, Value
from django.db.models.functions import Least

from releasetrain.accounts.models import Team
from releasetrain.catalog.models import Target
from releasetrain.health.models import Arm, MetricSource, Reading
from releasetrain.health.rules.reports import OLDEST

ERRORS = "errors"
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Counts:
    """Units, and how many of them were bad; a part of which nobody said that leaves it unknown."""

    units: int = 0
    bad: int = 0
    is_bad_known: bool = True

    def __add__(self, other: "Counts") -> "Counts":
        is_known = self.is_bad_known and other.is_bad_known
        return Counts(self.units + other.units, self.bad + other.bad, is_known)


@dataclass(frozen=True, slots=True)
class Row:
    """One reading; `id` rises in the order in which a target's readings were committed."""

    id: int
    metric: str
    arm: Arm
    source: str
    counts: Counts
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, slots=True)
class Point:
    """Both arms over one span; an arm that reported nothing is None, which is not zero."""

    starts_at: datetime
    ends_at: datetime
    candidate: Counts | None = None
    baseline: Counts | None = None


def ending_after(since: datetime) -> QuerySet[Reading]:
    """Return the readings whose spans, at most a day long, end after an instant."""
    return Reading.objects.filter(ends_at__gt=since, starts_at__gt=since - OLDEST)


def received_after(since: datetime) -> QuerySet[Reading]:
    """Return the readings that came after an instant, from no day that was too old to be taken then."""
    return Reading.objects.filter(received_at__gt=since, starts_at__gte=since - OLDEST)


def counts_since(target: Target, metric: str, since: datetime, until: datetime) -> dict[Arm, Counts]:
    """Add up the spans that lie within since and until, per arm; an arm without any is zero."""
    rows = Reading.objects.filter(target=target, metric=metric, starts_at__gte=since, ends_at__lte=until)
    sums = rows.values_list("arm").annotate(Sum("units"), Sum("bad")).order_by()
    found = {Arm(arm): Counts(int(units), int(bad or 0)) for arm, units, bad in sums}
    return {arm: found.get(arm, Counts()) for arm in Arm}


def last_watermark(target: Target) -> int:
    """Return the watermark after everything that a target has reported, 0 before its first report."""
    return Reading.objects.filter(target=target).order_by("-pk").values_list("pk", flat=True).first() or 0


def readings_after(
    target: Target,
    metrics: Iterable[str],
    watermark: int,
    *,
    since: datetime | None = None,
    limit: int = 5000,
) -> tuple[list[Row], int]:
    """Return what was committed after a watermark, oldest first, and the watermark to ask with next time.

    Each reading comes exactly once to whoever keeps the watermark: a target's readings commit in the order of
    their ids, however late or long they are.

    :param since: leave out spans that began before; without it every day that is kept is looked into
    """
    asked = Asked(target.pk, list(metrics), watermark, since or EPOCH)
    return readings_after_each([asked], limit=limit)[target.pk]


@dataclass(frozen=True, slots=True)
class Asked:
    """Ask for what was committed of some metrics of one target after a watermark; `since` as there."""

    target: int
    metrics: Collection[str]
    watermark: int
    since: datetime


Answer = tuple[list[Row], int]
AFTER_EACH = """
SELECT asked.target, one.id, one.metric, one.arm, one.source, one.units, one.bad, one.starts_at, one.ends_at
FROM jsonb_to_recordset(%(asked)s::jsonb)
AS asked (target bigint, watermark bigint, since timestamptz, metrics text[])
CROSS JOIN LATERAL (
    SELECT * FROM health_reading
    WHERE target_id = asked.target AND id > asked.watermark AND metric = ANY (asked.metrics)
        AND starts_at >= asked.since AND starts_at >= %(earliest)s
    ORDER BY id LIMIT %(limit)s
) AS one
ORDER BY one.id
"""


def readings_after_each(asked: Iterable[Asked], *, limit: int = 5000) -> Mapping[int, Answer]:
    """Answer `readings_after` for many targets in one query, by target id.

    :param limit: for each target
    """
    wanted = list(asked)
    if not wanted:
        return {}
    found: dict[int, list[Row]] = {one.target: [] for one in wanted}
    plain = [
        {
            "target": one.target,
            "watermark": one.watermark,
            "since": one.since.isoformat(),
            "metrics": list(one.metrics),
        }
        for one in wanted
    ]
    # Days before the earliest are left out when the query is planned.
    earliest = min(one.since for one in wanted)
    with connection.cursor() as cursor:
        cursor.execute(AFTER_EACH, {"asked": json.dumps(plain), "limit": limit, "earliest": earliest})
        for target, pk, metric, arm, source, units, bad, starts_at, ends_at in cursor:
            counts = Counts(units, bad or 0, bad is not None)
            found[target].append(Row(pk, metric, Arm(arm), source, counts, starts_at, ends_at))
    return {
        one.target: (found[one.target], found[one.target][-1].id if found[one.target] else one.watermark)
        for one in wanted
    }


def by_span(rows: Iterable[Row]) -> dict[str, list[Point]]:
    """Join the readings of one span, over arms and sources, into points per metric, oldest first."""
    spans: dict[tuple[str, datetime, datetime], dict[Arm, Counts]] = {}
    for one in rows:
        arms = spans.setdefault((one.metric, one.starts_at, one.ends_at), {})
        arms[one.arm] = arms.get(one.arm, Counts()) + one.counts
    points: dict[str, list[Point]] = {}
    for (metric, starts_at, ends_at), arms in sorted(spans.items(), key=lambda item: item[0]):
        point = Point(starts_at, ends_at, arms.get(Arm.CANDIDATE), arms.get(Arm.BASELINE))
        points.setdefault(metric, []).append(point)
    return points


def freshness(target: Target, metric: str | None = None, arm: Arm | None = None) -> datetime | None:
    """Return up to when a target's reports reach, never beyond their arrival; None before the first one."""
    rows = Reading.objects.filter(target=target)
    if metric is not None:
        rows = rows.filter(metric=metric)
    if arm is not None:
        rows = rows.filter(arm=arm)
    reach = rows.annotate(reach=Least("ends_at", "received_at")).order_by("-ends_at")
    return reach.values_list("reach", flat=True).first()


def series(
    target: Target, metric: str, since: datetime, *, until: datetime | None = None, seconds: int = 10
) -> list[Point]:
    """Return both arms in buckets of so many seconds, oldest first; buckets without a report are left out."""
    bucket = Func(
        Value(timedelta(seconds=seconds)),
        F("starts_at"),
        Value(EPOCH),
        function="date_bin",
        output_field=DateTimeField(),
    )
    rows = Reading.objects.filter(target=target, metric=metric, starts_at__gte=since)
    if until is not None:
        rows = rows.filter(starts_at__lt=until)
    sums = rows.annotate(at=bucket).values_list("at", "arm").annotate(Sum("units"), Sum("bad")).order_by("at")
    buckets: dict[datetime, dict[Arm, Counts]] = {}
    for at, arm, units, bad in sums:
        buckets.setdefault(at, {})[Arm(arm)] = Counts(int(units), int(bad or 0))
    return [
        Point(at, at + timedelta(seconds=seconds), arms.get(Arm.CANDIDATE), arms.get(Arm.BASELINE))
        for at, arms in buckets.items()
    ]


def totals_since(targets: Iterable[int], metric: str, since: datetime) -> dict[int, Counts]:
    """Add up what both arms reported of the time after an instant, by target id; silent ones are left out.

    One query; a report counts whole where its span ends after the instant.
    """
    rows = ending_after(since).filter(target__in=list(targets), metric=metric)
    sums = rows.values_list("target").annotate(Sum("units"), Sum("bad")).order_by()
    return {target: Counts(int(units), int(bad or 0)) for target, units, bad in sums}


def told_since(targets: Iterable[int], since: datetime) -> set[tuple[int, str]]:
    """Return the metrics that were told of the baseline after an instant, by target id; one query."""
    rows = ending_after(since).filter(
        target__in=list(targets), arm=Arm.BASELINE, received_at__gt=since, units__gt=0
    )
    return set(rows.order_by().values_list("target", "metric").distinct())


def sources_for(team: Team | None) -> QuerySet[MetricSource]:
    """Return the sources that a team may ask, its own and those of the house; those of the house for None."""
    mine = Q(team__isnull=True) if team is None else Q(team=team) | Q(team__isnull=True)
    return MetricSource.objects.filter(mine, removed_at=None).order_by("name", "pk")
