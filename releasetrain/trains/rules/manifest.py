"""Write down what is aboard: equal content has one digest, services stand in the order in which they move."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from heapq import heapify, heappop, heappush
from typing import Any

from releasetrain.lib.hashing import digest


class Circle(ValueError):
    """Refuse services that need each other in a circle, which is printed."""

    def __init__(self, names: Sequence[str]) -> None:
        super().__init__("These services need each other in a circle: " + " → ".join(names) + ".")
        self.names = tuple(names)


@dataclass(frozen=True, slots=True)
class Aboard:
    """One change as the manifest writes it; names are those of the hour of the seal (RULES I15)."""

    change: int
    title: str
    version: str
    author: str
    service: int
    service_slug: str
    service_name: str
    boarded_at: datetime
    url: str = ""
    bundle: str = ""
    flag_key: str = ""
    rollback_plan: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            "id": self.change,
            "title": self.title,
            "version": self.version,
            "author": self.author,
            "url": self.url,
            "bundle": self.bundle,
            "flag": self.flag_key,
            "rollback_plan": self.rollback_plan,
        }


@dataclass(frozen=True, slots=True)
class Sealed:
    """The manifest's content and the digest that votes are bound to."""

    content: dict[str, Any]
    digest: str


def write(
    departure: int, revision: int, aboard: Iterable[Aboard], needs: Iterable[tuple[int, int]]
) -> Sealed:
    """Write the manifest of a departure.

    A service goes out at the version of its change that boarded last.

    :param needs: (service, needed service) ids; those that are not aboard are left out
    :raises Circle: the services aboard need each other in a circle
    """
    changes = sorted(aboard, key=lambda one: (one.boarded_at, one.change))
    by_service: dict[int, list[Aboard]] = {}
    for change in changes:
        by_service.setdefault(change.service, []).append(change)
    names = {service: own[0].service_name for service, own in by_service.items()}
    edges = [(one, needed) for one, needed in needs if one in names and needed in names]
    content = {
        "departure": departure,
        "revision": revision,
        "services": [
            _service(by_service[service], [names[needed] for one, needed in edges if one == service])
            for service in in_order(names, edges)
        ],
    }
    return Sealed(content, digest(content))


def _service(changes: list[Aboard], needs: list[str]) -> dict[str, Any]:
    last = changes[-1]
    return {
        "id": last.service,
        "service": last.service_slug,
        "name": last.service_name,
        "version": last.version,
        "needs": sorted(needs),
        "changes": [change.to_json() for change in changes],
    }


def in_order(names: Mapping[int, str], edges: Iterable[tuple[int, int]]) -> list[int]:
    """Return the services with each one after everything that it needs, by name where either may go first.

    :param names: service id to name
    :param edges: (service, needed service)
    :raises Circle: there is no such order
    """
    missing = dict.fromkeys(names, 0)
    needed_by: dict[int, list[int]] = {service: [] for service in names}
    for service, needed in set(edges):
        missing[service] += 1
        needed_by[needed].append(service)
    ready = [(names[service], service) for service, count in missing.items() if count == 0]
    heapify(ready)
    order: list[int] = []
    while ready:
        _, service = heappop(ready)
        order.append(service)
        for waiting in needed_by[service]:
            missing[waiting] -= 1
            if missing[waiting] == 0:
                heappush(ready, (names[waiting], waiting))
    if len(order) < len(names):
        raise Circle(_circle(names, needed_by, {one for one, count in missing.items() if count}))
    return order


def _circle(names: Mapping[int, str], needed_by: Mapping[int, list[int]], stuck: set[int]) -> list[str]:
    """Walk from a stuck service to one that it needs, until one comes up again."""
    needs = {one: sorted(needed for needed in stuck if one in needed_by[needed]) for one in stuck}
    path = [min(one for one in stuck if needs[one])]
    while path.count(path[-1]) < 2:
        path.append(needs[path[-1]][0])
    start = path.index(path[-1])
    return [names[one] for one in path[start:]]
