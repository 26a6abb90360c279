"""Build and read HTTPRoutes of the Gateway API: values in, values out."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from releasetrain.rollouts.drivers.kubernetes import (
    Document,
    annotation_of,
    items_of,
    number_of,
    version_of,
)

FENCE, WEIGHT, AT = "releasetrain.dev/fence", "releasetrain.dev/weight", "releasetrain.dev/set-at"


class Unsuitable(Exception):
    """The route is not one that this driver can move; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Split:
    """What a route is: the share of requests for the candidate, and under which fence it was set, when.

    `weight` is None where the rules do not agree, `wanted` what we have set last. `is_current` tells that
    every gateway has taken the newest generation; `problem` is what one of them says against it.
    """

    weight: int | None
    wanted: int | None
    fence: int | None
    set_at: datetime | None
    is_current: bool
    problem: str = ""


def split_of(route: Document, baseline: str, candidate: str) -> Split:
    """Read a route.

    :raises Unsuitable: a rule does not have both backends, or none has
    """
    shares = {_share(rule, baseline, candidate) for rule in _rules(route, baseline, candidate)}
    is_current, problem = _accepted(route)
    return Split(
        weight=shares.pop() if len(shares) == 1 else None,
        wanted=number_of(route, WEIGHT),
        fence=number_of(route, FENCE),
        set_at=_instant(annotation_of(route, AT)),
        is_current=is_current,
        problem=problem,
    )


def patch_of(
    route: Document, baseline: str, candidate: str, weight: int, fence: int, now: datetime
) -> list[dict[str, Any]]:
    """Return the JSON patch that sets a weight, and fails if the route has changed since it was read.

    :raises Unsuitable: as `split_of`
    """
    operations: list[dict[str, Any]] = [
        {"op": "test", "path": "/metadata/resourceVersion", "value": version_of(route)}
    ]
    if not isinstance(route["metadata"].get("annotations"), dict):
        operations.append({"op": "add", "path": "/metadata/annotations", "value": {}})
    for name, value in ((FENCE, str(fence)), (WEIGHT, str(weight)), (AT, now.isoformat())):
        place = name.replace("/", "~1")
        operations.append({"op": "add", "path": f"/metadata/annotations/{place}", "value": value})
    _rules(route, baseline, candidate)
    for place_of_rule, rule in enumerate(items_of(route["spec"].get("rules"))):
        for position, backend in enumerate(items_of(rule.get("backendRefs"))):
            share = {baseline: 100 - weight, candidate: weight}.get(str(backend.get("name")))
            if share is not None:
                path = f"/spec/rules/{place_of_rule}/backendRefs/{position}/weight"
                operations.append({"op": "add", "path": path, "value": share})
    return operations


def _rules(route: Document, baseline: str, candidate: str) -> list[Document]:
    """Return the rules that split between the two; one that knows only one of them is unsafe to leave."""
    spec = route.get("spec")
    found = []
    for rule in items_of(spec.get("rules") if isinstance(spec, dict) else None):
        names = [str(one.get("name")) for one in items_of(rule.get("backendRefs"))]
        ours = {baseline, candidate} & set(names)
        if not ours:
            continue
        if sorted(names) != sorted([baseline, candidate]):
            raise Unsuitable(
                f"A rule of the route has the backends {', '.join(names)}; it must have {baseline} and "
                f"{candidate}, each once, and nothing else."
            )
        found.append(rule)
    if not found:
        raise Unsuitable(f"No rule of the route has the backends {baseline} and {candidate}.")
    return found


def _share(rule: Document, baseline: str, candidate: str) -> int | None:
    """Return the candidate's percentage of a rule; a weight that is not written down is 1."""
    weights = {str(one.get("name")): one.get("weight", 1) for one in items_of(rule.get("backendRefs"))}
    old, new = weights[baseline], weights[candidate]
    if not isinstance(old, int) or not isinstance(new, int) or old + new <= 0:
        return None
    share = 100 * new / (old + new)
    return int(share) if share == int(share) else None


def _accepted(route: Document) -> tuple[bool, str]:
    metadata, status = route.get("metadata", {}), route.get("status")
    parents = items_of(status.get("parents") if isinstance(status, dict) else None)
    if not parents:
        return False, "No gateway has taken the route."
    for parent in parents:
        for one in items_of(parent.get("conditions")):
            if one.get("type") not in ("Accepted", "ResolvedRefs"):
                continue
            if one.get("observedGeneration") != metadata.get("generation"):
                return False, ""
            if one.get("status") != "True":
                return False, f"A gateway says {one.get('reason')}: {one.get('message')}"[:300]
    return True, ""


def _instant(text: str) -> datetime | None:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo else None
