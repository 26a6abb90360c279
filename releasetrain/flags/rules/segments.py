"""Compile segments: who is named by key, or for whom every condition holds."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from releasetrain.flags.rules.conditions import (
    BadCondition,
    Condition,
    Context,
    all_of,
    compile_condition,
    segments_in,
)
from releasetrain.flags.rules.serving import BY


@dataclass(frozen=True, slots=True)
class SegmentState:
    """A reusable part of the users: whoever is in `keys`, and everybody for whom all conditions hold."""

    key: str
    conditions: tuple[Mapping[str, Any], ...] = ()
    keys: frozenset[str] = frozenset()

    def as_json(self) -> dict[str, Any]:
        return {"key": self.key, "conditions": list(self.conditions), "keys": sorted(self.keys)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "SegmentState":
        """Read what `as_json` wrote.

        :raises KeyError, TypeError: it is something else
        """
        return cls(value["key"], tuple(value["conditions"]), frozenset(value["keys"]))


def compile_segments(states: Iterable[SegmentState]) -> dict[str, Condition]:
    """Build the tests of all segments.

    One in a circle, or that names one which is not there, holds for nobody: what is saved was checked, this
    is for what was written past the checks.
    """
    waiting = {state.key: state for state in states}
    done: dict[str, Condition] = {}
    while waiting:
        ready = [state for state in waiting.values() if _needs(state) <= done.keys()]
        if not ready:
            break
        for state in ready:
            del waiting[state.key]
            try:
                done[state.key] = _compile(state, done)
            except BadCondition:
                done[state.key] = _nobody
    return {**done, **dict.fromkeys(waiting, _nobody)}


def _nobody(context: Context) -> bool:
    return False


def _needs(state: SegmentState) -> set[str]:
    return {key for one in state.conditions for key in segments_in(one)}


def _compile(state: SegmentState, done: Mapping[str, Condition]) -> Condition:
    keys = state.keys

    def named(context: Context) -> bool:
        return context.get(BY) in keys

    if not state.conditions:
        return named
    holds = all_of([compile_condition(one, done) for one in state.conditions])
    if not keys:
        return holds
    return lambda context: named(context) or holds(context)
