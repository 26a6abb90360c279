"""Say what kinds of values a flag can have, and check its variants."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

VARIANT = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}\Z")
MOST_VARIANTS = 50
LARGEST_VALUE = 16 * 1024
DEEPEST_VALUE = 32
SWITCH: Mapping[str, bool] = {"on": True, "off": False}


class FlagType(StrEnum):
    """What kind of values all variants of a flag have, in the words of OpenFeature."""

    BOOLEAN = "boolean"
    STRING = "string"
    NUMBER = "number"
    OBJECT = "object"


@dataclass(frozen=True, slots=True)
class Values:
    """What a flag can answer: `off` to whoever gets nothing special, `ramp` to whom a rollout lets in."""

    type: FlagType = FlagType.BOOLEAN
    variants: Mapping[str, Any] = field(default_factory=lambda: dict(SWITCH))
    off: str = "off"
    ramp: str = "on"


def is_of(kind: FlagType, value: Any) -> bool:
    """Tell whether a value is of a type; true is no number, and an object may be a list."""
    if kind is FlagType.BOOLEAN:
        return isinstance(value, bool)
    if kind is FlagType.STRING:
        return isinstance(value, str)
    if kind is FlagType.NUMBER:
        return isinstance(value, int | float) and not isinstance(value, bool)
    return isinstance(value, dict | list)


def why_not_variants(kind: FlagType, variants: Any) -> str | None:
    """Return in a sentence why a flag cannot have these variants, {name: value}, or None."""
    if not isinstance(variants, Mapping) or not variants:
        return "A flag needs at least one variant."
    if len(variants) > MOST_VARIANTS:
        return f"A flag has at most {MOST_VARIANTS} variants, not {len(variants)}."
    for name, value in variants.items():
        if not isinstance(name, str) or not VARIANT.match(name):
            return (
                f"“{str(name)[:60]}” cannot be a variant's name: use letters, digits, dots, dashes and "
                "underscores, and begin with a letter or a digit."
            )
        if not is_of(kind, value):
            return f"The variant “{name}” is no {kind.value}: every variant of this flag must be one."
        if why := _why_not_written(name, value):
            return why
    return None


def _why_not_written(name: str, value: Any) -> str | None:
    try:
        length = len(json.dumps(value, allow_nan=False))
    except (ValueError, RecursionError):
        return f"The variant “{name}” cannot be written as JSON: NaN and infinity are no numbers there."
    if length > LARGEST_VALUE:
        return f"The variant “{name}” has {length} characters as JSON; at most {LARGEST_VALUE} are served."
    return None


def why_not_values(values: Values) -> str | None:
    """Return in a sentence why a flag cannot have these values, or None."""
    if why := why_not_variants(values.type, values.variants):
        return why
    for name in (values.off, values.ramp):
        if name not in values.variants:
            return f"There is no variant “{name[:60]}”; there are {', '.join(values.variants)}."
    return None
