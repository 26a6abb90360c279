"""Check the stages that a train asks for, before anything is promised with them."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from releasetrain.lib.spans import in_words

SHORTEST_BAKE_SECONDS = 600
DEFAULT_LADDER = [
    {"weight": weight, "bake_seconds": SHORTEST_BAKE_SECONDS} for weight in (1, 5, 10, 25, 50, 100)
]


def why_not_ladder(ladder: Any, *, is_accelerated: bool) -> str | None:
    """Return what is wrong with a ladder, or None.

    :param ladder: a list of {"weight": whole percent, "bake_seconds": number}
    """
    if not isinstance(ladder, list) or not ladder:
        return "A ladder needs at least one stage."
    for number, stage in enumerate(ladder, 1):
        if reason := _why_not_stage(number, stage, is_accelerated=is_accelerated):
            return reason
    weights = [stage["weight"] for stage in ladder]
    if any(after <= before for before, after in pairwise(weights)):
        return "Each stage must send more users than the one before it."
    return None if weights[-1] == 100 else f"The last stage must be 100 %, not {weights[-1]} %."


def _why_not_stage(number: int, stage: Any, *, is_accelerated: bool) -> str | None:
    if not isinstance(stage, Mapping):
        return f"Stage {number} must say its weight and its bake time."
    weight: Any = stage.get("weight")
    bake: Any = stage.get("bake_seconds")
    # A JSON true is an int to Python; it is no weight.
    if type(weight) is not int or not 1 <= weight <= 100:
        return f"The weight of stage {number} must be a whole number from 1 to 100."
    if type(bake) not in (int, float) or not 0 < bake <= 14 * 86400:
        return f"The bake time of stage {number} must be a number of seconds, at most 14 days."
    if bake < SHORTEST_BAKE_SECONDS and not is_accelerated:
        return (
            f"Stage {number} bakes for {in_words(bake)}; less than {in_words(SHORTEST_BAKE_SECONDS)} is for "
            "trains that say that they are accelerated."
        )
    return None
