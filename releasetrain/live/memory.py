"""Keep the newest fragment per element in memory, so that nobody who comes or falls behind costs a query."""

from collections import deque
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from operator import attrgetter

from releasetrain.live.survey import Found, Place
from releasetrain.panels import registry
from releasetrain.panels.audience import Audience
from releasetrain.panels.draw import Drawn
from releasetrain.panels.news import Happening, News, Series
from releasetrain.panels.registry import Need, covers
from releasetrain.panels.shapes import Point

REMEMBERED_EVENTS = 1000
REMEMBERED_POINTS = 600


@dataclass(frozen=True, slots=True)
class Laid:
    """A fragment as it lies on a shelf: in which round, at which position and when it was drawn."""

    version: int
    position: int
    at: datetime
    drawn: Drawn


class Shelf:
    """Hold what one audience sees of one topic.

    `since` is the position after which every change is here; `is_whole` says that everything is.
    """

    def __init__(self, since: int) -> None:
        self.since = since
        self.is_whole = False
        self.fragments: dict[Need, Laid] = {}

    def put(self, version: int, found: Found, drawn: Iterable[tuple[Need, Drawn]]) -> None:
        """Lay newer fragments over older ones; what a newer one contains goes away."""
        for need, fragment in drawn:
            for inner in [kept for kept in self.fragments if covers(need, kept)]:
                del self.fragments[inner]
            self.fragments[need] = Laid(version, found.position, found.now, fragment)


