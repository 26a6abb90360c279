"""Measure the page of a full departure, the list of all changes, the seal and the dependency order."""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from graphlib import TopologicalSorter

from django.urls import reverse

from releasetrain.bench.figures import Aim, Result
from releasetrain.bench.options import Options
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
from releasetrain.bench.worlds.full_train import FullTrain, lay_full_train, vote
from releasetrain.lib import clock
from releasetrain.trains import actions
from releasetrain.trains.models import Departure, Manifest
from releasetrain.trains.rules.graph import Edge, in_order

SEAL_MS, ORDER_MS = 1000, 100
SEALED, NODES = 4, 2_000
PAGE, SEAL, ORDER = (
    "departure page, 300 changes, 60 bundles, 12 voters",
    "seal of 300 changes",
    "order of 2,000",
)
ALL, MINE, FOUND = "changes: everybody's", "changes: my team's", "changes: a search"
WRITE, SORTER = "300 rows by one insert", "graphlib over the same"
ADDRESSES = {ALL: "?whose=all", MINE: "?whose=teams", FOUND: "?whose=all&q=Change+1234"}


def run(options: Options) -> Result:
    """Lay the house with a full train in it, then look and decide."""
    now = clock.now()
    decade = lay_decade(options.scale, now)
    # Warmed up and counted before it is timed, each time with a departure of its own.
    full = lay_full_train(2 * SEALED, options.scale, now)
    each = options.seconds / 6
    found = [*_seals(full), *_pages(decade, full, each), *_orders(each)]
    by_name = {one.what: one for one in found}
    return Result(
        name="decision",
        title="a full train, and every change of ten years",
        columns=COLUMNS,
        rows=[row_of(one, by_name) for one in found],
        aims=list(_aims(by_name)),
        notes=[_how_much(decade), f"{HOW_PAGES} “× yardstick” compares medians."],
    )


def _seals(full: FullTrain) -> list[Timed]:
    left = iter(full.departures)
    sealed = measure(
        SEAL,
        lambda: actions.seal(next(left), now=clock.now()),
        0,
        fewest=SEALED,
        yardstick=WRITE,
    )
    template = Manifest.objects.latest("pk")

    def write() -> None:
        Manifest.objects.bulk_create(
            Manifest(
                departure_id=template.departure_id,
                revision=1000 + number,
                digest=template.digest,
                content={},
                sealed_at=template.sealed_at,
            )
            for number in range(300)
        )
        Manifest.objects.filter(revision__gte=1000).delete()

    return [sealed, measure(WRITE, write, 0, fewest=SEALED)]


def _pages(decade: Decade, full: FullTrain, seconds: float) -> list[Timed]:
    departure = Departure.objects.get(pk=full.departures[0].pk)
    vote(full, departure, clock.now())
    client = browser(decade.person)
    page, changes = reverse("departures-detail", args=[departure.pk]), reverse("changes")
    found = [measure(PAGE, lambda: get(client, page), seconds)]
    found += [
        measure(name, partial(get, client, changes + query), seconds) for name, query in ADDRESSES.items()
    ]
    yardstick = measure_bare(decade.asked, seconds)
    return [*(replace(one, yardstick=BARE) for one in found), yardstick]


def _orders(seconds: float) -> list[Timed]:
    """Put two thousand in order that need three earlier ones each."""
    names = {number: f"change {number}" for number in range(NODES)}
    edges: list[Edge] = [
        (one, needed)
        for one in names
        for needed in range(one * 7 // 10 - 2, one * 7 // 10 + 1)
        if 0 < needed < one
    ]
    needs: dict[int, list[int]] = {}
    for one, needed in edges:
        needs.setdefault(one, []).append(needed)
    return [
        measure(ORDER, lambda: in_order(names, edges), seconds, yardstick=SORTER),
        measure(SORTER, lambda: list(TopologicalSorter(needs).static_order()), seconds),
    ]


def _aims(found: dict[str, Timed]) -> Iterator[Aim]:
    for name in (PAGE, *ADDRESSES):
        yield Aim(f"{name}: queries", "", MOST_QUERIES, found[name].queries)
        yield Aim(f"{name}: p95", "ms", PAGE_MS, found[name].at(0.95))
    yield Aim(f"{SEAL}: most", "ms", SEAL_MS, max(found[SEAL].milliseconds))
    yield Aim(f"{ORDER}: p95", "ms", ORDER_MS, found[ORDER].at(0.95))


def _how_much(world: Decade) -> str:
    rows = ", ".join(f"{number:,} {name}" for name, number in world.rows.items())
    return f"In the house: {rows}, and {BUILDER}'s full train."
