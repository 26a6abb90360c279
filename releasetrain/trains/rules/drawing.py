"""Place changes and their needs on a plane, what is needed above what needs it, bundles side by side."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from releasetrain.trains.rules.graph import Edge, layers, needs_of

WIDTH, HEIGHT, GAP, DROP, MARGIN = 248, 44, 24, 48, 12
MOST_IN_A_ROW = 4


@dataclass(frozen=True, slots=True)
class Box:
    """Where one change is drawn: its upper left corner."""

    one: int
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Line:
    """From the one that needs to the one that is needed, as an SVG path."""

    one: int
    needed: int
    path: str


@dataclass(frozen=True, slots=True)
class Plane:
    """A drawing, in pixels at its natural size."""

    width: int
    height: int
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]


def draw(names: Mapping[int, str], edges: Iterable[Edge], groups: Mapping[int, str]) -> Plane:
    """Place what needs something or is needed, layer under layer; rows that are too long are broken.

    :param names: id to name, of everything that is drawn
    :param groups: id to the name of its bundle; those of one bundle stand side by side
    """
    known = [(one, needed) for one, needed in edges if one in names and needed in names]
    at: dict[int, tuple[int, int]] = {}
    row = 0
    for layer in layers(names, known):
        ordered = sorted(layer, key=lambda one: (_leftmost(one, known, at), groups.get(one, ""), names[one]))
        for start in range(0, len(ordered), MOST_IN_A_ROW):
            for column, one in enumerate(ordered[start : start + MOST_IN_A_ROW]):
                at[one] = (column, row)
            row += 1
    columns = max((column for column, _ in at.values()), default=0) + 1
    boxes = tuple(Box(one, *_corner(column, line)) for one, (column, line) in at.items())
    corners = {box.one: box for box in boxes}
    return Plane(
        width=2 * MARGIN + columns * WIDTH + (columns - 1) * GAP,
        height=2 * MARGIN + row * HEIGHT + max(0, row - 1) * DROP,
        boxes=boxes,
        lines=tuple(
            Line(one, needed, _curve(corners[one], corners[needed]))
            for one, others in sorted(needs_of(known).items())
            for needed in others
        ),
    )


def _leftmost(one: int, edges: Iterable[Edge], at: Mapping[int, tuple[int, int]]) -> int:
    """Stand under what one needs, so that few lines cross."""
    return min((at[needed][0] for other, needed in edges if other == one and needed in at), default=0)


def _corner(column: int, row: int) -> tuple[int, int]:
    return MARGIN + column * (WIDTH + GAP), MARGIN + row * (HEIGHT + DROP)


def _curve(one: Box, needed: Box) -> str:
    """Lead from the upper edge of the one to the lower edge of what it needs; within a row, from below."""
    if one.y == needed.y:
        y, half = one.y + HEIGHT, DROP // 2
        start, end = one.x + WIDTH // 2, needed.x + WIDTH // 2
        return f"M{start} {y}C{start} {y + half} {end} {y + half} {end} {y}"
    start, end = one.x + WIDTH // 2, needed.x + WIDTH // 2
    top, bottom = one.y, needed.y + HEIGHT
    middle = (top + bottom) // 2
    return f"M{start} {top}C{start} {middle} {end} {middle} {end} {bottom}"
