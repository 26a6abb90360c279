"""Answers of copies are compared with those of their originals, in whatever order they come."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releasetrain.rollouts.rules.guardrails import Guardrail, GuardrailKind
from releasetrain.rollouts.rules.ladder import Ladder, Stage
from releasetrain.rollouts.rules.shadows import (
    MOST_SAMPLES,
    MOST_WAITING,
    SHADOW_METRIC,
    WAIT_SECONDS,
    Answer,
    Comparison,
    Mismatch,
    Pairs,
    Side,
    mismatches,
    read_answer,
)
from releasetrain.rollouts.rules.states import RolloutState
from tests.rollouts.rules.world import ERRORS, rollout

SIDES = (Side.USERS, Side.SHADOW, Side.NOISE)


def answer(key: str = "a", **fields: Any) -> Answer:
    values: dict[str, Any] = {"status": 200, "ms": 10, "size": 1000, "method": "GET", "path": "/"}
    return Answer(key, **{**values, **fields})


@pytest.mark.parametrize(
    ("changed", "kinds"),
    [
        ({}, ()),
        ({"status": 500}, (Mismatch.STATUS,)),
        ({"size": 1100}, ()),
        ({"size": 1101}, (Mismatch.SIZE,)),
        ({"ms": 120}, ()),
        ({"ms": 121}, (Mismatch.TIME,)),
        ({"digest": "sha-256=:b:"}, ()),
        ({"status": 404, "size": 5, "ms": 900}, (Mismatch.STATUS, Mismatch.SIZE, Mismatch.TIME)),
    ],
)
def test_status_size_and_time_are_compared(changed: dict[str, Any], kinds: tuple[Mismatch, ...]) -> None:
    assert mismatches(answer(), answer(**changed)) == kinds


def test_bodies_are_compared_where_both_sides_name_their_digest() -> None:
    first, other = answer(digest="sha-256=:a:"), answer(digest="sha-256=:b:")
    assert mismatches(first, other) == (Mismatch.BODY,)
    assert mismatches(first, first) == ()


def test_a_faster_copy_is_no_mismatch() -> None:
    assert mismatches(answer(ms=5000), answer(ms=1)) == ()


@given(st.permutations([(side, number) for side in SIDES for number in range(4)]), st.booleans())
def test_order_does_not_matter(rows: list[tuple[Side, int]], has_noise: bool) -> None:
    """Number 0 differs in the candidate, number 1 in the baseline itself."""
    told = Comparison()
    for side, number in rows:
        is_odd = (side, number) in {(Side.SHADOW, 0), (Side.NOISE, 1)}
        one = answer(str(number), status=500 if is_odd else 200, path=f"/{number}")
        told.take([(side, one)], 0, has_noise=has_noise)
        told = Comparison.from_json(json.loads(json.dumps(told.to_json())))
    told.take([], WAIT_SECONDS + 1, has_noise=has_noise)
    assert told.pairs == Pairs(4, 1)
    assert told.kinds == {"status": 1}
    assert [(one.path, one.kinds) for one in told.samples] == [("/0", ("status",))]
    assert (told.waiting, told.lost) == ({}, 0)
    if has_noise:
        assert told.noise == Pairs(4, 1)


def test_a_copy_that_nobody_answers_is_lost_and_no_pair() -> None:
    told = Comparison()
    told.take([(Side.USERS, answer("a")), (Side.SHADOW, answer("b"))], 0, has_noise=False)
    told.take([], WAIT_SECONDS, has_noise=False)
    assert (len(told.waiting), told.lost) == (2, 0)
    told.take([], WAIT_SECONDS + 1, has_noise=False)
    assert (told.waiting, told.lost, told.pairs) == ({}, 1, Pairs())


def test_what_waits_and_what_is_shown_has_a_limit() -> None:
    told = Comparison()
    told.take([(Side.USERS, answer(str(n))) for n in range(MOST_WAITING + 10)], 0, has_noise=False)
    assert len(told.waiting) == MOST_WAITING
    for n in range(30):
        pair = [(Side.USERS, answer(f"x{n}", path=f"/{n}")), (Side.SHADOW, answer(f"x{n}", status=500))]
        told.take(pair, 0, has_noise=False)
    assert [one.path for one in told.samples] == [f"/{n}" for n in range(29, 29 - MOST_SAMPLES, -1)]


@pytest.mark.parametrize("line", ["", "[]", "{}", "nonsense", '{"id": 1, "status": "x"}', "null"])
def test_a_line_that_is_no_answer_is_left_out(line: str) -> None:
    assert read_answer(line) is None


def test_a_path_is_kept_without_its_query() -> None:
    line = {"id": "a", "status": 200, "ms": 1, "bytes": 2, "path": "/a?token=secret", "fence": "7"}
    read = read_answer(json.dumps(line))
    assert read is not None
    assert (read.path, read.fence) == ("/a", 7)


COPIES = Guardrail(name="Copies", metric=SHADOW_METRIC)
SHARES = Guardrail(name="Shares", metric="errors", kind=GuardrailKind.SAMPLE_RATIO)


def test_what_copies_tell_counts_in_shadow_stages_alone_and_shares_count_in_others() -> None:
    ladder = Ladder((Stage(0, 600, mirror=20), Stage(10, 600), Stage(100, 600)))
    fields: dict[str, Any] = {"ladder": ladder, "guardrails": (ERRORS, COPIES, SHARES)}
    shadow = rollout(state=RolloutState.BAKING, stage_index=0, **fields)
    assert [shadow.decides(one) for one in (ERRORS, COPIES, SHARES)] == [True, True, False]
    users = rollout(state=RolloutState.BAKING, stage_index=1, desired_weight=10, **fields)
    assert [users.decides(one) for one in (ERRORS, COPIES, SHARES)] == [True, False, True]
