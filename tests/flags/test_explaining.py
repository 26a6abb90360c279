from dataclasses import replace
from typing import Any

import pytest

from releasetrain.flags.rules.evaluation import compile_flag
from releasetrain.flags.rules.explaining import explain
from releasetrain.flags.rules.segments import compile_segments
from releasetrain.flags.rules.states import Answer, Failure, FlagState
from tests.flags.flagd.invented import Inventor

STATE = FlagState("new-checkout", True, False, 0, "salt", 1, 7)
DUTCH = {"attribute": "country", "operator": "in", "values": ["NL"]}


def said(state: FlagState, **context: Any) -> list[str]:
    found = explain(state, {"targetingKey": "ada", **context}, segments={}, flags={})
    return [f"{step.what}: {step.sentence}" for step in found.steps]


@pytest.mark.parametrize("seed", range(150))
def test_the_explanation_ends_where_the_answer_came_from(seed: int) -> None:
    inventor = Inventor(seed)
    segments = inventor.segments()
    states = inventor.flags(segments)
    conditions = compile_segments(segments)
    flags = {state.key: compile_flag(state, conditions) for state in states}
    for context in [inventor.context() for _ in range(10)]:
        for state in states:
            found = explain(state, context, segments=conditions, flags=flags)
            assert found.outcome == flags[state.key].evaluate(context, flags)
            assert [step.decides for step in found.steps] == [False] * (len(found.steps) - 1) + [True]
            if isinstance(found.outcome, Answer) and "serves" in found.steps[-1].sentence:
                assert found.steps[-1].sentence.endswith(f"serves {found.outcome.variant}.")


def test_it_says_which_condition_did_not_match_and_where_somebody_stands() -> None:
    rules = (
        {"when": [DUTCH], "serve": {"variant": "on"}, "name": "The Dutch"},
        {"when": [], "serve": {"ramp": 1, "serve": {"variant": "on"}}},
    )
    first, second, last = said(replace(STATE, rules=rules), country="BE")
    assert first == "Rule 1, The Dutch: Does not match: country is one of NL."
    assert second.startswith("Rule 2: Matches (matches everybody), but stands at ")
    assert second.endswith("%, outside its 0.001 %.")
    assert last == "Everybody else: Gets off."


def test_it_says_that_a_kill_decides_before_all_else() -> None:
    killed = replace(STATE, killed=True, overrides={"ada": "on"})
    assert said(killed) == ["Kill switch: It is killed: everybody gets off."]


def test_without_anybody_who_asks_it_says_so() -> None:
    found = explain(replace(STATE, percentage=5_000), {}, segments={}, flags={})
    assert isinstance(found.outcome, Failure)
    assert found.steps[-1].sentence == "On for 5 %, but nobody says who asks."


def test_a_split_is_said_in_percent_whatever_its_weights_add_up_to() -> None:
    split = replace(STATE, default={"split": [["on", 1], ["off", 3]]})
    assert said(split) == ["Everybody else: Is split: on 25 %, off 75 %."]
