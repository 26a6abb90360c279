"""Compute a train's figures from its departures; each one comes with its formula and what it counts."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from releasetrain.lib.spans import in_words

PUNCTUAL_WITHIN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Run:
    """One departure that left: when, how it ended, and how often something of it was rolled back.

    :param planned_at: None where the plan is not on record (imported departures)
    """

    departed_at: datetime
    finished_at: datetime | None
    arrived: bool
    rolled_back: bool
    rollbacks: int
    planned_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Figure:
    """A figure for people: its name, its value in words, how it is computed, and over how many departures.

    :param value: the bare number, None where there is nothing to count
    """

    key: str
    label: str
    value: float | None
    words: str
    formula: str
    counted: int


NOTHING = "nothing to count yet"


def figures(runs: Sequence[Run]) -> list[Figure]:
    """Return every figure of a train, in the order in which the page shows them."""
    return [_success(runs), _clean(runs), _rollbacks(runs), _punctuality(runs), _duration(runs)]


def _ended(runs: Sequence[Run]) -> list[Run]:
    return [run for run in runs if run.arrived or run.rolled_back]


def _share(key: str, label: str, formula: str, good: int, counted: int) -> Figure:
    value = good / counted if counted else None
    words = NOTHING if value is None else f"{_percent(good, counted)} ({good} of {counted})"
    return Figure(key, label, value, words, formula, counted)


def _percent(good: int, counted: int) -> str:
    """Say a share so that only all of them are 100 %, and only none are 0 %."""
    share = 100 * good / counted
    shown = f"{share:.1f}"
    if good < counted and shown == "100.0":
        return "over 99.9 %"
    if good > 0 and shown == "0.0":
        return "under 0.1 %"
    return f"{shown} %"


def _success(runs: Sequence[Run]) -> Figure:
    ended = _ended(runs)
    good = sum(run.arrived for run in ended)
    return _share(
        "success",
        "Arrived",
        "departures that arrived ÷ departures that arrived or came back",
        good,
        len(ended),
    )


def _clean(runs: Sequence[Run]) -> Figure:
    ended = _ended(runs)
    good = sum(run.arrived and run.rollbacks == 0 for run in ended)
    return _share(
        "clean",
        "Arrived without any rollback",
        "departures that arrived with no rollback on the way ÷ departures that arrived or came back",
        good,
        len(ended),
    )


def _rollbacks(runs: Sequence[Run]) -> Figure:
    total = sum(run.rollbacks for run in runs)
    value = total / len(runs) if runs else None
    words = NOTHING if value is None else f"{value:.2f} ({total} in {len(runs)})"
    return Figure(
        "rollbacks", "Rollbacks per departure", value, words, "rollbacks ÷ departures that left", len(runs)
    )


def _punctuality(runs: Sequence[Run]) -> Figure:
    planned = [(run.departed_at, run.planned_at) for run in runs if run.planned_at is not None]
    good = sum(departed - due <= PUNCTUAL_WITHIN for departed, due in planned)
    return _share(
        "punctuality",
        "Left on time",
        f"departures that left within {in_words(PUNCTUAL_WITHIN)} of their planned time ÷ departures whose "
        "planned time is on record (imported ones have none)",
        good,
        len(planned),
    )


def _duration(runs: Sequence[Run]) -> Figure:
    lengths = [
        (run.finished_at - run.departed_at).total_seconds()
        for run in runs
        if run.arrived and run.finished_at is not None
    ]
    value = median(lengths) if lengths else None
    words = NOTHING if value is None else in_words(value)
    return Figure(
        "duration",
        "Median time from departure to arrival",
        value,
        words,
        "median of (arrived − departed) over departures that arrived",
        len(lengths),
    )
