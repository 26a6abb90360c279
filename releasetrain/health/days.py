"""Keep readings by the day: a partition each, made ahead, and dropped whole when it is old.

Five thousand readings a second are 432 million rows a day. Deleting them would cost as much as taking them in
did; dropping their table costs nothing. What belongs to no day of its own lies in the partition for the rest.
"""

import logging
import re
from datetime import UTC, date, datetime, timedelta

from django.db import IntegrityError, OperationalError, connection, transaction
from psycopg import sql

logger = logging.getLogger(__name__)

DAYS_AHEAD = 1
# Everybody who reads or reports waits behind whoever waits for the table: better try again later.
PATIENCE = "1s"
PARENT, REST = "health_reading", "health_reading_rest"
NAME = re.compile(r"health_reading_(\d{4})(\d\d)(\d\d)\Z")
DAY = timedelta(days=1)


def days_kept() -> list[date]:
    """Return the days that have a partition of their own, oldest first."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "WHERE i.inhparent = %s::regclass",
            [PARENT],
        )
        named = (NAME.match(name) for (name,) in cursor.fetchall())
    return sorted(date(*map(int, found.groups())) for found in named if found)


def make_days(now: datetime) -> list[date]:
    """Make the partitions of today and the next days that are missing; return those that were made.

    A day of which the rest holds readings already stays there.
    """
    today = now.astimezone(UTC).date()
    wanted = {today + number * DAY for number in range(DAYS_AHEAD + 1)} - set(days_kept())
    return [day for day in sorted(wanted) if _change(_create(day), day)]


def drop_days(before: datetime) -> list[date]:
    """Drop the partitions of the days that ended before an instant; return those that were dropped."""
    last = before.astimezone(UTC).date()
    return [day for day in days_kept() if day < last and _change(_drop(day), day)]


def delete_rest(before: datetime, *, bite: int, most_bites: int) -> int:
    """Delete from the rest what came before an instant, at most so much; return how much it was."""
    deleted = 0
    for _ in range(most_bites):
        with connection.cursor() as cursor:
            cursor.execute(
                "DELETE FROM health_reading_rest WHERE ctid = ANY (ARRAY("
                "SELECT ctid FROM health_reading_rest WHERE received_at < %s LIMIT %s))",
                [before, bite],
            )
            count = cursor.rowcount
        deleted += count
        if count < bite:
            break
    return deleted


def _partition(day: date) -> sql.Identifier:
    return sql.Identifier(f"{PARENT}_{day:%Y%m%d}")


def _create(day: date) -> sql.Composed:
    begins = datetime(day.year, day.month, day.day, tzinfo=UTC)
    return sql.SQL("CREATE TABLE {} PARTITION OF health_reading FOR VALUES FROM ({}) TO ({})").format(
        _partition(day), sql.Literal(begins), sql.Literal(begins + DAY)
    )


def _drop(day: date) -> sql.Composed:
    return sql.SQL("DROP TABLE {}").format(_partition(day))


def _change(statement: sql.Composed, day: date) -> bool:
    """Change the table, unless somebody uses it for long or the rest stands in the way."""
    try:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('lock_timeout', %s, true)", [PATIENCE])
            cursor.execute(statement)
    except (IntegrityError, OperationalError) as fault:
        logger.info("The readings of %s stay as they are for now: %s", day, str(fault).splitlines()[0])
        return False
    return True
