"""Count what the storefront answered, per version: since it started, and since the last report."""

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from releasetrain.demo.shop import Version

OBJECTIVE_SECONDS = 1.0
RECENT_REPORTS = 10
MOST_LINES = 50
MOST_NEW_SHOPPERS = 5
ARMS: Mapping[Version, str] = {Version.OLD: "baseline", Version.NEW: "candidate"}


@dataclass(slots=True)
class Count:
    """Answers of one version; `slow` ones took longer than the objective."""

    answers: int = 0
    failures: int = 0
    slow: int = 0
    orders: int = 0

    def add(self, *, has_failed: bool, is_slow: bool, is_order: bool) -> None:
        self.answers += 1
        self.failures += has_failed
        self.slow += is_slow
        self.orders += is_order

    def metrics(self) -> dict[str, tuple[int, int]]:
        """Return (units, bad units) of each metric that the house is told."""
        return {
            "errors": (self.answers, self.failures),
            "latency": (self.answers, self.slow),
            "orders": (self.answers, self.answers - self.orders),
        }


def _both() -> dict[Version, Count]:
    return {version: Count() for version in Version}


@dataclass(frozen=True, slots=True)
class Report:
    """What happened in the half-open span from `starts_at` to `ends_at`, zeros included."""

    starts_at: datetime
    ends_at: datetime
    counts: Mapping[Version, Count]
    lines: Mapping[tuple[Version, str], int]


@dataclass(slots=True)
class Tally:
    """Keep the counts of one storefront process."""

    started_at: datetime
    span_started_at: datetime = field(init=False)
    total: dict[Version, Count] = field(default_factory=_both)
    last_answer_at: dict[Version, datetime] = field(default_factory=dict)
    new_shoppers: deque[str] = field(default_factory=lambda: deque(maxlen=MOST_NEW_SHOPPERS))
    _span: dict[Version, Count] = field(default_factory=_both)
    _lines: Counter[tuple[Version, str]] = field(default_factory=Counter)
    _recent: deque[Mapping[Version, Count]] = field(default_factory=lambda: deque(maxlen=RECENT_REPORTS))

    def __post_init__(self) -> None:
        self.span_started_at = self.started_at

    def note(
        self, version: Version, user: str, *, seconds: float, has_failed: bool, is_order: bool, at: datetime
    ) -> None:
        """Count one answer."""
        is_slow = seconds > OBJECTIVE_SECONDS
        for count in (self.total[version], self._span[version]):
            count.add(has_failed=has_failed, is_slow=is_slow, is_order=is_order)
        self.last_answer_at[version] = at
        if version is Version.NEW and user not in self.new_shoppers:
            self.new_shoppers.append(user)

    def note_line(self, version: Version, line: str) -> bool:
        """Count an error line and tell whether it is the first of its kind in this span.

        Of the kinds that a storm brings, the first fifty of a span are enough.
        """
        is_new = (version, line) not in self._lines
        if is_new and len(self._lines) >= MOST_LINES:
            return False
        self._lines[version, line] += 1
        return is_new

    def close_span(self, now: datetime) -> Report | None:
        """Take what was counted since the last report; None while the clock has not moved on."""
        if now <= self.span_started_at:
            return None
        report = Report(self.span_started_at, now, self._span, dict(self._lines))
        self._recent.append(self._span)
        self.span_started_at, self._span = now, _both()
        self._lines.clear()
        return report

    def recent(self) -> dict[Version, int]:
        """Return the answers per version in the last reports and the open span, about ten seconds."""
        spans = (*self._recent, self._span)
        return {version: sum(span[version].answers for span in spans) for version in Version}

    def to_json(self) -> dict[str, Any]:
        """Tell everything that the control panel and the benchmarks ask for."""
        return {
            "since": self.started_at.isoformat(),
            **{version.value: self._version(version) for version in Version},
            "recent": {
                "seconds": RECENT_REPORTS,
                **{version.value: count for version, count in self.recent().items()},
            },
        }

    def _version(self, version: Version) -> dict[str, Any]:
        count, last = self.total[version], self.last_answer_at.get(version)
        return {
            "answers": count.answers,
            "failures": count.failures,
            "slow": count.slow,
            "orders": count.orders,
            "last_answer_at": last.isoformat() if last else None,
        }


def utc_now() -> datetime:
    """Read this machine's clock: the storefront is a service of its own and knows no database."""
    return datetime.now(UTC)
