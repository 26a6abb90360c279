"""An HTTPRoute, and the controller that takes it as a gateway does."""

from collections.abc import Callable
from typing import Any

PATH = "/apis/gateway.networking.k8s.io/v1/namespaces/shop/httproutes/storefront"
Document = dict[str, Any]


def route() -> Document:
    """Make a route of two rules as people write them: the second names no weights for all of its requests."""
    backends = [{"name": "old", "port": 80, "weight": 100}, {"name": "new", "port": 80, "weight": 0}]
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "storefront", "namespace": "shop"},
        "spec": {
            "parentRefs": [{"name": "edge"}],
            "rules": [
                {"backendRefs": backends},
                {"backendRefs": [{"name": "assets", "port": 80}]},
            ],
        },
    }


def take(document: Document) -> None:
    """Say that the gateway has taken the newest generation."""
    generation = document["metadata"]["generation"]
    said = {"status": "True", "reason": "Accepted", "message": "", "observedGeneration": generation}
    document["status"] = {
        "parents": [
            {
                "parentRef": {"name": "edge"},
                "conditions": [{"type": "Accepted"} | said, {"type": "ResolvedRefs"} | said],
            }
        ]
    }


def weight_of(document: Document) -> int:
    weight: int = document["spec"]["rules"][0]["backendRefs"][1]["weight"]
    return weight


def by_hand(weight: int) -> Callable[[Document], None]:
    """Return a change of weights by other hands."""

    def change(document: Document) -> None:
        for backend, share in zip(
            document["spec"]["rules"][0]["backendRefs"], (100 - weight, weight), strict=True
        ):
            backend["weight"] = share

    return change
