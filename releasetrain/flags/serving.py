"""Keep one process's flags current: listen, poll, reload after a gap, and outlive the database."""

import json
import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
from django.conf import settings

from releasetrain.flags.rules import FlagState
from releasetrain.flags.snapshot import House
from releasetrain.flags.store import Seen, connect_directly, load, look, read_file, write_file

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.0
BREATH_SECONDS = 0.25
RETRY_SECONDS = (0.1, 0.2, 0.5, 1.0)


@dataclass(frozen=True, slots=True)
class Standing:
    """How current this process is, for the readiness page."""

    source: str
    is_connected: bool
    seconds_since_database: float | None
    revisions: dict[str, int]


class Serving:
    """Follow the database from a thread; `house` is always a whole and is replaced by one assignment."""

    def __init__(self, path: Path, connect: Callable[[], psycopg.Connection[Any]] = connect_directly) -> None:
        self.house = House()
        self._path = path
        self._connect = connect
        self._seen: Seen | None = None
        self._confirmed_at: float | None = None
        self._is_connected = False
        self._is_unsaved = False
        self._has_tried = threading.Event()
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to follow; once is enough."""
        with self._lock:
            if self._thread is None or not self._thread.is_alive():
                self._stopping.clear()
                self._has_tried.clear()
                self._thread = threading.Thread(target=self._run, name="flags", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """End the thread and its connection; what was loaded stays."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join(timeout=5)

    def wait(self, seconds: float) -> bool:
        """Wait until the first load, from the database or from disk, has been tried."""
        return self._has_tried.wait(seconds)

    def standing(self) -> Standing:
        house, confirmed = self.house, self._confirmed_at
        return Standing(
            source=house.source,
            is_connected=self._is_connected,
            seconds_since_database=None if confirmed is None else time.monotonic() - confirmed,
            revisions={slug: one.revision for slug, one in house.snapshots.items()},
        )

    def _run(self) -> None:
        """Follow for ever: every fault ends in another attempt, and none in an unserved flag."""
        failures = 0
        while not self._stopping.is_set():
            try:
                with self._connect() as connection:
                    self._begin(connection)
                    failures = 0
                    while not self._stopping.is_set():
                        self._follow(connection)
            except Exception as error:  # noqa: BLE001 - the thread must outlive whatever happens
                self._fall_back(error, is_first=failures == 0)
                self._stopping.wait(RETRY_SECONDS[min(failures, len(RETRY_SECONDS) - 1)])
                failures += 1
        self._is_connected = False

    def _begin(self, connection: psycopg.Connection[Any]) -> None:
        """Listen first and load then, so that nothing falls between."""
        connection.execute("LISTEN flags")
        self._reload(connection)
        self._is_connected = True
        self._save()
        self._has_tried.set()

    def _follow(self, connection: psycopg.Connection[Any]) -> None:
        """Apply what is heard; look for what was missed once a second."""
        # The generator holds the connection’s lock until it ends: a reload inside its loop waits for ever.
        was_understood = [self.apply(heard.payload) for heard in connection.notifies(timeout=BREATH_SECONDS)]
        if not all(was_understood):
            self._reload(connection)
        if time.monotonic() - (self._confirmed_at or 0) >= POLL_SECONDS:
            if look(connection) != self._seen:
                self._reload(connection)
            self._confirmed_at = time.monotonic()
        self._save()

    def apply(self, payload: str) -> bool:
        """Apply one change from its message, with no query; False asks for a reload.

        A change is applied even over a gap, before the reload, because it may be a kill.
        """
        try:
            message = json.loads(payload)
            state = FlagState.from_json(message["flag"])
            snapshot = self.house.snapshots[message["environment"]]
        except (ValueError, KeyError, TypeError):
            return False
        if state.revision <= snapshot.revision:
            return True
        is_next = state.revision == snapshot.revision + 1
        self.house = self.house.with_snapshot(snapshot.with_flag(state))
        self._is_unsaved = True
        if self._seen is not None:
            revisions = {**dict(self._seen[0]), snapshot.environment: state.revision}
            self._seen = tuple(revisions.items()), self._seen[1]
        if state.killed:
            self._save()
        return is_next

    def _reload(self, connection: psycopg.Connection[Any]) -> None:
        self.house, self._seen = load(connection, self.house.snapshots)
        self._confirmed_at = time.monotonic()
        self._is_unsaved = True

    def _save(self) -> None:
        """Put what is new on disk; a full disk stops no flag."""
        if not self._is_unsaved:
            return
        self._is_unsaved = False
        try:
            write_file(self._path, self.house)
        except OSError as error:
            logger.warning("The snapshot of the flags cannot be kept in %s: %s", self._path, error)

    def _fall_back(self, error: Exception, *, is_first: bool) -> None:
        """Go on with what is in memory, else with what is on disk."""
        self._is_connected = False
        if not self.house.is_loaded and (kept := read_file(self._path)):
            self.house = kept
        if is_first:
            detail = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
            known = isinstance(error, psycopg.Error)
            logger.warning(
                "The flags are served from %s while the database is away: %s",
                "memory" if self.house.is_loaded else "nothing",
                detail,
                exc_info=None if known else error,
            )
        self._has_tried.set()


@cache
def serving() -> Serving:
    """Return this process's own serving, not started yet on the first call."""
    return Serving(Path(settings.DATA_DIR) / "flags" / "snapshot.json")
