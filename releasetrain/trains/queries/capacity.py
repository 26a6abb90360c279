"""Find out whether a window that allows has room for one change more."""

from datetime import datetime

from releasetrain.calendars.models import Window
from releasetrain.calendars.queries import capacity_at, place
from releasetrain.calendars.rules.windows import Freeze, Lane, Place
from releasetrain.lib.moments import moment
from releasetrain.lib.spans import Span
from releasetrain.lib.verdict import Reason
from releasetrain.trains.models import Change, Departure
from releasetrain.trains.rules.states import ChangeState


def why_full(change: Change, departure: Departure) -> Reason | None:
    """Return why a window has no room for a change on a departure, offering its next time; or None."""
    if not Window.objects.filter(capacity__isnull=False, deleted_at__isnull=True).exists():
        return None
    train = departure.train
    where, lane = place(change.service, train.environment), Lane(train.lane)
    for freeze, span, capacity in capacity_at([where], departure.departs_at, lane):
        if aboard(freeze, span, lane, without=change) >= capacity:
            return _full(freeze, span, capacity, where, train.time_zone)
    return None


def aboard(freeze: Freeze, span: Span, lane: Lane, *, without: Change) -> int:
    """Count the other changes that leave in one time of a window and that it concerns."""
    rows = Change.objects.filter(
        state__in=[ChangeState.ABOARD, ChangeState.SHIPPED],
        departure__departs_at__gte=span.start,
        departure__departs_at__lt=span.end,
        departure__train__lane=lane,
    ).exclude(pk=without.pk)
    places = rows.values_list(
        "service__team_id",
        "service_id",
        "departure__train__environment_id",
        "departure__train__environment__region_id",
    )
    return sum(freeze.concerns(Place(*one), lane) for one in places if None not in one[:3])


def _full(freeze: Freeze, span: Span, capacity: int, where: Place, zone: str) -> Reason:
    room = "one change" if capacity == 1 else f"{capacity} changes"
    text = f"“{freeze.name}” has room for {room} until {moment(span.end, zone)}, and that many are aboard"
    opens_at = next_opening(freeze, where, span.end)
    after = (
        f"; it opens next on {moment(opens_at, zone)}." if opens_at else "; nobody knows when it opens next."
    )
    return Reason("capacity", f"{text}{after}", until=opens_at, who=freeze.who)


def next_opening(freeze: Freeze, where: Place, after: datetime) -> datetime | None:
    """Return when a window opens next for a place, from an instant on."""
    starts = [time.span.start for time in freeze.times if time.covers(where) and time.span.start >= after]
    return min(starts, default=None)
