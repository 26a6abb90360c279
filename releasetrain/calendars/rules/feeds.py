"""Judge what a calendar of somebody else answers: the last good one counts until there is a better (W11)."""

from datetime import datetime, timedelta

from releasetrain.calendars.ics.reader import Read

EVERY = timedelta(minutes=15)
FIRST_RETRY = timedelta(minutes=1)
LAST_RETRY = timedelta(hours=1)
# So long one worker has for one calendar before another may try.
LEASE = timedelta(minutes=2)


def why_not_take(found: Read, *, had: int) -> str | None:
    """Return why an answer does not take the place of the last good one, or None (RULES W11).

    A calendar that calls every event off says so event by event; one that is merely empty has lost them.

    :param had: how many events that are not over came from it before
    """
    if found.fault:
        return found.fault
    if found.events or not had:
        return None
    if found.lost:
        return f"None of its events can be read, where there were {had} before."
    if found.cancelled:
        return None
    return f"It is empty, where there were {had} events before."


def next_due_at(failures: int, now: datetime) -> datetime:
    """Return when a calendar is fetched next: later after each failure in a row, up to an hour."""
    if not failures:
        return now + EVERY
    doubled: timedelta = FIRST_RETRY * 2 ** min(failures - 1, 10)
    return now + min(doubled, LAST_RETRY)
