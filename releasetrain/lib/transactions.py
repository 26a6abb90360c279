"""Keep transactions short, even those of a process that stops half way."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection, transaction
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

LONGEST_SILENCE = "5s"


def never_fall_silent() -> None:
    """Let PostgreSQL end each transaction of this process, and of its children, that falls silent for 5 s.

    What a stopped worker has locked is free again then, and whoever polls takes over.
    """
    connection_created.connect(_limit_silence, dispatch_uid="longest silence")


def _limit_silence(connection: BaseDatabaseWrapper, **_: Any) -> None:
    with connection.cursor() as cursor:
        cursor.execute(f"SET idle_in_transaction_session_timeout = '{LONGEST_SILENCE}'")


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
