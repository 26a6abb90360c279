"""Read what guardrails are judged by before any rollout: known metrics, and how long stages bake."""

from datetime import datetime, timedelta

from releasetrain.accounts.rules import Role, Roles
from releasetrain.catalog.access import may
from releasetrain.catalog.models import Target
from releasetrain.health.models import MetricQuery
from releasetrain.health.queries import ending_after
from releasetrain.rollouts.drivers import DRIVERS
from releasetrain.rollouts.models import UNBOUND_STATES, Rollout
from releasetrain.rollouts.rules.ladder import DEFAULT_LADDER, Ladder
from releasetrain.rollouts.rules.shadows import SHADOW_METRIC
from releasetrain.trains.models import Train

# A promise decides whether users come back: whoever runs trains makes it.
KEEPERS = (Role.RELEASE_MANAGER, Role.ADMINISTRATOR)
RECENT = timedelta(days=1)


def may_keep(roles: Roles, target: Target) -> bool:
    """Tell whether somebody may say what a target must keep."""
    return any(may(roles, role, target.service) for role in KEEPERS)


def known_metrics(target: Target, now: datetime) -> set[str]:
    """Return what a target has reported within the last day, what is asked for it, and what copies tell."""
    rows = ending_after(now - RECENT).filter(target=target).order_by()
    asked = MetricQuery.objects.filter(target=target, removed_at__isnull=True).order_by()
    driver = DRIVERS.get(target.driver)
    copies = {SHADOW_METRIC} if driver is not None and driver.capabilities.can_mirror else set()
    told = rows.values_list("metric", flat=True).distinct()
    return {*told, *asked.values_list("metric", flat=True), *copies}


def ladders_of(target: Target) -> list[tuple[str, Ladder]]:
    """Return the ladders that a target's versions climb, with their trains; the usual one where none does."""
    trains = Train.objects.filter(services=target.service_id, environment=target.environment_id)
    found = [(train.name, Ladder.from_json(train.ladder)) for train in trains.filter(is_accelerated=False)]
    return found or [("the usual ladder", DEFAULT_LADDER)]


def shortest_bake(target: Target) -> float:
    """Return the seconds of the shortest stage that a target's versions bake at."""
    return min(stage.bake_seconds for _, ladder in ladders_of(target) for stage in ladder.stages)


def moving_rollout(target: Target) -> Rollout | None:
    """Return the rollout that has a target now."""
    return Rollout.objects.filter(target=target).exclude(state__in=UNBOUND_STATES).first()
