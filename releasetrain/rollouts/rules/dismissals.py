"""Let a person accept for a time what a guardrail has found; what is worse than that arms it again."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

# Above this weight a dismissal needs a second person.
ALONE_UP_TO = 10
LONGEST_MINUTES = 240
# A rate this many times the accepted one is a new, worse finding.
WORSE = 1.25


@dataclass(frozen=True, slots=True, kw_only=True)
class Dismissal:
    """Say what was accepted, by whom, why, and until when.

    `ratio` is the accepted ratio between the arms, `rate` the accepted bad rate of the candidate; no rate
    means that no absolute limit was crossed yet, so that crossing one is news. `lines` names the kinds of
    error lines that were accepted; another one is news.
    """

    until: datetime
    by: str
    reason: str
    ratio: float
    rate: float | None = None
    lines: tuple[str, ...] = ()

    def accepts(self, rate: float, *, fewer_is_worse: bool) -> bool:
        """Tell whether a rate beyond the limit is no worse than what was accepted."""
        if self.rate is None:
            return False
        return rate >= self.rate / WORSE if fewer_is_worse else rate <= self.rate * WORSE

    def to_json(self) -> dict[str, Any]:
        return {
            "until": self.until.isoformat(),
            "by": self.by,
            "reason": self.reason,
            "ratio": self.ratio,
            "rate": self.rate,
            "lines": list(self.lines),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        rate = value.get("rate")
        return cls(
            until=datetime.fromisoformat(value["until"]),
            by=str(value["by"]),
            reason=str(value["reason"]),
            ratio=float(value["ratio"]),
            rate=None if rate is None else float(rate),
            lines=tuple(value.get("lines", ())),
        )


def why_not_minutes(minutes: int) -> str | None:
    """Return why a dismissal cannot last so long."""
    if 1 <= minutes <= LONGEST_MINUTES:
        return None
    return f"A dismissal lasts from 1 to {LONGEST_MINUTES} minutes; then the guardrail counts again."
