"""Serve calendars from a real server on this machine, so that tests fetch them as the house does."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Answer = Callable[[BaseHTTPRequestHandler], None]


class Server(ThreadingHTTPServer):
    """Answer each path as it was told, and remember who asked for what."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answers: dict[str, Answer] = {}
        self.asked: list[tuple[str, str]] = []

    def url(self, path: str = "/feed.ics", host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.server_port}{path}"

    def says(self, body: bytes, path: str = "/feed.ics", status: int = 200, **headers: str) -> None:
        def answer(to: BaseHTTPRequestHandler) -> None:
            to.send_response(status)
            for name, value in headers.items():
                to.send_header(name.replace("_", "-"), value)
            to.send_header("Content-Length", str(len(body)))
            to.end_headers()
            to.wfile.write(body)

        self.answers[path] = answer

    def leads(self, to: str, path: str = "/feed.ics", status: int = 302) -> None:
        self.says(b"", path, status, Location=to)


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append((self.headers["Host"], self.path))
        self.server.answers[self.path](self)

    def log_message(self, *args: object) -> None:
        """Keep the tests' output quiet."""


@contextmanager
def serving() -> Iterator[Server]:
    with Server() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()
