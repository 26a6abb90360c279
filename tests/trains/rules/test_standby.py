"""Room is shared out in stated order: priority, then time, unless a release manager says otherwise (I11)."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from releasetrain.trains.rules.standby import (
    Rider,
    Room,
    Taken,
    in_line,
    taken,
    to_promote,
    to_put_off,
    why_full,
    why_not_order,
)

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def rider(
    change: int, *, points: int = 2, priority: int = 3, minute: int = 0, place: int | None = None
) -> Rider:
    return Rider(change, points, priority, NOON + timedelta(minutes=minute), place)


riders = st.lists(
    st.builds(
        rider,
        change=st.integers(1, 500),
        points=st.integers(0, 30),
        priority=st.integers(1, 4),
        minute=st.integers(0, 50),
        place=st.none() | st.integers(1, 5),
    ),
    unique_by=lambda one: one.change,
    max_size=12,
)
rooms = st.builds(Room, st.none() | st.integers(1, 8), st.none() | st.integers(1, 60))


def test_i11_the_last_that_fits_comes_aboard_and_the_next_one_stands_by() -> None:
    assert why_full(Room(capacity=2), Taken(1), 5) is None
    full = why_full(Room(capacity=2), Taken(2), 5, ahead=2, who="the captain Ada")
    assert full
    assert full.text == (
        "It is full: it takes 2 changes, and 2 are aboard. It would stand by, number 3 in line."
    )
    assert full.who == "the captain Ada"


def test_i11_a_risk_budget_may_be_used_up_to_its_last_point() -> None:
    assert why_full(Room(risk_budget=10), Taken(3, 6), 4) is None
    over = why_full(Room(risk_budget=10), Taken(3, 6), 5)
    assert over
    assert "10 points, 6 are taken, and this change weighs 5" in over.text


def test_i11_who_stands_by_goes_by_priority_and_then_by_time() -> None:
    late_but_urgent, early, later = rider(1, priority=1, minute=9), rider(2, minute=1), rider(3, minute=2)
    assert in_line([later, early, late_but_urgent]) == [late_but_urgent, early, later]


def test_i11_the_release_managers_order_goes_before_everything() -> None:
    placed, urgent = rider(1, priority=4, place=1), rider(2, priority=1)
    assert in_line([urgent, placed]) == [placed, urgent]


def test_i11_whoever_fits_first_in_order_comes_aboard() -> None:
    heavy, light = rider(1, points=9, minute=1), rider(2, points=2, minute=2)
    assert to_promote([heavy, light], [rider(9, points=5)], Room(risk_budget=8)) == [light]


def test_i11_less_room_puts_off_the_last_in() -> None:
    first, second, urgent = rider(1, minute=1), rider(2, minute=2), rider(3, minute=3, priority=1)
    assert to_put_off([first, second, urgent], Room(capacity=2)) == [second]


def test_i11_an_order_names_everybody_once() -> None:
    assert why_not_order([1, 2], [2, 1]) is None
    assert why_not_order([1, 2], [2])
    assert why_not_order([1, 2], [2, 2])


@given(riders, riders, rooms)
def test_i11_promoting_never_overfills_and_leaves_nobody_who_would_fit(
    waiting: list[Rider], aboard: list[Rider], room: Room
) -> None:
    fits = not to_put_off(aboard, room)
    promoted = to_promote(waiting, aboard, room)
    now = taken([*aboard, *promoted])
    if fits:
        assert not to_put_off([*aboard, *promoted], room)
    left = [one for one in waiting if one not in promoted]
    assert all(why_full(room, now, one.points) for one in left)


@given(riders, rooms)
def test_i11_who_is_put_off_stands_behind_everybody_who_stays(aboard: list[Rider], room: Room) -> None:
    off = to_put_off(aboard, room)
    stay = [one for one in aboard if one not in off]
    assert not to_put_off(stay, room)
    assert all(one.order < other.order for one in stay for other in off)
