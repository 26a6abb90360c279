"""Reads that span tables; the names that other apps use."""

from releasetrain.calendars.queries.rehearsal import Reach, Stretch, reach_of
from releasetrain.calendars.queries.settings import (
    Findings,
    Where,
    WindowSettings,
    examine,
    window_problems,
)
from releasetrain.calendars.queries.windows import (
    capacity_at,
    openness_of,
    place,
    verdict_for,
    verdict_over,
    windows_at,
    windows_between,
    windows_within,
)

__all__ = [
    "Findings",
    "Reach",
    "Stretch",
    "Where",
    "WindowSettings",
    "capacity_at",
    "examine",
    "openness_of",
    "place",
    "reach_of",
    "verdict_for",
    "verdict_over",
    "window_problems",
    "windows_at",
    "windows_between",
    "windows_within",
]
