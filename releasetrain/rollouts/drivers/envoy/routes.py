"""Write the route document of a weight, and read from an Envoy's own dump which weight it has.

Users are shared out by the hash of their header, salted with the version, against a threshold: whoever is in
at 5 % is in at 10 %, and another release has other first users. Envoy does it by itself: a weighted cluster
with `use_hash_policy`, the candidate first, under a hash policy that appends the version before hashing.
"""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, unquote

from releasetrain.rollouts.drivers.envoy.setting import SAFE_METHODS, Setting

Json = dict[str, Any]
GENERATION = re.compile(r"release-train fence=(\d+) weight=(\d+) mirror=(\d+) version=(\S*)")
SAMPLE_HEADER = "x-release-train-sample"
MARK = "release-train"
SHADOW_HEADER = "x-release-train-shadow"
ROUTE_TYPE = "type.googleapis.com/envoy.config.route.v3.RouteConfiguration"
# What Envoy may ask another server again: the request was never sent, or asking twice changes nothing.
NEVER_SENT = "connect-failure,refused-stream,reset-before-request"
ANY_RESET = "connect-failure,refused-stream,reset"
NEXT_ARM = {
    "name": "envoy.retry_priorities.previous_priorities",
    "typed_config": {
        "@type": "type.googleapis.com/envoy.extensions.retry.priority.previous_priorities.v3"
        ".PreviousPrioritiesConfig",
        "update_frequency": 1,
    },
}
EVERYTHING = {"prefix": "/"}


@dataclass(frozen=True, slots=True)
class Generation:
    """What a route document says: percent of users, percent of requests mirrored, under which fence."""

    weight: int
    fence: int
    version: str = ""
    mirror: int = 0

    def __str__(self) -> str:
        version = quote(self.version, safe="")
        return f"release-train fence={self.fence} weight={self.weight} mirror={self.mirror} version={version}"


def generation_in(text: str) -> Generation | None:
    """Read what `Generation` writes as its text; None is somebody else's document."""
    found = GENERATION.fullmatch(text)
    if found is None:
        return None
    fence, weight, mirror = (int(number) for number in found.groups()[:3])
    return Generation(weight, fence, unquote(found[4]), mirror)


def document(setting: Setting, wanted: Generation) -> Json:
    """Return the whole answer that Envoy takes as its routes; the last route always leads somewhere."""
    if wanted.weight >= 100:
        routes = _in_two(setting, {"cluster": setting.falling_over}, [])
    elif wanted.weight > 0:
        routes = _in_two(setting, _shared(setting, wanted), [_known(setting)])
    else:
        routes = [_mirrored(setting, wanted)] if wanted.mirror else []
    if wanted.weight < 100:
        routes.append(
            {
                "name": "everybody",
                "match": EVERYTHING,
                "route": {"cluster": setting.baseline} | FOR_EVER,
                "request_headers_to_remove": OURS,
            }
        )
    host = {"name": "all", "domains": ["*"], "routes": routes}
    # Envoy keeps the old version_info where nothing else has changed: the generation is a part of the routes.
    marked = {"filter_metadata": {MARK: {"generation": str(wanted)}}}
    resource = {"@type": ROUTE_TYPE, "name": setting.name, "virtual_hosts": [host], "metadata": marked}
    return {"version_info": str(wanted), "resources": [resource]}


# Only we say what is a copy, and what is noted.
OURS = [SAMPLE_HEADER, SHADOW_HEADER]
# Envoy's own 15 s would cut streams that the service means to keep.
FOR_EVER = {"timeout": "0s"}


def _in_two(setting: Setting, action: Json, headers: list[Json]) -> list[Json]:
    """Return a route for requests that may be asked again at any time, and one for all others."""
    safe = {"name": ":method", "string_match": {"safe_regex": {"regex": "|".join(SAFE_METHODS)}}}
    return [
        _route("repeatable", action, [safe, *headers], ANY_RESET),
        _route("once", action, headers, NEVER_SENT),
    ]


def _route(name: str, action: Json, headers: list[Json], retry_on: str) -> Json:
    match = EVERYTHING | ({"headers": headers} if headers else {})
    retry = {"retry_on": retry_on, "num_retries": 2, "retry_priority": NEXT_ARM}
    return {
        "name": name,
        "match": match,
        "route": action | FOR_EVER | {"retry_policy": retry},
        "request_headers_to_remove": OURS,
    }


def _known(setting: Setting) -> Json:
    return {"name": setting.user_header, "string_match": {"safe_regex": {"regex": ".+"}}}


