"""Mask error lines and count them by kind until they are sent."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from releasetrain.health.rules.lines import fingerprint, masked
from releasetrain.health.rules.reports import MOST_ERRORS
from releasetrain.health.rules.severity import Severity
from releasetrain.health.tail.entries import Entry

MOST_KINDS = 500


@dataclass(slots=True)
class Counted:
    """One kind of error line that waits, masked."""

    message: str
    severity: Severity
    at: datetime
    count: int = 1

    def to_json(self) -> dict[str, Any]:
        return {
            "message": self.message,
            "count": self.count,
            "at": self.at.isoformat(),
            "severity": self.severity.name.lower(),
        }


@dataclass(slots=True)
class Pile:
    """Error lines that wait to be sent, at most 500 kinds; `dropped` counts lines of kinds beyond that."""

    dropped: int = 0
    _kinds: dict[tuple[str, datetime], Counted] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self._kinds)

    def add(self, entry: Entry, at: datetime) -> None:
        """Count an entry with its like of the same minute."""
        message = masked(entry.message)
        key = fingerprint(message), at.replace(second=0, microsecond=0)
        known = self._kinds.get(key)
        if known is not None:
            known.count += 1
            known.severity = max(known.severity, entry.severity)
        elif len(self._kinds) >= MOST_KINDS:
            self.dropped += 1
        else:
            self._kinds[key] = Counted(message, entry.severity, at)

    def take(self) -> list[Counted]:
        """Take off as many kinds as one batch may have, the worst and most frequent first."""
        order = sorted(self._kinds, key=lambda key: (-self._kinds[key].severity, -self._kinds[key].count))
        return [self._kinds.pop(key) for key in order[:MOST_ERRORS]]
