"""Read what a departure that waited has to find its place among (RULES W2)."""

from collections.abc import Mapping
from datetime import datetime

from django.db.models import Q

from releasetrain.trains.models import Change, Departure
from releasetrain.trains.rules.departing import STAGGER, HoldKind
from releasetrain.trains.rules.states import ChangeState, DepartureState

D = DepartureState


def busy_services(departure: Departure, services: Mapping[int, str]) -> dict[str, str]:
    """Return which services aboard another departure is moving in the same environment: name to departure.

    :param services: those aboard, id to name
    """
    rows = Change.objects.filter(
        service__in=services,
        state=ChangeState.ABOARD,
        departure__state=D.ROLLING,
        departure__train__environment=departure.train.environment_id,
    ).exclude(departure=departure)
    pairs = rows.values_list("service__name", "departure_id").distinct().order_by("departure_id")
    return {service: f"RT-{other}" for service, other in pairs}


def taken_slots(departure: Departure, now: datetime) -> list[datetime]:
    """Return when other departures leave that are cleared, or have just left."""
    rows = Departure.objects.filter(departs_at__gt=now - STAGGER).exclude(pk=departure.pk)
    rows = rows.filter(Q(state=D.CLEARED, held_at__isnull=True) | Q(state=D.ROLLING))
    return list(rows.values_list("departs_at", flat=True))


def ahead_of(departure: Departure) -> int:
    """Count the departures planned before this one that wait for the end of the same window."""
    rows = Departure.objects.filter(
        held_at__isnull=False,
        held_kind=HoldKind.WINDOW,
        held_until=departure.held_until,
        state=D.CLEARED,
    )
    earlier = Q(departs_at__lt=departure.departs_at) | Q(departs_at=departure.departs_at, pk__lt=departure.pk)
    return rows.filter(earlier).count() if departure.held_until else 0
