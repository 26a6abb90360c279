"""Keep transactions short, even those of a process that stops half way."""

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def brief() -> Iterator[None]:
    """Open a transaction that PostgreSQL itself ends when its process falls silent for a second.

    Else a stopped worker would keep its locks until somebody noticed, and everybody would wait for them, a
    kill included. Inside a caller's transaction the caller answers for that.
    """
    is_ours = not connection.in_atomic_block
    with transaction.atomic():
        if is_ours:
            with connection.cursor() as cursor:
                cursor.execute("SET LOCAL idle_in_transaction_session_timeout = '1s'")
        yield
