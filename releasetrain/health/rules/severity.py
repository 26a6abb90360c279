"""Tell how bad an error line is: as its sender says, or as it reads."""

import re
from enum import IntEnum

# Only the beginning and the end of a line name its level; a word in the middle of a sentence does not.
LOOKED_AT = 200


class Severity(IntEnum):
    """How bad an error line is; the larger the worse."""

    WARNING = 10
    ERROR = 20
    CRITICAL = 30


LEVELS = {
    "warn": Severity.WARNING,
    "warning": Severity.WARNING,
    "err": Severity.ERROR,
    "error": Severity.ERROR,
    "severe": Severity.ERROR,
    "exception": Severity.ERROR,
    "crit": Severity.CRITICAL,
    "critical": Severity.CRITICAL,
    "fatal": Severity.CRITICAL,
    "alert": Severity.CRITICAL,
    "emerg": Severity.CRITICAL,
    "emergency": Severity.CRITICAL,
    "panic": Severity.CRITICAL,
}
# The process died, or will: whatever level it was logged at, users notice.
DEADLY = re.compile(
    r"\bpanic:|\bsegmentation fault\b|\bSIG(?:SEGV|ABRT|BUS|ILL)\b|\bout of memory\b|\bOutOfMemoryError\b"
    r"|\bMemoryError\b|\bStackOverflowError\b|\bcore dumped\b|\bdeadlock detected\b"
    r"|\bNo space left on device\b|\bdata corruption\b|\bassertion failed\b",
    re.IGNORECASE,
)
# A level as loggers write it: in capitals, in brackets, or as the value of a key.
LEVEL = re.compile(
    r"\b(WARN|WARNING|ERR|ERROR|SEVERE|CRIT|CRITICAL|FATAL|ALERT|EMERG|PANIC)\b"
    r"|\[(warn|warning|err|error|severe|crit|critical|fatal|alert|emerg)\]"
    r"|\b(?:level|lvl|severity)[\"']?\s?[:=]\s?[\"']?(warn|warning|err|error|crit|critical|fatal|alert|panic)\b"
)


def level_of(name: str) -> Severity | None:
    """Read the name of a level as any logger writes it; None where it is none of these, or no trouble."""
    return LEVELS.get(name.strip().lower())


def is_deadly(message: str) -> bool:
    """Tell whether a line says that a process ends, or that data are lost."""
    return DEADLY.search(message) is not None


def severity_in(message: str) -> Severity | None:
    """Read how bad a line is from its own words; None where it does not say."""
    if is_deadly(message):
        return Severity.CRITICAL
    found = LEVEL.search(message[:LOOKED_AT])
    return LEVELS[next(one for one in found.groups() if one).lower()] if found else None


def severity_of(message: str, said: Severity | None = None) -> Severity:
    """Return how bad a line is: as its sender says, or as it reads, or an error; a deadly one is critical."""
    if said is not None:
        return Severity.CRITICAL if is_deadly(message) else said
    return severity_in(message) or Severity.ERROR
