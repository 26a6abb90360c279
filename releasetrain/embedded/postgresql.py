"""Run a private PostgreSQL that answers on a Unix socket only."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import psycopg

from releasetrain.embedded.children import end, end_leftovers_over, spawn
from releasetrain.embedded.errors import ServerError
from releasetrain.embedded.places import Places

DATABASE = "releasetrain"
SUPERUSER = "postgres"
SECONDS_TO_RECOVER = 120

# Small enough to run beside everything else on a laptop; a house with real load sets DATABASE_URL.
SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "shared_buffers": "64MB",
    "max_wal_size": "512MB",
    "log_min_messages": "warning",
    "log_timezone": "UTC",
    "timezone": "UTC",
}
# A folder that is thrown away need not survive a power cut.
THROWAWAY_SETTINGS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}

COMPLAINTS = {
    "No space left on device": "the disk is full. Make room and try again",
    "could not create shared memory": "the system gives it no shared memory. Raise that or set DATABASE_URL",
    "could not resize shared memory": "the shared memory is too small. Enlarge it or set DATABASE_URL",
    "Permission denied": "it may not read or write its folder. Give the folder back to the user that made it",
    "invalid data directory": "its data folder is damaged. Move it away to begin afresh",
    "could not locate a valid checkpoint": "its data folder is damaged. Move it away to begin afresh",
}


class PostgreSQL:
    """A server process over one data folder."""

    name = "postgresql"

    def __init__(self, places: Places, *, throwaway: bool = False) -> None:
        self.places = places
        self.throwaway = throwaway
        self.sockets = places.run / "postgresql"
        self.log = places.logs / "postgresql.log"
        self.process: subprocess.Popen[bytes] | None = None
        self._log_start = 0

    @property
    def url(self) -> str:
        """The address in the form that DATABASE_URL takes."""
        return self._address(DATABASE)

    def _address(self, database: str) -> str:
        return f"postgres://{SUPERUSER}@/{database}?host={quote(str(self.sockets), safe='')}"

    def launch(self) -> None:
        """Start the process over its folder, made if it is missing, without waiting for it to answer."""
        if not (self.places.postgresql / "PG_VERSION").exists():
            self._make_data()
        self._refuse_strange_data()
        self._end_leftovers()
        self._make_socket_folder()
        options = SETTINGS | (THROWAWAY_SETTINGS if self.throwaway else {})
        options["unix_socket_directories"] = f'"{self.sockets}"'
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            self.process = spawn(
                [
                    str(self.places.binaries / "postgres"),
                    *("-D", str(self.places.postgresql)),
                    *(part for name, value in options.items() for part in ("-c", f"{name}={value}")),
                ],
                output=log,
                when_orphaned=signal.SIGQUIT if self.throwaway else signal.SIGINT,
                account=self.places.account,
                cwd=self.sockets,
            )

    def wait(self, check: Callable[[], None]) -> None:
        """Wait until the server answers, having recovered after an unclean stop, and has the database.

        :param check: called between looks; it may raise to end the wait
        """
        until = time.monotonic() + SECONDS_TO_RECOVER
        while time.monotonic() < until:
            check()
            if self.process is None or self.process.poll() is not None:
                raise ServerError(self._sentence(f"ended while starting; its log is {self.log}"))
            with contextlib.suppress(psycopg.OperationalError):
                self._ensure_database()
                return
            time.sleep(0.05)
        self.stop()
        raise ServerError(
            f"PostgreSQL did not answer within {SECONDS_TO_RECOVER} seconds; its log is {self.log}. "
            "Try again, or set DATABASE_URL to another server."
        )

    def stop(self) -> None:
        """Stop the server and wait for it: an orderly checkpoint, or at once if the data is thrown away."""
        if self.process is None:
            return
        if self.throwaway:
            end(self.process, (signal.SIGQUIT, 3))
        else:
            end(self.process, (signal.SIGINT, 6), (signal.SIGQUIT, 2))
        self.process = None

    def _make_data(self) -> None:
        """Make the data folder under another name first, so that an interruption leaves nothing half made."""
        home = self.places.postgresql
        if home.exists() and any(home.iterdir()):
            raise ServerError(
                f"{home} is not empty and holds no PostgreSQL data. Move it away, or set RELEASETRAIN_DATA "
                "to another folder."
            )
        new = home.with_name(f"{home.name}.new")
        shutil.rmtree(new, ignore_errors=True)
        new.mkdir(mode=0o700)
        account = self.places.account
        if account:
            os.chown(new, account.uid, account.gid)
        self._run_initdb(new)
        if home.exists():
            home.rmdir()
        new.rename(home)

    def _run_initdb(self, folder: Path) -> None:
        argv = [
            *(str(self.places.binaries / "initdb"), "-D", str(folder), "-U", SUPERUSER),
            # Whoever can enter the socket's folder is the one who started the server.
            *("--auth=trust", "--encoding=UTF8", "--no-instructions", "--no-locale"),
            *("--locale-provider=builtin", "--builtin-locale=C.UTF-8"),
            *(["--no-sync"] if self.throwaway else []),
        ]
        with self.log.open("ab") as log:
            self._log_start = log.tell()
            made = spawn(
                argv, output=log, when_orphaned=signal.SIGKILL, account=self.places.account, cwd=Path("/")
            )
        if made.wait():
            raise ServerError(self._sentence(f"could not make its data folder; its log is {self.log}"))

    def _refuse_strange_data(self) -> None:
        home = self.places.postgresql
        try:
            found = (home / "PG_VERSION").read_text().strip()
        except PermissionError as error:
            raise ServerError(
                f"The data folder {home} belongs to another user. Run as that user, or set RELEASETRAIN_DATA "
                "to a folder of your own."
            ) from error
        ours = major_version(self.places.binaries)
        if found != ours:
            raise ServerError(
                f"The data in {home} was made by PostgreSQL {found}, and this checkout brings PostgreSQL "
                f"{ours}. To keep it, dump it with version {found}; to begin afresh, move the folder away; "
                "or set DATABASE_URL to a server of your own."
            )
        owner = home.stat().st_uid
        wanted = self.places.account.uid if self.places.account else os.geteuid()
        if owner != wanted:
            raise ServerError(
                f"The data folder {home} belongs to user {owner}, and PostgreSQL would run as user {wanted}. "
                "Run as the user that made it, or set RELEASETRAIN_DATA to a folder of your own."
            )

    def _end_leftovers(self) -> None:
        """End what a killed run left over this folder, and forget a lock file that may name a stranger.

        After a restart of the machine the number in the file may belong to anyone, and PostgreSQL would take
        that for a second server.
        """
        lock = self.places.postgresql / "postmaster.pid"
        if lock.exists():
            end_leftovers_over(self.places.postgresql)
            lock.unlink(missing_ok=True)

    def _make_socket_folder(self) -> None:
        """Make the folder, without the socket of a killed server and the lock that names its pid."""
        self.sockets.mkdir(mode=0o700, exist_ok=True)
        for left in self.sockets.glob(".s.PGSQL.*"):
            left.unlink()
        self.sockets.chmod(0o700)
        if account := self.places.account:
            os.chown(self.sockets, account.uid, account.gid)

    def _ensure_database(self) -> None:
        with psycopg.connect(self._address("postgres"), autocommit=True, connect_timeout=5) as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [DATABASE]).fetchone()
            if not known:
                connection.execute(f'CREATE DATABASE "{DATABASE}"')

    def _sentence(self, otherwise: str) -> str:
        """Put what the log says since the start into words."""
        with self.log.open("rb") as log:
            log.seek(self._log_start)
            said = log.read().decode(errors="replace")
        for sign, meaning in COMPLAINTS.items():
            if sign in said:
                return (
                    f"PostgreSQL cannot start: {meaning} ({self.places.postgresql}; its log is {self.log})."
                )
        return f"PostgreSQL {otherwise}."


def major_version(binaries: Path) -> str:
    """Ask the packaged server for its major version, such as "18"."""
    said = subprocess.run(
        [str(binaries / "postgres"), "--version"], capture_output=True, text=True, check=True
    ).stdout
    return said.split()[2].split(".")[0]
