"""Turn a departure into rollouts, and their ends into the departure's."""

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import F, Max

from releasetrain.calendars.rules.windows import Lane
from releasetrain.catalog.models import Target
from releasetrain.events.actions import SystemActor, record
from releasetrain.lib import clock
from releasetrain.lib.errors import Stale
from releasetrain.lib.words import listed
from releasetrain.rollouts.models import Rollout
from releasetrain.rollouts.rules.ladder import Ladder
from releasetrain.rollouts.rules.rollback import roll_back
from releasetrain.rollouts.rules.states import TERMINAL_STATES, RolloutKind, RolloutState
from releasetrain.rollouts.store import snapshot_of, write
from releasetrain.rollouts.together import bundles_of, newest_attempts, services_of
from releasetrain.trains.actions import arrive, mark_rolled_back
from releasetrain.trains.models import Departure
from releasetrain.trains.rules.states import DepartureState, OnNewVersion

logger = logging.getLogger(__name__)

CONDUCTOR = SystemActor("rollout engine")


@transaction.atomic
def launch(departure: Departure, now: datetime) -> list[Rollout]:
    """Queue a rollout for each service aboard of a departure that has left; doing it again adds nothing.

    A departure of which a service has nowhere to go is over at once, and says so: nothing has moved yet.
    """
    locked = Departure.objects.select_for_update(no_key=True).select_related("train").get(pk=departure.pk)
    if locked.state != DepartureState.ROLLING or locked.rollouts.exists():
        return []
    services = services_of(locked)
    targets = _targets(services, locked)
    if lost := [one.get("name", one["service"]) for one in services if one["service"] not in targets]:
        where = locked.train.environment
        reason = (
            f"{listed(lost)} cannot be reached in {where}: no target is connected there. Nothing was moved."
        )
        mark_rolled_back(locked, reason=reason, by=CONDUCTOR, now=now)
        return []
    if not services:
        arrive(locked, now=now, outcome="Nothing was aboard that moves.")
        return []
    bundles = bundles_of(services)
    made = [
        queue(
            targets[one["service"]],
            one["version"],
            departure=locked,
            now=now,
            place=place,
            bundle=bundles.get(one.get("id", 0), "")[:200],
        )
        for place, one in enumerate(services)
    ]
    for rollout in made:
        _meet_others(rollout, OnNewVersion(locked.plan.get("on_new_version") or OnNewVersion.QUEUE), now)
    return made


def _meet_others(rollout: Rollout, answer: OnNewVersion, now: datetime) -> None:
    """Let a new version take the place of the one on its way, or not start beside it; else it waits in line.

    A hotfix is never superseded by a train. A worker that has claimed the other one loses it by the fence.
    """
    others = Rollout.objects.filter(target=rollout.target, kind=RolloutKind.FORWARD)
    others = others.exclude(departure=rollout.departure).exclude(state__in=sorted(TERMINAL_STATES))
    if answer is OnNewVersion.SUPERSEDE:
        older = others.exclude(departure__train__lane=Lane.HOTFIX).exclude(state=RolloutState.ROLLING_BACK)
        older.update(is_superseded=True, fence=F("fence") + 1, next_due_at=now)
    elif answer is OnNewVersion.REJECT and (other := others.select_related("departure").first()) is not None:
        name = other.departure.code if other.departure else "Another rollout"
        reason = f"{name} brings {other.to_version} to {rollout.target} already; this train does not wait."
        write(roll_back(snapshot_of(rollout), reason, now), rollout, actor=CONDUCTOR, now=now)


def _targets(services: Iterable[Mapping[str, Any]], departure: Departure) -> dict[str, Target]:
    """Return the targets of services in the environment of a departure, by the slugs of the services."""
    slugs = [one["service"] for one in services]
    rows = Target.objects.filter(service__slug__in=slugs, environment=departure.train.environment_id)
    return {row.service.slug: row for row in rows.select_related("service", "environment")}


def queue(
    target: Target,
    version: str,
    *,
    departure: Departure,
    now: datetime,
    place: int = 0,
    bundle: str = "",
    attempt: int = 1,
) -> Rollout:
    """Queue one version for one target, with the plan that the departure was made with.

    :param place: its place in the order in which the services of the manifest move
    :param bundle: what it goes all or nothing with, the same words on every member
    :param attempt: how many times this departure has tried it, this time included
    """
    ladder, accelerated = departure.plan["ladder"], bool(departure.plan.get("accelerated"))
    fence = fence_above(target)
    rollout = Rollout.objects.create(
        departure=departure,
        target=target,
        attempt=attempt,
        place=place,
        bundle=bundle,
        from_version=target.stable_version,
        to_version=version,
        ladder=ladder,
        is_accelerated=accelerated,
        fence=fence,
        weight_fence=fence,
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


def fence_above(target: Target) -> int:
    """Return a fence above every one that a rollout of a target has had."""
    newest = Rollout.objects.filter(target=target).aggregate(fence=Max("fence"))["fence"] or 0
    return int(newest) + 1


def settle(departure: Departure, now: datetime) -> bool:
    """End a departure whose rollouts have all ended; tell whether it has.

    Of a target that was tried more than once the last attempt counts. What was taken back has not arrived.
    """
    rollouts = list(newest_attempts(departure.pk).prefetch_related("taken_back_by").order_by("finished_at"))
    if not rollouts or any(not one.is_finished for rollout in rollouts for one in _with_returns(rollout)):
        return False
    failed = [rollout for rollout in rollouts if not has_stayed(rollout)]
    if not failed:
        arrive(departure, now=now)
        return True
    shipped = frozenset(one.target.service_id for one in rollouts if has_stayed(one))
    reason = next((one.reason for one in failed if one.state != RolloutState.SUCCEEDED), failed[0].reason)
    mark_rolled_back(departure, reason=reason, by=CONDUCTOR, now=now, shipped_services=shipped)
    return True


def settle_ended(pks: Iterable[int]) -> None:
    """End the departures of these rollouts of which nothing is left; where a beat runs it does the same."""
    rolling = Departure.objects.filter(state=DepartureState.ROLLING, rollouts__in=list(pks))
    for departure in rolling.distinct():
        try:
            settle(departure, clock.now())
        except Stale:
            continue  # somebody else was faster
        except Exception:
            logger.exception("%s could not be ended.", departure.code)


def _with_returns(rollout: Rollout) -> list[Rollout]:
    return [rollout, *rollout.taken_back_by.all()]


def settle_return(row: Rollout, now: datetime) -> None:
    """End a departure that had arrived once one of its services was taken back (ENGINE T13).

    In the caller's transaction; what else of it has arrived stays.
    """
    departure = row.departure
    if row.kind != RolloutKind.ROLLBACK or departure is None or departure.state != DepartureState.ARRIVED:
        return
    rollouts = newest_attempts(departure.pk).prefetch_related("taken_back_by")
    shipped = frozenset(one.target.service_id for one in rollouts if has_stayed(one))
    reason = f"{row.from_version} of {row.target.service} was taken back after it had arrived."
    mark_rolled_back(departure, reason=reason, by=CONDUCTOR, now=now, shipped_services=shipped)


def has_stayed(rollout: Rollout) -> bool:
    """Tell whether users have a version for good: it arrived, and nobody has taken it back since."""
    is_back = any(one.state == RolloutState.SUCCEEDED for one in rollout.taken_back_by.all())
    return rollout.state == RolloutState.SUCCEEDED and not is_back
