"""Lock rows in the one order that cannot deadlock: departures by number, then changes, then windows."""

from collections.abc import Iterable
from functools import reduce
from operator import or_
from typing import TypeVar

from django.db.models import Q

from releasetrain.calendars.models import Occurrence, Window
from releasetrain.trains.models import BreakGlass, Change, Departure, Override, Train, Vote

Row = TypeVar("Row", BreakGlass, Override, Vote)


def locked_departure(pk: int) -> Departure:
    """Lock a departure until the transaction ends, and load its train."""
    rows = Departure.objects.select_for_update(no_key=True, of=("self",))
    return rows.select_related("train__team", "train__environment", "train__captain").get(pk=pk)


def locked_departures(pks: Iterable[int]) -> dict[int, Departure]:
    """Lock several departures, lowest number first."""
    return {pk: locked_departure(pk) for pk in sorted(set(pks))}


def locked_change(pk: int) -> Change:
    """Lock a change until the transaction ends; its departure is locked before it."""
    rows = Change.objects.select_for_update(no_key=True, of=("self",))
    return rows.select_related(
        "service__team",
        "bundle",
        "departure__train__team",
        "departure__train__captain",
        "stand_by_for__train__team",
        "stand_by_for__train__captain",
    ).get(pk=pk)


def locked_with_departure(row: Row) -> Row:
    """Lock a row that belongs to one departure for good, and its departure before it."""
    departure = locked_departure(row.departure_id)
    locked = type(row)._default_manager.select_for_update(no_key=True, of=("self",)).get(pk=row.pk)
    locked.departure = departure
    return locked


def lock_line(departure: Departure) -> None:
    """Lock every change that stands by for a locked departure; before any window is."""
    rows = departure.standing_by.select_for_update(no_key=True, of=("self",))
    list(rows.order_by("pk").values_list("pk"))


def lock_room(*departures: Departure) -> None:
    """Lock the windows that have room for a number of changes when departures leave, lowest number first.

    Who boards asks for room after this: the last place of a window is then given away once, whichever
    departures it is wanted for.
    """
    at = [Q(during__contains=one.departs_at) for one in departures]
    open_then = Occurrence.objects.filter(reduce(or_, at)).values("window")
    rows = Window.objects.filter(capacity__isnull=False, deleted_at__isnull=True, pk__in=open_then)
    list(rows.order_by("pk").select_for_update(no_key=True).values_list("pk"))


def locked_train(pk: int) -> Train:
    """Lock a train's settings until the transaction ends."""
    rows = Train.objects.select_for_update(no_key=True, of=("self",))
    return rows.select_related("team", "environment", "policy__owner", "captain").get(pk=pk)
