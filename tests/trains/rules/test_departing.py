"""Late is for a person to decide; a hold of more than a day, too (RULES T11, W2)."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from releasetrain.trains.rules.departing import (
    STAGGER,
    goes_on_by_itself,
    slot_after,
    why_busy,
    why_late,
    why_not_checked_in,
)

AT = datetime(2026, 11, 24, 13, tzinfo=UTC)
GRACE = timedelta(minutes=30)
INSTANT = timedelta(microseconds=1)


def test_t11_as_late_as_the_grace_it_goes_and_later_it_waits() -> None:
    assert why_late(departs_at=AT, grace=GRACE, captain="Ada", now=AT + GRACE) is None
    reason = why_late(departs_at=AT, grace=GRACE, captain="Ada", now=AT + GRACE + INSTANT)
    assert reason
    assert (reason.text, reason.who) == (
        "It is 30 min late; more than 30 min is for a person to decide.",
        "Ada",
    )


def test_w2_a_day_is_the_longest_hold_that_ends_by_itself() -> None:
    assert goes_on_by_itself(held_at=AT, now=AT + timedelta(hours=24))
    assert not goes_on_by_itself(held_at=AT, now=AT + timedelta(hours=24) + INSTANT)


def test_w2_the_next_slot_is_two_minutes_from_every_other_departure() -> None:
    minute = timedelta(minutes=1)
    assert slot_after(AT, []) == AT
    assert slot_after(AT, [AT - 2 * minute, AT + 2 * minute]) == AT
    assert slot_after(AT, [AT - minute]) == AT + minute
    assert slot_after(AT, [AT, AT + 3 * minute]) == AT + 5 * minute
    assert slot_after(AT, [], places=2) == AT + 4 * minute
    assert slot_after(AT, [AT + 2 * minute], places=1) == AT + 4 * minute


@given(
    taken=st.lists(st.integers(-600, 6000).map(lambda one: AT + timedelta(seconds=one)), max_size=30),
    places=st.integers(0, 5),
)
def test_w2_no_slot_is_near_another_departure_or_in_the_past(taken: list[datetime], places: int) -> None:
    slots = [slot_after(AT, taken, places=one) for one in range(places + 1)]
    for slot in slots:
        assert slot >= AT
        assert all(abs(slot - one) >= STAGGER for one in taken)
    assert all(after - before >= STAGGER for before, after in pairwise(slots))


def test_w2_what_still_moves_is_named_with_its_departure() -> None:
    why = why_busy({"Shop": "RT-2", "Search": "RT-1"})
    assert why is not None
    assert why.text == "Still on its way: Search with RT-1 and Shop with RT-2."
    assert why_busy({}) is None


def test_who_is_missing_is_named_and_who_may_stand_in() -> None:
    why = why_not_checked_in("Show prices", "Ada", captain="the captain Cap")
    assert why.text == "Ada has not checked in for “Show prices”."
    assert why.who == "Ada, or the captain Cap in their place"
