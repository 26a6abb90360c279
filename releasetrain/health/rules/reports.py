"""Judge what a service reports: whether it can be true, and whether it comes in time."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from releasetrain.health.rules.severity import Severity
from releasetrain.lib.spans import Span, in_words

MOST_READINGS = 500
MOST_ERRORS = 50
MOST_UNITS = 10**9
ARMS = frozenset({"candidate", "baseline"})
SOURCE_LENGTH = 100
MESSAGE_LENGTH = 4000
LONGEST_SPAN = timedelta(minutes=10)
OLDEST = timedelta(hours=24)
AHEAD = timedelta(seconds=60)
METRIC = re.compile(r"[a-z][a-z0-9_.]{0,59}\Z")


@dataclass(frozen=True, slots=True)
class Counted:
    """What one arm counted of one metric; of its units some were bad."""

    arm: str
    metric: str
    units: int
    bad: int


@dataclass(frozen=True, slots=True)
class Complaint:
    """An error line that came so many times; how bad it is as its sender says, where it says so."""

    arm: str
    message: str
    count: int
    at: datetime
    severity: Severity | None = None


@dataclass(frozen=True, slots=True)
class Report:
    """What one process of a service says about one span of time."""

    source: str
    span: Span
    readings: Sequence[Counted]
    errors: Sequence[Complaint]


@dataclass(frozen=True, slots=True)
class Flaw:
    """What is wrong with a report, and where."""

    field: str
    text: str


def flaw_of(report: Report, now: datetime) -> Flaw | None:
    """Return the first thing that cannot be right about a report, None where it can be taken."""
    return (
        flaw_of_source(report.source)
        or _flaw_of_span(report.span, now)
        or _flaw_of_readings(report.readings)
        or flaw_of_errors(report.errors, now)
    )


def flaw_of_source(source: str) -> Flaw | None:
    if len(source) <= SOURCE_LENGTH and source.isprintable():
        return None
    return Flaw("source", f"A source is a name of at most {SOURCE_LENGTH} printable characters.")


def _flaw_of_arm(arm: str) -> str | None:
    if arm in ARMS:
        return None
    return f"“{arm[:20]}” is no arm: it is “candidate” for the new version or “baseline” for the old one."


def _flaw_of_span(span: Span, now: datetime) -> Flaw | None:
    if span.end <= span.start:
        return Flaw("ends_at", "A span must end after it starts.")
    if span.end - span.start > LONGEST_SPAN:
        return Flaw(
            "ends_at",
            f"This span is {in_words(span.end - span.start)} long; report at least every "
            f"{in_words(LONGEST_SPAN)}, better every ten seconds.",
        )
    if span.end > now + AHEAD:
        return Flaw(
            "ends_at",
            f"This span ends {in_words(span.end - now)} from now, by the clock of the database. Report "
            "what has happened, and set the service's clock.",
        )
    if span.start < now - OLDEST:
        return Flaw(
            "starts_at",
            f"This span began {in_words(now - span.start)} ago; "
            f"nothing older than {in_words(OLDEST)} is taken.",
        )
    return None


def _flaw_of_readings(readings: Sequence[Counted]) -> Flaw | None:
    if not 1 <= len(readings) <= MOST_READINGS:
        return Flaw(
            "readings",
            f"A report has 1 to {MOST_READINGS} readings; this one has {len(readings)}. "
            "A span without traffic is a reading of 0 units.",
        )
    seen: set[tuple[str, str]] = set()
    for place, one in enumerate(readings):
        if text := _flaw_of_one(one):
            return Flaw(f"readings.{place}", text)
        if (one.arm, one.metric) in seen:
            return Flaw(
                f"readings.{place}",
                f"“{one.metric}” of the {one.arm} is in this report twice: add the two up first.",
            )
        seen.add((one.arm, one.metric))
    return None


def _flaw_of_one(one: Counted) -> str | None:
    if text := _flaw_of_arm(one.arm):
        return text
    if not METRIC.match(one.metric):
        return (
            f"“{one.metric[:60]}” cannot be a metric's name: use 1 to 60 lower-case letters, digits, dots "
            "and underscores, and begin with a letter."
        )
    if not 0 <= one.units <= MOST_UNITS:
        return f"A reading has 0 to {MOST_UNITS} units; this one has {one.units}."
    if not 0 <= one.bad <= one.units:
        return f"Of {one.units} units {one.bad} cannot be bad."
    return None


def flaw_of_errors(errors: Sequence[Complaint], now: datetime) -> Flaw | None:
    """Return the first thing that cannot be right about error lines, None where they can be taken."""
    if len(errors) > MOST_ERRORS:
        return Flaw(
            "errors",
            f"A report has at most {MOST_ERRORS} error lines; this one has {len(errors)}. "
            "Send the most frequent ones.",
        )
    for place, one in enumerate(errors):
        if text := _flaw_of_complaint(one, now):
            return Flaw(f"errors.{place}", text)
    return None


def _flaw_of_complaint(one: Complaint, now: datetime) -> str | None:
    if text := _flaw_of_arm(one.arm):
        return text
    if not one.message.strip():
        return "An error line says something."
    if len(one.message) > MESSAGE_LENGTH:
        return (
            f"An error line has at most {MESSAGE_LENGTH} characters; this one has {len(one.message)}. "
            "Send its first and its last lines."
        )
    if not 1 <= one.count <= MOST_UNITS:
        return f"An error line came 1 to {MOST_UNITS} times, not {one.count}."
    if not now - OLDEST <= one.at <= now + AHEAD:
        return f"An error line's time lies within the last {in_words(OLDEST)}."
    return None
