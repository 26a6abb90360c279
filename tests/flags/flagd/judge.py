"""Evaluate flags by flagd's own Python core; run by a Python of its own, for it wants older libraries.

Reads a JSON line each, {"definition": {…}, "contexts": [{…}, …]}, and answers [{flag: variant or null}, …].
"""

import copy
import json
import logging
import sys
from collections.abc import Mapping
from typing import Any

from openfeature.contrib.tools.flagd.core.flagd_core import FlagdCore
from openfeature.evaluation_context import EvaluationContext

logging.disable(logging.CRITICAL)

TYPES: Mapping[type, tuple[str, Any]] = {
    bool: ("resolve_boolean_value", False),
    str: ("resolve_string_value", ""),
    int: ("resolve_float_value", 0.0),
    float: ("resolve_float_value", 0.0),
    dict: ("resolve_object_value", {}),
    list: ("resolve_object_value", {}),
}


def referred(value: Any, evaluators: Mapping[str, Any]) -> Any:
    """Put segments where they are referred to: the core itself stumbles over backslashes there."""
    if isinstance(value, dict):
        if set(value) == {"$ref"}:
            return evaluators[value["$ref"]]
        return {key: referred(one, evaluators) for key, one in value.items()}
    return [referred(one, evaluators) for one in value] if isinstance(value, list) else value


def main() -> None:
    for line in sys.stdin:
        case = json.loads(line)
        definition = case["definition"]
        flags = referred(definition["flags"], definition.get("$evaluators", {}))
        core = FlagdCore()
        core.set_flags({"flags": copy.deepcopy(flags)})
        answers = []
        for context in case["contexts"]:
            attributes = {key: value for key, value in context.items() if key != "targetingKey"}
            asked = EvaluationContext(context.get("targetingKey"), attributes)
            answers.append({key: variant_of(core, key, flag, asked) for key, flag in flags.items()})
        sys.stdout.write(json.dumps(answers) + "\n")
        sys.stdout.flush()


def variant_of(core: Any, key: str, flag: Mapping[str, Any], asked: EvaluationContext) -> str | None:
    method, default = TYPES[type(next(iter(flag["variants"].values())))]
    try:
        variant: str | None = getattr(core, method)(key, default, asked).variant
    except Exception as error:  # noqa: BLE001 - it is what this flag answers
        return f"{type(error).__name__}: {error}"
    return variant


main()
