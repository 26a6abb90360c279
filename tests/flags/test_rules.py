import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releasetrain.flags.rules import (
    FULL,
    Answer,
    ErrorCode,
    Failure,
    FlagState,
    Reason,
    evaluate,
    is_in,
    percent,
    why_not_key,
    why_not_percentage,
)
from releasetrain.flags.rules.buckets import gate

STATE = FlagState(
    key="new-checkout",
    enabled=True,
    killed=False,
    percentage=5_000,
    salt="salt",
    bucket_version=1,
    revision=7,
)
ORACLE = json.loads((Path(__file__).parent / "oracle.json").read_text())
users = st.text(min_size=1, max_size=60).filter(lambda one: one.isprintable())
percentages = st.integers(1, FULL - 1)


def test_an_unknown_flag_is_not_found() -> None:
    outcome = evaluate(None, "typo", "ada")
    assert isinstance(outcome, Failure)
    assert outcome.code is ErrorCode.FLAG_NOT_FOUND
    assert "“typo”" in outcome.details


def test_a_killed_flag_is_off_for_everybody_whatever_else_it_says() -> None:
    killed = replace(STATE, killed=True, percentage=FULL)
    assert evaluate(killed, killed.key, None) == Answer(
        "off", value=False, reason=Reason.DISABLED, is_killed=True
    )


def test_a_disabled_flag_is_off_for_everybody() -> None:
    disabled = replace(STATE, enabled=False, percentage=FULL)
    assert evaluate(disabled, disabled.key, "ada") == Answer("off", value=False, reason=Reason.DISABLED)


@pytest.mark.parametrize(("percentage", "value"), [(0, False), (FULL, True)])
def test_nobody_and_everybody_need_no_user(percentage: int, value: bool) -> None:
    state = replace(STATE, percentage=percentage)
    assert evaluate(state, state.key, None) == Answer("on" if value else "off", value, Reason.STATIC)


@pytest.mark.parametrize("key", [None, ""])
def test_a_part_of_the_users_needs_to_know_who_asks(key: str | None) -> None:
    outcome = evaluate(STATE, STATE.key, key)
    assert isinstance(outcome, Failure)
    assert outcome.code is ErrorCode.TARGETING_KEY_MISSING


def test_an_unknown_bucket_version_is_that_flags_failure_only() -> None:
    outcome = evaluate(replace(STATE, bucket_version=99), STATE.key, "ada")
    assert isinstance(outcome, Failure)
    assert outcome.code is ErrorCode.GENERAL


@given(users, percentages)
def test_the_answer_says_split_and_is_the_same_every_time(user: str, percentage: int) -> None:
    state = replace(STATE, percentage=percentage)
    outcome = evaluate(state, state.key, user)
    value = is_in(state, user)
    assert outcome == Answer("on" if value else "off", value, Reason.SPLIT)
    assert outcome == evaluate(state, state.key, user)


@given(users, percentages, percentages)
def test_whoever_is_in_stays_in_when_the_percentage_grows(user: str, one: int, other: int) -> None:
    less, more = sorted((one, other))
    assert is_in(replace(STATE, percentage=more), user) or not is_in(replace(STATE, percentage=less), user)


@given(st.lists(users, min_size=2, max_size=20, unique=True))
def test_ramping_down_removes_the_last_in_first(everybody: list[str]) -> None:
    places = {user: gate(1, STATE.salt, user) for user in everybody}
    joined = sorted(everybody, key=lambda user: places[user])
    for percentage in sorted(places.values(), reverse=True):
        state = replace(STATE, percentage=percentage)
        left = [user for user in joined if is_in(state, user)]
        assert left == [user for user in joined if places[user] < percentage]
        assert left == joined[: len(left)]


@pytest.mark.parametrize("percentage", [1_000, 5_000])
@pytest.mark.parametrize("salt", ["new-checkout.a1", "search.77", "ü"])
def test_a_split_has_the_share_that_it_says(percentage: int, salt: str) -> None:
    state = replace(STATE, percentage=percentage, salt=salt)
    people = 100_000
    inside = sum(is_in(state, f"user-{number}") for number in range(people))
    share = percentage / FULL
    spread = math.sqrt(people * share * (1 - share))
    assert abs(inside - people * share) < 4 * spread


def test_another_salt_chooses_other_people() -> None:
    people = [f"user-{number}" for number in range(20_000)]
    one, other = (replace(STATE, percentage=10_000, salt=salt) for salt in ("a", "b"))
    both = sum(is_in(one, user) and is_in(other, user) for user in people)
    assert 130 < both < 280  # 1 % of 20,000 where they are independent


def test_buckets_are_those_of_flagd() -> None:
    """The answers in oracle.json were given by openfeature-flagd-core 2.0.0 for nested `fractional` rules."""
    for case in ORACLE:
        state = replace(STATE, salt=case["salt"], percentage=case["percentage"])
        ours = "".join("1" if is_in(state, user) else "0" for user in case["keys"])
        assert ours == case["in"], case["salt"]


def test_a_state_survives_being_written_down() -> None:
    assert FlagState.from_json({**STATE.as_json(), "added_later": 1}) == STATE


def test_percentages_are_named_without_needless_zeros() -> None:
    assert [percent(one) for one in (0, 1, 1_000, 12_500, FULL)] == ["0", "0.001", "1", "12.5", "100"]


@pytest.mark.parametrize("key", ["", "-x", "a b", "a/b", "é", "x" * 101, "a\n"])
def test_an_odd_key_is_refused_in_a_sentence(key: str) -> None:
    assert "cannot be a flag's key" in (why_not_key(key) or "")


@pytest.mark.parametrize("key", ["a", "new-checkout", "A.b_c-9", "9lives", "x" * 100])
def test_an_ordinary_key_is_taken(key: str) -> None:
    assert why_not_key(key) is None


def test_a_percentage_outside_the_range_is_refused_in_a_sentence() -> None:
    assert why_not_percentage(FULL) is None
    assert why_not_percentage(FULL + 1) == "A percentage lies between 0 and 100; 100.001 does not."
    assert why_not_percentage(-1_000) == "A percentage lies between 0 and 100; -1 does not."
