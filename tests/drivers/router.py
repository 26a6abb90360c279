"""A toy router that reads its share of users from a file: what a command or a receiver may drive.

Users are placed by a hash with the fence's release as its salt; whoever is unknown gets the old version.
"""

import hashlib
import http.client
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.drivers.echo import Echo


class Router(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, world: Path, old: Echo, new: Echo) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.world, self.old, self.new = world, old, new
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def weight(self) -> int:
        try:
            return int(json.loads(self.world.read_text())["weight"])
        except (OSError, ValueError):
            return 0

    def server_for(self, user: str) -> Echo:
        place = int.from_bytes(hashlib.sha256(f"v2 {user}".encode()).digest()[:4]) % 100
        return self.new if user and place < self.weight() else self.old

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Leave it: tests close connections as they like."""

    def stop(self) -> None:
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Router
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        user = self.headers.get("x-user-id", "")
        host, _, port = self.server.server_for(user).address.rpartition(":")
        behind = http.client.HTTPConnection(host, int(port), timeout=10)
        behind.request("GET", self.path, headers={"x-user-id": user})
        answer = behind.getresponse()
        body = answer.read()
        self.send_response(answer.status)
        self.send_header("x-version", answer.headers.get("x-version", ""))
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        behind.close()

    def log_message(self, *args: Any) -> None:
        """Say nothing."""
