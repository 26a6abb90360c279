"""Let nobody keep a rollback waiting: whoever sits on a lock that it needs is sent away.

A process that stopped in the middle of a transaction keeps its locks, and PostgreSQL lets everybody wait for
them. Where users are on a broken version that is the wrong way round: what the sleeper has not committed is
worth less, and is done again by whoever polls next.
"""

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import psycopg
from django.db import DEFAULT_DB_ALIAS, Error, InterfaceError, OperationalError, connection, connections
from django.db.backends.base.base import BaseDatabaseWrapper

logger = logging.getLogger(__name__)

T = TypeVar("T")
GRACE_SECONDS = 0.25
LOOKS_EVERY_SECONDS = 0.1
CONNECT_SECONDS = 2
# Who sleeps in a transaction goes at once, who works in one gets twice as long; who waits as we do stays.
SEND_AWAY = """
WITH RECURSIVE blockers(pid) AS (
    SELECT unnest(pg_blocking_pids(%(mine)s))
    UNION SELECT unnest(pg_blocking_pids(blockers.pid)) FROM blockers
)
SELECT pid, state, pg_terminate_backend(pid) FROM pg_stat_activity JOIN blockers USING (pid)
WHERE pid <> %(mine)s AND backend_type = 'client backend' AND usesysid = current_user::regrole::oid
    AND wait_event_type IS DISTINCT FROM 'Lock'
    AND (
        ((state LIKE 'idle in transaction%%' OR wait_event_type = 'Client')
            AND state_change < clock_timestamp() - make_interval(secs => %(grace)s))
        OR xact_start < clock_timestamp() - make_interval(secs => 2 * %(grace)s)
    )
"""
_guarded = threading.local()


@contextmanager
def unblocked() -> Iterator[None]:
    """End whoever keeps this thread's connection waiting for a lock, as long as the block lasts.

    Only backends of our own role that hold the lock in a transaction are ended: who sleeps in it for longer
    than a quarter of a second, and who works in it for longer than half a second. The server rolls their
    transaction back.
    """
    if getattr(_guarded, "here", False):
        yield
        return
    connection.ensure_connection()
    ended = threading.Event()
    ours = connections[DEFAULT_DB_ALIAS]
    arguments = (ours.copy, _pid_of(ours), ended)
    thread = threading.Thread(target=_guard, args=arguments, name="unblocked", daemon=True)
    _guarded.here = True
    thread.start()
    try:
        yield
    finally:
        _guarded.here = False
        ended.set()
        thread.join(CONNECT_SECONDS)


def insist(do: Callable[[], T]) -> T:
    """Do something in a transaction of its own, unblocked, and once more where its connection was lost.

    Whoever else insists may take us for a sleeper on a machine that is short of time.
    """
    with unblocked():
        before = connections[DEFAULT_DB_ALIAS].connection
        try:
            return do()
        except (OperationalError, InterfaceError):
            # The end of a transaction puts a new connection in the place of one that was lost.
            is_lost = connections[DEFAULT_DB_ALIAS].connection is not before or not connection.is_usable()
            if connection.in_atomic_block or not is_lost:
                raise
            logger.warning("The connection was lost in the middle of a rollback; doing it once more.")
            connection.close()
    with unblocked():
        return do()


def _pid_of(wrapper: BaseDatabaseWrapper) -> int:
    raw: psycopg.Connection[Any] = wrapper.connection
    return raw.info.backend_pid


def _guard(copy: Callable[[], BaseDatabaseWrapper], mine: int, ended: threading.Event) -> None:
    """Look every moment who blocks, over a connection of our own: a pool may be used up by who waits."""
    if ended.wait(GRACE_SECONDS):
        return
    beside = copy()
    options = dict(beside.settings_dict.get("OPTIONS", {}))
    options.pop("pool", None)
    beside.settings_dict["OPTIONS"] = {"connect_timeout": CONNECT_SECONDS} | options
    try:
        while not ended.is_set():
            _send_away(beside, mine)
            ended.wait(LOOKS_EVERY_SECONDS)
    except Error:
        logger.exception("It could not be seen who keeps a rollback waiting.")
    finally:
        beside.close()


def _send_away(beside: BaseDatabaseWrapper, mine: int) -> None:
    with beside.cursor() as cursor:
        cursor.execute(SEND_AWAY, {"mine": mine, "grace": GRACE_SECONDS})
        for pid, state, _ in cursor.fetchall():
            logger.warning("Backend %s (%s) kept a rollback waiting, and was ended.", pid, state)
