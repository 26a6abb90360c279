"""Read what an Envoy tells of its clusters: who is up, what is open, and what is missing."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

CLUSTERS = "/clusters?format=json"
FAULTS = {
    "failed_active_health_check": "it fails Envoy’s health check",
    "failed_outlier_check": "Envoy has ejected it for its errors",
    "failed_active_degraded_check": "it says that it is degraded",
    "pending_dynamic_removal": "it is being removed",
}
UNHEALTHY = ("UNHEALTHY", "TIMEOUT", "DRAINING")


@dataclass(frozen=True, slots=True)
class Host:
    """One server as an Envoy sees it; `why_down` is "" while it gets requests."""

    address: str
    why_down: str = ""
    open_requests: int = 0


@dataclass(frozen=True, slots=True)
class Cluster:
    """One cluster of an Envoy: its servers, and how many requests may be asked again at a time."""

    name: str
    hosts: tuple[Host, ...] = ()
    most_retries: int = 3


def clusters_in(answer: bytes | str) -> dict[str, Cluster]:
    """Read /clusters?format=json by the names of the clusters.

    :raises ValueError: it is no such answer
    """
    told = json.loads(answer)
    if not isinstance(told, dict):
        raise TypeError("Envoy's clusters are no object.")
    found = [_cluster(row) for row in told.get("cluster_statuses", [])]
    return {one.name: one for one in found}


def _cluster(row: Mapping[str, Any]) -> Cluster:
    thresholds = row.get("circuit_breakers", {}).get("thresholds", [])
    plain = [one for one in thresholds if one.get("priority", "DEFAULT") == "DEFAULT"]
    hosts = tuple(_host(host) for host in row.get("host_statuses", []))
    return Cluster(str(row.get("name", "")), hosts, int(plain[0].get("max_retries", 3) if plain else 3))


def _host(row: Mapping[str, Any]) -> Host:
    socket = row.get("address", {}).get("socket_address", {})
    address = (
        f"{socket['address']}:{socket.get('port_value', 0)}" if socket.get("address") else "inside Envoy"
    )
    gauges = {one.get("name"): int(one.get("value", 0)) for one in row.get("stats", [])}
    return Host(address, _why_down(row.get("health_status", {})), gauges.get("rq_active", 0))


def _why_down(health: Mapping[str, Any]) -> str:
    found = [words for flag, words in FAULTS.items() if health.get(flag)]
    if health.get("eds_health_status") in UNHEALTHY:
        found.append("it is marked as away")
    return ", ".join(found)
