"""Find everything that rolls now, that waits to, and that came back lately."""

from datetime import datetime, timedelta

from django.db.models import Q, QuerySet

from releasetrain.rollouts.models import Rollout
from releasetrain.rollouts.rules.states import MOVING_STATES, WAITING_STATES, RolloutState

R = RolloutState
RETURNED = (R.ROLLED_BACK, R.SUPERSEDED)
LATELY = timedelta(hours=1)


def seen_by_users() -> QuerySet[Rollout]:
    """Return what users may see now: it moves, or is on its way back."""
    return Rollout.objects.filter(state__in=[*sorted(MOVING_STATES), R.ROLLING_BACK])


def unfinished() -> QuerySet[Rollout]:
    """Return what users may see now and what would be next."""
    return Rollout.objects.filter(state__in=[*sorted(MOVING_STATES), *sorted(WAITING_STATES), R.ROLLING_BACK])


def rolling_or_back(now: datetime) -> QuerySet[Rollout]:
    """Return what is not over, and what came back within the last hour."""
    is_back = Q(state__in=RETURNED, finished_at__gt=now - LATELY)
    return unfinished() | Rollout.objects.filter(is_back)
