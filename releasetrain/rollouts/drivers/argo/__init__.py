"""Move requests by an Argo Rollout: end one pause of its steps at a time, and abort to bring users back.

The fence stands in an annotation; a promotion carries the resource version that was read after it was noted.
"""

import time
from typing import Any, ClassVar

from releasetrain.catalog.models import Target
from releasetrain.lib import clock
from releasetrain.lib.addresses import why_not_address
from releasetrain.rollouts.drivers.argo.steps import (
    ABORT,
    KEY,
    Standing,
    Unsuitable,
    marks,
    promotion,
    standing_of,
    warnings_of,
    weights_of,
    why_not_step,
)
from releasetrain.rollouts.drivers.arms import lines_of, servers_of, why_not_version
from releasetrain.rollouts.drivers.base import (
    Ack,
    Capabilities,
    Desired,
    Drained,
    Finding,
    Health,
    Observed,
    Outcome,
    Sync,
)
from releasetrain.rollouts.drivers.fields import Field, problems_of
from releasetrain.rollouts.drivers.kubernetes import (
    CLUSTER_FIELDS,
    MERGE_PATCH,
    SERVER_FIELDS,
    Cluster,
    Conflict,
    Denied,
    Unheard,
    annotation_of,
    cluster_of,
    version_of,
)

READ_SECONDS, LEAST_SECONDS = 1.0, 0.05
FAULTS = (Unheard, Denied, Conflict, Unsuitable)
# A controller that has not come to the next pause after this long is taken for dead.
CONTROLLER_SECONDS = 240.0
AT_WORK = "Its controller is at work."
ALARM = (
    "It has not come to its next pause within 4 minutes: its controller may be dead, or pods do not start."
)
Config = dict[str, Any]


class ArgoDriver:
    """End the pauses of an Argo Rollout one at a time; it aborts to bring users back."""

    kind: ClassVar[str] = "argo"
    label: ClassVar[str] = "Argo Rollouts"
    capabilities: ClassVar[Capabilities] = Capabilities(patience_seconds=300.0)
    fields: ClassVar[tuple[Field, ...]] = (
        *CLUSTER_FIELDS,
        Field("rollout", "Rollout", "the name of the Rollout of Argo", is_required=True),
        *SERVER_FIELDS,
    )

    def check(self, target: Target, config: Config) -> list[Finding]:
        found = [Finding(one, is_blocking=True) for one in problems_of(self.fields, config)]
        if config.get("server") and (why := why_not_address(str(config["server"]))):
            found.append(Finding(f"“{config['server']}”: {why}", is_blocking=True))
        if found:
            return found
        try:
            found += [Finding(one) for one in warnings_of(_rehearse(config, READ_SECONDS))]
        except FAULTS as fault:
            found.append(Finding(str(fault), is_blocking=True))
        return found

    def prepare(self, desired: Desired, *, key: str, deadline: float) -> Ack:
        until = time.monotonic() + deadline
        config = desired.target.driver_config
        try:
            standing = standing_of(_rehearse(config, deadline))
        except Unheard as fault:
            return Ack(Outcome.UNKNOWN, str(fault))
        except FAULTS as fault:
            return Ack(Outcome.REFUSED, str(fault))
        if standing.is_promoted or standing.is_aborted:
            return Ack(Outcome.UNKNOWN, "It waits until the new version is set in the cluster.")
        if lines_of(config, "candidate") and (why := why_not_version(config, desired.version, _left(until))):
            return Ack(Outcome.REFUSED, why)
        return Ack(Outcome.CONFIRMED)

    def apply(self, desired: Desired, *, key: str, deadline: float) -> Ack:
        until = time.monotonic() + deadline
        try:
            return _promote(_cluster(desired.target.driver_config), desired, key, until)
        except Unheard as fault:
            return Ack(Outcome.UNKNOWN, str(fault))
        except (Denied, Unsuitable) as fault:
            return Ack(Outcome.REFUSED, str(fault))

    def rollback(self, target: Target, *, fence: int, key: str, deadline: float) -> Ack:
        until = time.monotonic() + deadline
        try:
            return _abort(_cluster(target.driver_config), fence, key, until)
        except (Unheard, Conflict) as fault:
            return Ack(Outcome.UNKNOWN, str(fault))
        except (Denied, Unsuitable) as fault:
            return Ack(Outcome.REFUSED, str(fault))

    def observe(self, target: Target, *, deadline: float) -> Observed:
        now = clock.now()
        try:
            standing = standing_of(_cluster(target.driver_config).get(deadline))
        except FAULTS as fault:
            return Observed(Sync.UNREACHABLE, at=now, detail=str(fault))
        if standing.weight is None or standing.is_moving:
            state = Sync.UNKNOWN if _is_overdue(standing) else Sync.CONVERGING
            return Observed(state, fence=standing.fence, at=now, detail=standing.message or AT_WORK)
        return Observed(Sync.SYNCED, standing.weight, standing.fence, now)

    def drain(self, target: Target, *, cut: bool, deadline: float) -> Drained:
        return Drained(None, detail="Argo Rollouts tells nobody how many connections are open.")

    def health(self, target: Target) -> Health:
        config = target.driver_config
        servers = servers_of(config, READ_SECONDS)
        try:
            standing = standing_of(_cluster(config).get(READ_SECONDS))
        except FAULTS as fault:
            return Health(is_well=False, detail=str(fault), servers=servers)
        is_stuck = standing.is_moving and _is_overdue(standing)
        return Health(not is_stuck, ALARM if is_stuck else "", servers)


