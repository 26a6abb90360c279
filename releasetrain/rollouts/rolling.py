"""Find everything that rolls now, that waits to, that came back lately, and that can still be taken back."""

from datetime import datetime

from django.db.models import Exists, OuterRef, Q, QuerySet

from releasetrain.rollouts.models import Rollout
from releasetrain.rollouts.rules.refusals import REVERT_WINDOW
from releasetrain.rollouts.rules.states import MOVING_STATES, WAITING_STATES, RolloutKind, RolloutState

R = RolloutState
RETURNED = (R.ROLLED_BACK, R.SUPERSEDED)
IS_FORWARD = Q(kind=RolloutKind.FORWARD)
# Users are still on their way to the old version; a way back that soaks has brought them there.
IS_RETURNING = Q(state=R.ROLLING_BACK) | (
    Q(kind=RolloutKind.ROLLBACK) & Q(state__in=[*sorted(WAITING_STATES), R.SHIFTING, R.BAKING])
)


def unfinished() -> QuerySet[Rollout]:
    """Return what brings something new and is not over; a way back is nothing that one brings back."""
    states = [*sorted(MOVING_STATES), *sorted(WAITING_STATES), R.ROLLING_BACK]
    return Rollout.objects.filter(IS_FORWARD, state__in=states)


def returning() -> QuerySet[Rollout]:
    """Return what is on its way back."""
    return Rollout.objects.filter(IS_RETURNING)


def revertible(now: datetime) -> QuerySet[Rollout]:
    """Return what arrived last on its target, lately enough to be taken straight back (ENGINE T13)."""
    arrived = Rollout.objects.filter(IS_FORWARD, state=R.SUCCEEDED)
    later = arrived.filter(target=OuterRef("target"), finished_at__gt=OuterRef("finished_at"))
    ways = Rollout.objects.filter(takes_back=OuterRef("pk")).exclude(state__in=[*RETURNED, R.CANCELLED])
    moving = Rollout.objects.filter(
        target=OuterRef("target"), state__in=[*sorted(MOVING_STATES), R.ROLLING_BACK]
    )
    recent = arrived.filter(finished_at__gt=now - REVERT_WINDOW)
    return recent.exclude(Exists(later)).exclude(Exists(ways)).exclude(Exists(moving))
