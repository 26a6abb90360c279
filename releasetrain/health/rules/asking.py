"""Ask sources for counts: what may be typed, which spans are due, and what an answer that is none means."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from releasetrain.health.rules.reports import METRIC, MOST_UNITS
from releasetrain.lib.spans import Span, in_words

EVERY_SECONDS = 30
SHORTEST, LONGEST = 5, 60
LONGEST_EXPRESSION = 2000
# So far back a new query begins, and one that could not be asked goes on.
FIRST_LOOK = timedelta(minutes=10)
CATCH_UP = timedelta(hours=1)
# A sample older than this says nothing about now.
STALE_AFTER = timedelta(seconds=60)
PLACEHOLDER = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
PLACEHOLDERS = ("service", "environment", "arm", "version", "window")
FIXED_RANGE = re.compile(r"\[\s*\d+\s*[smhdwy]")
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


class SourceKind(StrEnum):
    """What kind of thing is asked."""

    PROMETHEUS = "prometheus"
    SCRAPE = "scrape"

    @property
    def label(self) -> str:
        return "Prometheus HTTP API" if self is SourceKind.PROMETHEUS else "A /metrics page"


class Fault(StrEnum):
    """Why there was no answer at all; that is an error and never a measurement."""

    ADDRESS = "address"
    CREDENTIAL = "credential"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    DENIED = "denied"
    NOT_FOUND = "not_found"
    BUSY = "busy"
    BROKEN = "broken"
    EXPRESSION = "expression"
    MANY = "many"
    PARTIAL = "partial"
    GARBLED = "garbled"
    TOO_LARGE = "too_large"

    @property
    def is_of_source(self) -> bool:
        """Tell whether the source is at fault rather than what one query asks of it."""
        return self not in {Fault.EXPRESSION, Fault.MANY}


class Missing(StrEnum):
    """Why an answer holds no number; that is a measurement which knows nothing."""

    EMPTY = "empty"
    STALE = "stale"
    NAN = "nan"
    INFINITE = "infinite"
    NEGATIVE = "negative"
    TOO_MANY = "too_many"
    BEGINNING = "beginning"

    @property
    def words(self) -> str:
        return WORDS[self]


WORDS: Mapping[Missing, str] = {
    Missing.EMPTY: "no series matches; the names or labels may be wrong, or nothing was counted yet",
    Missing.STALE: f"the newest sample is older than {in_words(STALE_AFTER)}",
    Missing.NAN: "the value is NaN, as 0 divided by 0 is; ask for a count, not for a share",
    Missing.INFINITE: "the value is infinite; ask for a count, not for a share",
    Missing.NEGATIVE: "the value is below zero, which no count is",
    Missing.TOO_MANY: f"the value is above {MOST_UNITS:,}, which is no traffic",
    Missing.BEGINNING: "the counters were read for the first time; the next reading makes a count",
}
Amount = float | Missing
Json = Any


class Unanswered(Exception):
    """Say in a sentence why a source gave no answer."""

    def __init__(self, fault: Fault, sentence: str) -> None:
        super().__init__(sentence)
        self.fault = fault


@dataclass(frozen=True, slots=True, kw_only=True)
class Ask:
    """What is asked of a source for one arm; `values` fill the placeholders of address and expressions.

    `authorization` is the header that the address is asked with, or "". `memory` is what the last answer
    left behind.
    """

    address: str
    units: str
    bad: str
    counts_good: bool
    values: Mapping[str, str]
    spans: tuple[Span, ...]
    seconds: float
    authorization: str = ""
    memory: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Counted:
    """Units and bad units of a span, or why one of them is no number."""

    span: Span
    units: Amount
    bad: Amount

    @property
    def whole_units(self) -> int | None:
        return None if isinstance(self.units, Missing) else round(self.units)

    @property
    def whole_bad(self) -> int | None:
        """Return the bad units, never more than there are units: two counts are not read at one instant."""
        units = self.whole_units
        return None if isinstance(self.bad, Missing) or units is None else min(round(self.bad), units)


@dataclass(frozen=True, slots=True)
class Told:
    """What a source told of one arm, oldest first, and what it has to know the next time."""

    counts: tuple[Counted, ...]
    memory: Mapping[str, Json] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Finding:
    """What one expression gives for one arm, in a sentence, when it is tried."""

    what: str
    sentence: str
    is_well: bool


def amount_of(value: float) -> Amount:
    """Return a value that can be a count, or why it cannot be one."""
    if value != value:
        return Missing.NAN
    if value in (float("inf"), float("-inf")):
        return Missing.INFINITE
    if value < 0:
        return Missing.NEGATIVE
    return Missing.TOO_MANY if value > MOST_UNITS else value


def bad_of(units: Amount, second: Amount, *, counts_good: bool) -> Amount:
    """Return the bad units, where the second expression may count the good ones."""
    if not counts_good or isinstance(second, Missing):
        return second
    return units if isinstance(units, Missing) else max(units - second, 0.0)


def fill(text: str, values: Mapping[str, str], quote: Callable[[str], str]) -> str:
    """Put values where the placeholders stand, each made harmless by `quote`."""
    return PLACEHOLDER.sub(lambda found: quote(values.get(found[1], "")), text)


def why_not_placeholders(text: str) -> str | None:
    """Return why the placeholders of a text cannot be filled, or None."""
    unknown = sorted({name for name in PLACEHOLDER.findall(text) if name not in PLACEHOLDERS})
    if not unknown:
        return None
    known = ", ".join(f"{{{{{name}}}}}" for name in PLACEHOLDERS)
    return f"Nobody knows {{{{{unknown[0][:40]}}}}}; there are {known}."


def tells_arms_apart(*texts: str) -> bool:
    """Tell whether any of the texts differs between the old and the new version."""
    return bool(placeholders_in(*texts) & {"arm", "version"})


def placeholders_in(*texts: str) -> set[str]:
    """Return the names of the placeholders that stand in any of the texts."""
    return {name for text in texts for name in PLACEHOLDER.findall(text)}


def problems_of(
    *, kind: SourceKind, address: str, metric: str, units: str, bad: str, every_seconds: int
) -> dict[str, str]:
    """Return a sentence for each field of a query that cannot be saved as it was typed.

    :param address: of its source, which may tell the arms apart as well
    """
    found: dict[str, str] = {}
    if not METRIC.match(metric):
        found["metric"] = (
            "A metric has a name of 1 to 60 lower-case letters, digits, dots and underscores, letters first."
        )
    if not SHORTEST <= every_seconds <= LONGEST:
        found["every_seconds"] = f"Ask every {SHORTEST} to {LONGEST} seconds; a guardrail looks every ten."
    for name, text in (("units", units), ("bad", bad)):
        if not text.strip():
            found[name] = "Say what to count."
        elif len(text) > LONGEST_EXPRESSION:
            found[name] = f"An expression has at most {LONGEST_EXPRESSION} characters."
        elif why := why_not_placeholders(text):
            found[name] = why
        elif not tells_arms_apart(address, text):
            found[name] = (
                "Both versions would be counted alike: name {{version}} or {{arm}} in it, "
                'e.g. version="{{version}}".'
            )
        elif kind is SourceKind.PROMETHEUS and FIXED_RANGE.search(text):
            found[name] = "Write [{{window}}] for the range, so that each span is counted once."
    return found


def due_spans(told_until: datetime | None, every_seconds: int, now: datetime) -> tuple[Span, ...]:
    """Return the spans that have ended and were not told yet, oldest first, on a grid of `every_seconds`."""
    step = timedelta(seconds=every_seconds)
    begins = max(told_until, now - CATCH_UP) if told_until else now - FIRST_LOOK
    return tuple(_grid(begins, now, step))


def _grid(begins: datetime, until: datetime, step: timedelta) -> Iterator[Span]:
    start = begins + (EPOCH - begins) % step
    while start + step <= until:
        yield Span(start, start + step)
        start += step


def next_due(now: datetime, every_seconds: int, *, settles: timedelta) -> datetime:
    """Return when the next span has ended and its samples have settled."""
    step, settled = timedelta(seconds=every_seconds), now - settles
    return settled + step - (settled - EPOCH) % step + settles
