"""Needs are walked to their end: circles are printed, orders hold, what falls is named with its cause."""

import random
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from releasetrain.trains.rules.graph import (
    Circle,
    Fall,
    circle_with,
    falls_with,
    in_order,
    knots,
    layers,
    needs_of,
    path,
    turned,
)

edges = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=20)
NAMES = {number: f"n{number}" for number in range(9)}


def alone(_: int) -> list[int]:
    return []


@given(edges, st.tuples(st.integers(0, 8), st.integers(0, 8)))
def test_i9_a_new_edge_is_refused_exactly_where_it_closes_a_circle(
    known: list[tuple[int, int]], new: tuple[int, int]
) -> None:
    circle = circle_with(new, known)
    is_reachable = new[0] == new[1] or bool(path(new[1], new[0], needs_of(known)))
    assert bool(circle) == is_reachable
    if circle:
        assert circle[0] == circle[-1] == new[0]
        assert all(step in [*known, new] for step in pairwise(circle))


@given(edges)
def test_i9_whatever_needs_each_other_both_ways_is_in_one_knot(known: list[tuple[int, int]]) -> None:
    knot, needs = knots(NAMES, known), needs_of(known)
    for one in NAMES:
        for other in NAMES:
            both = bool(path(one, other, needs)) and bool(path(other, one, needs))
            assert (knot[one] == knot[other]) == both


@given(edges)
def test_layers_stand_after_what_they_need_and_lose_nothing(known: list[tuple[int, int]]) -> None:
    found, knot = layers(NAMES, known), knots(NAMES, known)
    depth = {one: number for number, layer in enumerate(found) for one in layer}
    assert sorted(depth) == sorted(NAMES)
    assert all(
        depth[needed] < depth[one] or (knot[needed] == knot[one] and depth[needed] == depth[one])
        for one, needed in known
    )


@given(edges, st.integers(0, 8))
def test_i8_what_falls_is_what_needs_it_in_one_step_or_several(
    known: list[tuple[int, int]], first: int
) -> None:
    found = {one.one for one in falls_with([first], needs_of(turned(known)), alone)}
    needs = needs_of(known)
    assert found == {one for one in NAMES if one != first and path(one, first, needs)}


def test_i9_a_bundle_falls_whole_and_takes_along_who_needs_any_of_it() -> None:
    bundle = {1: [1, 2], 2: [1, 2]}
    found = falls_with([1], {2: [3]}, lambda one: bundle.get(one, []))
    assert found == [Fall(2, 1, needs_it=False), Fall(3, 2, needs_it=True)]


def test_an_order_of_two_thousand_changes_holds_whatever_their_shape() -> None:
    dice = random.Random(4)
    names = {number: f"Change {number:04}" for number in range(2000)}
    known = [(one, dice.randrange(one)) for one in range(1, 2000) for _ in range(3)]
    place = {one: number for number, one in enumerate(in_order(names, known))}
    assert all(place[needed] < place[one] for one, needed in known)


def test_a_chain_of_two_thousand_is_walked_without_recursion() -> None:
    names = {number: str(number) for number in range(2000)}
    chain = [(one, one - 1) for one in range(1, 2000)]
    assert len(layers(names, chain)) == 2000
    assert len(circle_with((0, 1999), chain)) == 2001
    with pytest.raises(Circle, match=r"→"):
        in_order(names, [*chain, (0, 1999)])
