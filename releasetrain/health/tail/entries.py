"""Find the error lines of a log: a line with its trace is one entry, and JSON is read as loggers write it."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from releasetrain.health.rules.severity import Severity, is_deadly, level_of, severity_in, severity_of

# Of a longer trace the beginning and the end are kept.
MOST_LINES = 200
KEPT_FIRST = 100
FATAL_NUMBER, ERROR_NUMBER, WARNING_NUMBER = 60, 50, 40

TRACE = "Traceback (most recent call last)"
# A bare exception, as an interpreter prints it without any logger.
EXCEPTION = re.compile(
    r"(?:Exception in thread .{1,200} )?(?:[a-z_][\w.]{0,200}\.)?[A-Z]\w{0,100}(?:Error|Exception)\b(?::|$)"
)
GOES_ON = re.compile(
    r"\s+\S|Traceback \(most recent|During handling of the above|The above exception was|Caused by:"
    r"|Suppressed:|\.\.\. \d{1,5} more|goroutine \d|\[signal |created by "
)
LAST_OF_A_TRACE = re.compile(r"[A-Za-z_][\w.]{0,200}(?::\s|$)")

LEVEL_KEYS = ("level", "severity", "levelname", "lvl", "log.level", "@l")
MESSAGE_KEYS = ("message", "msg", "event", "@m", "@mt", "error", "err")
TRACE_KEYS = ("exception", "exc_info", "stack_trace", "stack", "traceback", "@x", "error.stack_trace")


@dataclass(frozen=True, slots=True)
class Entry:
    """One error line with what belongs to it, and how bad it is."""

    message: str
    severity: Severity


@dataclass(slots=True)
class Entries:
    """Put lines together to entries; those milder than `least` are left out.

    An entry is handed out when the line after it begins another one, or at `end` once the log is quiet.
    """

    least: Severity = Severity.ERROR
    _lines: list[str] = field(default_factory=list)
    _severity: Severity | None = None
    _is_in_trace: bool = False

    @property
    def is_open(self) -> bool:
        return bool(self._lines)

    def feed(self, lines: Iterable[str]) -> Iterator[Entry]:
        """Take lines in and hand out the entries that they complete."""
        for line in lines:
            if self._lines and self._belongs(line):
                self._add(line)
                continue
            yield from self.end()
            if (value := _json_object(line)) is None:
                self._begin(line)
            elif entry := _entry_in(value):
                yield from self._if_bad(entry)

    def end(self) -> Iterator[Entry]:
        """Hand out the open entry."""
        if self._lines and self._severity is not None:
            message = "\n".join(self._lines)
            worst = max(self._severity, severity_in(message) or self._severity)
            yield from self._if_bad(Entry(message, worst))
        self._lines, self._severity, self._is_in_trace = [], None, False

    def _if_bad(self, entry: Entry) -> Iterator[Entry]:
        if entry.severity >= self.least:
            yield entry

    def _begin(self, line: str) -> None:
        is_trace = line.startswith(TRACE)
        severity = severity_in(line)
        if severity is None and (is_trace or EXCEPTION.match(line)):
            severity = Severity.ERROR
        if severity is not None:
            self._lines, self._severity, self._is_in_trace = [line], severity, is_trace

    def _belongs(self, line: str) -> bool:
        """Tell whether a line goes on with the open entry."""
        if GOES_ON.match(line):
            return True
        if not line.strip():
            return self._is_in_trace
        was_inside = self._lines[-1][:1].isspace()
        return self._is_in_trace and was_inside and LAST_OF_A_TRACE.match(line) is not None

    def _add(self, line: str) -> None:
        self._is_in_trace = self._is_in_trace or line.startswith(TRACE)
        if len(self._lines) >= MOST_LINES:
            del self._lines[KEPT_FIRST]
        self._lines.append(line)


def _json_object(line: str) -> dict[str, Any] | None:
    """Read a line that is one JSON object; None where it is not."""
    if not line.lstrip().startswith("{"):
        return None
    try:
        value = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return value if isinstance(value, dict) else None


def _entry_in(value: Mapping[str, Any]) -> Entry | None:
    """Read what a logger wrote; None where it says nothing, or at a level that is no trouble."""
    message, trace = _first(value, MESSAGE_KEYS), _first(value, TRACE_KEYS)
    text = "\n".join(part for part in (message, trace) if part)
    if not text:
        return None
    said = next((value[key] for key in LEVEL_KEYS if key in value), None)
    severity = severity_in(text) if said is None else _level(said)
    if severity is None:
        return Entry(text, Severity.CRITICAL) if is_deadly(text) else None
    return Entry(text, severity_of(text, severity))


def _first(value: Mapping[str, Any], keys: Iterable[str]) -> str:
    """Return the first of these keys that says something; an object says its message and its stack."""
    for key in keys:
        said = value.get(key)
        if isinstance(said, str) and said.strip():
            return said
        if isinstance(said, list) and said and all(isinstance(one, str) for one in said):
            return "\n".join(said)
        if isinstance(said, dict):
            parts = [said.get(name) for name in ("type", "message", "stack")]
            if text := "\n".join(part for part in parts if isinstance(part, str) and part):
                return text
    return ""


def _level(said: object) -> Severity | None:
    """Read a level by its name or by the number that pino and bunyan write."""
    if isinstance(said, str):
        return level_of(said)
    if isinstance(said, bool) or not isinstance(said, int):
        return None
    steps = (
        (FATAL_NUMBER, Severity.CRITICAL),
        (ERROR_NUMBER, Severity.ERROR),
        (WARNING_NUMBER, Severity.WARNING),
    )
    return next((severity for number, severity in steps if said >= number), None)
