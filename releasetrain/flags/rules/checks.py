"""Say what is wrong with a flag or a segment before it is saved, in sentences by field."""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from releasetrain.flags.rules.buckets import PLACES
from releasetrain.flags.rules.conditions import segments_in, why_not_condition
from releasetrain.flags.rules.evaluation import DEEPEST_PREREQUISITE
from releasetrain.flags.rules.serving import why_not_serve
from releasetrain.flags.rules.states import FlagState, Shape
from releasetrain.flags.rules.variants import why_not_variants

LARGEST_RULES = 64 * 1024
MOST_RULES, MOST_OVERRIDES, MOST_PREREQUISITES = 100, 1000, 20
Needs = Mapping[str, Sequence[str]]


def problems_of(state: FlagState, *, segments: Mapping[str, Any], needs: Needs) -> dict[str, str]:
    """Return a sentence for each field of a flag that cannot be saved as it is.

    :param segments: the segments that there are, by key
    :param needs: for each other flag of the environment, the flags that it names as prerequisites
    """
    found: dict[str, str] = {}
    if why := why_not_variants(state.type, state.variants):
        found["variants"] = why
    for name, field in ((state.off_variant, "off_variant"), (state.ramp_variant, "ramp_variant")):
        if name not in state.variants:
            found[field] = f"There is no variant “{name[:60]}”."
    if why := _why_not_rules(state, segments):
        found["rules"] = why
    if state.default and (why := why_not_serve(state.default, state.variants, may_ramp=False)):
        found["default"] = why
    if why := _why_not_overrides(state):
        found["overrides"] = why
    if why := why_not_prerequisites(state, needs):
        found["prerequisites"] = why
    return found


def _why_not_rules(state: FlagState, segments: Mapping[str, Any]) -> str | None:
    if len(state.rules) > MOST_RULES:
        return f"A flag has at most {MOST_RULES} rules, not {len(state.rules)}."
    if len(json.dumps(list(state.rules)).encode()) > LARGEST_RULES:
        return f"The rules of a flag may have {LARGEST_RULES // 1024} KiB; put long lists into segments."
    for number, rule in enumerate(state.rules, 1):
        if why := _why_not_rule(rule, state, segments):
            return f"Rule {number}: {why}"
    return None


def _why_not_rule(rule: Shape, state: FlagState, segments: Mapping[str, Any]) -> str | None:
    if not isinstance(rule, Mapping) or not isinstance(rule.get("when", []), list):
        return "A rule has a list of conditions and says what it serves."
    if (version := rule.get("version")) is not None and version not in PLACES:
        return f"Nobody knows how version {version} places users."
    for one in rule.get("when", []):
        if why := why_not_condition(one, known=segments):
            return why
    return why_not_serve(rule.get("serve"), state.variants)


def _why_not_overrides(state: FlagState) -> str | None:
    if len(state.overrides) > MOST_OVERRIDES:
        return f"At most {MOST_OVERRIDES} users are named one by one; a segment takes more."
    for key, variant in state.overrides.items():
        if not key or len(key) > 200:
            return "Whoever is named has a targeting key of 1 to 200 characters."
        if variant not in state.variants:
            return f"“{key[:60]}” is given “{str(variant)[:60]}”, which is no variant of this flag."
    return None


def why_not_prerequisites(state: FlagState, needs: Needs) -> str | None:
    """Return why a flag cannot wait for these others: unknown, in a circle, or too deep."""
    if len(state.prerequisites) > MOST_PREREQUISITES:
        return f"A flag has at most {MOST_PREREQUISITES} prerequisites."
    own = [key for key, _ in state.prerequisites]
    for key, variants in state.prerequisites:
        if key != state.key and key not in needs:
            return f"There is no flag “{key[:100]}” in this environment."
        if not variants:
            return f"Say which variants of “{key}” it needs."
    graph = {**needs, state.key: own}
    if circle := next(_circles(state.key, graph, (state.key,)), None):
        return f"That would close a circle: {' → '.join(circle)}. Take one of these away first."
    if (depth := _above(state.key, graph) + _depth(state.key, graph)) > DEEPEST_PREREQUISITE:
        return f"Prerequisites may lie {DEEPEST_PREREQUISITE} deep; this would make it {depth}."
    return None


def _circles(key: str, graph: Needs, path: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    for other in graph.get(key, ()):
        if other == path[0]:
            yield (*path, other)
        elif other not in path:
            yield from _circles(other, graph, (*path, other))


def _depth(key: str, graph: Needs) -> int:
    return max((1 + _depth(other, graph) for other in graph.get(key, ())), default=0)


def _above(key: str, graph: Needs) -> int:
    """Return how many flags lie above one that wait for it, the longest way."""
    waiting = [other for other, named in graph.items() if key in named]
    return max((1 + _above(other, graph) for other in waiting), default=0)


def problems_of_segment(
    key: str, conditions: Any, keys: Sequence[str], *, others: Mapping[str, Sequence[Any]]
) -> dict[str, str]:
    """Return a sentence for each field of a segment that cannot be saved as it is.

    :param conditions: all of them must hold, or the user be in `keys`
    :param others: the conditions of every other segment, by key
    """
    found: dict[str, str] = {}
    if not isinstance(conditions, list):
        return {"conditions": "A segment has a list of conditions."}
    if not conditions and not keys:
        found["conditions"] = "A segment needs a condition, or a list of keys."
    for one in conditions:
        if why := why_not_condition(one, known=others):
            found["conditions"] = why
            return found
    graph = {name: [*_named(shapes)] for name, shapes in {**others, key: conditions}.items()}
    if circle := next(_circles(key, graph, (key,)), None):
        found["conditions"] = f"That would close a circle: {' → '.join(circle)}."
    return found


def _named(shapes: Sequence[Any]) -> Iterator[str]:
    for one in shapes:
        yield from segments_in(one)
