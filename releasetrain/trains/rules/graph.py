"""Walk graphs of needs: the order in which they go, circles, what falls with what, layers to draw.

An edge is (one, needed): the first needs the second.
"""

from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

Edge = tuple[int, int]
Links = dict[int, list[int]]


class Circle(ValueError):
    """Refuse things that need each other in a circle, which is printed."""

    def __init__(self, names: Sequence[str], things: str = "services", because: Sequence[str] = ()) -> None:
        why = f" {'; '.join(because)}." if because else ""
        super().__init__(f"These {things} need each other in a circle: {' → '.join(names)}.{why}")
        self.names = tuple(names)


def needs_of(edges: Iterable[Edge]) -> Links:
    """Return what each one needs, each once and sorted."""
    found: dict[int, set[int]] = {}
    for one, needed in edges:
        found.setdefault(one, set()).add(needed)
    return {one: sorted(needed) for one, needed in found.items()}


def turned(edges: Iterable[Edge]) -> list[Edge]:
    """Return the edges the other way round: who is needed by whom."""
    return [(needed, one) for one, needed in edges]


def in_order(names: Mapping[int, str], edges: Iterable[Edge]) -> list[int]:
    """Return them with each one after everything that it needs, by name where either may go first.

    :param names: id to name; edges to anything else are left out
    :raises Circle: there is no such order
    """
    known = {(one, needed) for one, needed in edges if one in names and needed in names}
    missing = dict.fromkeys(names, 0)
    for one, _ in known:
        missing[one] += 1
    needed_by = needs_of(turned(known))
    ready = [(names[one], one) for one, count in missing.items() if count == 0]
    heapify(ready)
    order: list[int] = []
    while ready:
        _, one = heappop(ready)
        order.append(one)
        for waiting in needed_by.get(one, []):
            missing[waiting] -= 1
            if missing[waiting] == 0:
                heappush(ready, (names[waiting], waiting))
    if len(order) < len(names):
        raise Circle([names[one] for one in _any_circle(known, set(names) - set(order))])
    return order


def _any_circle(edges: set[Edge], stuck: set[int]) -> list[int]:
    """Walk from one that is stuck to one that it needs, until one comes up again; each of them needs one."""
    needs = needs_of((one, needed) for one, needed in edges if one in stuck and needed in stuck)
    path = [min(stuck)]
    seen = {path[0]: 0}
    while (following := needs[path[-1]][0]) not in seen:
        seen[following] = len(path)
        path.append(following)
    return [*path[seen[following] :], following]


def circle_with(new: Edge, edges: Iterable[Edge]) -> list[int]:
    """Return the circle that a new edge would close, from its first end round to it again; empty if none."""
    one, needed = new
    if one == needed:
        return [one, one]
    way = path(needed, one, needs_of(edges))
    return [one, *way] if way else []


def path(start: int, end: int, links: Mapping[int, Sequence[int]]) -> list[int]:
    """Return a shortest way along links, both ends included; empty where there is none."""
    came_from: dict[int, int | None] = {start: None}
    queue = deque([start])
    while queue:
        here = queue.popleft()
        if here == end:
            return _back(end, came_from)
        for following in links.get(here, ()):
            if following not in came_from:
                came_from[following] = here
                queue.append(following)
    return []


def _back(end: int, came_from: Mapping[int, int | None]) -> list[int]:
    way: list[int] = []
    here: int | None = end
    while here is not None:
        way.append(here)
        here = came_from[here]
    return way[::-1]


@dataclass(frozen=True, slots=True)
class Fall:
    """One that falls because another one does: it needs that, or goes only together with it."""

    one: int
    because_of: int
    needs_it: bool


def falls_with(
    first: Iterable[int],
    needed_by: Mapping[int, Sequence[int]],
    mates: Callable[[int], Iterable[int]],
) -> list[Fall]:
    """Return what else falls when some fall, nearest first, each once with the nearest cause (RULES I8, I9).

    :param needed_by: who needs each one
    :param mates: those that go all or nothing with one
    """
    queue = deque(first)
    seen = set(queue)
    found: list[Fall] = []
    while queue:
        here = queue.popleft()
        near = [Fall(one, here, needs_it=True) for one in needed_by.get(here, ())]
        near += [Fall(one, here, needs_it=False) for one in mates(here)]
        for fall in near:
            if fall.one not in seen:
                seen.add(fall.one)
                queue.append(fall.one)
                found.append(fall)
    return found


def knots(nodes: Iterable[int], edges: Iterable[Edge]) -> dict[int, int]:
    """Return for each node a number that it shares with whatever needs it and is needed by it, both ways.

    Two depth-first walks (Kosaraju); neither recurses, so a chain may be as long as it likes.
    """
    known = set(nodes)
    own = [(one, needed) for one, needed in edges if one in known and needed in known]
    needs, needed_by = needs_of(own), needs_of(turned(own))
    finished: list[int] = []
    seen: set[int] = set()
    for node in sorted(known):
        _finish(node, needs, seen, finished)
    found: dict[int, int] = {}
    for node in reversed(finished):
        if node not in found:
            _mark(node, needed_by, found)
    return found


def _finish(start: int, links: Mapping[int, list[int]], seen: set[int], finished: list[int]) -> None:
    if start in seen:
        return
    seen.add(start)
    stack = [(start, iter(links.get(start, ())))]
    while stack:
        here, rest = stack[-1]
        following = next((one for one in rest if one not in seen), None)
        if following is None:
            finished.append(here)
            stack.pop()
        else:
            seen.add(following)
            stack.append((following, iter(links.get(following, ()))))


def _mark(start: int, links: Mapping[int, list[int]], found: dict[int, int]) -> None:
    found[start] = start
    stack = [start]
    while stack:
        for one in links.get(stack.pop(), ()):
            if one not in found:
                found[one] = start
                stack.append(one)


def layers(names: Mapping[int, str], edges: Iterable[Edge]) -> list[list[int]]:
    """Return them in layers, each after everything that it needs; what needs each other stands in one.

    :param names: id to name; a layer is sorted by it
    """
    known = [(one, needed) for one, needed in edges if one in names and needed in names]
    knot = knots(names, known)
    between = {(knot[one], knot[needed]) for one, needed in known if knot[one] != knot[needed]}
    needs = needs_of(between)
    depth: dict[int, int] = {}
    for one in in_order({one: names[one] for one in set(knot.values())}, between):
        depth[one] = 1 + max((depth[needed] for needed in needs.get(one, ())), default=-1)
    found: list[list[int]] = [[] for _ in range(max(depth.values(), default=-1) + 1)]
    for one in sorted(names, key=lambda one: (names[one], one)):
        found[depth[knot[one]]].append(one)
    return found
