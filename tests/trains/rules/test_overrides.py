"""An override counts after two people, until its expiry, and is looked at again within five working days."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from releasetrain.trains.rules.overrides import (
    Passing,
    let_through,
    review_due,
    why_not_approve,
    why_not_expiry,
    why_not_review,
)

NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
HOUR = timedelta(hours=1)
INSTANT = timedelta(microseconds=1)
ASKED = Passing(
    1, frozenset({7}), frozenset({10, 11}), NOW + HOUR, requested_by=1, requested_by_name="Ada Lovelace"
)
COUNTS = replace(ASKED, approved_at=NOW)


def test_w7_it_lets_its_windows_through_for_its_services_and_nothing_else() -> None:
    assert let_through((COUNTS,), NOW) == {(7, 10), (7, 11)}
    other = replace(COUNTS, windows=frozenset({8}), services=frozenset({12}))
    assert let_through((COUNTS, other), NOW) == {(7, 10), (7, 11), (8, 12)}


def test_w7_t13_it_ends_at_the_very_instant_of_its_expiry() -> None:
    assert let_through((COUNTS,), NOW + HOUR - INSTANT)
    assert not let_through((COUNTS,), NOW + HOUR)


def test_w7_without_a_second_person_or_withdrawn_it_counts_for_nothing() -> None:
    assert not let_through((ASKED,), NOW)
    assert not let_through((replace(COUNTS, withdrawn_at=NOW),), NOW)


@pytest.mark.parametrize(("person", "says"), [(1, "somebody else must approve"), (2, "beside Ada Lovelace")])
def test_w7_the_second_person_is_neither_requester_nor_author(person: int, says: str) -> None:
    why = why_not_approve(ASKED, person=person, authors=frozenset({2}), now=NOW)
    assert why is not None
    assert (why.code, says in why.text) == ("second_person", True)
    assert why_not_approve(ASKED, person=3, authors=frozenset({2}), now=NOW) is None


@pytest.mark.parametrize(
    ("override", "code"),
    [
        (replace(ASKED, withdrawn_at=NOW), "withdrawn"),
        (replace(ASKED, expires_at=NOW), "expired"),
        (COUNTS, "approved"),
    ],
)
def test_w7_what_is_over_or_approved_is_not_approved_again(override: Passing, code: str) -> None:
    why = why_not_approve(override, person=3, authors=frozenset(), now=NOW)
    assert why is not None
    assert why.code == code


def test_w7_it_expires_in_two_weeks_at_the_latest() -> None:
    assert why_not_expiry(expires_at=NOW + timedelta(days=14), now=NOW) is None
    assert "14 d at most" in str(why_not_expiry(expires_at=NOW + timedelta(days=14) + INSTANT, now=NOW))
    assert "has passed" in str(why_not_expiry(expires_at=NOW, now=NOW))


@pytest.mark.parametrize(
    ("day", "due"), [(23, "2026-11-30"), (27, "2026-12-04"), (28, "2026-12-04"), (29, "2026-12-04")]
)
def test_w7_the_review_is_due_in_five_working_days(day: int, due: str) -> None:
    assert f"{review_due(datetime(2026, 11, day, 9, tzinfo=UTC)):%Y-%m-%d %H}" == f"{due} 09"


def test_w7_it_is_reviewed_once_by_somebody_else() -> None:
    assert why_not_review(COUNTS, person=3) is None
    for override, person, code in (
        (COUNTS, 1, "second_person"),
        (ASKED, 3, "not_approved"),
        (replace(COUNTS, reviewed_at=NOW), 3, "reviewed"),
    ):
        why = why_not_review(override, person=person)
        assert why is not None
        assert why.code == code
