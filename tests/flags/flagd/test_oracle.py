"""flagd's own Python core is the oracle: of what we export, everybody gets from it what they get from us."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from releasetrain.flags.flagd.export import export
from releasetrain.flags.flagd.reading import read_definition
from releasetrain.flags.rules.evaluation import Flag, compile_flag
from releasetrain.flags.rules.segments import SegmentState, compile_segments
from releasetrain.flags.rules.states import Answer, FlagState
from tests.flags.flagd.conftest import Judge
from tests.flags.flagd.invented import Inventor

HOUSES, PEOPLE = 900, 20
# What people write by hand, after the examples of flagd's documentation.
BY_HAND: Mapping[str, Any] = {
    "flags": {
        "header-colour": {
            "state": "ENABLED",
            "variants": {"red": "#f00", "blue": "#00f", "grey": "#888"},
            "defaultVariant": "grey",
            "targeting": {
                "if": [
                    {"$ref": "staff"},
                    {
                        "fractional": [
                            {"cat": [{"var": "$flagd.flagKey"}, {"var": "email"}]},
                            ["red", 50],
                            ["blue", 50],
                        ]
                    },
                    None,
                ]
            },
        },
        "new-search": {
            "state": "ENABLED",
            "variants": {"true": True, "false": False},
            "defaultVariant": "false",
            "targeting": {
                "and": [
                    {"sem_ver": [{"var": "app_version"}, ">=", "2.0.0"]},
                    {"!": [{"in": [{"var": "country"}, ["DE", "BE"]]}]},
                ]
            },
        },
        "shares": {
            "state": "ENABLED",
            "variants": {"a": 1, "b": 2, "c": 3},
            "defaultVariant": "a",
            "targeting": {"fractional": [["a", 1], ["b", 1], ["c"]]},
        },
        "nested": {
            "state": "ENABLED",
            "variants": {"on": True, "off": False},
            "defaultVariant": "off",
            "targeting": {
                "if": [
                    {"==": [{"var": "plan"}, "pro"]},
                    {"if": [{"starts_with": [{"var": "country"}, "N"]}, "on", "off"]},
                    {"ends_with": [{"var": "email"}, "@example.org"]},
                    "on",
                    "off",
                ]
            },
        },
        "off-for-now": {
            "state": "ENABLED",
            "variants": {"on": True, "off": False},
            "defaultVariant": "off",
            "targeting": {},
        },
    },
    "$evaluators": {"staff": {"in": ["@example.org", {"var": "email"}]}},
}


def ready(states: Sequence[FlagState], segments: Sequence[SegmentState]) -> dict[str, Flag]:
    conditions = compile_segments(segments)
    return {state.key: compile_flag(state, conditions) for state in states}


def variant(flags: Mapping[str, Flag], key: str, context: Mapping[str, Any]) -> str | None:
    outcome = flags[key].evaluate(context, flags)
    return outcome.variant if isinstance(outcome, Answer) else None


def test_everybody_gets_from_flagd_what_they_get_from_us(judge: Judge) -> None:
    asked, got = 0, set()
    for seed in range(HOUSES):
        inventor = Inventor(seed)
        segments = inventor.segments()
        states = inventor.flags(segments)
        people = [inventor.context() for _ in range(PEOPLE)]
        exported = export(states, segments)
        assert exported.left_out == {}
        flags = ready(states, segments)
        for context, theirs in zip(people, judge.variants(exported.definition, people), strict=True):
            ours = {key: variant(flags, key, context) for key in flags}
            assert ours == theirs, (seed, context)
            asked += len(ours)
            got |= set(ours.values())
    assert asked > 50_000
    assert len(got) > 8


def test_what_was_exported_comes_back_as_what_it_was() -> None:
    came_back = 0
    for seed in range(HOUSES // 3):
        inventor = Inventor(seed)
        segments = inventor.segments()
        states = inventor.flags(segments)
        imported = read_definition(json.dumps(export(states, segments).definition))
        assert all("prerequisite" in why for why in imported.refused.values())
        assert imported.notes == {}
        flags, again = ready(states, segments), ready(imported.flags, imported.segments)
        came_back += len(again)
        for context in [inventor.context() for _ in range(PEOPLE)]:
            assert {key: variant(flags, key, context) for key in again} == {
                key: variant(again, key, context) for key in again
            }, (seed, context)
    assert came_back > 500


def test_what_people_wrote_for_flagd_serves_the_same_here(judge: Judge) -> None:
    imported = read_definition(json.dumps(BY_HAND))
    assert imported.refused == {}
    flags = ready(imported.flags, imported.segments)
    inventor = Inventor(1)
    people = [inventor.context() for _ in range(2_000)]
    for context in people:
        context["email"] = context.get("email") or "nobody@example.com"
    for context, theirs in zip(people, judge.variants(BY_HAND, people), strict=True):
        assert {key: variant(flags, key, context) for key in flags} == theirs, context


@pytest.mark.parametrize(
    ("flag", "sentence"),
    [
        ({"state": "ON"}, "ENABLED or DISABLED"),
        ({"state": "ENABLED", "variants": {}}, "no variants"),
        ({"state": "ENABLED", "variants": {"a": 1, "b": "x"}}, "different types"),
        ({"state": "ENABLED", "variants": {"a": 1}}, "default variant"),
        ({"targeting": {"if": [{"<": [{"var": "a"}, {"var": "b"}]}, "on"]}}, "with a number"),
        ({"targeting": {"if": [{"$ref": "nobody"}, "on"]}}, "not among"),
        ({"targeting": {"if": [{"some": [{"var": "a"}, True]}, "on"]}}, "no condition like"),
        ({"targeting": {"fractional": [{"%": [{"var": "n"}, 2]}, ["on", 1]]}}, "no attribute"),
        ({"targeting": {"fractional": [["on", 0.5]]}}, "whole number"),
        ({"targeting": {"if": [True, {"cat": ["o", "n"]}]}}, "gives no variant"),
        ({"targeting": {"if": [True, "blue"]}}, "no variant “blue”"),
    ],
)
def test_what_has_no_equal_is_refused_in_a_sentence(flag: dict[str, Any], sentence: str) -> None:
    whole = {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "off"}
    given = {**whole, **flag} if "targeting" in flag else flag
    imported = read_definition(json.dumps({"flags": {"one": given, "two": whole}}))
    assert [one.key for one in imported.flags] == ["two"]
    assert sentence in imported.refused["one"]


def test_a_comparison_that_is_looser_in_flagd_is_noted() -> None:
    flag = {
        "state": "ENABLED",
        "variants": {"on": True, "off": False},
        "defaultVariant": "off",
        "targeting": {"if": [{"<": [{"var": "age"}, 18]}, "on", "off"]},
    }
    imported = read_definition(json.dumps({"flags": {"young": flag}}))
    assert "0" in imported.notes["young"]
