"""A ladder protects people, or is refused in a sentence."""

import pytest

from releasetrain.rollouts.rules.ladder import DEFAULT_LADDER, Ladder, LadderError, Stage, problems_of
from releasetrain.trains.rules.ladder import why_not_ladder


def stages(*pairs: tuple[object, object]) -> list[dict[str, object]]:
    return [{"weight": weight, "bake_seconds": bake} for weight, bake in pairs]


def test_the_default_ladder_is_good() -> None:
    assert [stage.weight for stage in DEFAULT_LADDER.stages] == [1, 5, 10, 25, 50, 100]
    assert problems_of(DEFAULT_LADDER.to_json()) == []


def test_a_ladder_survives_being_stored() -> None:
    ladder = Ladder((Stage(5, 600), Stage(100, 900.5, needs_approval=True)))
    assert Ladder.from_json(ladder.to_json()) == ladder


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ([], "A ladder is a list of stages, and needs at least one."),
        ("1,5,100", "A ladder is a list of stages, and needs at least one."),
        (None, "A ladder is a list of stages, and needs at least one."),
        ([7], "Stage 1 must say its weight and its bake time."),
        (stages((0, 600)), "The weight of stage 1 must be a whole number from 1 to 100."),
        (stages((True, 600)), "The weight of stage 1 must be a whole number from 1 to 100."),
        (stages((1.5, 600)), "The weight of stage 1 must be a whole number from 1 to 100."),
        (stages(("5", 600)), "The weight of stage 1 must be a whole number from 1 to 100."),
        (stages((100, 0)), "The bake time of stage 1 must be a number of seconds, at most 14 d."),
        (stages((100, float("nan"))), "The bake time of stage 1 must be a number of seconds, at most 14 d."),
        (stages((100, 10**400)), "The bake time of stage 1 must be a number of seconds, at most 14 d."),
        ([{"weight": 100}], "The bake time of stage 1 must be a number of seconds, at most 14 d."),
        (
            [{"weight": 100, "bake_seconds": 600, "approval": "yes"}],
            "The approval of stage 1 must be true or false.",
        ),
        (
            stages((5, 600), (5, 600), (100, 600)),
            "Stage 2 (5 %) must send more users than the one before it (5 %).",
        ),
        (stages((5, 600), (50, 600)), "The last stage must be 100 %, not 50 %."),
        (
            stages((5, 60), (100, 600)),
            (
                "The stage at 5 % bakes for 1 min; less than 10 min needs break-glass with a reason, "
                "or a train that says that it is accelerated."
            ),
        ),
    ],
)
def test_a_ladder_that_protects_nobody_is_refused(value: object, problem: str) -> None:
    assert problems_of(value) == [problem]


def test_all_problems_are_told_at_once() -> None:
    assert len(problems_of(stages((50, 60), (5, 60)))) == 4


def test_a_short_bake_is_allowed_when_it_says_so() -> None:
    short = stages((5, 20), (100, 20))
    assert problems_of(short, is_accelerated=True) == []
    assert problems_of(short, break_glass_reason="Payments are down.") == []
    assert problems_of(short, break_glass_reason="  ") != []


def test_an_unreadable_ladder_is_an_error_with_its_problems() -> None:
    with pytest.raises(LadderError) as caught:
        Ladder.from_json([{"weight": "many"}])
    assert len(caught.value.problems) == 2
    with pytest.raises(LadderError):
        Ladder(())


def test_an_index_outside_the_ladder_means_its_nearest_end() -> None:
    assert DEFAULT_LADDER.stage(99).weight == 100
    assert DEFAULT_LADDER.stage(-1).weight == 1


def by_segment(*steps: tuple[str, int]) -> list[dict[str, object]]:
    return [{"weight": weight, "bake_seconds": 600, "segment": segment} for segment, weight in steps]


def test_a_segment_goes_first_and_everybody_climbs_from_the_start_again() -> None:
    rows = by_segment(("ring=internal", 100), ("region=eu", 10), ("region=eu", 100), ("", 5), ("", 100))
    assert problems_of(rows) == []
    ladder = Ladder.from_json(rows)
    assert [stage.segment for stage in ladder.stages] == ["ring=internal", "region=eu", "region=eu", "", ""]
    assert Ladder.from_json(ladder.to_json()) == ladder


@pytest.mark.parametrize(
    ("steps", "problem"),
    [
        (
            [("eu", 100), ("", 100)],
            "The segment of stage 1 must look like region=eu: an attribute, =, and its value.",
        ),
        ([("region=eu", 100)], "The last stage must be for everybody, not for region=eu alone."),
        (
            [("", 5), ("region=eu", 100), ("", 100)],
            "Stages for a segment come before those for everybody.",
        ),
        (
            [("region=eu", 5), ("region=us", 5), ("region=eu", 100), ("", 100)],
            "The stages for region=eu must follow one another.",
        ),
        (
            [("region=eu", 50), ("region=eu", 50), ("", 100)],
            "Stage 2 (50 %) must send more users than the one before it (50 %).",
        ),
    ],
)
def test_a_segment_that_cannot_be_climbed_is_refused(steps: list[tuple[str, int]], problem: str) -> None:
    assert problems_of(by_segment(*steps)) == [problem]


def test_trains_and_rollouts_ask_the_same_check() -> None:
    short = stages((5, 60), (100, 600))
    assert why_not_ladder(short, is_accelerated=False) == " ".join(problems_of(short))
    assert why_not_ladder(short, is_accelerated=True) is None
