"""Read departures for the figures, imported history and our own alike."""

from django.db.models import Count, Q

from releasetrain.insights.rules import Figure, Run, figures
from releasetrain.rollouts.models import Rollout
from releasetrain.rollouts.rules.states import RolloutState
from releasetrain.trains.models import Departure, Train
from releasetrain.trains.rules.states import DepartureState, MovementKind


def figures_of(train: Train) -> list[Figure]:
    """Return the figures of a train over all its departures that have left."""
    return figures(runs_of(train))


def runs_of(train: Train) -> list[Run]:
    """Return every departure of a train that has left, earliest first.

    A rollback is a rollout that came back or, in imported history, a movement that was one. What a window
    took back is none: the version did not fail. A departure that came back for windows alone ended neither
    way.
    """
    moved_back = Count("movements", filter=Q(movements__kind=MovementKind.ROLLBACK))
    left = Departure.objects.filter(train=train, departed_at__isnull=False).annotate(moved_back=moved_back)
    came_back = {
        departure: (back - taken, taken)
        for departure, back, taken in Rollout.objects.filter(
            departure__train=train, state=RolloutState.ROLLED_BACK
        )
        .values_list("departure_id")
        .annotate(back=Count("pk"), taken=Count("pk", filter=Q(is_window_return=True)))
        .order_by()
    }
    return [
        Run(
            departed_at=row.departed_at,
            finished_at=row.finished_at,
            arrived=row.state == DepartureState.ARRIVED,
            rolled_back=row.state == DepartureState.ROLLED_BACK and not _for_windows(came_back.get(row.pk)),
            rollbacks=row.moved_back + came_back.get(row.pk, (0, 0))[0],
            planned_at=None if row.imported_from else row.planned_at,
        )
        for row in left.order_by("departed_at")
        if row.departed_at is not None
    ]


def _for_windows(came_back: tuple[int, int] | None) -> bool:
    """Tell whether what came back of a departure was taken back by windows alone."""
    return came_back is not None and came_back[0] == 0 and came_back[1] > 0
