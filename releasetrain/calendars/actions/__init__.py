"""The verbs of calendars: each one locks, asks the rules, saves and records, in one transaction."""

from releasetrain.calendars.actions.occurrences import materialise_windows
from releasetrain.calendars.actions.windows import (
    AlreadyEnded,
    NotOurs,
    delete_window,
    drop_window,
    end_window,
    open_window,
    put_window,
    save_window,
    stop_the_line,
)
from releasetrain.calendars.queries.settings import Where, WindowSettings

__all__ = [
    "AlreadyEnded",
    "NotOurs",
    "Where",
    "WindowSettings",
    "delete_window",
    "drop_window",
    "end_window",
    "materialise_windows",
    "open_window",
    "put_window",
    "save_window",
    "stop_the_line",
]
