"""Know every fragment, and which of them an event makes stale.

A topic is what a page watches: "board", "departure:12", "rollout:5", "train:3", "service:4", "flags". An
event names the topics that it belongs to; what a topic then needs drawn is decided here. "calendar" is the
topic of windows, feeds and rotas: it has no page of its own, and every board and departure hears of it.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from releasetrain.events.models import Event
from releasetrain.lib.verdict import Reason
from releasetrain.panels.audience import Audience
from releasetrain.panels.board import load_board, load_row
from releasetrain.panels.deadlines import load_deadlines
from releasetrain.panels.decisions import load_decision
from releasetrain.panels.departures import load_manifest, load_rollout_lines, load_summary
from releasetrain.panels.errors import load_errors
from releasetrain.panels.feed import feed_of
from releasetrain.panels.forecast import load_forecast
from releasetrain.panels.guardrails import OVERLAP, WINDOW, load_guardrails, points_since
from releasetrain.panels.late import load_late
from releasetrain.panels.operator import load_operator
from releasetrain.panels.overrides import load_overrides
from releasetrain.panels.readiness import load_readiness
from releasetrain.panels.rollouts import load_holds, load_track
from releasetrain.panels.shadows import load_shadow
from releasetrain.panels.shapes import BoardRow, Point
from releasetrain.rollouts.models import Rollout

Values = Mapping[str, Any]
Load = Callable[[int, Audience, datetime], Values | None]


@dataclass(frozen=True, slots=True)
class Recipe:
    """How a fragment is made: its template, the id of its one root element, and what it is drawn from.

    `load_for_page` adds what only a first paint needs. A restless fragment changes without events and is
    looked at again and again while somebody watches.
    """

    template: str
    element_id: str
    load: Load
    load_for_page: Load | None = None
    is_restless: bool = False


class Need(NamedTuple):
    """One fragment of one thing."""

    fragment: str
    pk: int

    @property
    def is_restless(self) -> bool:
        return FRAGMENTS[self.fragment].is_restless

    @property
    def element_id(self) -> str:
        return FRAGMENTS[self.fragment].element_id.format(pk=self.pk)


def _named(name: str, load: Callable[[int, Audience, datetime], Any]) -> Load:
    """Hand a shape to its template under the name that the template asks for."""

    def values(pk: int, audience: Audience, now: datetime) -> Values | None:
        shape = load(pk, audience, now)
        return None if shape is None else {name: shape}

    return values


def _board(pk: int, audience: Audience, now: datetime) -> Values:
    return {"board": load_board(now, audience)}


def _rollout_lines(pk: int, audience: Audience, now: datetime) -> Values | None:
    summary = load_summary(pk, audience, now)
    return (
        None if summary is None else {"rollouts": load_rollout_lines(pk, audience, now), "summary": summary}
    )


def _feed(noun: str) -> Load:
    return lambda pk, audience, _: {"feed": feed_of(f"{noun}:{pk}", audience)}


def _guardrails_with_points(pk: int, audience: Audience, now: datetime) -> Values | None:
    return _named("guardrails", lambda *of: load_guardrails(*of, with_points=True))(pk, audience, now)


FRAGMENTS: Mapping[str, Recipe] = {
    "board": Recipe("board/_departures.html", "board-departures", _board, is_restless=True),
    "board/row": Recipe("board/_row.html", "departure-{pk}-row", _named("row", load_row)),
    "departure/summary": Recipe(
        "departures/_summary.html", "departure-{pk}-summary", _named("summary", load_summary)
    ),
    "departure/forecast": Recipe(
        "departures/_forecast.html", "departure-{pk}-forecast", _named("forecast", load_forecast)
    ),
    "departure/deadlines": Recipe(
        "departures/_deadlines.html", "departure-{pk}-deadlines", _named("deadlines", load_deadlines)
    ),
    "departure/overrides": Recipe(
        "departures/_overrides.html", "departure-{pk}-overrides", _named("overrides", load_overrides)
    ),
    "departure/readiness": Recipe(
        "departures/_readiness.html", "departure-{pk}-readiness", _named("readiness", load_readiness)
    ),
    "departure/late": Recipe("departures/_late.html", "departure-{pk}-late", _named("late", load_late)),
    "departure/manifest": Recipe(
        "departures/_manifest.html", "departure-{pk}-manifest", _named("manifest", load_manifest)
    ),
    "departure/decision": Recipe(
        "departures/_decision.html", "departure-{pk}-decision", _named("decision", load_decision)
    ),
    "departure/rollouts": Recipe("departures/_rollouts.html", "departure-{pk}-rollouts", _rollout_lines),
    "departure/feed": Recipe("departures/_feed.html", "departure-{pk}-feed", _feed("departure")),
    "rollout/track": Recipe(
        "rollouts/_track.html", "rollout-{pk}-track", _named("track", load_track), is_restless=True
    ),
    "rollout/guardrails": Recipe(
        "rollouts/_guardrails.html",
        "rollout-{pk}-guardrails",
        _named("guardrails", load_guardrails),
        load_for_page=_guardrails_with_points,
        is_restless=True,
    ),
    "rollout/holds": Recipe("rollouts/_holds.html", "rollout-{pk}-holds", _named("holds", load_holds)),
    "rollout/shadow": Recipe(
        "rollouts/_shadow.html", "rollout-{pk}-shadow", _named("shadow", load_shadow), is_restless=True
    ),
    "rollout/errors": Recipe(
        "rollouts/_errors.html", "rollout-{pk}-errors", _named("errors", load_errors), is_restless=True
    ),
    "rollout/operator": Recipe(
        "rollouts/_operator.html",
        "rollout-{pk}-operator",
        _named("operator", load_operator),
        is_restless=True,
    ),
}

OF_A_DEPARTURE = tuple(name for name in FRAGMENTS if name.startswith("departure/"))
OF_A_ROLLOUT = tuple(name for name in FRAGMENTS if name.startswith("rollout/"))
# Which events change which fragments of a departure; every one may change its head.
STALE_BY: tuple[tuple[str, tuple[str, ...]], ...] = (
    (
        "trains.change.",
        ("departure/manifest", "departure/decision", "departure/deadlines", "departure/forecast"),
    ),
    *((f"trains.{noun}.", ("departure/manifest",)) for noun in ("need", "bundle", "withdrawal")),
    ("trains.vote.", ("departure/decision",)),
    ("trains.decision.", ("departure/decision",)),
    (
        "trains.departure.",
        (
            "departure/manifest",
            "departure/readiness",
            "departure/decision",
            "departure/rollouts",
            "departure/deadlines",
            "departure/forecast",
        ),
    ),
    ("trains.deadline.", ("departure/manifest", "departure/deadlines")),
    ("trains.late_pass.", ("departure/late",)),
    ("trains.override.", ("departure/overrides", "departure/forecast")),
    ("trains.blocker.", ("departure/readiness",)),
    ("trains.check.", ("departure/readiness",)),
    ("trains.readiness.", ("departure/readiness",)),
    ("rollouts.", ("departure/rollouts", "departure/forecast")),
    ("calendars.", ("departure/overrides", "departure/forecast")),
    ("accounts.shift.", ("departure/forecast",)),
)
# Windows and rotas stand in no departure's feed.
NOT_FED = ("calendars.", "accounts.")
# These change which departures the board lists, or in which order and group.
REORDERS = re.compile(
    r"calendars\.|accounts\.shift\.|trains\.(departures\.|train\.|departure\.(departed|arrived|rolled_back|cancelled|skipped|restored|moved|postponed))"
)
BY_THE_CLOCK = ("window", "will_hold", "late")
CHANGES_ROLES = re.compile(r"accounts\.(role|person)\.")
RESTLESS_SECONDS = {"rollout": 2.0}
CALM_SECONDS = 30.0


def split(topic: str) -> tuple[str, int]:
    """Split a topic into its noun and its number; the board has none."""
    noun, _, number = topic.partition(":")
    return noun, int(number) if number.isdigit() else 0


def heard(topic: str) -> tuple[str, ...]:
    """Name the topics whose events concern a topic: its own, and the calendar's where that is judged."""
    return (topic, "calendar") if split(topic)[0] in ("board", "departure") else (topic,)


