"""A real receiver of webhooks: it verifies, remembers ids, refuses older fences, and fails as told."""

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from standardwebhooks import Webhook, WebhookVerificationError

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


class Receiver(ThreadingHTTPServer):
    """Keep a weight and a fence in a file.

    `answers` are (status, headers) given to the next posts instead of doing anything, where status 0 breaks
    off; `loses` counts those that are done and then answered by a break. `is_lazy` takes and does nothing.
    Until it is `thawed` it takes what is sent and does it only afterwards, as a stopped process would.
    """

    daemon_threads = True

    def __init__(self, world: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.world = world
        self.world.write_text('{"weight": 0, "fence": 0}')
        self.answers: list[tuple[int, dict[str, str]]] = []
        self.loses = 0
        self.is_lazy = self.is_away = False
        self.wait_seconds = 0.0
        self.thawed = threading.Event()
        self.thawed.set()
        self.seen: list[dict[str, Any]] = []
        self.ids: list[str] = []
        self.forged = 0
        self.lock = threading.Lock()
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Leave it: the other side breaks off as it likes."""

    def take(self, message_id: str, body: bytes) -> int:
        """Do what a message says, once; return the status."""
        data = json.loads(body)["data"]
        with self.lock:
            if message_id in self.ids or self.is_lazy or data["action"] == "look":
                return 202
            held = json.loads(self.world.read_text())
            if data["fence"] < held["fence"]:
                return 409
            self.ids.append(message_id)
            self.world.write_text(json.dumps({"weight": data["weight"], "fence": data["fence"]}))
        return 200

    def stop(self) -> None:
        self.shutdown()
        self.server_close()


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_GET(self) -> None:
        self.server.thawed.wait(60)
        if self._is_signed(b"") and not self.server.is_away:
            self._answer(200, self.server.world.read_bytes())

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        if not self._is_signed(body) or self.server.is_away:
            return
        self.server.seen.append({"id": self.headers["webhook-id"], "body": json.loads(body), "raw": body})
        time.sleep(self.server.wait_seconds)
        self.server.thawed.wait(60)
        if self.server.answers:
            status, headers = self.server.answers.pop(0)
            if status:
                self._answer(status, b"", headers)
            return
        status = self.server.take(self.headers["webhook-id"], body)
        if self.server.loses:
            self.server.loses -= 1
            return
        self._answer(status, b"")

    def log_message(self, *args: Any) -> None:
        """Say nothing: a test reads `seen`."""

    def _is_signed(self, body: bytes) -> bool:
        try:
            Webhook(SECRET).verify(body, dict(self.headers.items()), json_parse=False)
        except WebhookVerificationError:
            self.server.forged += 1
            self._answer(401, b"")
            return False
        return True

    def _answer(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
