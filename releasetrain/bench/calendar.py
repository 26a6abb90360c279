"""Measure calendar, board, verdict and re-materialising in a house with ten years behind it."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import count, cycle
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext, override_settings
from django.urls import reverse

from releasetrain.bench.errors import CannotMeasure
from releasetrain.bench.figures import Aim, Column, Number, Result, Row, percentile
from releasetrain.bench.options import Options
from releasetrain.bench.progress import say
from releasetrain.bench.worlds.decade import BUILDER, Decade, lay_decade
from releasetrain.lib import clock
from releasetrain.lib.collector import spare_what_is_loaded
from releasetrain.trains.actions import save_train
from releasetrain.trains.actions.timetable import TIMES
from releasetrain.trains.models import Departure, Train
from releasetrain.trains.queries import Action, verdict
from releasetrain.trains.queries.terms import TrainSettings

MOST_QUERIES, PAGE_MS, VERDICT_MS, TIMETABLE_MS = 15, 150, 5, 1000
MONTHS = 96
REARRANGED = 6
FEWEST = 20
WARM_UP = 3
COLUMNS = (
    Column("queries", "queries"),
    Column("count", "times"),
    Column("p50", "p50 ms", 2),
    Column("p95", "p95 ms", 2),
    Column("p99", "p99 ms", 2),
    Column("most", "most ms", 2),
    Column("of_yardstick", "× yardstick", 1),
)
MONTH, THIS_MONTH, BOARD = "calendar, any month of eight years", "calendar, this month", "board"
VERDICT, TIMETABLE = "verdict(): may it depart?", "re-materialise 400 days"
BARE, ONE, BULK = "bare Django view, one indexed query", "one indexed query", "400 rows by one bulk update"


@dataclass(frozen=True, slots=True)
class Timed:
    """What one way of doing it took, in milliseconds, and how many queries one time of it makes."""

    what: str
    milliseconds: Sequence[float]
    queries: int
    yardstick: str = ""

    def at(self, share: float) -> float:
        return percentile(self.milliseconds, share)


def run(options: Options) -> Result:
    """Lay the house, look at its pages through Django's own request path, and ask its rules directly."""
    now = clock.now()
    world = lay_decade(options.scale, now)
    each = options.seconds / 6
    found = [
        *_pages(world, now, each),
        *_verdicts(world, each),
        *_timetables(world),
    ]
    by_name = {one.what: one for one in found}
    return Result(
        name="calendar",
        title="pages and rules of a house with ten years behind it",
        columns=COLUMNS,
        rows=[_row(one, by_name) for one in found],
        aims=list(_aims(by_name)),
        notes=[_how_much(world), _how()],
    )


def _pages(world: Decade, now: datetime, seconds: float) -> list[Timed]:
    """Measure the pages in this process, middleware, session, templates and all, without a network."""
    host = urlsplit(settings.PUBLIC_URL).netloc
    client = Client(headers={"host": host})
    client.force_login(world.person, backend=settings.AUTHENTICATION_BACKENDS[0])
    days, board = cycle(_days(now)), reverse("board")
    month = f"{reverse('calendar')}?view=month"
    found = [
        _measure(MONTH, lambda: _get(client, f"{month}&on={next(days)}"), seconds),
        _measure(THIS_MONTH, lambda: _get(client, month), seconds),
        _measure(BOARD, lambda: _get(client, board), seconds),
    ]
    with override_settings(ROOT_URLCONF="releasetrain.bench.yardsticks.one_query", MIDDLEWARE=[]):
        bare, keys = Client(headers={"host": host}), cycle(world.asked)
        yardstick = _measure(BARE, lambda: _get(bare, f"/departures/{next(keys)}/"), seconds)
    return [*(replace(one, yardstick=BARE) for one in found), yardstick]


def _days(now: datetime) -> Iterator[str]:
    """Name a day of each month of the eight years until now, in an order that jumps about."""
    for number in range(MONTHS):
        years, month = divmod(number * 37 % MONTHS, 12)
        yield f"{now.year - years}-{month + 1:02}-15"


def _get(client: Client, url: str) -> None:
    answer = client.get(url)
    if answer.status_code != 200:
        raise CannotMeasure(f"{url} answered {answer.status_code} instead of a page.")


def _verdicts(world: Decade, seconds: float) -> list[Timed]:
    """Ask whether departures with forty changes aboard may leave, which asks everything."""
    rows = Departure.objects.select_related("train__team", "train__environment", "train__captain")
    departures = cycle(rows.filter(pk__in=world.asked))
    keys = cycle(world.asked)
    return [
        _measure(
            VERDICT,
            lambda: verdict(Action.DEPART, next(departures), BUILDER, clock.now()),
            seconds,
            yardstick=ONE,
        ),
        _measure(ONE, lambda: Departure.objects.get(pk=next(keys)), seconds),
    ]


def _timetables(world: Decade) -> list[Timed]:
    """Move a daily train to another time of day and back: its 400 days are worked out and written anew."""
    hours = cycle((13, 12))

    def rearrange() -> None:
        train = Train.objects.get(pk=world.daily.pk)
        date, _ = train.first_departs_at_local.split("T")
        wanted = replace(TrainSettings.of(train), first_departs_at_local=f"{date}T{next(hours)}:00:00")
        save_train(train, wanted, by=BUILDER, now=clock.now())

    def rewrite() -> None:
        Departure.objects.bulk_update(list(world.daily.departures.all()[:400]), TIMES, batch_size=500)

    say("calendar: re-materialising")
    return [
        _measure(TIMETABLE, rearrange, 0, fewest=REARRANGED, yardstick=BULK),
        _measure(BULK, rewrite, 0, fewest=REARRANGED),
    ]


def _measure(
    what: str, once: Callable[[], object], seconds: float, *, fewest: int = 0, yardstick: str = ""
) -> Timed:
    """Do something for a while, at least some times; first a little to warm up, and once to count queries."""
    say(f"calendar: {what}")
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


def _row(one: Timed, by_name: dict[str, Timed]) -> Row:
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


def _aims(found: dict[str, Timed]) -> Iterator[Aim]:
    for name in (MONTH, THIS_MONTH, BOARD):
        yield Aim(f"{name}: queries", "", MOST_QUERIES, found[name].queries)
        yield Aim(f"{name}: p95", "ms", PAGE_MS, found[name].at(0.95))
    yield Aim("verdict(): p99", "ms", VERDICT_MS, found[VERDICT].at(0.99))
    yield Aim(f"{TIMETABLE}: most", "ms", TIMETABLE_MS, max(found[TIMETABLE].milliseconds))


def _how_much(world: Decade) -> str:
    rows = ", ".join(f"{number:,} {name}" for name, number in world.rows.items())
    return (
        f"In the house: {rows}. Trains, windows and what is under way were made by the verbs themselves, "
        "their past by bulk SQL. The events of the past have their places in the log, as pages read them; "
        "their hashes are numbers and form no chain."
    )


def _how() -> str:
    return (
        "Pages are asked in this process through Django's whole request path, signed in, with middleware, "
        "session and templates, without a network; queries count all of that. verdict() is asked about "
        "departures with forty changes aboard, loaded before. “× yardstick” compares medians."
    )
