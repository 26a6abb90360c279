"""What a state is, whom it lets in, and how it is kept."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releasetrain.proxy.state import Keeper, OldFenceError, State, UnreadableError, bucket_of, changed

USERS = [f"user-{number}" for number in range(4000)]


@given(st.integers(0, 100), st.integers(0, 100), st.text(max_size=20), st.text(max_size=40))
def test_whoever_is_in_stays_in_at_every_later_stage(one: int, other: int, version: str, user: str) -> None:
    low, high = sorted((one, other))
    if State(weight=low, version=version).includes(user):
        assert State(weight=high, version=version).includes(user)


@pytest.mark.parametrize("weight", [1, 5, 10, 25, 50])
def test_the_split_is_within_three_and_a_half_deviations(weight: int) -> None:
    state, share = State(weight=weight, version="v2"), weight / 100
    seen = sum(state.includes(user) for user in USERS)
    deviation = (len(USERS) * share * (1 - share)) ** 0.5
    assert abs(seen - len(USERS) * share) < 3.5 * deviation


def test_0_and_100_are_exact_and_nobody_unknown_is_in() -> None:
    assert not any(State(weight=0, version="v2").includes(user) for user in USERS)
    assert all(State(weight=100, version="v2").includes(user) for user in USERS)
    assert not State(weight=100, version="v2").includes("")


def test_each_release_has_other_first_users() -> None:
    first = {user for user in USERS if bucket_of("v2", user) < 5}
    second = {user for user in USERS if bucket_of("v3", user) < 5}
    assert len(first & second) < len(first) / 2


def test_what_is_not_named_stays_and_an_older_fence_is_refused() -> None:
    state = changed(State(), {"weight": 50, "fence": 7, "version": "v2", "mirror": 10})
    assert changed(state, {"weight": 0, "fence": 8}) == State(0, 8, "v2", 10)
    assert changed(state, {"weight": 25, "fence": 7}).weight == 25
    with pytest.raises(OldFenceError, match="6 is older than 7"):
        changed(state, {"weight": 0, "fence": 6})


@pytest.mark.parametrize(
    "wanted",
    [
        {"weight": 5},
        [1],
        "x",
        None,
        {"fence": 1, "weight": "5"},
        {"fence": 1, "weight": True},
        {"fence": 1, "weight": 101},
        {"fence": 1, "weight": 2.5},
        {"fence": -1},
        {"fence": 2**70},
        {"fence": 1, "version": "x" * 201},
        {"fence": 1, "colour": "red"},
    ],
)
def test_what_is_no_state_is_refused_in_words(wanted: object) -> None:
    with pytest.raises(UnreadableError):
        changed(State(), wanted)


def test_a_state_is_kept_and_a_broken_file_is_told_from_none(tmp_path: Path) -> None:
    keeper = Keeper(tmp_path / "state.json")
    assert keeper.read() == State()
    keeper.write(State(25, 3, "v2", 5))
    assert keeper.read() == State(25, 3, "v2", 5)
    assert [file.name for file in tmp_path.iterdir()] == ["state.json"]
    keeper.path.write_text(json.dumps({"weight": 500, "fence": 1}))
    with pytest.raises(UnreadableError):
        keeper.read()