def _shared(setting: Setting, wanted: Generation) -> Json:
    salt = wanted.version.replace("\\", "\\\\")
    rewrite = {"pattern": {"regex": "^(.*)$"}, "substitution": f"\\1|{salt}"}
    return {
        "weighted_clusters": {
            "clusters": [
                {"name": setting.falling_over, "weight": wanted.weight},
                {"name": setting.baseline, "weight": 100 - wanted.weight},
            ],
            "use_hash_policy": True,
        },
        "hash_policy": [{"header": {"header_name": setting.user_header, "regex_rewrite": rewrite}}],
    }


def _mirrored(setting: Setting, wanted: Generation) -> Json:
    """Return the route of the sampled requests: users get the baseline's answer, others get copies."""
    methods = {"name": ":method", "string_match": {"safe_regex": {"regex": "|".join(setting.mirror_methods)}}}
    share = {"default_value": {"numerator": wanted.mirror, "denominator": "HUNDRED"}}
    to = [setting.shadow, setting.noise] if setting.measures_noise else [setting.shadow]
    return {
        "name": "mirrored",
        "match": EVERYTHING | {"headers": [methods], "runtime_fraction": share},
        "request_headers_to_remove": [SHADOW_HEADER],
        "request_headers_to_add": [
            {
                "header": {"key": SAMPLE_HEADER, "value": str(wanted.fence)},
                "append_action": "OVERWRITE_IF_EXISTS_OR_ADD",
            }
        ],
        "route": {
            "cluster": setting.baseline,
            "request_mirror_policies": [
                {"cluster": name, "disable_shadow_host_suffix_append": True} for name in to
            ],
        }
        | FOR_EVER,
    }


@dataclass(frozen=True, slots=True)
class Seen:
    """What an Envoy's dump says; `weight` is None where its routes are no document of ours.

    `told` is the generation by which they are called, None for a foreign one; `is_random` tells of weights
    that are drawn for each request, so that users flip from version to version.
    """

    weight: int | None
    mirror: int = 0
    told: Generation | None = None
    is_random: bool = False

    @property
    def is_ours(self) -> bool:
        """Tell whether the routes do what their name says."""
        told = self.told
        return told is not None and (told.weight, told.mirror) == (self.weight, self.mirror)


def seen_in(dump: str | bytes, setting: Setting) -> Seen | None:
    """Read the routes out of Envoy's /config_dump; None where it has none of this name.

    :raises ValueError: it is no such dump
    """
    told = json.loads(dump)
    if not isinstance(told, dict):
        raise TypeError("Envoy's dump is no object.")
    for config in told.get("configs", []):
        routes = config.get("route_config", {})
        if routes.get("name") == setting.name:
            weight, mirror, is_random = _shares(routes, setting)
            mark = routes.get("metadata", {}).get("filter_metadata", {}).get(MARK, {})
            return Seen(weight, mirror, generation_in(mark.get("generation", "")), is_random)
    return None


def _shares(routes: Mapping[str, Any], setting: Setting) -> tuple[int | None, int, bool]:
    hosts = routes.get("virtual_hosts", [])
    if len(hosts) != 1 or hosts[0].get("domains") != ["*"]:
        return None, 0, False
    rows = hosts[0].get("routes", [])
    weights = {_weight_of(row, setting) for row in rows}
    mirror = max((_mirror_of(row) for row in rows), default=0)
    is_random = any(
        "weighted_clusters" in row.get("route", {})
        and not row["route"]["weighted_clusters"].get("use_hash_policy")
        for row in rows
    )
    if None in weights or not rows or rows[-1].get("match") != EVERYTHING:
        return None, mirror, is_random
    return max(weight for weight in weights if weight is not None), mirror, is_random


def _weight_of(row: Mapping[str, Any], setting: Setting) -> int | None:
    """Return the share that a route sends to the candidate, None where it leads elsewhere."""
    route = row.get("route", {})
    known = {setting.baseline: 0, setting.falling_over: 1, setting.candidate: 1}
    if "cluster" in route:
        is_new = known.get(route["cluster"])
        return None if is_new is None else 100 * is_new
    parts = route.get("weighted_clusters", {}).get("clusters", [])
    if not parts or any(part.get("name") not in known for part in parts):
        return None
    return _percent((part.get("weight", 0), known[part["name"]]) for part in parts)


def _percent(parts: Iterable[tuple[int, int]]) -> int | None:
    rows = list(parts)
    total = sum(weight for weight, _ in rows)
    return round(100 * sum(weight * is_new for weight, is_new in rows) / total) if total else None


def _mirror_of(row: Mapping[str, Any]) -> int:
    if not row.get("route", {}).get("request_mirror_policies"):
        return 0
    share = row.get("match", {}).get("runtime_fraction", {}).get("default_value", {})
    return int(share.get("numerator", 0)) if share else 100