class Memory:
    """Hold the shelves of everything that is watched here, the last events, and the last points of charts.

    `position` is how far the log has been read. `version` counts the rounds of this process: it orders also
    what changed without an event.
    """

    def __init__(self) -> None:
        self.position: int | None = None
        self.version = 0
        self.lost_at = 0
        self.remembers_from = 0
        self.now: datetime | None = None
        self.shelves: dict[Place, Shelf] = {}
        self.happenings: deque[tuple[int, Happening]] = deque(maxlen=REMEMBERED_EVENTS)
        self.points: dict[str, dict[str, dict[float, tuple[int, Point]]]] = {}

    def open(self, places: Iterable[Place]) -> bool:
        """Make room for places that somebody begins to watch; tell whether one of them is new."""
        new = [place for place in places if place not in self.shelves]
        for place in new:
            self.shelves[place] = Shelf(self.position or 0)
        return bool(new)

    def drop(self, places: Iterable[Place]) -> None:
        """Forget places that nobody watches any more."""
        for place in places:
            self.shelves.pop(place, None)
        watched = {topic for topic, _ in self.shelves}
        self.points = {topic: charts for topic, charts in self.points.items() if topic in watched}

    def needs_whole(self, place: Place, position: int) -> bool:
        """Tell whether somebody at this position may have missed something of a place that is not here.

        The last events of all topics are known, so most who come shortly after their page was drawn have not.
        """
        if position > (self.position or 0):
            return True
        return position < self.shelves[place].since and not self._was_quiet(place[0], position)

    def _was_quiet(self, topic: str, since: int) -> bool:
        if since < self.remembers_from:
            return False
        heard = frozenset(registry.heard(topic))
        return not any(one.position > since and heard.intersection(one.topics) for _, one in self.happenings)

    def lacking(self, places: Iterable[Place], position: int) -> list[Place]:
        """Return the places to be drawn whole before somebody at this position can be served."""
        return [
            place
            for place in places
            if not self.shelves[place].is_whole and self.needs_whole(place, position)
        ]

    def take(self, found: Found) -> int:
        """Take in what a survey found; return the version before it."""
        before = self.version
        self.version += 1
        self.position, self.now = found.position, found.now
        if found.is_lost:
            self.lost_at = self.version
            self.happenings.clear()
        if found.is_lost or before == 0:
            self.remembers_from = found.position
        self.happenings.extend((self.version, one) for one in found.happenings)
        if len(self.happenings) == REMEMBERED_EVENTS:
            self.remembers_from = self.happenings[0][1].position - 1
        for place, shelf in self.shelves.items():
            if before == 0 or place not in found.drawn:
                # It was opened when nothing had been read, or while the survey ran, which did not look at it.
                shelf.since = found.position
            shelf.put(self.version, found, found.drawn.get(place, ()))
            shelf.is_whole = shelf.is_whole or place in found.whole
        for topic, series in found.series.items():
            self._keep_points(topic, series)
        return before

    def _keep_points(self, topic: str, series: Iterable[Series]) -> None:
        """Keep the last points of each chart; one whose other arm came later is news once more."""
        charts = self.points.setdefault(topic, {})
        for one in series:
            kept = charts.setdefault(one.chart, {})
            for point in one.points:
                if point[0] not in kept or kept[point[0]][1] != point:
                    kept[point[0]] = (self.version, point)
            for old in sorted(kept)[:-REMEMBERED_POINTS]:
                del kept[old]

    def known(self) -> dict[tuple[Need, Audience], int]:
        """Return the facts that restless fragments were last drawn from."""
        return {
            (need, audience): laid.drawn.facts
            for (_, audience), shelf in self.shelves.items()
            for need, laid in shelf.fragments.items()
            if need.is_restless
        }

    def since_version(self, places: Collection[Place], version: int) -> News:
        """Gather what came after a version, for somebody who was served up to it."""
        return self._news(
            places,
            fragments=[laid for _, laid in self._lying(places) if laid.version > version],
            happenings=[one for at, one in self.happenings if at > version],
            version=version,
            is_whole=version < self.lost_at or self._has_forgotten(version),
        )

    def since_position(self, places: Collection[Place], position: int, at: datetime | None) -> News:
        """Gather what came after a position, for somebody who comes with a page drawn then.

        :param at: when it was drawn; positions cannot tell of what changes without an event
        """
        is_whole = any(self.needs_whole(place, position) for place in places)
        fragments = [
            laid
            for need, laid in self._lying(places)
            if is_whole or laid.position > position or (need.is_restless and (at is None or laid.at > at))
        ]
        happenings = [one for _, one in self.happenings if one.position > position and not is_whole]
        return self._news(places, fragments=fragments, happenings=happenings, version=-1, is_whole=is_whole)

    def _news(
        self,
        places: Collection[Place],
        *,
        fragments: Iterable[Laid],
        happenings: Iterable[Happening],
        version: int,
        is_whole: bool,
    ) -> News:
        """Put news together: fragments in the order in which they were drawn, each element once."""
        if self.position is None or self.now is None:
            raise RuntimeError("Nothing has been read yet.")
        newest = {laid.drawn.id: laid.drawn for laid in sorted(fragments, key=attrgetter("version"))}
        topics = {heard for topic, _ in places for heard in registry.heard(topic)}
        ear = min((audience for _, audience in places), key=lambda audience: audience.sees_people)
        heard = tuple(one.heard_by(ear) for one in happenings if topics.intersection(one.topics))
        return News(
            self.position, self.now, tuple(newest.values()), heard, self._series(places, version), is_whole
        )

    def _lying(self, places: Iterable[Place]) -> Iterator[tuple[Need, Laid]]:
        return (pair for place in places for pair in self.shelves[place].fragments.items())

    def _has_forgotten(self, version: int) -> bool:
        is_full = len(self.happenings) == REMEMBERED_EVENTS
        return is_full and self.happenings[0][0] > version + 1

    def _series(self, places: Iterable[Place], version: int) -> tuple[Series, ...]:
        found = []
        for topic in dict.fromkeys(topic for topic, _ in places):
            for chart, kept in self.points.get(topic, {}).items():
                if points := tuple(point for _, (at, point) in sorted(kept.items()) if at > version):
                    found.append(Series(chart, points))
        return tuple(found)
