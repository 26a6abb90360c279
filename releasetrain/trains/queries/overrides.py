"""Read overrides: what they let through, who may approve them, and which wait for their review."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db.models import QuerySet

from releasetrain.calendars.queries import windows_between
from releasetrain.calendars.rules.windows import Freeze, Lane, Stops
from releasetrain.lib.once import once
from releasetrain.trains.models import Change, Departure, Override
from releasetrain.trains.queries.aboard import loads_of
from releasetrain.trains.rules.overrides import Passing
from releasetrain.trains.rules.states import ChangeState

# An override may name windows that open so long after its departure at most.
NAMED_WITHIN = timedelta(days=14)
WITH_EVERYTHING = ("windows", "services")


def passing_of(override: Override) -> Passing:
    """Read one override as the rules see it; quick where windows and services are prefetched."""
    return Passing(
        id=override.pk,
        windows=frozenset(one.pk for one in override.windows.all()),
        services=frozenset(one.pk for one in override.services.all()),
        expires_at=override.expires_at,
        requested_by=override.requested_by_id,
        requested_by_name=override.requested_by_label,
        approved_at=override.approved_at,
        withdrawn_at=override.withdrawn_at,
        reviewed_at=override.reviewed_at,
    )


def passings_of(departures: Iterable[int]) -> dict[int, tuple[Passing, ...]]:
    """Return the overrides of departures that stand; one query where there are none."""
    asked = frozenset(departures)
    return _passings(asked) if asked else {}


@once(lambda departures: departures)
def _passings(departures: frozenset[int]) -> dict[int, tuple[Passing, ...]]:
    rows = Override.objects.filter(departure__in=departures, withdrawn_at__isnull=True)
    found: dict[int, list[Passing]] = defaultdict(list)
    for row in rows.prefetch_related(*WITH_EVERYTHING):
        found[row.departure_id].append(passing_of(row))
    return {pk: tuple(own) for pk, own in found.items()}


@once(lambda departure: departure.pk)
def authors_aboard(departure: Departure) -> frozenset[int]:
    """Return who wrote or submitted a change aboard."""
    rows = Change.objects.filter(departure=departure, state=ChangeState.ABOARD)
    pairs = rows.values_list("author_id", "submitted_by_id")
    return frozenset(person for pair in pairs for person in pair if person is not None)


def may_be_overridden(departure: Departure, at: datetime) -> tuple[dict[int, str], list[Freeze]]:
    """Return the services that an override may name, id to name, and the windows that stop any of them.

    That is every window in which it would leave, or move, within the next two weeks.
    """
    load = loads_of([departure])[departure.pk]
    first = min(at, departure.departs_at)
    freezes = windows_between(first, max(at, departure.departs_at) + NAMED_WITHIN)
    lane = Lane(departure.train.lane)
    places = [place for _, place in load.expected.values()]
    met = [
        one
        for one in freezes
        if one.level is not Stops.NOTICE and any(one.concerns(place, lane) for place in places)
    ]
    return {service: name for service, (name, _) in load.expected.items()}, met


def overrides_with_everything() -> QuerySet[Override]:
    """Return overrides with everything that a row of a list names, the newest first."""
    rows = Override.objects.select_related("departure__train__team", "departure__train__captain")
    return rows.prefetch_related(*WITH_EVERYTHING).order_by("-requested_at", "-pk")


def overrides_to_review(now: datetime | None = None) -> QuerySet[Override]:
    """Return the overrides that were used or could have been and that nobody has reviewed, soonest due first.

    :param now: only those whose review is overdue then and was not asked for yet
    """
    rows = overrides_with_everything().filter(review_due_at__isnull=False, reviewed_at__isnull=True)
    if now is not None:
        rows = rows.filter(review_due_at__lte=now, overdue_told_at__isnull=True)
    return rows.order_by("review_due_at", "pk")
