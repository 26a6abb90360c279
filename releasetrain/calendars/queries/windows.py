"""Ask what windows are open over something that would move."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from releasetrain.calendars.queries.freezes import freezes_within
from releasetrain.calendars.rules.judging import Openness, Overridden, judge, openness
from releasetrain.calendars.rules.windows import Effect, Freeze, Lane, Place
from releasetrain.catalog.models import Environment, Service
from releasetrain.lib.spans import Span
from releasetrain.lib.verdict import Verdict

# How far ahead is looked for the next opening or closing.
HORIZON = timedelta(days=400)


def windows_between(first: datetime, last: datetime, places: Iterable[Place] = ()) -> list[Freeze]:
    """Return what may stop something at an instant from first to last (both count), in one query.

    That is every window that is open then, with those of its times, and every window that allows and whose
    last time is not over, with its times then and the next ones: what it does not allow, it stops. Soonest
    end first.

    :param places: leave out what surely concerns none of them; everything counts where none is named
    """
    return windows_within([Span(first, last)], places)


def windows_within(spans: Iterable[Span], places: Iterable[Place] = ()) -> list[Freeze]:
    """Return what may stop something within any of the spans (both ends count), in one query.

    :param places: leave out what surely concerns none of them; everything counts where none is named
    """
    asked = list(spans)
    return freezes_within(asked, list(places)) if asked else []


def windows_at(at: datetime, places: Iterable[Place] = ()) -> list[Freeze]:
    """Return what may stop something at an instant, in one query.

    :param places: leave out what surely concerns none of them; everything counts where none is named
    """
    return windows_between(at, at, places)


def place(service: Service, environment: Environment) -> Place:
    """Return where a service of its team would move."""
    return Place(service.team_id, service.pk, environment.pk, environment.region_id)


def verdict_over(
    places: Iterable[Place],
    at: datetime,
    acknowledged: Iterable[int] = (),
    *,
    lane: Lane = Lane.TRAIN,
    overridden: Overridden = frozenset(),
) -> Verdict:
    """Judge whether anything may move at an instant in any of the places.

    :param acknowledged: ids of soft windows that somebody has accepted
    """
    where = list(places)
    known = windows_at(at, where) if where else []
    return judge(known, where, at, frozenset(acknowledged), lane=lane, overridden=overridden)


def verdict_for(
    service: Service, environment: Environment, at: datetime, *, lane: Lane = Lane.TRAIN
) -> Verdict:
    """Judge whether a service may advance in an environment at an instant; a rollback never asks (W9)."""
    return verdict_over([place(service, environment)], at, lane=lane)


def openness_of(places: Iterable[Place], at: datetime, *, lane: Lane = Lane.TRAIN) -> Openness:
    """Answer whether anything may move in the places now, and when that changes next, in one query."""
    where = list(places)
    known = windows_between(at, at + HORIZON, where) if where else []
    return openness(known, where, at, lane=lane)


def capacity_at(places: Iterable[Place], at: datetime, lane: Lane) -> list[tuple[Freeze, Span, int]]:
    """Return the open windows that have room for a number of changes only, each with its open span.

    One of them counts where a place has no other that lets it move without a number.
    """
    wanted = list(places)
    freezes = windows_at(at, wanted) if wanted else []
    found: dict[int, tuple[Freeze, Span, int]] = {}
    for where in wanted:
        opened = [
            (one, time.span)
            for one in freezes
            if one.effect is Effect.ALLOW and one.concerns(where, lane)
            for time in one.times
            if time.covers(where) and at in time.span
        ]
        if all(one.capacity is not None for one, _ in opened):
            found |= {one.id: (one, span, one.capacity or 0) for one, span in opened}
    return sorted(found.values(), key=lambda one: (one[1].end, one[0].id))
