"""A source of metrics that answers as it is told, from a real server on this machine."""

import json
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler
from typing import Any
from urllib.parse import parse_qs, urlsplit

from releasetrain.catalog.models import Target
from releasetrain.health.models import MetricQuery, MetricSource
from tests import make
from tests.calendars.serving import Handler, Server

NOW = make.NOW
UNITS = 'sum(increase(http_requests_total{version="{{version}}"}[{{window}}]))'
BAD = 'sum(increase(http_requests_total{version="{{version}}",code=~"5.."}[{{window}}]))'
Value = float | str
# From the expression that was asked and the instant to what it is worth there; None is no sample.
Truth = Callable[[str, float], Value | None]


class Asked(Handler):
    """Take questions by POST, as the HTTP API of Prometheus does."""

    def do_POST(self) -> None:  # noqa: N802 - http.server's name
        length = int(self.headers["Content-Length"])
        form = {key: values[0] for key, values in parse_qs(self.rfile.read(length).decode()).items()}
        self.server.asked.append((self.headers.get("Authorization") or "", json.dumps(form)))
        self.server.answers[urlsplit(self.path).path](self)

    def do_GET(self) -> None:  # noqa: N802 - http.server's name
        self.server.asked.append((self.headers.get("Authorization") or "", self.path))
        self.server.answers[urlsplit(self.path).path](self)


class Prometheus(Server):
    """Answer as a Prometheus would, from a function that knows the truth."""

    def __init__(self) -> None:
        super().__init__()
        self.RequestHandlerClass = Asked

    def knows(self, truth: Truth) -> None:
        """Answer both kinds of questions from here on."""

        def answer(to: BaseHTTPRequestHandler) -> None:
            form = json.loads(self.asked[-1][1])
            is_range = to.path.endswith("query_range")
            instants = range_of(form) if is_range else [float(form["time"])]
            values = [(at, truth(form["query"], at)) for at in instants]
            points = [[at, str(value)] for at, value in values if value is not None]
            self.sends(to, envelope(points, is_range=is_range))

        self.answers["/api/v1/query"] = self.answers["/api/v1/query_range"] = answer

    def sends(self, to: BaseHTTPRequestHandler, body: Any, status: int = 200) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        to.send_response(status)
        to.send_header("Content-Length", str(len(raw)))
        to.end_headers()
        to.wfile.write(raw)

    def only_says(self, body: Any, status: int = 200) -> None:
        """Answer every question of the API with the same."""

        def answer(to: BaseHTTPRequestHandler) -> None:
            self.sends(to, body, status)

        self.answers["/api/v1/query"] = self.answers["/api/v1/query_range"] = answer


def range_of(form: dict[str, str]) -> list[float]:
    start, end, step = float(form["start"]), float(form["end"]), float(form["step"].removesuffix("s"))
    return [start + step * number for number in range(int((end - start) / step + 0.5) + 1)]


def envelope(points: list[list[Any]], *, is_range: bool) -> dict[str, Any]:
    series = [
        {"metric": {}, "values": points} if is_range else {"metric": {}, "value": point} for point in points
    ]
    result = series[:1] if is_range else series
    return {"status": "success", "data": {"resultType": "matrix" if is_range else "vector", "result": result}}


@contextmanager
def prometheus() -> Iterator[Prometheus]:
    with Prometheus() as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield server
        server.shutdown()


def source(address: str, kind: str = "prometheus", **fields: Any) -> MetricSource:
    fields = {"name": "Prometheus", "team": make.team(), **fields}
    return MetricSource.objects.create(kind=kind, address=address, created_at=NOW, **fields)


def query(of: MetricSource, on: Target | None = None, **fields: Any) -> MetricQuery:
    defaults: dict[str, Any] = {"metric": "errors", "units": UNITS, "bad": BAD, "next_due_at": NOW}
    on = on or make.target(stable_version="v1")
    return MetricQuery.objects.create(source=of, target=on, created_at=NOW, **{**defaults, **fields})


def later(seconds: float) -> Any:
    return NOW + timedelta(seconds=seconds)


def page(lines: Iterable[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode()
