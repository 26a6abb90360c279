"""Run a private Valkey that answers on a Unix socket only and keeps nothing on disk."""

import contextlib
import signal
import subprocess
import time
from collections.abc import Callable
from urllib.parse import quote

import redis

from releasetrain.embedded.children import end, spawn
from releasetrain.embedded.errors import ServerError
from releasetrain.embedded.places import Places, valkey_binary

SECONDS_TO_START = 20

# It carries messages and a cache, nothing that could not be made again: only what has a time to live may go.
SETTINGS = {
    "port": "0",
    "unixsocketperm": "700",
    "save": "",
    "appendonly": "no",
    "daemonize": "no",
    "maxmemory": "192mb",
    "maxmemory-policy": "volatile-lru",
    "loglevel": "warning",
}


class Valkey:
    """A server process with its socket."""

    name = "valkey"

    def __init__(self, places: Places) -> None:
        self.places = places
        self.socket = places.run / "valkey.sock"
        self.log = places.logs / "valkey.log"
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """The address in the form that REDIS_URL takes."""
        return f"unix://{quote(str(self.socket))}"

    def launch(self) -> None:
        """Start the process without waiting for it to answer."""
        self.socket.unlink(missing_ok=True)  # a killed server leaves its socket; a living one loses its name
        options = SETTINGS | {"unixsocket": str(self.socket), "dir": str(self.places.run)}
        with self.log.open("ab") as log:
            self.process = spawn(
                [
                    str(valkey_binary()),
                    *(part for key, value in options.items() for part in (f"--{key}", value)),
                ],
                output=log,
                when_orphaned=signal.SIGKILL,
                cwd=self.places.run,
            )

    def wait(self, check: Callable[[], None]) -> None:
        """Wait until the server answers.

        :param check: called between looks; it may raise to end the wait
        """
        until = time.monotonic() + SECONDS_TO_START
        client = redis.Redis(unix_socket_path=str(self.socket), socket_timeout=2)
        with contextlib.closing(client):
            while time.monotonic() < until and self.process and self.process.poll() is None:
                check()
                with contextlib.suppress(redis.RedisError):
                    client.ping()
                    return
                time.sleep(0.02)
        self.stop()
        raise ServerError(
            f"Valkey did not start; its log is {self.log}. Set REDIS_URL to use another server."
        )

    def stop(self) -> None:
        """Stop the server; it has nothing to save."""
        if self.process is not None:
            end(self.process, (signal.SIGTERM, 2))
            self.process = None
        self.socket.unlink(missing_ok=True)
