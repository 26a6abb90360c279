"""What is drawn stands below what it needs, without two boxes in one place."""

from hypothesis import given
from hypothesis import strategies as st

from releasetrain.trains.rules.drawing import HEIGHT, MARGIN, WIDTH, draw
from releasetrain.trains.rules.graph import knots

NAMES = {number: f"n{number}" for number in range(9)}
edges = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=20)


@given(edges, st.dictionaries(st.integers(0, 8), st.sampled_from(["A", "B"])))
def test_every_box_has_a_place_of_its_own_inside_the_plane(
    known: list[tuple[int, int]], groups: dict[int, str]
) -> None:
    plane = draw(NAMES, known, groups)
    assert len({(box.x, box.y) for box in plane.boxes}) == len(plane.boxes) == len(NAMES)
    assert all(MARGIN <= box.x <= plane.width - MARGIN - WIDTH for box in plane.boxes)
    assert all(MARGIN <= box.y <= plane.height - MARGIN - HEIGHT for box in plane.boxes)


@given(edges)
def test_what_is_needed_stands_above_what_needs_it(known: list[tuple[int, int]]) -> None:
    plane, knot = draw(NAMES, known, {}), knots(NAMES, known)
    top = {box.one: box.y for box in plane.boxes}
    assert all(top[needed] < top[one] for one, needed in known if knot[one] != knot[needed])
    assert {(line.one, line.needed) for line in plane.lines} == set(known)


def test_those_of_one_bundle_stand_side_by_side() -> None:
    plane = draw({1: "A", 2: "B", 3: "C", 4: "D"}, [], {1: "Prices", 4: "Prices"})
    place = {box.one: box.x for box in plane.boxes}
    assert abs(place[1] - place[4]) < 2 * WIDTH


def test_nothing_is_drawn_of_nothing() -> None:
    assert draw({}, [], {}).boxes == ()
