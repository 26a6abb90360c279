"""Move requests by the weights of an HTTPRoute of the Gateway API.

The weights are per request: users may flip between the versions. A change carries the resource version that
was read, so that nobody's change is lost, and the fence stands in an annotation of the route.
"""

import time
from typing import Any, ClassVar

from releasetrain.catalog.models import Target
from releasetrain.lib import clock
from releasetrain.lib.addresses import why_not_address
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
from releasetrain.rollouts.drivers.gateway.routes import Split, Unsuitable, patch_of, split_of
from releasetrain.rollouts.drivers.kubernetes import (
    CLUSTER_FIELDS,
    JSON_PATCH,
    SERVER_FIELDS,
    Cluster,
    Conflict,
    Denied,
    Unheard,
    cluster_of,
)

READ_SECONDS = 1.0
LEAST_SECONDS = 0.05
# A controller that has not taken a change after this long is taken for dead.
CONTROLLER_SECONDS = 30.0
ALARM = "The controller has not taken the change for {seconds} s: it may be dead."
Config = dict[str, Any]


class GatewayDriver:
    """Set the weights of two backends in an HTTPRoute, and believe the gateways that have taken it."""

    kind: ClassVar[str] = "gateway"
    label: ClassVar[str] = "Gateway API"
    capabilities: ClassVar[Capabilities] = Capabilities(is_fenced=True)
    fields: ClassVar[tuple[Field, ...]] = (
        *CLUSTER_FIELDS,
        Field("route", "HTTPRoute", "the name of the route", is_required=True),
        Field("baseline_backend", "Baseline backend", "the Service of the old version", is_required=True),
        Field("candidate_backend", "Candidate backend", "the Service of the new version", is_required=True),
        *SERVER_FIELDS,
    )

    def check(self, target: Target, config: Config) -> list[Finding]:
        found = [Finding(one, is_blocking=True) for one in problems_of(self.fields, config)]
        if config.get("server") and (why := why_not_address(str(config["server"]))):
            found.append(Finding(f"“{config['server']}”: {why}", is_blocking=True))
        if not found:
            try:
                found += [
                    Finding(one, is_blocking=True) for one in [_why_not_patch(config, READ_SECONDS)] if one
                ]
            except Unheard as fault:
                found.append(Finding(str(fault), is_blocking=True))
        found.append(Finding("The weights are per request: users may flip between the versions."))
        return found

    def prepare(self, desired: Desired, *, key: str, deadline: float) -> Ack:
        until = time.monotonic() + deadline
        config = desired.target.driver_config
        try:
            if why := _why_not_patch(config, deadline):
                return Ack(Outcome.REFUSED, why)
        except Unheard as fault:
            return Ack(Outcome.UNKNOWN, str(fault))
        if lines_of(config, "candidate") and (why := why_not_version(config, desired.version, _left(until))):
            return Ack(Outcome.REFUSED, why)
        return Ack(Outcome.CONFIRMED)

    def apply(self, desired: Desired, *, key: str, deadline: float) -> Ack:
        return _set(desired.target.driver_config, desired.weight, desired.fence, deadline)

    def rollback(self, target: Target, *, fence: int, key: str, deadline: float) -> Ack:
        return _set(target.driver_config, 0, fence, deadline)

    def observe(self, target: Target, *, deadline: float) -> Observed:
        now, config = clock.now(), target.driver_config
        try:
            split = _read(_cluster(config), config, deadline)
        except (Unheard, Denied, Unsuitable) as fault:
            return Observed(Sync.UNREACHABLE, at=now, detail=str(fault))
        if split.weight is None or (split.wanted is not None and split.wanted != split.weight):
            detail = f"Somebody else has changed the route; {split.wanted} % was set last."
            return Observed(Sync.DRIFTED, split.weight, split.fence, now, detail)
        if split.is_current:
            return Observed(Sync.SYNCED, split.weight, split.fence, now)
        # What stands in the route is not yet what users get: the weight is not known.
        if split.problem or _is_overdue(split):
            return Observed(Sync.UNKNOWN, fence=split.fence, at=now, detail=_alarm(split))
        return Observed(
            Sync.CONVERGING, fence=split.fence, at=now, detail="The gateways have yet to take it."
        )

    def drain(self, target: Target, *, cut: bool, deadline: float) -> Drained:
        return Drained(None, detail="The Gateway API tells nobody how many connections are open.")

    def health(self, target: Target) -> Health:
        config = target.driver_config
        servers = servers_of(config, READ_SECONDS)
        try:
            split = _read(_cluster(config), config, READ_SECONDS)
        except (Unheard, Denied, Unsuitable) as fault:
            return Health(is_well=False, detail=str(fault), servers=servers)
        is_stuck = not split.is_current and (bool(split.problem) or _is_overdue(split))
        return Health(not is_stuck, _alarm(split) if is_stuck else "", servers)