def whole(topic: str) -> list[Need]:
    """List everything that a page on this topic shows."""
    noun, pk = split(topic)
    if noun == "board":
        return [Need("board", 0)]
    names = {"departure": OF_A_DEPARTURE, "rollout": OF_A_ROLLOUT}.get(noun, ())
    return [Need(name, pk) for name in names]


def needs(topic: str, events: Iterable[Event]) -> list[Need]:
    """List what these events of a topic have made stale, each once."""
    noun, pk = split(topic)
    found: dict[Need, None] = {}
    for event in events:
        if noun == "board":
            found.update(dict.fromkeys(_on_the_board(event)))
        elif noun == "departure":
            found.update(dict.fromkeys(_of_a_departure(event.kind, pk)))
        elif noun == "rollout":
            found.update(dict.fromkeys(whole(topic)))
    inner = {need for need in found if any(covers(outer, need) for outer in found)}
    return [need for need in found if need not in inner]


def _on_the_board(event: Event) -> list[Need]:
    if REORDERS.match(event.kind):
        return [Need("board", 0)]
    return [Need("board/row", split(topic)[1]) for topic in event.topics if topic.startswith("departure:")]


def _of_a_departure(kind: str, pk: int) -> list[Need]:
    stale = [name for prefix, names in STALE_BY if kind.startswith(prefix) for name in names]
    feed = () if kind.startswith(NOT_FED) else ("departure/feed",)
    return [Need(name, pk) for name in ("departure/summary", *stale, *feed)]


