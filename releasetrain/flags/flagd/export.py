"""Write flags as flagd's definition: JsonLogic for rules, `$evaluators` for segments.

Whoever evaluates it with flagd gives everybody the variant that we give them: salts and places go along.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from releasetrain.flags.rules.buckets import FULL, PLACES, RAMP, SPLIT
from releasetrain.flags.rules.evaluation import salt_of
from releasetrain.flags.rules.segments import SegmentState
from releasetrain.flags.rules.serving import BY
from releasetrain.flags.rules.states import FlagState, Shape, taken_back

SCHEMA = "https://flagd.dev/schema/v0/flags.json"
Logic = Any
KEY = {"var": BY}
COMPARISONS = {"less": "<", "at_most": "<=", "greater": ">", "at_least": ">="}
VERSIONS = {
    "version_is": "=",
    "version_below": "<",
    "version_at_least": ">=",
    "version_same_major": "^",
    "version_same_minor": "~",
}
TEXTS = {"starts_with": "starts_with", "ends_with": "ends_with"}
OURS, SHORT, PLAIN = 1, 2, 3


class CannotExport(ValueError):
    """Say in a sentence why a flag has no equal in flagd's definition."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A definition, and a sentence for each flag that is not in it."""

    definition: Mapping[str, Any]
    left_out: Mapping[str, str] = field(default_factory=dict)


def export(states: Iterable[FlagState], segments: Iterable[SegmentState]) -> Exported:
    """Write the flags of one environment; one that flagd cannot evaluate alike is left out, and named."""
    flags = {state.key: taken_back(state) for state in states}
    known = {segment.key: segment for segment in segments}
    written: dict[str, Any] = {}
    left_out: dict[str, str] = {}
    used: set[str] = set()
    for key, state in flags.items():
        writer = Writer(key, flags, known)
        try:
            written[key] = writer.flag(state)
        except CannotExport as refusal:
            left_out[key] = str(refusal)
        else:
            used |= writer.used
    evaluators = {key: Writer(key, flags, known).segment(known[key]) for key in sorted(used)}
    definition = {"$schema": SCHEMA, "flags": written}
    return Exported({**definition, "$evaluators": evaluators} if evaluators else definition, left_out)


