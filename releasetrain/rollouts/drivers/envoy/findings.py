"""Find what is wrong with the set-up of a fleet of Envoys, without changing anything."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from releasetrain.rollouts.drivers.base import Finding
from releasetrain.rollouts.drivers.envoy.admin import Silent, ask, at_once
from releasetrain.rollouts.drivers.envoy.clusters import CLUSTERS, Cluster, clusters_in
from releasetrain.rollouts.drivers.envoy.files import why_not_writable
from releasetrain.rollouts.drivers.envoy.fleet import look
from releasetrain.rollouts.drivers.envoy.routes import Seen
from releasetrain.rollouts.drivers.envoy.setting import Endpoint, Setting

CHECK_SECONDS = 2.0
# So many requests may be in flight to a candidate that dies, and each of them is asked again.
ENOUGH_RETRIES = 100
STATICS = "/config_dump?resource=static_clusters"


@dataclass(frozen=True, slots=True)
class Inspected:
    """What one Envoy tells of itself; `silent` says why it does not."""

    endpoint: Endpoint
    clusters: Mapping[str, Cluster] = field(default_factory=dict)
    drawn: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    seen: Seen | None = None
    silent: str = ""


def inspect(setting: Setting, seconds: float = CHECK_SECONDS) -> list[Inspected]:
    """Ask every Envoy for its clusters and routes."""

    async def one(endpoint: Endpoint) -> Inspected:
        try:
            clusters = clusters_in(await ask(endpoint.admin, CLUSTERS, seconds))
            drawn = _drawn(await ask(endpoint.admin, STATICS, seconds))
            return Inspected(endpoint, clusters, drawn, await look(setting, endpoint, seconds))
        except Silent as why:
            return Inspected(endpoint, silent=str(why))
        except (ValueError, TypeError, AttributeError) as fault:
            return Inspected(endpoint, silent=f"answers with something unknown ({type(fault).__name__})")

    return at_once(one(endpoint) for endpoint in setting.endpoints)


def _drawn(answer: bytes) -> dict[str, Mapping[str, Any]]:
    """Return how each cluster of the bootstrap file is drawn up."""
    rows = [row.get("cluster", {}) for row in json.loads(answer).get("configs", [])]
    return {row.get("name", ""): row for row in rows}


def findings_of(setting: Setting, inspected: Iterable[Inspected]) -> list[Finding]:
    """Say what a person should know, the way back first."""
    found = []
    for one in inspected:
        if why := why_not_writable(one.endpoint.folder):
            found.append(Finding(why, is_blocking=True))
        if one.silent:
            found.append(Finding(f"The Envoy at {one.endpoint} {one.silent}.", is_blocking=True))
        else:
            found += _of_clusters(setting, one)
            found += _of_routes(setting, one)
    return found


def _of_clusters(setting: Setting, one: Inspected) -> Iterable[Finding]:
    for name in setting.clusters:
        if name not in one.clusters:
            fall_over = " Without it users lose what a dying candidate was asked."
            extra = fall_over if name == setting.falling_over else ""
            yield Finding(f"The Envoy at {one.endpoint} has no cluster “{name}”.{extra}", is_blocking=True)
    shadows = (setting.shadow, setting.noise) if setting.measures_noise else (setting.shadow,)
    if lacking := [name for name in shadows if name not in one.clusters]:
        yield Finding(f"The Envoy at {one.endpoint} has no cluster “{lacking[0]}”: it cannot mirror.")
    yield from _of_servers(setting, one)
    falling_over = one.clusters.get(setting.falling_over)
    if falling_over is not None and falling_over.most_retries < ENOUGH_RETRIES:
        yield Finding(
            f"“{setting.falling_over}” at {one.endpoint} may ask {falling_over.most_retries} requests again "
            "at a time: when the candidate dies, all beyond that fail. "
            f"Set max_retries to {ENOUGH_RETRIES} or more."
        )


def _of_servers(setting: Setting, one: Inspected) -> Iterable[Finding]:
    arms = ((setting.baseline, setting.baseline_servers), (setting.candidate, setting.candidate_servers))
    for name, wanted in arms:
        cluster, drawn = one.clusters.get(name), one.drawn.get(name)
        has = {host.address for host in cluster.hosts} if cluster else set()
        is_static = drawn is not None and drawn.get("type", "STATIC") == "STATIC"
        if cluster and is_static and has != set(wanted):
            told = ", ".join(sorted(has)) or "no server"
            yield Finding(f"“{name}” at {one.endpoint} leads to {told}, not to {', '.join(sorted(wanted))}.")
        if drawn is not None and not drawn.get("health_checks"):
            yield Finding(
                f"“{name}” at {one.endpoint} has no health check: it keeps asking a server that is dead."
            )


def _of_routes(setting: Setting, one: Inspected) -> Iterable[Finding]:
    seen = one.seen
    if seen is None:
        yield Finding(
            f"The Envoy at {one.endpoint} reads no routes called “{setting.name}” from a file.",
            is_blocking=True,
        )
    elif seen.is_random:
        yield Finding(
            f"The routes of {one.endpoint} draw a version for every request, so that users flip "
            "between them. The first stage replaces them by shares of users."
        )
    elif seen.told is None:
        yield Finding(
            f"The routes of {one.endpoint} were written by somebody else; the first stage replaces them."
        )
