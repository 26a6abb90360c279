"""Turn counters that were read twice into what was counted between, whatever restarts in the meantime."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Series:
    """One counter as it was read; `created_at` and `sampled_at` are seconds since 1970, where said."""

    key: str
    value: float
    created_at: float | None = None
    sampled_at: float | None = None


@dataclass(frozen=True, slots=True)
class Scrape:
    """Counters as they stood at an instant; `started_at` says when their process began, where known."""

    at: datetime
    values: Mapping[str, float]
    started_at: float | None = None


def increase(before: Scrape, series: Iterable[Series], *, started_at: float | None) -> float:
    """Return how far counters rose since the scrape before.

    A counter that is lower than before, was created since, or whose process began anew counts from zero; so
    does one that was not there before. What it counted before it began anew, after the last scrape, is lost.

    :param started_at: when the process says that it began, in seconds since 1970
    """
    is_new_process = started_at is not None and before.started_at not in (None, started_at)
    since = before.at.timestamp()
    risen = 0.0
    for one in series:
        last = before.values.get(one.key, 0.0)
        is_reset = (
            is_new_process or one.value < last or (one.created_at is not None and one.created_at > since)
        )
        risen += one.value if is_reset else one.value - last
    return risen
