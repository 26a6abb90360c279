"""The verbs of calendars: each one locks, asks the rules, saves and records, in one transaction."""

from releasetrain.calendars.actions.feeds import (
    FeedGone,
    add_feed,
    ask_for_feed,
    change_feed,
    claim,
    feed_problems,
    refresh_feed,
    remove_feed,
    replace_file,
    take_in,
    write_ahead,
)
from releasetrain.calendars.actions.holidays import add_holidays
from releasetrain.calendars.actions.occurrences import materialise_windows
from releasetrain.calendars.actions.refusals import AlreadyEnded, NotOurs
from releasetrain.calendars.actions.windows import (
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
    "FeedGone",
    "NotOurs",
    "Where",
    "WindowSettings",
    "add_feed",
    "add_holidays",
    "ask_for_feed",
    "change_feed",
    "claim",
    "delete_window",
    "drop_window",
    "end_window",
    "feed_problems",
    "materialise_windows",
    "open_window",
    "put_window",
    "refresh_feed",
    "remove_feed",
    "replace_file",
    "save_window",
    "stop_the_line",
    "take_in",
    "write_ahead",
]