def _cluster(config: Config) -> Cluster:
    return cluster_of(config, "gateway.networking.k8s.io/v1", "httproutes", str(config.get("route", "")))


def _names(config: Config) -> tuple[str, str]:
    return str(config.get("baseline_backend", "")), str(config.get("candidate_backend", ""))


def _read(cluster: Cluster, config: Config, seconds: float) -> Split:
    return split_of(cluster.get(seconds), *_names(config))


def _set(config: Config, weight: int, fence: int, deadline: float) -> Ack:
    """Set a weight; where somebody was quicker, once more upon what they have left (DRIVERS, faults)."""
    until = time.monotonic() + deadline
    try:
        cluster = _cluster(config)
        for _ in range(2):
            route = cluster.get(_left(until))
            split = split_of(route, *_names(config))
            if split.fence is not None and fence < split.fence:
                return Ack(Outcome.REFUSED, f"Fence {fence} is older than {split.fence}.")
            patch = patch_of(route, *_names(config), weight, fence, clock.now())
            try:
                cluster.patch(patch, JSON_PATCH, _left(until))
            except Conflict as fault:
                conflict = str(fault)
                continue
            except Unheard as fault:
                return _read_after(cluster, config, weight, fence, until, str(fault))
            return _read_after(cluster, config, weight, fence, until, "")
        return Ack(Outcome.UNKNOWN, f"Drifted: somebody else changes the route, too. {conflict}")
    except (Denied, Unsuitable) as fault:
        return Ack(Outcome.REFUSED, str(fault))
    except Unheard as fault:
        return Ack(Outcome.UNKNOWN, str(fault))


def _read_after(cluster: Cluster, config: Config, weight: int, fence: int, until: float, lost: str) -> Ack:
    """Say what a change has come to, however its answer was: only the read-back decides."""
    split = _read(cluster, config, _left(until))
    if (split.weight, split.fence) != (weight, fence):
        return Ack(Outcome.UNKNOWN, lost or f"{split.weight} % is read back, not {weight} %.")
    if split.is_current:
        return Ack(Outcome.CONFIRMED)
    return Ack(Outcome.ACCEPTED, split.problem or "The route is written; the gateways have yet to take it.")


def _why_not_patch(config: Config, seconds: float) -> str:
    """Rehearse a change that changes nothing, "" where it would be taken.

    :raises Unheard: no answer that can be read
    """
    until = time.monotonic() + seconds
    try:
        cluster = _cluster(config)
        route = cluster.get(_left(until))
        split = split_of(route, *_names(config))
        patch = patch_of(route, *_names(config), split.weight or 0, split.fence or 0, clock.now())
        cluster.patch(patch, JSON_PATCH, _left(until), dry=True)
    except (Denied, Unsuitable) as fault:
        return str(fault)
    except Conflict:
        return ""  # somebody else changes it right now: it can be changed
    return ""


def _is_overdue(split: Split) -> bool:
    return split.set_at is not None and (clock.now() - split.set_at).total_seconds() > CONTROLLER_SECONDS


def _alarm(split: Split) -> str:
    seconds = (clock.now() - split.set_at).total_seconds() if split.set_at else 0
    return split.problem or ALARM.format(seconds=round(seconds))


def _left(until: float) -> float:
    return max(until - time.monotonic(), LEAST_SECONDS)
