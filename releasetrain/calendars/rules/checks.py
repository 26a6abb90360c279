"""Refuse windows that are typed wrong (RULES W10, W12)."""

from datetime import datetime, timedelta

from releasetrain.lib.spans import in_words

LONG = timedelta(days=14)
LONGEST_STOP = timedelta(days=7)


def why_not_window(
    *, starts_at: datetime, ends_at: datetime, is_confirmed: bool, now: datetime
) -> str | None:
    """Return why a window cannot be saved as typed, or None (RULES W10)."""
    if ends_at <= starts_at:
        return "The window ends before it starts."
    if ends_at <= now:
        return "The window has ended already."
    if ends_at - starts_at > LONG and not is_confirmed:
        return f"The window lasts {in_words(ends_at - starts_at)}. Confirm that this is meant."
    return None


def why_not_stop(*, until: datetime, now: datetime) -> str | None:
    """Return why the line cannot be stopped until then, or None (RULES W12)."""
    if until <= now:
        return "Say until when the line is stopped; that time has passed."
    if until - now > LONGEST_STOP:
        return f"The line can be stopped for {in_words(LONGEST_STOP)} at most; open a window for longer."
    return None
