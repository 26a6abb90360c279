"""People take turns in order, and whoever was captain is the next turn's deputy (real case O2)."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from releasetrain.trains.rules.captains import Post, take_turns

ANA, BO, CY, DEE = 1, 2, 3, 4


def posts(*turns: int) -> list[Post]:
    return [Post(number, turn) for number, turn in enumerate(turns)]


def people(found: list[Post]) -> list[tuple[int | None, int | None]]:
    return [(one.captain, one.deputy) for one in found]


def test_o2_the_captain_of_one_departure_is_the_deputy_of_the_next() -> None:
    found = take_turns([ANA, BO, CY], posts(1, 2, 3, 4))
    assert people(found) == [(ANA, CY), (BO, ANA), (CY, BO), (ANA, CY)]


def test_o2_one_person_runs_every_departure_of_a_week() -> None:
    found = take_turns([ANA, BO], posts(1, 1, 2, 2))
    assert people(found) == [(ANA, BO), (ANA, BO), (BO, ANA), (BO, ANA)]


def test_the_order_goes_on_from_the_departure_before() -> None:
    last = Post(0, 9, captain=BO, deputy=ANA, in_turn=BO)
    assert people(take_turns([ANA, BO, CY], posts(10, 11), last=last)) == [(CY, BO), (ANA, CY)]
    assert people(take_turns([ANA, BO, CY], posts(9, 10), last=last)) == [(BO, ANA), (CY, BO)]


def test_somebody_who_steps_in_does_not_disturb_the_order_and_is_the_next_deputy() -> None:
    rows = posts(1, 2, 3)
    rows[1] = replace(rows[1], captain=DEE, deputy=ANA, in_turn=BO, is_fixed=True)
    assert people(take_turns([ANA, BO, CY], rows)) == [(ANA, CY), (DEE, ANA), (CY, DEE)]


def test_in_a_week_only_the_departure_that_was_handed_over_has_somebody_else() -> None:
    rows = posts(1, 1, 1)
    rows[1] = replace(rows[1], captain=DEE, in_turn=ANA, is_fixed=True)
    assert people(take_turns([ANA, BO], rows)) == [(ANA, BO), (DEE, None), (ANA, BO)]


def test_a_new_order_goes_on_from_what_is_sealed() -> None:
    rows = posts(1, 2, 3)
    rows[0] = replace(rows[0], captain=CY, deputy=BO, in_turn=CY, is_fixed=True)
    assert people(take_turns([CY, ANA], rows)) == [(CY, BO), (ANA, CY), (CY, ANA)]


def test_one_person_alone_has_no_deputy() -> None:
    assert people(take_turns([ANA], posts(1, 2))) == [(ANA, None), (ANA, None)]


def test_without_seats_nobody_is_named() -> None:
    rows = [replace(one, captain=ANA, deputy=BO) for one in posts(1, 2)]
    rows[1] = replace(rows[1], is_fixed=True)
    assert people(take_turns([], rows)) == [(None, None), (ANA, BO)]


@given(st.integers(2, 6), st.lists(st.integers(1, 3), min_size=1, max_size=30))
def test_o2_primary_of_one_turn_is_deputy_of_the_next_however_many_departures_it_has(
    size: int, lengths: list[int]
) -> None:
    turns = [turn for turn, length in enumerate(lengths) for _ in range(length)]
    found = take_turns(list(range(size)), posts(*turns))
    by_turn = {one.turn: (one.captain, one.deputy) for one in found}
    captains = [by_turn[turn][0] for turn in range(len(lengths))]
    assert [by_turn[turn][1] for turn in range(1, len(lengths))] == captains[:-1]
    assert all(captains.count(person) - len(lengths) // size in (0, 1) for person in range(size))
