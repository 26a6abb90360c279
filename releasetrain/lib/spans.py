"""Measure and name spans of time; all of them are half-open (RULES T13)."""

from dataclasses import dataclass
from datetime import datetime, timedelta


@dataclass(frozen=True, slots=True)
class Span:
    """Hold the instants from start up to, but not including, end."""

    start: datetime
    end: datetime

    def __contains__(self, instant: datetime) -> bool:
        return self.start <= instant < self.end

    def overlaps(self, other: "Span") -> bool:
        return self.start < other.end and other.start < self.end


UNITS = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def in_words(length: timedelta | float) -> str:
    """Name a length of time by its two largest units, e.g. "1 h 22 min"; seconds alone under a minute."""
    seconds = length.total_seconds() if isinstance(length, timedelta) else length
    whole = int(abs(seconds))
    if whole == 0:
        return "0 s"
    parts: list[str] = []
    for size, unit in UNITS:
        count, whole = divmod(whole, size)
        if count or parts:
            parts.append(f"{count} {unit}")
        if len(parts) == 2:
            break
    return " ".join(part for part in parts if not part.startswith("0 "))
