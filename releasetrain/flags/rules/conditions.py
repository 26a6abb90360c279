"""Read conditions on who asks, and compile them to closures.

A condition is JSON of one of these shapes; all of a list must hold where a rule has several:
{"attribute": "country", "operator": "in", "values": ["NL", "BE"]} · {"segment": "testers"} ·
{"all": […]} · {"any": […]} · {"not": {…}}.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from releasetrain.flags.rules.operators import OPERATORS

DEEPEST = 32
MOST_VALUES = 1000
LONGEST_VALUE = 500
ATTRIBUTE = re.compile(r"[A-Za-z_][\w-]{0,99}(?:\.[A-Za-z_][\w-]{0,99}){0,7}\Z", re.ASCII)
# The path language of exported definitions gives these a meaning of its own.
RESERVED = frozenset({"length"})

Context = Mapping[str, Any]
Condition = Callable[[Context], bool]
Segments = Mapping[str, Condition]
JOINTS = ("all", "any", "not", "segment", "attribute")


class BadCondition(ValueError):
    """Say in a sentence what is wrong with a condition."""


def attribute_of(context: Context, path: Sequence[str]) -> Any:
    """Return what stands at a path in a context, None where nothing does."""
    value: Any = context
    for name in path:
        if not isinstance(value, Mapping):
            return None
        value = value.get(name)
    return value


def compile_condition(shape: Any, segments: Segments) -> Condition:
    """Build the test of one condition.

    :param segments: the compiled tests of all segments that it may name
    :raises BadCondition: the shape is none, or names a segment that is not there
    """
    if why := why_not_condition(shape, known=segments):
        raise BadCondition(why)
    return _compile(shape, segments)


def _compile(shape: Any, segments: Segments) -> Condition:
    kind = _kind_of(shape)
    if kind == "segment":
        return segments[shape["segment"]]
    if kind == "not":
        inner = _compile(shape["not"], segments)
        return lambda context: not inner(context)
    if kind in {"all", "any"}:
        parts = [_compile(one, segments) for one in shape[kind]]
        return all_of(parts) if kind == "all" else lambda context: any(one(context) for one in parts)
    path = shape["attribute"].split(".")
    test = OPERATORS[shape["operator"]].make(shape.get("values", ()))
    if len(path) == 1:
        name = path[0]
        return lambda context: test(context.get(name))
    return lambda context: test(attribute_of(context, path))


def all_of(parts: Sequence[Condition]) -> Condition:
    """Join conditions that must all hold; none at all always holds."""
    if len(parts) == 1:
        return parts[0]
    return lambda context: all(one(context) for one in parts)


def why_not_condition(shape: Any, *, known: Mapping[str, Any] | None = None, depth: int = 1) -> str | None:
    """Return in a sentence why a condition cannot be used, or None.

    :param known: the segments that there are, by key; None where that is not to be looked at
    """
    if depth > DEEPEST:
        return f"Conditions may lie {DEEPEST} deep in each other, not deeper."
    kind = _kind_of(shape)
    if kind is None:
        return "A condition names an attribute, a segment, or joins others by “all”, “any” or “not”."
    if kind == "segment":
        return _why_not_segment(shape["segment"], known)
    if kind == "attribute":
        return _why_not_comparison(shape)
    parts = [shape["not"]] if kind == "not" else shape[kind]
    if not isinstance(parts, list) or not parts:
        return f"“{kind}” joins a list of conditions, and this one has none."
    return next((why for one in parts if (why := why_not_condition(one, known=known, depth=depth + 1))), None)


def _kind_of(shape: Any) -> str | None:
    if not isinstance(shape, Mapping):
        return None
    kinds = [one for one in JOINTS if one in shape]
    return kinds[0] if len(kinds) == 1 else None


def _why_not_segment(key: Any, known: Mapping[str, Any] | None) -> str | None:
    if not isinstance(key, str):
        return "A segment is named by its key."
    if known is not None and key not in known:
        return f"There is no segment “{key[:100]}”."
    return None


def _why_not_comparison(shape: Mapping[str, Any]) -> str | None:
    name, operator, values = shape["attribute"], shape.get("operator"), shape.get("values", [])
    if why := why_not_attribute(name):
        return why
    if not isinstance(operator, str) or operator not in OPERATORS:
        return f"Nobody knows how to compare by “{str(operator)[:60]}”; there are {', '.join(OPERATORS)}."
    known = OPERATORS[operator]
    if not isinstance(values, list):
        return f"What “{name}” is compared with must be a list of values."
    if known.takes_none:
        return f"“{name} {known.words}” takes no value." if values else None
    if not values or (len(values) > 1 and not known.takes_many):
        many = "at least one value" if known.takes_many else "exactly one value"
        return f"“{name} {known.words} …” needs {many}, not {len(values)}."
    if len(values) > MOST_VALUES:
        return f"“{name}” is compared with {len(values)} values; put more than {MOST_VALUES} into a segment."
    if any(isinstance(one, str) and len(one) > LONGEST_VALUE for one in values):
        return f"A value of “{name}” is longer than {LONGEST_VALUE} characters."
    bad = next(((one, why) for one in values if (why := known.why_not(one))), None)
    return f"“{name} {known.words} …”: {str(bad[0])[:60]!r} {bad[1]}." if bad else None


def why_not_attribute(name: Any) -> str | None:
    """Return why an attribute cannot be asked for by this name."""
    if isinstance(name, str) and ATTRIBUTE.match(name) and not RESERVED & set(name.split(".")):
        return None
    return (
        f"“{str(name)[:60]}” is no attribute's name: use letters, digits, underscores and dashes, with dots "
        "between the levels, such as country or user.plan."
    )


def attributes_in(shape: Any) -> Iterator[str]:
    """Name the attributes that a condition looks at, those of its segments aside."""
    kind = _kind_of(shape)
    if kind == "attribute":
        yield shape["attribute"]
    elif kind in {"all", "any", "not"}:
        for one in [shape["not"]] if kind == "not" else shape[kind]:
            yield from attributes_in(one)


def segments_in(shape: Any) -> Iterator[str]:
    """Name the segments that a condition names."""
    kind = _kind_of(shape)
    if kind == "segment":
        yield shape["segment"]
    elif kind in {"all", "any", "not"}:
        for one in [shape["not"]] if kind == "not" else shape[kind]:
            yield from segments_in(one)


def words_of(shape: Any) -> str:
    """Say a condition for people."""
    kind = _kind_of(shape)
    if kind == "segment":
        return f"in segment {shape['segment']}"
    if kind == "not":
        return f"not ({words_of(shape['not'])})"
    if kind in {"all", "any"}:
        joint = " and " if kind == "all" else " or "
        parts = [words_of(one) for one in shape[kind]]
        return parts[0] if len(parts) == 1 else f"({joint.join(parts)})"
    values = ", ".join(_said(one) for one in shape.get("values", []))
    return f"{shape['attribute']} {OPERATORS[shape['operator']].words} {values}".rstrip()


def _said(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
