"""Time what happens in this process again and again, and lay each figure beside its yardstick."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import count, cycle
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings

from releasetrain.accounts.models import User
from releasetrain.bench.errors import CannotMeasure
from releasetrain.bench.figures import Column, Number, Row, percentile
from releasetrain.bench.progress import say
from releasetrain.lib.collector import spare_what_is_loaded

MOST_QUERIES, PAGE_MS = 15, 150
FEWEST = 20
WARM_UP = 3
BARE = "bare Django view, one indexed query"
COLUMNS = (
    Column("queries", "queries"),
    Column("count", "times"),
    Column("p50", "p50 ms", 2),
    Column("p95", "p95 ms", 2),
    Column("p99", "p99 ms", 2),
    Column("most", "most ms", 2),
    Column("of_yardstick", "× yardstick", 1),
)
HOW_PAGES = (
    "Pages are asked in this process through Django's whole request path, signed in, with middleware, "
    "session and templates, without a network; queries count all of that."
)


@dataclass(frozen=True, slots=True)
class Timed:
    """What one way of doing it took, in milliseconds, and how many queries one time of it makes."""

    what: str
    milliseconds: Sequence[float]
    queries: int
    yardstick: str = ""

    def at(self, share: float) -> float:
        return percentile(self.milliseconds, share)


def browser(person: User | None = None) -> Client:
    """Return a client of this house, signed in as somebody where they are named."""
    client = Client(headers={"host": urlsplit(settings.PUBLIC_URL).netloc})
    if person is not None:
        client.force_login(person, backend=settings.AUTHENTICATION_BACKENDS[0])
    return client


def get(client: Client, url: str) -> None:
    answer = client.get(url)
    if answer.status_code != 200:
        raise CannotMeasure(f"{url} answered {answer.status_code} instead of a page.")


def measure(
    what: str, once: Callable[[], object], seconds: float, *, fewest: int = 0, yardstick: str = ""
) -> Timed:
    """Do something for a while, at least some times; first a little to warm up, and once to count queries."""
    say(what)
    fewest = fewest or FEWEST
    for _ in range(min(WARM_UP, fewest // 2)):
        once()
    spare_what_is_loaded()  # as the web process does
    with CaptureQueriesContext(connection) as captured:
        once()
    # Read at once: the next request empties what was captured.
    queries = len(captured)
    took: list[float] = []
    until = time.perf_counter() + seconds
    for done in count(1):
        began = time.perf_counter()
        once()
        ended = time.perf_counter()
        took.append((ended - began) * 1000)
        if ended >= until and done >= fewest:
            break
    return Timed(what, took, queries, yardstick)


def measure_bare(departures: Sequence[int], seconds: float) -> Timed:
    """Measure the yardstick of pages: a view without any middleware that makes one indexed query."""
    with override_settings(ROOT_URLCONF="releasetrain.bench.yardsticks.one_query", MIDDLEWARE=[]):
        bare, keys = browser(), cycle(departures)
        return measure(BARE, lambda: get(bare, f"/departures/{next(keys)}/"), seconds)


def row_of(one: Timed, by_name: dict[str, Timed]) -> Row:
    beside = by_name.get(one.yardstick)
    figures: dict[str, Number] = {
        "queries": one.queries,
        "count": len(one.milliseconds),
        "p50": one.at(0.5),
        "p95": one.at(0.95),
        "p99": one.at(0.99),
        "most": max(one.milliseconds),
        "of_yardstick": one.at(0.5) / beside.at(0.5) if beside else None,
    }
    return Row(one.what, figures, is_yardstick=not one.yardstick)
