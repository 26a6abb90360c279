"""Say what a page has missed: the same fragments whether a socket pushes them or a poll fetches them.

Every message is one JSON object with a "type":

- "news": {"position", "at", "fragments": [{"id", "html"}], "events": [{"position", "kind", "topics", "say"}],
  "points": [{"chart", "points": [[seconds, candidate, baseline]]}], "whole"}. The fragments replace the
  elements of these ids, in this order; `whole` means that everything the page watches is in it; `say` is
  read aloud once.
- "pulse": {"position", "at"}: nothing happened; the page is current as of this position.
- "bye": {"why"}: the stream ends; "ticket": a fresh ticket opens it again; "restart": it is back soon.

Positions are those of the event log, `at` is the database's clock.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from releasetrain.events import queries
from releasetrain.events.models import Event
from releasetrain.panels import registry
from releasetrain.panels.audience import Audience
from releasetrain.panels.draw import Drawn, draw
from releasetrain.panels.shapes import Point
from releasetrain.panels.words import is_public, is_spoken, say

MOST_EVENTS = 500
"""Whoever is further behind than this gets the whole panel instead."""


@dataclass(frozen=True, slots=True)
class Happening:
    """One event as a page hears of it; the words are empty unless they should be read aloud."""

    position: int
    kind: str
    topics: tuple[str, ...]
    words: str = ""
    public_words: str = ""

    def heard_by(self, audience: Audience) -> "Happening":
        """Keep only the words that are meant for an audience."""
        return replace(self, words=self.words if audience.sees_people else self.public_words, public_words="")


@dataclass(frozen=True, slots=True)
class Series:
    """New points of one chart."""

    chart: str
    points: tuple[Point, ...]


@dataclass(frozen=True, slots=True)
class News:
    """Everything that brings a page from one position to another."""

    position: int
    at: datetime
    fragments: tuple[Drawn, ...] = ()
    happenings: tuple[Happening, ...] = ()
    series: tuple[Series, ...] = ()
    is_whole: bool = False

    @property
    def is_empty(self) -> bool:
        return not (self.fragments or self.happenings or self.series or self.is_whole)


def happening(event: Event) -> Happening:
    """Tell what a page may know of an event: what, where in the log, and whether to say it."""
    words = public_words = ""
    if is_spoken(event.kind):
        words = say(event, Audience.MEMBER)
        public_words = say(event, Audience.STAKEHOLDER) if is_public(event.kind) else ""
    return Happening(event.link.position, event.kind, tuple(event.topics), words, public_words)


def stamp(at: datetime) -> str:
    """Write an instant for machines."""
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def message_of(news: News) -> dict[str, Any]:
    """Write news as the JSON object that pages read."""
    message: dict[str, Any] = {"type": "news", "position": news.position, "at": stamp(news.at)}
    message["fragments"] = [{"id": drawn.id, "html": drawn.html} for drawn in news.fragments]
    message["events"] = [
        {"position": one.position, "kind": one.kind, "topics": list(one.topics), "say": one.words}
        for one in news.happenings
    ]
    message["points"] = [{"chart": one.chart, "points": [list(p) for p in one.points]} for one in news.series]
    if news.is_whole:
        message["whole"] = True
    return message


def pulse_of(position: int, at: datetime) -> dict[str, Any]:
    """Say that nothing happened."""
    return {"type": "pulse", "position": position, "at": stamp(at)}


def after(topics: Mapping[str, Audience], position: int, *, now: datetime) -> News:
    """Draw what happened on these topics after a position, for a page that polls.

    A page that is too far behind, or ahead of a log that was started anew, gets everything it watches.
    """
    last = queries.last_position()
    if not 0 <= last - position <= MOST_EVENTS:
        return _whole(topics, last, now)
    heard = {topic: frozenset(registry.heard(topic)) for topic in topics}
    events = list(queries.after(position, frozenset().union(*heard.values()), MOST_EVENTS))
    wanted: dict[tuple[registry.Need, Audience], None] = {}
    for topic, audience in topics.items():
        stale = registry.needs(
            topic, [event for event in events if not heard[topic].isdisjoint(event.topics)]
        )
        wanted.update({(need, audience): None for need in [*stale, *registry.restless(topic)]})
    ear = min(topics.values(), key=lambda audience: audience.sees_people)
    return News(
        position=max([last, *(event.link.position for event in events)]),
        at=now,
        fragments=_draw_all(wanted, now),
        happenings=tuple(happening(event).heard_by(ear) for event in events),
        series=series(topics, now),
    )


def series(topics: Iterable[str], now: datetime, *, is_first: bool = False) -> tuple[Series, ...]:
    """Collect the newest points of the charts that these topics show."""
    found = registry.points(topics, now, is_first=is_first)
    return tuple(Series(chart, points) for chart, points in found.items() if points)


def _whole(topics: Mapping[str, Audience], position: int, now: datetime) -> News:
    wanted = {(need, audience): None for topic, audience in topics.items() for need in registry.whole(topic)}
    return News(
        position, now, _draw_all(wanted, now), series=series(topics, now, is_first=True), is_whole=True
    )


def _draw_all(wanted: Iterable[tuple[registry.Need, Audience]], now: datetime) -> tuple[Drawn, ...]:
    found = (draw(need, audience, now) for need, audience in wanted)
    return tuple(drawn for drawn in found if drawn is not None)
