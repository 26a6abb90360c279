"""Read the one clock that decides: the database's."""

from datetime import datetime

from django.db import connection


def now() -> datetime:
    """Return the database's wall clock as an aware UTC instant (ENGINE R5)."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp()")
        row = cursor.fetchone()
    instant: datetime = row[0]
    return instant
