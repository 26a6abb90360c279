"""A ladder that would protect nobody is refused before anything is promised with it."""

from typing import Any

import pytest

from releasetrain.trains.rules.ladder import DEFAULT_LADDER, share_words, why_not_ladder


def stages(*weights: Any, bake: Any = 600) -> list[dict[str, Any]]:
    return [{"weight": weight, "bake_seconds": bake} for weight in weights]


def test_the_default_ladder_is_sound() -> None:
    assert why_not_ladder(DEFAULT_LADDER, is_accelerated=False) is None


def test_a_short_bake_is_for_accelerated_trains_only() -> None:
    short = stages(10, 100, bake=20)
    assert "less than 10 min" in (why_not_ladder(short, is_accelerated=False) or "")
    assert why_not_ladder(short, is_accelerated=True) is None


@pytest.mark.parametrize(
    "ladder",
    [
        [],
        None,
        "100",
        [100],
        stages(True, 100),
        stages(0, 100),
        stages(50, 101),
        stages(10.5, 100),
        stages(50, 50, 100),
        stages(50, 10, 100),
        stages(1, 5, 50),
        stages(100, bake=0),
        stages(100, bake=-5),
        stages(100, bake="600"),
        stages(100, bake=float("nan")),
        stages(100, bake=10**9),
        [{"weight": 0, "bake_seconds": 600, "mirror": 101}, *stages(100)],
        [{"weight": 0, "bake_seconds": 600, "mirror": 0}, *stages(100)],
        [{"weight": 0, "bake_seconds": 600, "mirror": True}, *stages(100)],
        [{"weight": 5, "bake_seconds": 600, "mirror": 50}, *stages(100)],
        [{"weight": 0, "bake_seconds": 600, "mirror": 50, "segment": "region=eu"}, *stages(100)],
        [*stages(100), {"weight": 0, "bake_seconds": 600, "mirror": 50}],
        [{"weight": 0, "bake_seconds": 600, "mirror": 50}],
        [{"weight": 100}],
        [{"bake_seconds": 600}],
    ],
)
def test_a_ladder_that_cannot_be_climbed_is_refused(ladder: Any) -> None:
    assert why_not_ladder(ladder, is_accelerated=True)


def test_a_shadow_comes_first_and_says_so() -> None:
    shadow: dict[str, Any] = {"weight": 0, "bake_seconds": 600, "mirror": 50}
    eu: dict[str, Any] = {"weight": 10, "bake_seconds": 600, "segment": "region=eu"}
    assert why_not_ladder([shadow, eu, *stages(5, 100)], is_accelerated=False) is None
    assert [share_words(one) for one in (shadow, eu, *stages(5))] == [
        "shadow 50 %",
        "10 % of region=eu",
        "5 %",
    ]
    assert "Shadow stages come before all others" in (
        why_not_ladder([eu, shadow, *stages(100)], is_accelerated=False) or ""
    )
    assert "The stage at shadow 50 % bakes" in (
        why_not_ladder([shadow | {"bake_seconds": 9}, *stages(100)], is_accelerated=False) or ""
    )
