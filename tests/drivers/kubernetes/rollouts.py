"""An Argo Rollout, and a controller that follows its steps as the real one does."""

from typing import Any

PATH = "/apis/argoproj.io/v1alpha1/namespaces/shop/rollouts/storefront"
Document = dict[str, Any]
WEIGHTS = (0, 25, 50, 100)
PAUSED = [{"reason": "CanaryPauseStep", "startTime": "2026-11-23T12:00:00Z"}]


def rollout() -> Document:
    """Make a Rollout whose new version waits at 0 %."""
    steps: list[Document] = []
    for weight in WEIGHTS:
        steps += [{"setWeight": weight}, {"pause": {}}]
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "storefront", "namespace": "shop"},
        "spec": {
            "strategy": {
                "canary": {"trafficRouting": {"plugins": {"example/router": {}}}, "steps": steps},
            }
        },
        "status": {"stableRS": "old", "currentPodHash": "new", "currentStepIndex": 0},
    }


def follow(document: Document) -> None:
    """Run the steps up to the next pause, or go back where it was aborted."""
    status = document.setdefault("status", {})
    status["observedGeneration"] = str(document["metadata"]["generation"])
    steps = document["spec"]["strategy"]["canary"].get("steps") or []
    index = status.get("currentStepIndex", 0)
    if status.get("abort"):
        status |= {"phase": "Degraded", "currentStepIndex": 0, "pauseConditions": None}
        status["canary"] = {"weights": {"canary": {"weight": 0}}}
        return
    while index < len(steps) and "setWeight" in steps[index]:
        status["canary"] = {"weights": {"canary": {"weight": steps[index]["setWeight"]}}}
        index += 1
    status["currentStepIndex"] = index
    if index >= len(steps):
        status |= {"stableRS": status["currentPodHash"], "phase": "Healthy", "pauseConditions": None}
    else:
        status |= {"phase": "Paused", "pauseConditions": PAUSED}
