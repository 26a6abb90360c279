"""Reads that span tables; the names that other apps use."""

from releasetrain.calendars.queries.windows import (
    freezes_of,
    openness_of,
    place,
    verdict_for,
    verdict_over,
    windows_at,
    windows_between,
)

__all__ = [
    "freezes_of",
    "openness_of",
    "place",
    "verdict_for",
    "verdict_over",
    "windows_at",
    "windows_between",
]
