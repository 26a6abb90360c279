"""Read the ledger of a departure, and look for anything that was ever lost (RULES I16)."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db.models import Exists, F, OuterRef, Q, QuerySet

from releasetrain.trains.models import Change, Departure, LedgerEntry
from releasetrain.trains.rules.ledger import ENDS, GOES_ON, Loss
from releasetrain.trains.rules.states import FINISHED_STATES, ChangeState

MOST_SHOWN = 200


@dataclass(frozen=True, slots=True)
class Lost:
    """One change that something is wrong with, and what."""

    loss: Loss
    change: Change
    departure: Departure | None


def ledger_of(departure: Departure) -> QuerySet[LedgerEntry]:
    """Return every stay aboard a departure in the order of boarding, with all that a row names."""
    return departure.ledger.select_related("change__service", "change__departure", "to").order_by(
        "entered_at", "pk"
    )


def lost_property(most: int = MOST_SHOWN) -> list[Lost]:
    """Return everything that was lost, in five queries: nothing, as long as this software is right."""
    return list(_lost(most))[:most]


def _lost(most: int) -> Iterator[Lost]:
    changes = Change.objects.select_related("service", "departure__train").order_by("pk")
    aboard = changes.filter(state=ChangeState.ABOARD)
    here = LedgerEntry.objects.filter(change=OuterRef("pk"))
    for one in aboard.filter(departure__state__in=FINISHED_STATES)[:most]:
        yield Lost(Loss.LEFT_BEHIND, one, one.departure)
    is_written = Exists(here.filter(departure=OuterRef("departure"), ended_at__isnull=True))
    for one in aboard.exclude(is_written)[:most]:
        yield Lost(Loss.NOT_WRITTEN, one, one.departure)
    for one in changes.filter(_without_an_end(here))[:most]:
        yield Lost(Loss.NO_END, one, one.departure)
    entries = LedgerEntry.objects.select_related("change__service", "departure__train").order_by("pk")
    is_there = Q(change__state=ChangeState.ABOARD, change__departure=F("departure"))
    for entry in entries.filter(ended_at__isnull=True).exclude(is_there)[:most]:
        yield Lost(Loss.GHOST, entry.change, entry.departure)
    arrived = LedgerEntry.objects.filter(
        change=OuterRef("change"), departure=OuterRef("to"), entered_at__gte=OuterRef("ended_at")
    )
    went_on = entries.filter(end__in=[end.value for end in GOES_ON], to__isnull=False)
    for entry in went_on.exclude(Exists(arrived))[:most]:
        yield Lost(Loss.NOT_PLACED, entry.change, entry.departure)


def _without_an_end(entries: QuerySet[LedgerEntry]) -> Q:
    """Match changes that have ended in a way that no entry tells."""
    found = Q()
    for state in (ChangeState.SHIPPED, ChangeState.RETURNED, ChangeState.EJECTED):
        found |= Q(state=state) & ~Q(Exists(entries.filter(end=ENDS[state].value)))
    return found
