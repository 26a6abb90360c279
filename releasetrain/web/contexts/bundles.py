"""Gather what goes together on a departure: its graph with the same in words, its bundles, its order."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Roles
from releasetrain.lib.verdict import Reason
from releasetrain.panels import links
from releasetrain.panels.shapes import Link
from releasetrain.trains.models import Change, Departure, Need, Withdrawal
from releasetrain.trains.queries.bundling import aboard_with_people, needs_aboard, open_ends
from releasetrain.trains.queries.verdicts import Action as Ask
from releasetrain.trains.queries.verdicts import verdict
from releasetrain.trains.rules.drawing import HEIGHT, WIDTH, draw

MOST_DRAWN = 120
LONGEST_LINE = 26


@dataclass(frozen=True, slots=True)
class Node:
    """One change as a box; `note` says where it is, where it is not aboard this departure."""

    pk: int
    url: str
    title: str
    line: str
    detail: str
    x: int
    y: int
    bundle: str = ""
    note: str = ""
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def text_x(self) -> int:
        return self.x + 12

    @property
    def title_y(self) -> int:
        return self.y + 19

    @property
    def detail_y(self) -> int:
        return self.y + 35


@dataclass(frozen=True, slots=True)
class Graph:
    """What needs what, drawn and in words; in words only where there is nothing or too much to draw."""

    nodes: Sequence[Node] = ()
    paths: Sequence[str] = ()
    sentences: Sequence[str] = ()
    width: int = 0
    height: int = 0


@dataclass(frozen=True, slots=True)
class Card:
    """One bundle: who is in it, who has left it."""

    pk: int
    name: str
    members: Sequence[Change]
    services: Sequence[str]
    teams: Sequence[str]
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Request:
    """One request to take a change off."""

    title: str
    state: str
    text: str
    at: datetime
    url: str


@dataclass(frozen=True, slots=True)
class Page:
    """What goes together on a departure, with what this person may do about it."""

    departure: Departure
    graph: Graph
    cards: Sequence[Card]
    order: Sequence[str]
    ends: Sequence[Reason]
    requests: Sequence[Request]
    changes: Sequence[Change]
    reason: Reason | None
    links: Sequence[Link]
    zone: str


def page_of(departure: Departure, *, person: User, roles: Roles, now: datetime) -> Page:
    """Gather the page."""
    changes = aboard_with_people(departure.pk)
    needs = needs_aboard([departure.pk]).get(departure.pk, [])
    answer = verdict(Ask.BUNDLE, departure, person, now, roles=roles)
    sealed = departure.manifests.first()
    services = sealed.content["services"] if sealed else []
    return Page(
        departure=departure,
        graph=graph_of(departure, changes, needs),
        cards=_cards(changes),
        order=[str(one.get("name", one["service"])) for one in services],
        ends=open_ends([departure])[departure.pk],
        requests=[_request(one) for one in departure.withdrawals.select_related("change")],
        changes=changes,
        reason=None if answer.is_allowed else answer.reasons[0],
        links=pages_of(departure, is_sealed=sealed is not None),
        zone=departure.train.time_zone,
    )


def pages_of(departure: Departure, *, is_sealed: bool) -> list[Link]:
    """Lead to the other pages about what is aboard."""
    pk = departure.pk
    found = [Link("Bundles and order", links.bundles(pk))]
    if is_sealed:
        found += [
            Link("Changelog", links.changelog(pk)),
            Link("Release notes", links.notes(pk)),
            Link("Revisions", links.revisions(pk)),
        ]
    return found


def graph_of(departure: Departure, changes: Iterable[Change], needs: Sequence[Need]) -> Graph:
    """Draw what needs something or is needed, and what is bundled; the rest stands alone and is not drawn."""
    outside = {row.needed_id: row.needed for row in needs if row.needed.departure_id != departure.pk}
    tied = {pk for row in needs for pk in (row.change_id, row.needed_id)}
    rows = {one.pk: one for one in changes if one.pk in tied or one.bundle_id} | outside
    sentences = [_words(row, outside) for row in needs]
    edges = [(row.change_id, row.needed_id) for row in needs]
    if not rows or len(rows) > MOST_DRAWN:
        return Graph(sentences=sentences)
    groups = {pk: one.bundle.name for pk, one in rows.items() if one.bundle and pk not in outside}
    plane = draw({pk: one.title for pk, one in rows.items()}, edges, groups)
    nodes = [
        Node(
            pk=box.one,
            url=links.change(box.one),
            title=rows[box.one].title,
            line=_cut(rows[box.one].title),
            detail=_cut(_detail(rows[box.one], groups.get(box.one, ""), is_outside=box.one in outside)),
            x=box.x,
            y=box.y,
            bundle=groups.get(box.one, ""),
            note=_where(rows[box.one]) if box.one in outside else "",
        )
        for box in plane.boxes
    ]
    return Graph(nodes, [line.path for line in plane.lines], sentences, plane.width, plane.height)


def _words(row: Need, outside: dict[int, Change]) -> str:
    where = f", which is {_where(row.needed)}" if row.needed_id in outside else ""
    return f"“{row.change.title}” needs “{row.needed.title}”{where}."


def _where(change: Change) -> str:
    state = change.state.replace("_", " ")
    return f"aboard {change.departure.code}" if change.departure and state == "aboard" else state


def _detail(change: Change, bundle: str, *, is_outside: bool) -> str:
    said = [change.service.name, _where(change) if is_outside else bundle]
    return " · ".join(one for one in said if one)


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST_LINE else f"{text[: LONGEST_LINE - 1].rstrip()}…"


def _cards(changes: Iterable[Change]) -> list[Card]:
    found: dict[int, list[Change]] = {}
    for change in changes:
        if change.bundle_id is not None:
            found.setdefault(change.bundle_id, []).append(change)
    cards = []
    for members in found.values():
        bundle = members[0].bundle
        if bundle is not None:
            cards.append(
                Card(
                    pk=bundle.pk,
                    name=bundle.name,
                    members=members,
                    services=sorted({one.service.name for one in members}),
                    teams=sorted({one.service.team.name for one in members}),
                    missing=", ".join(f"“{one['title']}”" for one in bundle.missing),
                )
            )
    return sorted(cards, key=lambda card: card.name)


def _request(row: Withdrawal) -> Request:
    return Request(
        title=row.change.title,
        state=f"leave_{row.state}",
        text=f"{row.requested_by_label}: {row.reason}",
        at=row.requested_at,
        url=links.withdrawal(row.departure_id, row.pk),
    )