def _cluster(config: Config) -> Cluster:
    return cluster_of(config, "argoproj.io/v1alpha1", "rollouts", str(config.get("rollout", "")))


def _promote(cluster: Cluster, desired: Desired, key: str, until: float) -> Ack:
    """End one pause; where somebody was quicker, once more upon what they have left."""
    conflict = ""
    for _ in range(2):
        document = cluster.get(_left(until))
        standing, weights = standing_of(document), weights_of(document)
        if standing.fence is not None and desired.fence < standing.fence:
            return Ack(Outcome.REFUSED, f"Fence {desired.fence} is older than {standing.fence}.")
        is_going = annotation_of(document, KEY) == key and not standing.is_paused
        is_there = is_going or (standing.weight == desired.weight and not standing.is_aborted)
        if not is_there and (why := why_not_step(standing, weights, desired.weight)):
            return Ack(Outcome.REFUSED, why)
        try:
            noted = marks(desired.fence, desired.weight, key, _now(), version_of(document))
            document = cluster.patch(noted, MERGE_PATCH, _left(until))
            if not is_there:
                step = promotion(2 * (standing.index // 2) + 1, version_of(document))
                cluster.patch(step, MERGE_PATCH, _left(until), status=True)
        except Conflict as fault:
            conflict = str(fault)
            continue
        return _read_after(cluster, desired.weight, desired.fence, until)
    return Ack(Outcome.UNKNOWN, f"Drifted: somebody else changes the Rollout, too. {conflict}")


def _abort(cluster: Cluster, fence: int, key: str, until: float) -> Ack:
    """Abort whatever rolls out, whoever changes the Rollout meanwhile: nothing keeps a rollback waiting."""
    standing = standing_of(cluster.get(_left(until)))
    if standing.fence is not None and fence < standing.fence:
        return Ack(Outcome.REFUSED, f"Fence {fence} is older than {standing.fence}.")
    if standing.is_promoted and standing.weight:
        return Ack(Outcome.REFUSED, "Other hands have promoted it: undo it in the cluster.")
    cluster.patch(marks(fence, 0, key, _now()), MERGE_PATCH, _left(until))
    if not standing.is_promoted:
        cluster.patch(ABORT, MERGE_PATCH, _left(until), status=True)
    return _read_after(cluster, 0, fence, until)


def _read_after(cluster: Cluster, weight: int, fence: int, until: float) -> Ack:
    seen: Standing = standing_of(cluster.get(_left(until)))
    if seen.weight == weight and seen.fence == fence and not seen.is_moving:
        return Ack(Outcome.CONFIRMED)
    return Ack(Outcome.ACCEPTED, f"It is on its way; {seen.message or 'its controller is at work'}.")


def _rehearse(config: Config, seconds: float) -> dict[str, Any]:
    """Read the Rollout, and try both patches without any change."""
    until = time.monotonic() + seconds
    cluster = _cluster(config)
    document = cluster.get(_left(until))
    standing = standing_of(document)
    cluster.patch(
        marks(standing.fence or 0, standing.weight or 0, "", 0), MERGE_PATCH, _left(until), dry=True
    )
    cluster.patch(ABORT, MERGE_PATCH, _left(until), status=True, dry=True)
    return document


def _is_overdue(standing: Standing) -> bool:
    return standing.set_at is not None and _now() - standing.set_at > CONTROLLER_SECONDS


def _now() -> float:
    return clock.now().timestamp()


def _left(until: float) -> float:
    return max(until - time.monotonic(), LEAST_SECONDS)
