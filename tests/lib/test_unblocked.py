"""Nobody keeps a rollback waiting, whatever they hold (ENGINE section 3)."""

import contextlib
import threading
import time
from collections.abc import Iterator

import pytest
from django.db import Error, OperationalError, connection, connections, transaction
from django.db.backends.base.base import BaseDatabaseWrapper

from releasetrain.lib import unblocked as module
from releasetrain.lib.unblocked import insist, unblocked

pytestmark = pytest.mark.django_db
ONE, OTHER = 1, 2
LOCK = "SELECT pg_advisory_xact_lock(%s)"


@contextlib.contextmanager
def another(*locks: int) -> Iterator[BaseDatabaseWrapper]:
    """Open a second connection that holds locks in a transaction; whatever became of it, it is gone after."""
    beside = connections["default"].copy()
    try:
        beside.set_autocommit(False)
        for lock in locks:
            beside.cursor().execute(LOCK, [lock])
        yield beside
    finally:
        beside.close()


def send(wrapper: BaseDatabaseWrapper, statement: str) -> None:
    """Begin a statement, and do not wait for its end."""
    wrapper.connection.pgconn.send_query(statement.encode())


def take(lock: int) -> str:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL lock_timeout = '60s'")
        cursor.execute(LOCK, [lock])
    return "ours"


def test_who_sleeps_in_a_transaction_loses_it_to_a_rollback() -> None:
    with another(ONE) as sleeper:
        assert insist(lambda: take(ONE)) == "ours"
        with pytest.raises(OperationalError):
            sleeper.cursor().execute("SELECT 1")


def test_who_sleeps_behind_a_chain_of_waiting_ones_is_found() -> None:
    with another(ONE), another(OTHER) as between:
        send(between, f"SELECT pg_advisory_xact_lock({ONE})")
        # The sleeper goes first; then the one between has its lock, and sleeps in its transaction in turn.
        assert insist(lambda: take(OTHER)) == "ours"


def test_who_works_in_a_transaction_for_long_goes_too() -> None:
    with another(ONE) as busy:
        send(busy, "SELECT pg_sleep(600)")
        assert insist(lambda: take(ONE)) == "ours"


def test_who_only_sleeps_and_blocks_nobody_stays() -> None:
    with another(OTHER) as sleeper, unblocked():
        time.sleep(module.GRACE_SECONDS * 3)
        assert take(ONE) == "ours"
        sleeper.cursor().execute("SELECT 1")


@pytest.mark.django_db(transaction=True)
def test_what_was_ended_itself_is_done_once_more_and_a_mistake_is_not() -> None:
    pids: list[int] = []
    tries: list[int] = []

    def die_once() -> str:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            pids.append(cursor.fetchone()[0])
            if len(pids) == 1:
                with another() as executioner:
                    executioner.cursor().execute("SELECT pg_terminate_backend(%s)", pids)
            return take(ONE)

    def fail() -> None:
        tries.append(1)
        connection.cursor().execute("SELECT nonsense")

    assert insist(die_once) == "ours"
    assert len(set(pids)) == 2
    with pytest.raises(Error, match="nonsense"):
        insist(fail)
    assert tries == [1]


def test_within_another_ones_block_nothing_more_is_started(monkeypatch: pytest.MonkeyPatch) -> None:
    with unblocked():
        monkeypatch.setattr(threading, "Thread", None)
        with unblocked():
            assert take(ONE) == "ours"