def covers(outer: Need, inner: Need) -> bool:
    """Tell whether one fragment contains another one."""
    return outer.fragment == "board" and inner.fragment == "board/row"


def restless(topic: str) -> list[Need]:
    """List what changes on this topic without an event: bakes, measurements, the hour."""
    return [need for need in whole(topic) if need.is_restless]


def restless_seconds(topic: str) -> float:
    """Say how often to look at what changes by itself."""
    return RESTLESS_SECONDS.get(split(topic)[0], CALM_SECONDS)


def facts(need: Need, values: Values) -> object:
    """Return what a fragment says: drawn from equal facts, it need not go out again.

    The board is told apart by which rows stand where, and by what stops them without an event of their own:
    windows open and shut by the clock. For everything else each row has fragments of its own.
    """
    if need.fragment == "board":
        return [
            (group.title, [(row.pk, *_stops(row)) for row in group.rows]) for group in values["board"].groups
        ]
    return values


def _stops(row: BoardRow) -> list[Reason]:
    return [reason for reason in row.reasons if reason.code.startswith(BY_THE_CLOCK)]


def points(topics: Iterable[str], now: datetime, *, is_first: bool = False) -> dict[str, tuple[Point, ...]]:
    """Return the newest points of every chart that these topics show, or all that it shows at first."""
    numbers = [pk for noun, pk in map(split, topics) if noun == "rollout"]
    if not numbers:
        return {}
    rollouts = list(Rollout.objects.filter(pk__in=numbers))
    found = points_since(rollouts, now - (WINDOW if is_first else OVERLAP))
    return {chart: known for charts in found.values() for chart, known in charts.items()}


def changes_roles(event: Event) -> bool:
    """Tell whether what somebody may see has changed with this event; the subject is that person."""
    return event.subject_kind == "accounts.user" and CHANGES_ROLES.match(event.kind) is not None
