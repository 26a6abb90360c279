"""Read error lines as groups: which are new in the candidate, which have risen, and since when."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Min, Q, Sum

from releasetrain.catalog.models import Target
from releasetrain.health.models import Arm, ErrorBatch, ErrorCount, ErrorLine
from releasetrain.health.queries import ERRORS, ending_after
from releasetrain.health.rules.rises import Standing, Tally, standing_of
from releasetrain.health.rules.severity import Severity

ORDER = {Standing.NEW: 0, Standing.RISEN: 1, Standing.KNOWN: 2}
# Only the kinds that came last are looked at; more than these nobody reads.
MOST_KINDS = 200


@dataclass(frozen=True, slots=True)
class ErrorGroup:
    """A kind of error line with its counts in both arms since an instant, to the minute.

    `first_at` is when the candidate first had it since then (the baseline, where the candidate has not);
    `is_old` says that an earlier candidate had it, too.
    """

    fingerprint: str
    sample: str
    severity: Severity
    standing: Standing
    candidate: int
    baseline: int
    first_at: datetime
    last_at: datetime
    is_old: bool = False


@dataclass(frozen=True, slots=True)
class ErrorGroups:
    """The groups of a target since an instant, worst first; `total` counts those left out, too.

    Units are requests. `has_baseline` tells whether the baseline has told of any error line at all, in the
    last fourteen days; where it never does, everything looks new.
    """

    groups: list[ErrorGroup]
    total: int
    candidate_units: int
    baseline_units: int
    has_baseline: bool

    @property
    def share(self) -> float | None:
        return Tally(0, self.candidate_units, 0, self.baseline_units).share


def error_groups(
    target: Target | int, since: datetime, *, until: datetime | None = None, limit: int = 20
) -> ErrorGroups:
    """Group the error lines of both arms since an instant: new ones, then risen ones, then those in both.

    Among their like the worse come first, then the more frequent. Six queries, however many lines there are.
    """
    pk = target if isinstance(target, int) else target.pk
    lines = ErrorLine.objects.filter(target=pk, last_at__gte=_minute(since))
    if until is not None:
        lines = lines.filter(first_at__lte=until)
    names = list(dict.fromkeys(lines.order_by("-last_at").values_list("fingerprint", flat=True)[:MOST_KINDS]))
    kept = {
        (one.fingerprint, one.arm): one for one in ErrorLine.objects.filter(target=pk, fingerprint__in=names)
    }
    counted = _counted(pk, names, since, until)
    units = {arm: _units(pk, arm, since, until) for arm in Arm}
    found = [group for name in names if (group := _group(name, kept, counted, units, since)) is not None]
    found.sort(key=lambda one: (ORDER[one.standing], -one.severity, -one.candidate, -one.baseline))
    return ErrorGroups(
        groups=found[:limit],
        total=len(found),
        candidate_units=units[Arm.CANDIDATE],
        baseline_units=units[Arm.BASELINE],
        has_baseline=ErrorLine.objects.filter(target=pk, arm=Arm.BASELINE).exists(),
    )


def has_lines(target: int) -> bool:
    """Tell whether anybody has sent error lines of a target, or a sign of life, in the last fourteen days."""
    lines, batches = ErrorLine.objects.filter(target=target), ErrorBatch.objects.filter(target=target)
    return lines.exists() or batches.exists()


Seen = tuple[int, datetime]


def _group(
    name: str,
    kept: dict[tuple[str, str], ErrorLine],
    counted: dict[tuple[str, str], Seen],
    units: dict[Arm, int],
    since: datetime,
) -> ErrorGroup | None:
    """Build a group; None where neither arm had it in the time asked for."""
    mine, others = counted.get((name, Arm.CANDIDATE)), counted.get((name, Arm.BASELINE))
    seen = mine or others
    if seen is None:
        return None
    candidate, baseline = mine[0] if mine else 0, others[0] if others else 0
    tally = Tally(candidate, units[Arm.CANDIDATE], baseline, units[Arm.BASELINE])
    is_known = (name, Arm.BASELINE) in kept or not mine
    lines = [kept[name, arm] for arm in (Arm.CANDIDATE, Arm.BASELINE) if (name, arm) in kept]
    own = kept.get((name, Arm.CANDIDATE)) if mine else None
    line = own or lines[0]
    return ErrorGroup(
        fingerprint=name,
        sample=line.sample,
        severity=Severity(max(one.severity for one in lines)),
        standing=standing_of(tally, is_known_to_baseline=is_known),
        candidate=candidate,
        baseline=baseline,
        first_at=max(seen[1], line.first_at),
        last_at=max(one.last_at for one in lines),
        is_old=own is not None and own.first_at < _minute(since),
    )


def _minute(instant: datetime) -> datetime:
    return instant.replace(second=0, microsecond=0)


def _counted(
    target: int, names: Iterable[str], since: datetime, until: datetime | None
) -> dict[tuple[str, str], Seen]:
    """Count lines by names and arms, from the minute in which the instant lies, with their first minute."""
    rows = ErrorCount.objects.filter(
        Q(line__target=target), line__fingerprint__in=list(names), minute_at__gte=_minute(since)
    )
    if until is not None:
        rows = rows.filter(minute_at__lte=until)
    sums = (
        rows.values_list("line__fingerprint", "line__arm").annotate(Sum("count"), Min("minute_at")).order_by()
    )
    return {(name, arm): (int(count), first) for name, arm, count, first in sums}


def _units(target: int, arm: Arm, since: datetime, until: datetime | None) -> int:
    rows = ending_after(_minute(since)).filter(target=target, metric=ERRORS, arm=arm)
    if until is not None:
        rows = rows.filter(ends_at__lte=until)
    return int(rows.aggregate(units=Sum("units"))["units"] or 0)
