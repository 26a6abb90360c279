"""Order services by what they need, and find circles."""

from collections.abc import Hashable, Iterable
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)


def cycle_through(edges: Iterable[tuple[Node, Node]], new: tuple[Node, Node]) -> list[Node]:
    """Return the circle that a new (needs → needed) edge would close, its first node repeated, or []."""
    start, goal = new[1], new[0]
    if start == goal:
        return [start, start]
    needs: dict[Node, list[Node]] = {}
    for service, needed in edges:
        needs.setdefault(service, []).append(needed)
    came_from: dict[Node, Node] = {}
    waiting = [start]
    while waiting:
        node = waiting.pop()
        if node == goal:
            return _path(came_from, start, goal)
        for needed in needs.get(node, []):
            if needed not in came_from and needed != start:
                came_from[needed] = node
                waiting.append(needed)
    return []


def _path(came_from: dict[Node, Node], start: Node, goal: Node) -> list[Node]:
    """Walk back from the goal to the start, and close the circle."""
    path = [goal]
    while path[-1] != start:
        path.append(came_from[path[-1]])
    return [goal, *reversed(path)]
