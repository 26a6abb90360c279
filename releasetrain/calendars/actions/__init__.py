"""The verbs of calendars: each one locks, asks the rules, saves and records, in one transaction."""

from releasetrain.calendars.actions.windows import Where, end_window, open_window, stop_the_line

__all__ = ["Where", "end_window", "open_window", "stop_the_line"]