@dataclass(slots=True)
class Writer:
    """Write one flag; `used` are the segments that it refers to."""

    key: str
    flags: Mapping[str, FlagState]
    segments: Mapping[str, SegmentState]
    used: set[str] = field(default_factory=set)

    def flag(self, state: FlagState) -> dict[str, Any]:
        """Write a flag whole.

        :raises CannotExport: flagd could not give everybody the same
        """
        row: dict[str, Any] = {"state": "ENABLED", "variants": dict(state.variants)}
        logic = self.outcome(state)
        if isinstance(logic, str):
            return {**row, "defaultVariant": logic}
        return {**row, "defaultVariant": state.off_variant, "targeting": logic}

    def outcome(self, state: FlagState, path: tuple[str, ...] = ()) -> Logic:
        """Write what a flag answers: a variant, or the logic that gives one."""
        if state.killed or not state.enabled:
            return state.off_variant
        if state.bucket_version not in PLACES:
            raise CannotExport(f"Nobody knows how version {state.bucket_version} places users.")
        chain: list[Logic] = []
        for key, wanted in state.prerequisites:
            chain += [{"!": [self._is_met(key, wanted, (*path, state.key))]}, state.off_variant]
        for variant in dict.fromkeys(state.overrides.values()):
            keys = [key for key, one in state.overrides.items() if one == variant]
            chain += [{"in": [KEY, keys]}, variant]
        for rule in state.rules:
            chain += self._rule(rule, state)
        chain += self._ramp(state)
        rest = self._serve(state.fallthrough, state.bucket_version, state.salt)[1]
        return {"if": [*chain, rest]} if chain else rest

    def _is_met(self, key: str, wanted: Sequence[str], path: tuple[str, ...]) -> Logic:
        other = self.flags.get(key)
        if other is None or key in path:
            raise CannotExport(f"Its prerequisite “{key}” has no answer.")
        return {"in": [self.outcome(other, path), list(wanted)]}

    def _rule(self, rule: Shape, state: FlagState) -> list[Logic]:
        version = rule.get("version") or state.bucket_version
        guards, served = self._serve(rule["serve"], version, salt_of(rule, state))
        when = [self.condition(one) for one in rule.get("when", ())]
        return [_joined("and", [*when, *guards]), served]

    def _ramp(self, state: FlagState) -> list[Logic]:
        if state.percentage >= FULL:
            return [True, state.ramp_variant]
        ways: list[Logic] = []
        if state.percentage > 0:
            ways.append(self._gate(state.percentage, state.bucket_version, state.salt, KEY))
        for name, share in state.segments:
            if share > state.percentage:
                attribute, _, wanted = name.partition("=")
                gate = [True] if share >= FULL else [self._gate(share, state.bucket_version, state.salt, KEY)]
                ways.append(_joined("and", [_is_of(attribute, wanted), *gate]))
        return [_joined("or", ways), state.ramp_variant] if ways else []

    def condition(self, shape: Shape, *, inline: bool = False) -> Logic:
        """Write one condition; segments are referred to, and inside a segment written out."""
        if "segment" in shape:
            if inline:
                return self.segment(self.segments[shape["segment"]])
            self.used.add(shape["segment"])
            return {"$ref": shape["segment"]}
        if "not" in shape:
            return {"!": [self.condition(shape["not"], inline=inline)]}
        for joint, word in (("all", "and"), ("any", "or")):
            if joint in shape:
                return _joined(word, [self.condition(one, inline=inline) for one in shape[joint]])
        return _comparison(shape)

    def segment(self, state: SegmentState) -> Logic:
        """Write a segment."""
        ways: list[Logic] = []
        if state.conditions:
            ways.append(_joined("and", [self.condition(one, inline=True) for one in state.conditions]))
        if state.keys:
            ways.append({"in": [KEY, sorted(state.keys)]})
        return _joined("or", ways)

    def _serve(self, shape: Shape, version: int, salt: str) -> tuple[list[Logic], Logic]:
        """Write what is served, and what must be true before."""
        if "variant" in shape:
            return [], str(shape["variant"])
        by = str(shape.get("by") or BY)
        var = {"var": by}
        guards: list[Logic] = [] if by == BY else [{"!==": [var, None]}]
        if "split" in shape:
            weights = [[name, weight] for name, weight in shape["split"]]
            return guards, {"fractional": [*self._bucket(version, salt, SPLIT, var), *weights]}
        if shape["ramp"] <= 0:
            return [False], self._serve(shape["serve"], version, salt)[1]
        inner, served = self._serve(shape["serve"], version, salt)
        gate = [] if shape["ramp"] >= FULL else [*guards, self._gate(shape["ramp"], version, salt, var)]
        return [*gate, *inner], served

    def _gate(self, share: int, version: int, salt: str, var: Logic) -> Logic:
        weights = [["in", share], ["out", FULL - share]]
        return {"==": [{"fractional": [*self._bucket(version, salt, RAMP, var), *weights]}, "in"]}

    def _bucket(self, version: int, salt: str, purpose: str, var: Logic) -> list[Logic]:
        """Write by which text flagd places users: the very one by which we do."""
        if version == OURS:
            return [{"cat": [f"{salt}{purpose}", var]}]
        if version == PLAIN:
            return [{"cat": [salt, var]} if salt else var]
        if version == SHORT and var == KEY and salt == self.key:
            return []
        raise CannotExport(
            "It places users in a way that flagd has for its own key and the targeting key alone."
        )


def _joined(word: str, parts: Sequence[Logic]) -> Logic:
    if not parts:
        return word == "and"
    return parts[0] if len(parts) == 1 else {word: list(parts)}


def _comparison(shape: Shape) -> Logic:
    var, operator, values = {"var": shape["attribute"]}, shape["operator"], shape.get("values", [])
    if operator == "in":
        return {"in": [var, list(values)]}
    if operator == "contains":
        return _joined("or", [{"in": [one, var]} for one in values])
    if operator in TEXTS:
        return _joined("or", [{TEXTS[operator]: [var, one]} for one in values])
    if operator in COMPARISONS:
        # JsonLogic would read a text, or nothing at all, as a number.
        return {"and": [{"===": [var, {"+": [var]}]}, {COMPARISONS[operator]: [var, values[0]]}]}
    if operator in VERSIONS:
        return {"sem_ver": [var, VERSIONS[operator], str(values[0])]}
    if operator == "exists":
        return {"!==": [var, None]}
    raise CannotExport(f"flagd has no condition like “{shape['attribute']} {operator.replace('_', ' ')} …”.")


def _is_of(attribute: str, wanted: str) -> Logic:
    var = {"var": attribute}
    ways: list[Logic] = [{"===": [var, wanted]}]
    if wanted in {"true", "false"}:
        ways.append({"===": [var, wanted == "true"]})
    elif wanted.lstrip("-").isdigit():
        ways.append({"===": [var, int(wanted)]})
    return _joined("or", ways)
