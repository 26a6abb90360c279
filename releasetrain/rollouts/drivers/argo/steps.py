"""Read an Argo Rollout and say which patches move it: values in, values out.

Argo has no “set weight”: the steps are written down beforehand as pairs of setWeight and an endless pause,
and each shift ends one pause.
"""

from dataclasses import dataclass
from typing import Any

from releasetrain.rollouts.drivers.kubernetes import Document, annotation_of, items_of, number_of

FENCE, WEIGHT, KEY = "releasetrain.dev/fence", "releasetrain.dev/weight", "releasetrain.dev/key"
AT = "releasetrain.dev/set-at"


class Unsuitable(Exception):
    """The Rollout is not one that this driver can move; the sentence says why."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a Rollout stands: `index` is its current step, `weight` what users get, None where nobody knows.

    `is_current` tells that its controller has taken the newest generation; `set_at` is in seconds of 1970.
    """

    weight: int | None
    index: int
    is_paused: bool
    is_aborted: bool
    is_promoted: bool
    is_current: bool
    fence: int | None
    set_at: float | None = None
    message: str = ""

    @property
    def is_moving(self) -> bool:
        """Tell whether its controller has work to do: what is read now is not what was asked for."""
        return not (self.is_current and (self.is_paused or self.is_aborted or self.is_promoted))


def weights_of(document: Document) -> list[int]:
    """Return the weights of the steps in their order.

    :raises Unsuitable: the steps are no pairs of setWeight and an endless pause, from 0 % on
    """
    steps = items_of(_canary(document).get("steps"))
    pairs = list(zip(steps[::2], steps[1::2], strict=False))
    weights = [pair[0].get("setWeight") for pair in pairs]
    is_whole = len(steps) == 2 * len(pairs) and all(pair[1] == {"pause": {}} for pair in pairs)
    known = [int(one) for one in weights if isinstance(one, int)]
    is_rising = len(known) == len(weights) and known == sorted(set(known))
    if not known or not is_whole or not is_rising or (known[0], known[-1]) != (0, 100):
        raise Unsuitable(
            "Its steps must be pairs of setWeight and pause: {}, from setWeight: 0 to setWeight: 100, each "
            "weight higher than the one before."
        )
    return known


def warnings_of(document: Document) -> list[str]:
    """Return what a person should know of a Rollout before it is moved."""
    canary, found = _canary(document), []
    if not canary.get("trafficRouting"):
        found.append("It has no trafficRouting: its weights are shares of pods, not of requests.")
    if canary.get("dynamicStableScale"):
        found.append(
            "dynamicStableScale takes pods of the old version away: a rollback is not instant, it waits "
            "until they are back."
        )
    return found


def standing_of(document: Document) -> Standing:
    """Read how a Rollout stands.

    :raises Unsuitable: as `weights_of`
    """
    weights, status = weights_of(document), document.get("status") or {}
    index = status.get("currentStepIndex")
    index = index if isinstance(index, int) else 0
    is_promoted = bool(status.get("stableRS")) and status.get("stableRS") == status.get("currentPodHash")
    is_current = str(status.get("observedGeneration", "")) == str(document["metadata"].get("generation"))
    return Standing(
        weight=_weight(document, weights, index, is_promoted=is_promoted) if is_current else None,
        index=index,
        is_paused=bool(items_of(status.get("pauseConditions"))),
        is_aborted=bool(status.get("abort")),
        is_promoted=is_promoted,
        is_current=is_current,
        fence=number_of(document, FENCE),
        set_at=_number(annotation_of(document, AT)),
        message=str(status.get("message", ""))[:200],
    )


def _number(text: str) -> float | None:
    return float(text) if text.isascii() and text.isdigit() else None


def _weight(document: Document, weights: list[int], index: int, *, is_promoted: bool) -> int | None:
    """Return the share of the candidate; once it is promoted there is none, unless other hands did that."""
    status = document.get("status") or {}
    if is_promoted:
        return 0 if annotation_of(document, WEIGHT) in ("", "0") else 100
    routed = ((status.get("canary") or {}).get("weights") or {}).get("canary") or {}
    if isinstance(routed.get("weight"), int):
        return int(routed["weight"])
    if status.get("abort"):
        return 0 if status.get("phase") == "Degraded" else None
    return weights[min(index // 2, len(weights) - 1)] if items_of(status.get("pauseConditions")) else None


def why_not_step(standing: Standing, weights: list[int], wanted: int) -> str | None:
    """Return why a weight cannot be reached by ending one pause, or None."""
    place = standing.index // 2
    if standing.is_aborted:
        return "It was aborted: retry it in the cluster, or set the new version again."
    if standing.is_promoted:
        return "Nothing is rolling out: set the new version in the cluster first; it waits at 0 %."
    if place >= len(weights):
        return "It is past its last pause."
    # After the last pause it is promoted: the old side serves the new version, and 0 % is left of the other.
    following = weights[place + 1] if place + 1 < len(weights) else 0
    if wanted != following:
        return f"Argo has no “set weight”: its steps lead to {following} % next, not to {wanted} %."
    return None


def marks(fence: int, weight: int, key: str, at: float, version: str = "") -> dict[str, Any]:
    """Return the merge patch that notes a decision; it is refused if the Rollout is another one since."""
    noted = {FENCE: str(fence), WEIGHT: str(weight), KEY: key, AT: str(int(at))}
    metadata: dict[str, Any] = {"annotations": noted}
    return {"metadata": metadata | ({"resourceVersion": version} if version else {})}


def promotion(index: int, version: str) -> dict[str, Any]:
    """Return the merge patch of the status that ends a pause and goes one step on."""
    return {
        "metadata": {"resourceVersion": version},
        "status": {"pauseConditions": None, "currentStepIndex": index + 1},
    }


ABORT: dict[str, Any] = {"status": {"abort": True}}


def _canary(document: Document) -> Document:
    strategy = (document.get("spec") or {}).get("strategy") or {}
    canary = strategy.get("canary")
    if not isinstance(canary, dict):
        raise Unsuitable("It has no canary strategy.")
    return canary
