"""Small servers with a version, such as stand behind a proxy: they say who asked and count what they got."""

import contextlib
import socketserver
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Echo(ThreadingHTTPServer):
    """Answer every request with the version: GET /version in JSON, everything else in `x-version`.

    `asked` holds (method, path, user, monotonic time) of everything but /version, `headers` its headers.
    GET /stream stays open and sends a byte now and then; `Upgrade: websocket` does so, too.
    """

    daemon_threads = True
    request_queue_size = 128

    def __init__(self, version: str, user_header: str = "x-user-id", port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.version, self.user_header = version, user_header
        self.asked: list[tuple[str, str, str, float]] = []
        self.headers: list[dict[str, str]] = []
        self.wait_seconds = 0.0
        self.status = 200
        self.is_stopping = False
        self.open: set[Any] = set()
        self.thread = threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True)
        self.thread.start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def process_request(self, request: Any, client_address: Any) -> None:
        self.open.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self.open.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Leave it: proxies and tests close connections as they like."""

    def stop(self) -> None:
        """Die as a killed process does: nothing listens, open connections break."""
        if self.is_stopping:
            return
        self.is_stopping = True
        self.shutdown()
        self.server_close()
        for one in list(self.open):
            with contextlib.suppress(OSError):
                one.shutdown(2)
            with contextlib.suppress(OSError):
                one.close()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Echo
    disable_nagle_algorithm = True
    # Head and body leave together: nobody could mend an answer that was cut in two by the server's death.
    wbufsize = -1

    def do_GET(self) -> None:
        if self.path == "/version":
            self._answer(200, f'{{"version": "{self.server.version}"}}'.encode())
            return
        wait_seconds = self.server.wait_seconds
        self._note()
        if self.headers.get("upgrade", "").lower() == "websocket" or self.path == "/stream":
            self._stream()
            return
        if wait_seconds:
            time.sleep(wait_seconds)
        self._answer(self.server.status, self.server.version.encode())

    def do_HEAD(self) -> None:
        self.do_GET()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("content-length", 0)))
        self._note()
        self._answer(self.server.status, self.server.version.encode())

    def log_message(self, *args: Any) -> None:
        """Say nothing: a test reads `asked`."""

    def _note(self) -> None:
        user = self.headers.get(self.server.user_header, "")
        self.server.asked.append((self.command, self.path, user, time.monotonic()))
        self.server.headers.append({name.lower(): value for name, value in self.headers.items()})

    def _answer(self, status: int, body: bytes) -> None:
        self.send_response(status)
        self.send_header("x-version", self.server.version)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def _stream(self) -> None:
        if self.path == "/stream":
            self.send_response(200)
            self.send_header("x-version", self.server.version)
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            piece = b"1\r\n.\r\n"
        else:
            self.send_response(101)
            self.send_header("upgrade", "websocket")
            self.send_header("connection", "upgrade")
            self.send_header("x-version", self.server.version)
            self.end_headers()
            piece = b"\x89\x00"
        self.close_connection = True
        with contextlib.suppress(OSError):
            while not self.server.is_stopping:
                self.wfile.write(piece)
                self.wfile.flush()
                time.sleep(0.1)


class Dripping(socketserver.ThreadingTCPServer):
    """Answer one byte at a time, for ever: a deadline for each read would never end."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Drip)
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Leave it: the other side gives up, as it should."""


class Drip(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        self.request.sendall(b"HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\n\r\n")
        with contextlib.suppress(OSError):
            while True:
                self.request.sendall(b"v")
                time.sleep(0.05)


@contextlib.contextmanager
def echoes(*versions: str) -> Iterator[list[Echo]]:
    """Run servers of these versions."""
    servers = [Echo(version) for version in versions]
    try:
        yield servers
    finally:
        for server in servers:
            server.stop()
