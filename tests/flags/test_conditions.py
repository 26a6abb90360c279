from typing import Any

import pytest

from releasetrain.flags.flagd.export import export
from releasetrain.flags.rules.conditions import DEEPEST, compile_condition, why_not_condition, words_of
from releasetrain.flags.rules.states import FlagState


def holds(operator: str, value: Any, *values: Any) -> bool:
    shape: dict[str, Any] = {"attribute": "one", "operator": operator}
    if values:
        shape["values"] = list(values)
    return compile_condition(shape, {})({"one": value})


@pytest.mark.parametrize(
    ("operator", "value", "values", "expected"),
    [
        ("in", "NL", ["BE", "NL"], True),
        ("in", "nl", ["NL"], False),
        ("in", 1, [1], True),
        ("in", True, [1], False),
        ("in", 1, [True], False),
        ("in", "1", [1], False),
        ("in", None, ["NL"], False),
        ("in", ["NL"], ["NL"], False),
        ("contains", "ada@example.org", ["@example.org"], True),
        ("contains", ["pro", "beta"], ["beta"], True),
        ("contains", 15, ["5"], False),
        ("starts_with", "iPhone 17", ["iPad", "iPhone"], True),
        ("ends_with", "iPhone 17", ["16"], False),
        ("less", 17.5, [18], True),
        ("less", "17", [18], False),
        ("less", None, [18], False),
        ("less", True, [18], False),
        ("at_least", 18, [18], True),
        ("version_at_least", "2.4", ["2.4.0"], True),
        ("version_at_least", "v2.3.9", ["2.4.0"], False),
        ("version_below", "2.4.0-rc.1", ["2.4.0"], True),
        ("version_same_major", "2.9.1", ["2.0.0"], True),
        ("version_same_minor", "2.9.1", ["2.0.0"], False),
        ("version_is", "no version", ["2.0.0"], False),
        ("before", "2026-11-27T10:00:00+01:00", ["2026-11-27T09:30:00Z"], True),
        ("after", "2026-11-28", ["2026-11-27T23:59:59Z"], True),
        ("after", "yesterday", ["2026-11-27T00:00:00Z"], False),
        ("after", "2026-11-28T10:00:00", ["2026-11-27T00:00:00Z"], False),
        ("in_network", "10.1.2.3", ["192.168.0.0/16", "10.0.0.0/8"], True),
        ("in_network", "::1", ["10.0.0.0/8"], False),
        ("in_network", "nobody", ["10.0.0.0/8"], False),
        ("exists", 0, [], True),
        ("exists", None, [], False),
    ],
)
def test_a_comparison(operator: str, value: Any, values: list[Any], expected: bool) -> None:
    assert holds(operator, value, *values) is expected


def test_an_attribute_may_lie_deeper() -> None:
    shape = {"attribute": "user.plan", "operator": "in", "values": ["pro"]}
    test = compile_condition(shape, {})
    assert test({"user": {"plan": "pro"}})
    assert not test({"user": "pro"})
    assert not test({"user.plan": "pro"})


def nested(levels: int) -> Any:
    shape: Any = {"attribute": "a", "operator": "exists"}
    for _ in range(levels - 1):
        shape = {"not": shape}
    return shape


@pytest.mark.parametrize(
    ("shape", "sentence"),
    [
        ("country", "names an attribute"),
        ({}, "names an attribute"),
        ({"all": []}, "has none"),
        ({"all": [{"any": "x"}]}, "has none"),
        ({"segment": 5}, "by its key"),
        ({"segment": "nobody"}, "no segment “nobody”"),
        ({"attribute": "a b", "operator": "exists"}, "no attribute's name"),
        ({"attribute": "tags.length", "operator": "exists"}, "no attribute's name"),
        ({"attribute": "a", "operator": "matches", "values": ["x"]}, "Nobody knows how to compare"),
        ({"attribute": "a", "operator": "in", "values": "x"}, "list of values"),
        ({"attribute": "a", "operator": "in", "values": []}, "at least one value"),
        ({"attribute": "a", "operator": "less", "values": [1, 2]}, "exactly one value"),
        ({"attribute": "a", "operator": "less", "values": ["5"]}, "must be a number"),
        ({"attribute": "a", "operator": "version_is", "values": ["x"]}, "must be a version"),
        ({"attribute": "a", "operator": "before", "values": ["2026-11-27T10:00"]}, "must be an instant"),
        ({"attribute": "a", "operator": "in_network", "values": ["10.0.0.0/99"]}, "must be a network"),
        ({"attribute": "a", "operator": "in", "values": [{"b": 1}]}, "must be a text, a number"),
        ({"attribute": "a", "operator": "in", "values": ["x" * 501]}, "longer than 500"),
        ({"attribute": "a", "operator": "in", "values": ["x"] * 1001}, "into a segment"),
        ({"attribute": "a", "operator": "exists", "values": ["x"]}, "takes no value"),
        (nested(DEEPEST + 1), "32 deep"),
    ],
)
def test_what_is_no_condition_is_refused_in_a_sentence(shape: Any, sentence: str) -> None:
    assert sentence in (why_not_condition(shape, known={}) or "")


def test_a_condition_is_said_in_words() -> None:
    shape = {
        "all": [
            {"attribute": "country", "operator": "in", "values": ["NL", "BE"]},
            {"not": {"segment": "staff"}},
            {"any": [{"attribute": "age", "operator": "at_least", "values": [18]}]},
        ]
    }
    assert words_of(shape) == "(country is one of NL, BE and not (in segment staff) and age ≥ 18)"


@pytest.mark.parametrize(
    ("operator", "value"), [("before", "2026-11-27T00:00:00Z"), ("in_network", "10.0.0.0/8")]
)
def test_a_flag_with_a_condition_that_flagd_lacks_is_left_out_and_named(operator: str, value: str) -> None:
    when = [{"attribute": "one", "operator": operator, "values": [value]}]
    rules = ({"when": when, "serve": {"variant": "on"}},)
    state = FlagState("odd", True, False, 0, "salt", 1, 1, rules=rules)
    exported = export([state], [])
    assert exported.definition["flags"] == {}
    assert "flagd has no condition like" in exported.left_out["odd"]
