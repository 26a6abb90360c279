"""Find where the changes of a departure may go that does not go: the next one, or an express."""

from collections.abc import Iterable
from datetime import datetime

from releasetrain.calendars.rules.windows import Lane
from releasetrain.trains.models import Departure
from releasetrain.trains.rules.states import BOARDING_STATES


def expresses_for(services: Iterable[int], departure: Departure, now: datetime) -> dict[int, Departure]:
    """Return the soonest departure of the hotfix lane that each service may board now, in one query.

    Only those into the same environment as the one that does not go.
    """
    wanted = set(services)
    rows = Departure.objects.filter(
        train__lane=Lane.HOTFIX,
        train__environment=departure.train.environment_id,
        train__services__in=wanted,
        train__retired_at__isnull=True,
        state__in=BOARDING_STATES,
        boards_at__lte=now,
        cut_off_at__gt=now,
    ).exclude(pk=departure.pk)
    found: dict[int, Departure] = {}
    for row in rows.order_by("departs_at", "pk").distinct().prefetch_related("train__services"):
        for service in row.train.services.all():
            if service.pk in wanted:
                found.setdefault(service.pk, row)
    return found
