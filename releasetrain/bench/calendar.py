"""Measure calendar, board, verdict and re-materialising in a house with ten years behind it."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from itertools import cycle

from django.test import Client
from django.urls import reverse

from releasetrain.bench.figures import Aim, Result
from releasetrain.bench.options import Options
from releasetrain.bench.progress import say
from releasetrain.bench.timing import (
    BARE,
    COLUMNS,
    HOW_PAGES,
    MOST_QUERIES,
    PAGE_MS,
    Timed,
    browser,
    get,
    measure,
    measure_bare,
    row_of,
)
from releasetrain.bench.worlds.decade import BUILDER, Decade, lay_decade
from releasetrain.lib import clock
from releasetrain.trains.actions import save_train
from releasetrain.trains.actions.timetable import TIMES
from releasetrain.trains.models import Departure, Train
from releasetrain.trains.queries import Action, verdict
from releasetrain.trains.queries.terms import TrainSettings

VERDICT_MS, TIMETABLE_MS = 5, 1000
MONTHS = 96
REARRANGED = 6
MONTH, THIS_MONTH, BOARD = "calendar, any month of eight years", "calendar, this month", "board"
ALL, MINE, RISKIEST = "changes, everybody’s", "changes, mine", "changes, riskiest on their way"
SEARCHED = "changes, one word of a title"
LISTS = {
    ALL: "whose=all",
    MINE: "whose=mine",
    RISKIEST: "whose=teams&state=aboard&sort=risk",
    SEARCHED: "whose=all&q=1234",
}
VERDICT, TIMETABLE = "verdict(): may it depart?", "re-materialise 400 days"
ONE, BULK = "one indexed query", "400 rows by one bulk update"


def run(options: Options) -> Result:
    """Lay the house, look at its pages through Django's own request path, and ask its rules directly."""
    now = clock.now()
    world = lay_decade(options.scale, now)
    each = options.seconds / 7
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
        rows=[row_of(one, by_name) for one in found],
        aims=list(_aims(by_name)),
        notes=[_how_much(world), _how()],
    )


def _pages(world: Decade, now: datetime, seconds: float) -> list[Timed]:
    """Measure the pages in this process, middleware, session, templates and all, without a network."""
    client = browser(world.person)
    days, board = cycle(_days(now)), reverse("board")
    month = f"{reverse('calendar')}?view=month"
    found = [
        measure(MONTH, lambda: get(client, f"{month}&on={next(days)}"), seconds),
        measure(THIS_MONTH, lambda: get(client, month), seconds),
        measure(BOARD, lambda: get(client, board), seconds),
        *_lists(client, seconds),
    ]
    yardstick = measure_bare(world.asked, seconds)
    return [*(replace(one, yardstick=BARE) for one in found), yardstick]


def _lists(client: Client, seconds: float) -> list[Timed]:
    """Ask for the first page of the changes, as people narrow and sort them."""
    changes = reverse("changes")
    return [
        measure(name, lambda query=query: get(client, f"{changes}?{query}"), seconds / len(LISTS))  # type: ignore[misc]
        for name, query in LISTS.items()
    ]


def _days(now: datetime) -> Iterator[str]:
    """Name a day of each month of the eight years until now, in an order that jumps about."""
    for number in range(MONTHS):
        years, month = divmod(number * 37 % MONTHS, 12)
        yield f"{now.year - years}-{month + 1:02}-15"


def _verdicts(world: Decade, seconds: float) -> list[Timed]:
    """Ask whether departures with forty changes aboard may leave, which asks everything."""
    rows = Departure.objects.select_related("train__team", "train__environment", "train__captain")
    departures = cycle(rows.filter(pk__in=world.asked))
    keys = cycle(world.asked)
    return [
        measure(
            VERDICT,
            lambda: verdict(Action.DEPART, next(departures), BUILDER, clock.now()),
            seconds,
            yardstick=ONE,
        ),
        measure(ONE, lambda: Departure.objects.get(pk=next(keys)), seconds),
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
        measure(TIMETABLE, rearrange, 0, fewest=REARRANGED, yardstick=BULK),
        measure(BULK, rewrite, 0, fewest=REARRANGED),
    ]


def _aims(found: dict[str, Timed]) -> Iterator[Aim]:
    for name in (MONTH, THIS_MONTH, BOARD, *LISTS):
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
        f"{HOW_PAGES} verdict() is asked about departures with forty changes aboard, loaded before. "
        "“× yardstick” compares medians."
    )
