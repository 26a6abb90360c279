"""Bring the two servers a house needs: the ones that were given by address, else private ones."""

import contextlib
import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import IO, Protocol

from releasetrain.embedded.children import end_leftovers_over
from releasetrain.embedded.given import check_database, check_redis
from releasetrain.embedded.places import settle
from releasetrain.embedded.postgresql import PostgreSQL
from releasetrain.embedded.valkey import Valkey

THROWAWAY_PREFIX = "rt-test-"


class Server(Protocol):
    """What the house asks of a private server."""

    name: str
    log: Path
    process: subprocess.Popen[bytes] | None

    @property
    def url(self) -> str: ...
    def launch(self) -> None: ...
    def wait(self, check: Callable[[], None]) -> None: ...
    def stop(self) -> None: ...


class Servers:
    """The servers of one house: DATABASE_URL and REDIS_URL win, and what they do not name is started here."""

    def __init__(
        self, data: Path, given: Mapping[str, str], *, throwaway: bool = False, with_redis: bool = True
    ) -> None:
        self.database_url = given.get("DATABASE_URL", "")
        self.redis_url = given.get("REDIS_URL", "")
        self.private: list[Server] = []
        self.kept_in = data  # where the rows are; elsewhere if root's PostgreSQL may not enter `data`
        self._data = data
        self._passing: Path | None = None  # a folder for sockets outside `data`
        self._throwaway = throwaway
        self._with_redis = with_redis

    def start(self, check: Callable[[], None] = lambda: None) -> None:
        """Check what was given and start the rest; on any trouble leave nothing running.

        :param check: called while waiting; it may raise to call the start off
        """
        try:
            self._start(check)
        except BaseException:
            self.stop()
            raise

    def _start(self, check: Callable[[], None]) -> None:
        if self.database_url:
            check_database(self.database_url)
        if self.redis_url and self._with_redis:
            check_redis(self.redis_url)
        places = settle(self._data)
        self.kept_in = places.postgresql.parent
        self._passing = None if places.run.is_relative_to(places.data) else places.run
        if not self.database_url:
            self._launch(PostgreSQL(places, throwaway=self._throwaway))
        if not self.redis_url and self._with_redis:
            self._launch(Valkey(places))
        for server in self.private:
            server.wait(check)
        self.database_url, self.redis_url = self.environ["DATABASE_URL"], self.environ.get("REDIS_URL", "")

    def _launch(self, server: Server) -> None:
        self.private.append(server)
        server.launch()

    @property
    def environ(self) -> dict[str, str]:
        """The two addresses, under the names that the settings read."""
        urls = {server.name: server.url for server in self.private}
        found = {
            "DATABASE_URL": self.database_url or urls.get("postgresql", ""),
            "REDIS_URL": self.redis_url or urls.get("valkey", ""),
        }
        return {name: url for name, url in found.items() if url}

    def stop(self) -> None:
        """Stop what was started here, the database last."""
        while self.private:
            self.private.pop().stop()
        if self._passing:
            shutil.rmtree(self._passing, ignore_errors=True)


@contextlib.contextmanager
def throwaway_servers(given: Mapping[str, str]) -> Iterator[Servers]:
    """Run servers over a folder that disappears with them, and clear folders that killed runs left."""
    with throwaway_folder() as folder:
        servers = Servers(folder / "data", given, throwaway=True)
        try:
            servers.start()
            yield servers
        finally:
            servers.stop()


@contextlib.contextmanager
def throwaway_folder() -> Iterator[Path]:
    """Make a folder that root's PostgreSQL may walk through and whose lock tells the living from the dead."""
    base = Path(tempfile.gettempdir())
    remove_abandoned(base)
    unnamed = Path(tempfile.mkdtemp(prefix=f".{THROWAWAY_PREFIX}", dir=base))
    folder = base / unnamed.name.removeprefix(".")
    with (unnamed / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        unnamed.chmod(0o711)
        unnamed.rename(folder)  # under this name only once it is locked: another run may be tidying up
        try:
            yield folder
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def remove_abandoned(base: Path) -> None:
    """Remove the folders of test runs that nobody holds any more."""
    for folder in base.glob(f"{THROWAWAY_PREFIX}*"):
        with contextlib.suppress(OSError):
            if folder.lstat().st_uid != os.geteuid():
                continue
            with (folder / "lock").open("r") as lock:
                if _try_lock(lock):
                    end_leftovers_over(folder)
                    shutil.rmtree(folder, ignore_errors=True)


def _try_lock(lock: IO[str]) -> bool:
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
