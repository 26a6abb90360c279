"""Keep the newest fragment per element in memory, so that nobody who comes or falls behind costs a query."""

from collections import deque
from collections.abc import Callable, Collection, Iterable
from datetime import datetime

from releasetrain.live.survey import Found, Place
from releasetrain.panels.audience import Audience
from releasetrain.panels.draw import Drawn
from releasetrain.panels.news import Happening, News, Series
from releasetrain.panels.registry import Need, covers
from releasetrain.panels.shapes import Point

REMEMBERED_EVENTS = 200
REMEMBERED_POINTS = 600


class Shelf:
    """Hold what one audience sees of one topic.

    `since` is the position after which every change is here; `is_whole` says that everything is. A fragment lies
    here with the version and the position at which it was drawn.
    """

    def __init__(self, since: int) -> None:
        self.since = since
        self.is_whole = False
        self.fragments: dict[Need, tuple[int, int, Drawn]] = {}

    def put(self, version: int, position: int, drawn: Iterable[tuple[Need, Drawn]]) -> None:
        """Lay newer fragments over older ones; what a newer one contains goes away."""
        for need, fragment in drawn:
            for inner in [kept for kept in self.fragments if covers(need, kept)]:
                del self.fragments[inner]
            self.fragments[need] = (version, position, fragment)

    def lacks(self, position: int) -> bool:
        """Tell whether somebody at this position may have missed something that is not here."""
        return not self.is_whole and position < self.since


class Memory:
    """Hold the shelves of everything that is watched here, the last events, and the last points of charts.

    `position` is how far the log has been read. `version` counts the rounds of this process: it orders also what
    changed without an event.
    """

    def __init__(self) -> None:
        self.position: int | None = None
        self.version = 0
        self.lost_at = 0
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

    def lacking(self, places: Iterable[Place], position: int) -> list[Place]:
        """Return the places to be drawn whole before somebody at this position can be served."""
        if position > (self.position or 0):
            return [place for place in places if not self.shelves[place].is_whole]
        return [place for place in places if self.shelves[place].lacks(position)]

    def take(self, found: Found) -> int:
        """Take in what a survey found; return the version before it."""
        before = self.version
        self.version += 1
        self.position, self.now = found.position, found.now
        if found.is_lost:
            self.lost_at = self.version
            self.happenings.clear()
        self.happenings.extend((self.version, one) for one in found.happenings)
        for place, shelf in self.shelves.items():
            if place not in found.drawn:  # it was opened while the survey ran, which did not look at it
                shelf.since = found.position
                continue
            shelf.put(self.version, found.position, found.drawn[place])
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
            (need, audience): drawn.facts
            for (_, audience), shelf in self.shelves.items()
            for need, (_, _, drawn) in shelf.fragments.items()
            if need.is_restless
        }

    def since_version(self, places: Collection[Place], version: int) -> News:
        """Gather what came after a version, for somebody who was served up to it."""
        forgot = version < self.lost_at or self._has_forgotten(version)
        return News(
            position=self.position or 0,
            at=self._clock(),
            fragments=self._fragments(places, lambda need, at, position: at > version),
            happenings=self._happenings(places, lambda at, position: at > version),
            series=self._series(places, version),
            is_whole=forgot,
        )

    def since_position(self, places: Collection[Place], position: int) -> News:
        """Gather what came after a position, for somebody who comes with a page drawn then.

        What changes without events goes along in any case: positions cannot tell whether it has.
        """
        is_whole = position > (self.position or 0) or any(position < self.shelves[p].since for p in places)
        return News(
            position=self.position or 0,
            at=self._clock(),
            fragments=self._fragments(
                places, lambda need, at, drawn_at: is_whole or drawn_at > position or need.is_restless
            ),
            happenings=() if is_whole else self._happenings(places, lambda at, where: where > position),
            series=self._series(places, -1),
            is_whole=is_whole,
        )

    def _has_forgotten(self, version: int) -> bool:
        is_full = len(self.happenings) == REMEMBERED_EVENTS
        return is_full and self.happenings[0][0] > version + 1

    def _clock(self) -> datetime:
        if self.now is None:
            raise RuntimeError("Nothing has been read yet.")
        return self.now

    def _fragments(
        self, places: Iterable[Place], is_wanted: Callable[[Need, int, int], bool]
    ) -> tuple[Drawn, ...]:
        """Order by version, so that a newer part is laid over an older whole; each element comes once."""
        found = [
            (at, drawn)
            for place in places
            for need, (at, position, drawn) in self.shelves[place].fragments.items()
            if is_wanted(need, at, position)
        ]
        newest = {drawn.id: drawn for _, drawn in sorted(found, key=lambda pair: pair[0])}
        return tuple(newest.values())

    def _happenings(
        self, places: Iterable[Place], is_wanted: Callable[[int, int], bool]
    ) -> tuple[Happening, ...]:
        topics = {topic for topic, _ in places}
        ear = min((audience for _, audience in places), key=lambda audience: audience.sees_people)
        return tuple(
            one.heard_by(ear)
            for at, one in self.happenings
            if is_wanted(at, one.position) and topics.intersection(one.topics)
        )

    def _series(self, places: Iterable[Place], version: int) -> tuple[Series, ...]:
        found = []
        for topic in dict.fromkeys(topic for topic, _ in places):
            for chart, kept in self.points.get(topic, {}).items():
                if points := tuple(point for _, (at, point) in sorted(kept.items()) if at > version):
                    found.append(Series(chart, points))
        return tuple(found)
