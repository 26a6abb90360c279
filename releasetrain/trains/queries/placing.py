"""Find where the changes of a departure may go that does not go: the next one, or an express."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from releasetrain.calendars.rules.windows import Lane
from releasetrain.trains.models import Change, Departure, Need
from releasetrain.trains.queries.room import rider_of, riders
from releasetrain.trains.rules.onward import Goer, Onward, Stop, go_on
from releasetrain.trains.rules.standby import taken
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


def shared_out(changes: Iterable[Change], to: Mapping[int, Departure | None]) -> Onward:
    """Say who finds a place where it goes on to, and who stands by there (RULES I8, I9, I11).

    :param to: where each one goes on to, by its id
    """
    goers = {one.pk: Goer(rider_of(one), _pk(to.get(one.pk)), one.bundle_id) for one in changes}
    stops = {one.pk: one for one in to.values() if one is not None}
    needs = Need.objects.filter(change__in=goers, needed__in=goers).values_list("change_id", "needed_id")
    return go_on(goers.values(), needs if stops else (), {pk: _stop(one) for pk, one in stops.items()})


def _pk(departure: Departure | None) -> int | None:
    return departure.pk if departure else None


def _stop(departure: Departure) -> Stop:
    aboard = riders(departure)[0] if departure.room.is_limited else ()
    return Stop(departure.departs_at, departure.room, taken(aboard))
