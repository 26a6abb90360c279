"""Look at every target every few seconds: how its driver is, what users get, and set right what forgot it."""

import logging
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection, transaction
from django.db.models import F, Q

from releasetrain.catalog.models import Target
from releasetrain.events.actions import SystemActor, record
from releasetrain.rollouts.drivers import base, driver_for
from releasetrain.rollouts.drivers.base import Arm, Desired, Drained, Health, Observed, Outcome, Sync
from releasetrain.rollouts.models import UNBOUND_STATES, Rollout, Standing
from releasetrain.rollouts.rules.ladder import Ladder
from releasetrain.rollouts.rules.reconciling import Do, Look, Wanted, what_to_do
from releasetrain.rollouts.rules.states import MOVING_STATES, RolloutKind, RolloutState

logger = logging.getLogger(__name__)

RECONCILER = SystemActor("reconciler")
EVERY = timedelta(seconds=4)
MOST, THREADS = 400, 8
DRAINING = timedelta(hours=1)
LOOK_SECONDS, OBSERVE_SECONDS, SET_SECONDS = 4.0, 1.0, 2.0
R = RolloutState
# A rollout in one of these owns what its target is.
OWNING = [*sorted(MOVING_STATES), R.ROLLING_BACK]
KEPT = (
    "is_well",
    "detail",
    "servers",
    "candidate_down_at",
    "since_at",
    "checked_at",
    "state",
    "weight",
    "mirror",
    "fence",
    "missing",
    "read_detail",
    "drift",
    "drifted_at",
    "set_again_at",
    "open_connections",
    "drained_at",
)


@dataclass(frozen=True, slots=True)
class Seen:
    """What one look at a target has given."""

    health: Health
    observed: Observed
    drained: Drained | None = None


@dataclass(frozen=True, slots=True)
class Place:
    """A target with the rollout that owns it now, and what it should be."""

    target: Target
    rollout: Rollout | None
    wanted: Wanted | None

    def is_draining(self, now: datetime) -> bool:
        """Tell whether users came back lately, so that what is still open is counted."""
        if self.rollout is not None:
            return self.rollout.state == R.ROLLING_BACK
        since = self.wanted.since if self.wanted is not None and self.wanted.is_return else None
        return since is not None and now - since < DRAINING

    @property
    def subject(self) -> Rollout | Target:
        return self.target if self.rollout is None else self.rollout


def watch(now: datetime) -> int:
    """Look at all targets that are due, the longest due first; return how many were looked at."""
    is_due = Q(standing=None) | Q(standing__checked_at=None) | Q(standing__checked_at__lte=now - EVERY)
    rows = Target.objects.filter(is_due, service__archived_at=None).order_by(
        F("standing__checked_at").asc(nulls_first=True), "pk"
    )
    return watch_these(list(rows.select_related("service", "environment", "standing")[:MOST]), now)


def watch_these(targets: Sequence[Target], now: datetime) -> int:
    """Look at these targets, keep what was seen, and do what follows."""
    places = places_of(targets)
    looked = [
        (place, seen) for place, seen in zip(places, _look_at(places, now), strict=True) if seen is not None
    ]
    todo = _keep(looked, now)
    for place, seen in todo:
        _set_again(place, seen, now)
    return len(looked)


def places_of(targets: Sequence[Target]) -> list[Place]:
    """Learn for all targets at once what they should be."""
    owners = Rollout.objects.filter(target__in=targets, state__in=OWNING).select_related(
        "target__service", "target__environment"
    )
    moving = {row.target_id: row for row in owners}
    ended = Rollout.objects.filter(target__in=targets, finished_at__isnull=False, seq__gt=1)
    newest = ended.exclude(state=R.CANCELLED).order_by("target_id", "-finished_at", "-pk")
    last = {row.target_id: row for row in newest.distinct("target_id")}
    bound = set(
        Rollout.objects.filter(target__in=targets)
        .exclude(state__in=UNBOUND_STATES)
        .values_list("target_id", flat=True)
    )
    return [_place(one, moving.get(one.pk), last.get(one.pk), is_free=one.pk not in bound) for one in targets]


