"""Turn a departure into rollouts, and their ends into the departure's."""

from datetime import datetime

from django.db import transaction
from django.db.models import Max

from releasetrain.catalog.models import Target
from releasetrain.events.actions import SystemActor, record
from releasetrain.rollouts.models import Rollout
from releasetrain.rollouts.rules.ladder import Ladder
from releasetrain.rollouts.rules.states import RolloutState
from releasetrain.trains.actions import arrive, mark_rolled_back
from releasetrain.trains.models import Departure
from releasetrain.trains.rules.states import DepartureState

CONDUCTOR = SystemActor("rollout engine")


@transaction.atomic
def launch(departure: Departure, now: datetime) -> list[Rollout]:
    """Queue a rollout for each service aboard of a departure that has left; doing it again adds nothing."""
    locked = Departure.objects.select_for_update(no_key=True).select_related("train").get(pk=departure.pk)
    if locked.state != DepartureState.ROLLING or locked.rollouts.exists():
        return []
    manifest = locked.manifests.first()
    services = manifest.content["services"] if manifest else []
    rollouts = []
    for entry in services:
        target = Target.objects.filter(
            service__slug=entry["service"], environment=locked.train.environment_id
        ).first()
        if target is not None:
            rollouts.append(queue(target, entry["version"], departure=locked, now=now))
    return rollouts


def queue(target: Target, version: str, *, departure: Departure, now: datetime) -> Rollout:
    """Queue one version for one target, with the plan that the departure was made with."""
    ladder, accelerated = departure.plan["ladder"], bool(departure.plan.get("accelerated"))
    newest = Rollout.objects.filter(target=target).aggregate(fence=Max("fence"))["fence"] or 0
    rollout = Rollout.objects.create(
        departure=departure,
        target=target,
        from_version=target.stable_version,
        to_version=version,
        ladder=ladder,
        is_accelerated=accelerated,
        fence=newest + 1,
        weight_fence=newest + 1,
        state_entered_at=now,
        starts_at=now,
        overall_deadline_at=now + Ladder.from_json(ladder).patience,
        next_due_at=now,
        created_at=now,
    )
    record(
        kind="rollouts.rollout.queued",
        subject=rollout,
        actor=CONDUCTOR,
        now=now,
        service=target.service.name,
        version=version,
    )
    return rollout


def settle(departure: Departure, now: datetime) -> bool:
    """End a departure whose rollouts have all ended; tell whether it has."""
    rollouts = list(
        departure.rollouts.filter(kind="forward").select_related("target").order_by("finished_at")
    )
    if not rollouts or any(not rollout.is_finished for rollout in rollouts):
        return False
    failed = [rollout for rollout in rollouts if rollout.state != RolloutState.SUCCEEDED]
    if not failed:
        arrive(departure, now=now)
        return True
    shipped = {one.target.service_id for one in rollouts if one.state == RolloutState.SUCCEEDED}
    mark_rolled_back(
        departure, reason=failed[0].reason, by=CONDUCTOR, now=now, shipped_services=frozenset(shipped)
    )
    return True
