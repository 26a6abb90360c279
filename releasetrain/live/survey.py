"""Look at the database once for everybody who watches here: what happened, and how it looks now.

Runs in the hub's one database thread. It reads the log in commit order from the last position on, so a lost,
doubled or overtaken message changes nothing: whatever the hint was, the answer is complete and in order.
"""

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from django.db import close_old_connections, connection

from releasetrain.events import queries
from releasetrain.events.models import Event
from releasetrain.events.queries import clock_and_position
from releasetrain.lib.once import asking_once
from releasetrain.panels import registry
from releasetrain.panels.audience import Audience
from releasetrain.panels.draw import Drawn, draw
from releasetrain.panels.news import MOST_EVENTS, Happening, Series, happening, series
from releasetrain.panels.registry import Need

logger = logging.getLogger(__name__)

Place = tuple[str, Audience]
"""A topic, seen with the eyes of an audience."""


@dataclass(frozen=True, slots=True)
class Order:
    """Ask for everything after a position, and for what is due besides.

    `places` are all that anybody watches here; `whole` those that must be drawn from scratch; `restless` the
    topics whose looks change without an event; `known` the facts that restless fragments were last drawn
    from; `unseen` the topics whose charts are looked at for the first time.
    """

    position: int | None
    places: frozenset[Place]
    whole: frozenset[Place] = frozenset()
    restless: frozenset[str] = frozenset()
    known: Mapping[tuple[Need, Audience], int] = field(default_factory=dict)
    unseen: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Found:
    """Answer an order; `is_lost` means that the position was unknown and everything is drawn from scratch."""

    now: datetime
    position: int
    happenings: tuple[Happening, ...] = ()
    drawn: Mapping[Place, tuple[tuple[Need, Drawn], ...]] = field(default_factory=dict)
    whole: frozenset[Place] = frozenset()
    series: Mapping[str, tuple[Series, ...]] = field(default_factory=dict)
    changed_people: frozenset[int] = frozenset()
    is_lost: bool = False


def survey(order: Order) -> Found:
    """Read what happened after the order's position and draw what it changed, once an audience."""
    close_old_connections()
    now, last = clock_and_position()
    is_lost = order.position is not None and not 0 <= last - order.position <= MOST_EVENTS
    events: list[Event] = []
    if order.position is not None and not is_lost and last > order.position:
        events = list(queries.after(order.position, limit=MOST_EVENTS))
    whole = order.places if is_lost else order.whole & order.places
    return Found(
        now=now,
        position=max([last, *(event.link.position for event in events)]),
        happenings=tuple(happening(event) for event in events),
        drawn=_draw(_wanted(order, events, whole), order, now),
        whole=whole,
        series={
            topic: series([topic], now, is_first=topic in order.unseen) for topic in sorted(order.restless)
        },
        changed_people=frozenset(event.subject_id for event in events if registry.changes_roles(event)),
        is_lost=is_lost,
    )


def _wanted(order: Order, events: list[Event], whole: Iterable[Place]) -> dict[Place, dict[Need, bool]]:
    """List what each place needs, in order; True where it is drawn even if its facts are the known ones."""
    by_topic: dict[str, list[Event]] = {}
    for event in events:
        for topic in event.topics:
            by_topic.setdefault(topic, []).append(event)
    wanted: dict[Place, dict[Need, bool]] = {place: {} for place in order.places}
    for place, needs in wanted.items():
        topic = place[0]
        heard = [event for one in registry.heard(topic) for event in by_topic.get(one, ())]
        fresh = registry.whole(topic) if place in whole else registry.needs(topic, heard)
        needs.update(dict.fromkeys(fresh, True))
        if topic in order.restless:
            needs.update({need: False for need in registry.restless(topic) if need not in needs})
    return wanted


def _draw(
    wanted: Mapping[Place, Mapping[Need, bool]], order: Order, now: datetime
) -> dict[Place, tuple[tuple[Need, Drawn], ...]]:
    """Draw each need once an audience, however many topics ask for it; what they read is read once."""
    with asking_once():
        return _drawn(wanted, order, now)


def _drawn(
    wanted: Mapping[Place, Mapping[Need, bool]], order: Order, now: datetime
) -> dict[Place, tuple[tuple[Need, Drawn], ...]]:
    kept: dict[tuple[Need, Audience, bool], Drawn | None] = {}
    result = {}
    for place, needs in wanted.items():
        audience = place[1]
        for need, is_forced in needs.items():
            key = (need, audience, is_forced)
            if key not in kept:
                known = None if is_forced else order.known.get((need, audience))
                kept[key] = _draw_one(need, audience, now, known)
        found = ((need, kept[need, audience, is_forced]) for need, is_forced in needs.items())
        result[place] = tuple((need, drawn) for need, drawn in found if drawn is not None)
    return result


def _draw_one(need: Need, audience: Audience, now: datetime, known: int | None) -> Drawn | None:
    """Draw one fragment; a fault in one of them must not darken the others."""
    try:
        return draw(need, audience, now, known)
    except Exception:
        if connection.errors_occurred:
            raise
        logger.exception("The fragment %s of %s could not be drawn.", need.fragment, need.pk)
        return None
