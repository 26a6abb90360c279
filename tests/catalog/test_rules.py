"""Circles are found before they are made."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from releasetrain.catalog.rules import cycle_through


def test_i9_a_circle_is_printed_whole() -> None:
    assert cycle_through([("a", "b"), ("b", "c")], ("c", "a")) == ["c", "a", "b", "c"]


def test_i9_two_ways_to_one_place_are_no_circle() -> None:
    assert cycle_through([("a", "b"), ("a", "c"), ("b", "d")], ("c", "d")) == []


def test_i9_a_service_cannot_need_itself() -> None:
    assert cycle_through([], ("a", "a")) == ["a", "a"]


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=12))
def test_i9_refusing_every_circle_leaves_an_order(edges: list[tuple[int, int]]) -> None:
    kept: list[tuple[int, int]] = []
    for edge in edges:
        circle = cycle_through(kept, edge)
        if not circle:
            kept.append(edge)
            continue
        steps = list(itertools.pairwise(circle))
        assert circle[0] == circle[-1]
        assert all(step in [*kept, edge] for step in steps)
    remaining = set(kept)
    while remaining:
        leaves = {needed for _, needed in remaining} - {service for service, _ in remaining}
        assert leaves
        remaining = {edge for edge in remaining if edge[1] not in leaves}