def _place(target: Target, moving: Rollout | None, last: Rollout | None, *, is_free: bool) -> Place:
    if moving is not None:
        return Place(target, moving, _wanted_by(moving))
    standing = getattr(target, "standing", None)
    configured_at = standing.configured_at if standing is not None else None
    if not is_free or last is None or last.finished_at is None:
        return Place(target, None, None)
    if configured_at is not None and configured_at > last.finished_at:
        return Place(target, None, None)
    is_arrived = last.kind == RolloutKind.FORWARD and last.state == R.SUCCEEDED
    wanted = Wanted(
        weight=last.desired_weight if is_arrived else 0,
        fence=last.weight_fence,
        is_return=not is_arrived,
        since=last.finished_at,
        settled_fence=last.fence,
    )
    return Place(target, None, wanted)


def _wanted_by(row: Rollout) -> Wanted | None:
    """Return what a rollout on its way wants; shares of segments are its own to compare."""
    ladder = Ladder.from_json(row.ladder)
    is_forward = row.kind == RolloutKind.FORWARD
    if is_forward and any(stage.segment for stage in ladder.stages):
        return None
    weight = row.desired_weight if is_forward else 100 - row.desired_weight
    is_shadow = is_forward and R(row.state) in MOVING_STATES
    mirror = ladder.stage(row.stage_index).mirror if is_shadow else 0
    return Wanted(weight=weight, fence=row.weight_fence, mirror=mirror, is_moving=True)


def _look_at(places: Sequence[Place], now: datetime) -> list[Seen | None]:
    """Look at all of them beside one another; one that hangs keeps no other waiting."""
    if len(places) <= 1:
        return [_look(one, now) for one in places]
    until = time.monotonic() + LOOK_SECONDS
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(lambda some: _look_in_time(some, now, until), places))


def _look_in_time(place: Place, now: datetime, until: float) -> Seen | None:
    if time.monotonic() > until:
        return None
    try:
        return _look(place, now)
    finally:
        connection.close()


def _look(place: Place, now: datetime) -> Seen:
    target = place.target
    try:
        driver = driver_for(target.driver)
        health, observed = driver.health(target), driver.observe(target, deadline=OBSERVE_SECONDS)
        can_tell = driver.capabilities.can_drain and place.is_draining(now)
        drained = driver.drain(target, cut=False, deadline=OBSERVE_SECONDS) if can_tell else None
    except Exception as error:
        logger.exception("The driver of %s could not be looked at.", target)
        return Seen(
            Health(is_well=False, detail=f"It failed ({type(error).__name__})."), Observed(Sync.UNKNOWN)
        )
    return Seen(health, observed, drained)


@transaction.atomic
def _keep(looked: Iterable[tuple[Place, Seen]], now: datetime) -> list[tuple[Place, Seen]]:
    """Keep what was seen in one statement, tell what has changed, and return what must be set again."""
    rows, todo = [], []
    for place, seen in looked:
        row = getattr(place.target, "standing", None) or Standing(target=place.target)
        do = _what_to_do(place, seen, now)
        _note_health(row, place, seen.health, now)
        _note_read_back(row, seen.observed)
        _note_drift(row, place, seen, now, is_drifted=do is Do.ASK)
        row.checked_at = now
        if seen.drained is not None:
            row.open_connections, row.drained_at = seen.drained.open_connections, now
        rows.append(row)
        if do is Do.WAKE and place.rollout is not None:
            mine = Rollout.objects.filter(pk=place.rollout.pk, state__in=OWNING, next_due_at__gt=now)
            mine.update(next_due_at=now)
        if do is Do.SET:
            row.set_again_at = now
            todo.append((place, seen))
    Standing.objects.bulk_create(
        rows, update_conflicts=True, unique_fields=["target"], update_fields=list(KEPT)
    )
    return todo


def _what_to_do(place: Place, seen: Seen, now: datetime) -> Do:
    can, observed = driver_for(place.target.driver).capabilities, seen.observed
    look = Look(
        weight=observed.weight,
        fence=observed.fence if can.is_fenced else None,
        mirror=observed.mirror,
        is_partial=observed.state is Sync.PARTIAL,
        is_converging=observed.state is Sync.CONVERGING,
        is_fenced=can.is_fenced,
        is_persistent=can.is_persistent,
    )
    return what_to_do(place.wanted, look, now)


