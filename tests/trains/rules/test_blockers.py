"""An error rate blocks while it matters and goes on: over two horizons at once."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releasetrain.trains.rules.blockers import BlockerKind as Kind
from releasetrain.trains.rules.blockers import (
    Rate,
    blocked_words,
    clearer_words,
    find,
    number,
    why_not_block,
    why_not_watch,
)
from releasetrain.trains.rules.evidence import EvidenceState, read_spoken, replaces, why_not_evidence
from releasetrain.trains.rules.states import DepartureState
from tests.make import NOW

FIVE, HOUR = timedelta(minutes=5), timedelta(hours=1)


def rate(horizon: timedelta, bad: int | None, units: int | None = 1000) -> Rate:
    return Rate(horizon, bad, units if bad is not None else None)


def blocks(short: int | None, long: int | None, limit: float = 1) -> bool:
    return find("Shop", limit, rate(FIVE, short), rate(HOUR, long)).blocks


def test_both_horizons_have_to_be_above_the_limit() -> None:
    assert blocks(20, 20)
    assert not blocks(20, 5), "a moment does not matter yet"
    assert not blocks(5, 20), "it is over"
    assert not blocks(10, 10), "at the limit is not above it"


def test_d12_an_error_rate_without_data_blocks() -> None:
    assert blocks(None, 0)
    assert blocks(0, None)
    found = find("Shop", 1, rate(FIVE, None), rate(HOUR, 0))
    assert found.text == "Shop has reported nothing for 5 min, so nobody knows its error rate."


def test_a_finding_names_both_rates_and_the_limit() -> None:
    assert find("Shop", 0.5, rate(FIVE, 21), rate(HOUR, 8)).text == (
        "Errors of Shop: 2.1 % over 5 min and 0.8 % over 1 h, above 0.5 % on both."
    )


def test_a_service_that_reports_and_had_no_answers_is_fine() -> None:
    assert not find("Shop", 1, rate(FIVE, 0, 0), rate(HOUR, 0, 0)).blocks


@given(st.integers(0, 1000), st.integers(0, 1000), st.floats(0, 99))
def test_more_errors_never_free_what_fewer_block(short: int, long: int, limit: float) -> None:
    if blocks(short, long, limit):
        assert blocks(min(1000, short + 1), min(1000, long + 1), limit)


def test_what_cannot_be_watched_is_refused_at_its_field() -> None:
    assert why_not_watch(limit=1, short=FIVE, long=HOUR) is None
    for field, limit, short, long in (
        ("limit", 100.0, FIVE, HOUR),
        ("short", 1.0, timedelta(seconds=1), HOUR),
        ("long", 1.0, FIVE, timedelta(days=8)),
        ("long", 1.0, HOUR, HOUR),
    ):
        flaw = why_not_watch(limit=limit, short=short, long=long)
        assert flaw is not None
        assert flaw[0] == field


def test_who_may_clear_is_named() -> None:
    assert clearer_words("Ada", "", "the captain Rob") == "Ada or the captain Rob"
    assert clearer_words("", "", "the captain Rob") == "the captain Rob"
    assert clearer_words("Ada", "on_call", "the captain Rob") == "somebody on call"


def test_what_blocks_is_said_with_its_owner() -> None:
    assert blocked_words("Prices", Kind.DEFECT, "Ada") == "Blocked by “Prices” (defect, owned by Ada)."
    assert blocked_words("Prices", Kind.OTHER, "") == "Blocked by “Prices” (another reason)."


def test_what_rolls_is_held_or_rolled_back_and_not_blocked() -> None:
    why = why_not_block(DepartureState.ROLLING)
    assert why is not None
    assert "Hold or roll back" in why.text
    assert why_not_block(DepartureState.CLEARED) is None


def test_percents_are_short() -> None:
    assert [number(one) for one in (0, 0.5, 1, 2.125, 12.6)] == ["0", "0.5", "1", "2.12", "13"]


@pytest.mark.parametrize(
    ("word", "state"),
    [("success", "green"), ("failure", "red"), ("cancelled", "red"), ("in_progress", "pending")],
)
def test_the_words_of_code_hosts_are_read(word: str, state: str) -> None:
    assert read_spoken(word) == EvidenceState(state)


def test_an_unknown_word_says_nothing() -> None:
    assert (read_spoken("sunny"), read_spoken(None), read_spoken(7)) == (None, None, None)


def test_an_older_word_never_replaces_a_newer_one() -> None:
    assert replaces(NOW, None)
    assert replaces(NOW, NOW)
    assert not replaces(NOW - FIVE, NOW)


def test_evidence_that_cannot_be_kept_is_refused_at_its_field() -> None:
    fine = {"version": "v1", "name": "build", "url": "", "at": NOW, "now": NOW}
    assert why_not_evidence(**fine) is None  # type: ignore[arg-type]
    for field, value in (
        ("version", " "),
        ("version", "v" * 101),
        ("name", "a\0b"),
        ("url", "javascript:alert(1)"),
        ("at", NOW + HOUR),
    ):
        flaw = why_not_evidence(**{**fine, field: value})  # type: ignore[arg-type]
        assert flaw is not None
        assert flaw[0] == field
