"""The checker that fault runs lean on: it lets a right past pass, and names each promise that one breaks."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from releasetrain.rollouts.rules.audit import Asked, Passage, Past, Set, what_is_wrong
from releasetrain.rollouts.rules.ladder import Ladder, Stage
from releasetrain.rollouts.rules.states import RolloutKind, RolloutState

R = RolloutState
START = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LADDER = Ladder((Stage(10, 60), Stage(100, 60)))
STEPS = (
    (R.QUEUED, R.PREFLIGHT, 0, 0, 1),
    (R.PREFLIGHT, R.SHIFTING, 0, 10, 2),
    (R.SHIFTING, R.BAKING, 0, 10, 3),
    (R.BAKING, R.SHIFTING, 1, 100, 4),
    (R.SHIFTING, R.SOAKING, 1, 100, 5),
    (R.SOAKING, R.SUCCEEDED, 1, 100, 6),
)
TOLD = {
    "rollouts.shift.started": 2,
    "rollouts.bake.started": 1,
    "rollouts.soak.started": 1,
    "rollouts.rollout.succeeded": 1,
}


def at(minutes: float) -> datetime:
    return START + timedelta(minutes=minutes)


def passage(seq: int, step: tuple[RolloutState, RolloutState, int, int, int], **fields: Any) -> Passage:
    before, after, stage, weight, fence = step
    made = Passage(
        seq=seq,
        rule="",
        from_state=before,
        to_state=after,
        stage_index=stage,
        weight=weight,
        fence=fence,
        bake_credit_seconds=60.0 if before in (R.BAKING, R.SOAKING) else 0.0,
        at=at(seq),
    )
    return replace(made, **fields)


def past(**fields: Any) -> Past:
    """Make a past of a rollout that has arrived and kept every promise."""
    made = Past(
        name="Rollout 1",
        kind=RolloutKind.FORWARD,
        state=R.SUCCEEDED,
        seq=6,
        fence=6,
        ladder=LADDER,
        is_due=False,
        open_holds=0,
        is_cut_short=False,
        passages=[passage(number, step) for number, step in enumerate(STEPS, 1)],
        asked=[Asked(weight=10, fence=2, at=at(2)), Asked(weight=100, fence=4, at=at(4))],
        sets=[
            Set(weight=10, fence=2, at=at(2.1), is_taken=True),
            Set(weight=100, fence=4, at=at(4.1), is_taken=True),
        ],
        target_weight=100,
        told=TOLD,
    )
    return replace(made, **fields)


def came_back(**fields: Any) -> Past:
    """Make a past of a rollout that was taken back from its first stage."""
    steps = [
        *STEPS[:3],
        (R.BAKING, R.ROLLING_BACK, 0, 0, 7),
        (R.ROLLING_BACK, R.ROLLED_BACK, 0, 0, 8),
    ]
    made = past(
        state=R.ROLLED_BACK,
        seq=5,
        fence=8,
        passages=[passage(number, step) for number, step in enumerate(steps, 1)],
        asked=[Asked(weight=10, fence=2, at=at(2)), Asked(weight=0, fence=7, at=at(4))],
        sets=[
            Set(weight=10, fence=2, at=at(2.1), is_taken=True),
            Set(weight=0, fence=7, at=at(4.1), is_taken=True),
        ],
        target_weight=0,
        told={"rollouts.shift.started": 1, "rollouts.bake.started": 1, "rollouts.rollback.started": 1},
    )
    return replace(made, **fields)


def without(number: int) -> list[Passage]:
    return [one for one in past().passages if one.seq != number]


def with_passage(number: int, **fields: Any) -> list[Passage]:
    return [replace(one, **fields) if one.seq == number else one for one in past().passages]


def test_a_right_past_breaks_nothing() -> None:
    assert what_is_wrong(past()) == []
    assert what_is_wrong(came_back()) == []
    assert what_is_wrong(past(sets=None, target_weight=None)) == []


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"passages": without(3)}, "not one by one"),
        ({"passages": [*past().passages[:3], *past().passages[2:]]}, "not one by one"),
        ({"seq": 7}, "its log has 6"),
        ({"state": R.SOAKING, "is_due": True}, "its log ends with succeeded"),
        ({"passages": with_passage(4, from_state=R.SHIFTING)}, "the one before ended at baking"),
        ({"passages": with_passage(4, to_state=R.SUCCEEDED)}, "which no rule allows"),
        ({"told": TOLD | {"rollouts.shift.started": 3}}, "was told 3 times"),
        ({"told": TOLD | {"rollouts.soak.started": 0}}, "was told 0 times"),
    ],
)
def test_r4_a_lost_or_doubled_transition_is_seen(fields: dict[str, Any], words: str) -> None:
    assert words in " ".join(what_is_wrong(past(**fields)))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"passages": with_passage(4, fence=1)}, "has fence 1, the one before it had 3"),
        ({"fence": 3}, "an intent has fence 4, and the rollout only 3"),
    ],
)
def test_r1_a_fence_that_falls_is_seen(fields: dict[str, Any], words: str) -> None:
    assert words in " ".join(what_is_wrong(past(**fields)))


def test_t5_a_skipped_stage_is_seen_unless_somebody_asked_for_it() -> None:
    ladder = Ladder((Stage(10, 60), Stage(50, 60), Stage(100, 60)))
    skipped = past(ladder=ladder, passages=with_passage(4, stage_index=2))
    assert "which is not the next one" in " ".join(what_is_wrong(skipped))
    assert not any("next one" in one for one in what_is_wrong(replace(skipped, is_cut_short=True)))


def test_t5_a_bake_shorter_than_its_time_is_seen() -> None:
    short = past(passages=with_passage(4, bake_credit_seconds=30.0))
    assert "needs 60 s" in " ".join(what_is_wrong(short))
    assert what_is_wrong(replace(short, is_cut_short=True)) == []


def test_more_credit_than_time_is_seen() -> None:
    quick = past(passages=with_passage(4, at=at(3.5)))
    assert "was credited 0:01:00, and lasted 0:00:30" in " ".join(what_is_wrong(quick))


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ([Asked(weight=10, fence=2, at=at(2))], "which nobody intended"),
        (
            [Asked(weight=10, fence=2, at=at(2)), Asked(weight=50, fence=4, at=at(4))],
            "not 50 %",
        ),
        (
            [Asked(weight=10, fence=2, at=at(2)), Asked(weight=100, fence=4, at=at(9))],
            "before that was written down",
        ),
    ],
)
def test_r3_a_call_without_its_intent_is_seen(asked: list[Asked], words: str) -> None:
    assert words in " ".join(what_is_wrong(past(asked=asked)))


def test_r6_a_target_that_takes_an_older_fence_is_seen() -> None:
    stale = Set(weight=10, fence=2, at=at(4.5), is_taken=True)
    assert "took fence 2 after 4" in " ".join(what_is_wrong(past(sets=[*(past().sets or ()), stale])))
    refused = replace(stale, is_taken=False)
    assert what_is_wrong(past(sets=[*(past().sets or ()), refused])) == []


def test_t9_a_weight_after_a_rollback_is_seen() -> None:
    late = Set(weight=10, fence=2, at=at(6), is_taken=True)
    again = Set(weight=10, fence=8, at=at(6), is_taken=True)
    asked = [*came_back().asked, Asked(weight=10, fence=8, at=at(5))]
    for fields in ({"sets": [*(came_back().sets or ()), late]}, {"sets": [*(came_back().sets or ()), again]}):
        assert "after its rollback" in " ".join(what_is_wrong(came_back(**fields)))
    assert "was intended under the fences of its rollback" in " ".join(what_is_wrong(came_back(asked=asked)))


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"is_due": True}, "still due"),
        ({"open_holds": 1}, "still held"),
        ({"target_weight": 10}, "its target has 10 %"),
        ({"told": {"rollouts.shift.started": 1, "rollouts.bake.started": 1}}, "nobody was told"),
    ],
)
def test_r11_an_end_that_is_none_is_seen(fields: dict[str, Any], words: str) -> None:
    assert words in " ".join(what_is_wrong(came_back(**fields)))


def test_a_rollout_that_nobody_will_look_at_again_is_seen() -> None:
    steps = past().passages[:3]
    stuck = past(state=R.BAKING, seq=3, passages=steps, told={}, asked=[], sets=None)
    assert "nothing will ever look at it again" in " ".join(what_is_wrong(stuck))
