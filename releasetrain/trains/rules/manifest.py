"""Write down what is aboard: equal content has one digest, services stand in the order in which they move."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from releasetrain.lib.hashing import digest
from releasetrain.trains.rules.graph import Circle, Edge, in_order, knots


@dataclass(frozen=True, slots=True)
class Aboard:
    """One change as the manifest writes it; names are those of the hour of the seal (RULES I15).

    `needs` are the ids of the changes that it needs, `team` and `team_id` are whose service it changes.
    """

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
    team: str = ""
    team_id: int | None = None
    tickets: tuple[str, ...] = ()
    needs: tuple[int, ...] = ()

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
            "tickets": list(self.tickets),
            "needs": sorted(self.needs),
        }


@dataclass(frozen=True, slots=True)
class Sealed:
    """The manifest's content and the digest that votes are bound to."""

    content: dict[str, Any]
    digest: str


def write(departure: int, revision: int, aboard: Iterable[Aboard], needs: Iterable[Edge]) -> Sealed:
    """Write the manifest of a departure.

    A service goes out at the version of its change that boarded last, after the services that it needs and
    those whose changes its own changes need.

    :param needs: (service, needed service) ids; those that are not aboard are left out
    :raises Circle: the services aboard need each other in a circle
    """
    changes = sorted(aboard, key=lambda one: (one.boarded_at, one.change))
    by_service: dict[int, list[Aboard]] = {}
    for change in changes:
        by_service.setdefault(change.service, []).append(change)
    names = {service: own[0].service_name for service, own in by_service.items()}
    edges = service_edges(changes, needs)
    waits: dict[int, list[int]] = {}
    for one, needed in sorted(edges):
        waits.setdefault(one, []).append(needed)
    content = {
        "departure": departure,
        "revision": revision,
        "services": [
            _service(by_service[service], waits.get(service, []), names)
            for service in _ordered(names, edges, changes)
        ],
    }
    return Sealed(content, digest(content))


def service_edges(changes: Iterable[Aboard], needs: Iterable[Edge]) -> set[Edge]:
    """Return which service aboard waits for which other: by its wiring, or because a change needs another.

    Changes of one bundle go together: where they need each other in a circle, none of them waits (RULES I9).
    """
    by_change = {one.change: one for one in changes}
    aboard = {one.service for one in by_change.values()}
    hard = {(one, needed) for one, needed in needs if one in aboard and needed in aboard}
    within: set[Edge] = set()
    for change in by_change.values():
        for other in (by_change[pk] for pk in change.needs if pk in by_change):
            if other.service != change.service:
                is_mate = bool(change.bundle) and change.bundle == other.bundle
                (within if is_mate else hard).add((change.service, other.service))
    knot = knots(aboard, hard | within)
    return hard | {(one, needed) for one, needed in within if knot[one] != knot[needed]}


def _ordered(names: dict[int, str], edges: set[Edge], changes: list[Aboard]) -> list[int]:
    """Return the order of the services; a circle is refused with the changes that close it, where any do."""
    try:
        return in_order(names, edges)
    except Circle as circle:
        by_change = {one.change: one for one in changes}
        steps = set(zip(circle.names, circle.names[1:], strict=False))
        because = [
            f"“{one.title}” needs “{by_change[needed].title}”"
            for one in changes
            for needed in one.needs
            if needed in by_change and (one.service_name, by_change[needed].service_name) in steps
        ]
        raise Circle(circle.names, because=because[:MOST_NAMED]) from circle


MOST_NAMED = 4


def _service(changes: list[Aboard], waits: list[int], names: dict[int, str]) -> dict[str, Any]:
    last = changes[-1]
    return {
        "id": last.service,
        "service": last.service_slug,
        "name": last.service_name,
        "version": last.version,
        "team": last.team,
        "team_id": last.team_id,
        "needs": sorted(names[needed] for needed in waits),
        "waits_for": waits,
        "changes": [change.to_json() for change in changes],
    }


def waits_in(content: dict[str, Any]) -> dict[int, frozenset[int]] | None:
    """Return after which services each one goes, by their ids; None where the manifest does not say by id."""
    services = content.get("services", [])
    if not services or not all("id" in one and "waits_for" in one for one in services):
        return None
    return {one["id"]: frozenset(one["waits_for"]) for one in services}


def changes_in(content: dict[str, Any]) -> dict[int, dict[str, Any]]:
    """Return the changes of a manifest's content by their id, each with the name of its service and team.

    Manifests sealed before these were written down have neither needs, tickets nor teams.
    """
    return {
        change["id"]: {
            "needs": [],
            "tickets": [],
            **change,
            "service": service.get("name", service["service"]),
            "service_id": service.get("id"),
            "team": service.get("team", ""),
            "team_id": service.get("team_id"),
        }
        for service in content["services"]
        for change in service["changes"]
    }