def _note_health(row: Standing, place: Place, health: Health, now: datetime) -> None:
    if row.is_well is not health.is_well:
        row.since_at = now
        if row.is_well is not None or not health.is_well:
            kind = "rollouts.driver.recovered" if health.is_well else "rollouts.driver.failed"
            data = {} if health.is_well else {"reason": health.detail[:500]}
            record(kind=kind, subject=place.subject, actor=RECONCILER, now=now, **data)
    servers: list[dict[str, Any]] = [asdict(one) | {"arm": one.arm.value} for one in health.servers]
    for arm in Arm:
        was, now_down = _down(row.servers, arm), _down(servers, arm)
        if now_down and now_down != was:
            names = ", ".join(now_down)
            record(
                kind="rollouts.servers.died",
                subject=place.subject,
                actor=RECONCILER,
                now=now,
                arm=arm,
                servers=names,
            )
        elif was and not now_down:
            record(
                kind="rollouts.servers.recovered", subject=place.subject, actor=RECONCILER, now=now, arm=arm
            )
    candidates = [one for one in health.servers if one.arm is Arm.CANDIDATE]
    is_dead = bool(candidates) and not any(one.is_up for one in candidates)
    row.candidate_down_at = (row.candidate_down_at or now) if is_dead else None
    row.is_well, row.detail, row.servers = health.is_well, health.detail[:500], servers


def _down(servers: Iterable[dict[str, Any]], arm: Arm) -> list[str]:
    return sorted(one["name"] for one in servers if one["arm"] == arm and not one["is_up"])


def _note_read_back(row: Standing, seen: Observed) -> None:
    row.state, row.weight, row.mirror, row.fence = seen.state.value, seen.weight, seen.mirror, seen.fence
    row.missing, row.read_detail = list(seen.missing), seen.detail[:500]


def _note_drift(row: Standing, place: Place, seen: Seen, now: datetime, *, is_drifted: bool) -> None:
    """Say once that somebody else has moved it; whoever moves it next has to look first."""
    if not is_drifted or place.wanted is None:
        row.drift, row.drifted_at = "", None
        return
    drift = (
        f"{seen.observed.weight} % was read back where the last rollout left {place.wanted.weight} %. "
        "Somebody else moves this traffic."
    )
    if row.drift != drift:
        row.drift, row.drifted_at = drift, now
        record(kind="rollouts.target.drifted", subject=place.target, actor=RECONCILER, now=now, reason=drift)


def _set_again(place: Place, seen: Seen, now: datetime) -> None:
    """Ask the driver for what the last rollout left, unless another one has begun meanwhile."""
    target, wanted = place.target, place.wanted
    if wanted is None or Rollout.objects.filter(target=target).exclude(state__in=UNBOUND_STATES).exists():
        return
    key = f"{target.pk}:{wanted.fence}:again"
    try:
        driver = driver_for(target.driver)
        if wanted.weight == 0:
            ack = driver.rollback(target, fence=wanted.fence, key=key, deadline=SET_SECONDS)
        else:
            desired = Desired(target, wanted.weight, wanted.fence, target.stable_version)
            ack = driver.apply(desired, key=key, deadline=SET_SECONDS)
    except Exception as error:
        logger.exception("The driver of %s could not be set again.", target)
        ack = base.Ack(Outcome.UNKNOWN, type(error).__name__)
    was_wrong = seen.observed.weight != wanted.weight or seen.observed.state is Sync.PARTIAL
    if was_wrong and ack.outcome in (Outcome.CONFIRMED, Outcome.ACCEPTED):
        found = "nothing" if seen.observed.weight is None else f"{seen.observed.weight} %"
        missing = f" {', '.join(seen.observed.missing)} had something else." if seen.observed.missing else ""
        record(
            kind="rollouts.target.set_again",
            subject=target,
            actor=RECONCILER,
            now=now,
            weight=wanted.weight,
            reason=f"{found} was read back.{missing}",
        )
