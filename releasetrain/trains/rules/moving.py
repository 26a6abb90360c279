"""Say whether a departure may go at another time, and a deadline fall on one (RULES T12, T13, I13)."""

from dataclasses import dataclass
from datetime import datetime

from releasetrain.lib.schedule import at_words
from releasetrain.lib.spans import in_words
from releasetrain.lib.verdict import Reason
from releasetrain.trains.rules.times import Times
from releasetrain.trains.rules.weeks import NEAREST_DEPARTURES


@dataclass(frozen=True, slots=True)
class Neighbour:
    """Another departure of the same train that is still to go."""

    name: str
    departs_at: datetime


def why_not_go_at(
    after: Times,
    *,
    before: Times,
    neighbours: tuple[Neighbour, ...],
    zone: str,
    now: datetime,
) -> Reason | None:
    """Return why a departure cannot go at another time, or None.

    :param after: its times as they would be
    :param neighbours: the departures of the train before and after it
    """
    to = after.departs_at
    if to <= now:
        return Reason("past", f"{at_words(to, zone)} has passed; choose a later time.")
    if to == before.departs_at:
        return Reason("same", f"It departs on {at_words(to, zone)} already.")
    if after.cut_off_at > to:
        seal = at_words(after.cut_off_at, zone)
        return Reason("cut_off", f"That is before its cut-off on {seal}; move the cut-off too, or first.")
    for other in neighbours:
        if why := _why_collides(before.departs_at, to, other, zone):
            return why
    return None


def why_not_among(at: datetime, neighbours: tuple[Neighbour, ...], zone: str) -> Reason | None:
    """Return why a departure cannot go between two others, or None."""
    return next((why for other in neighbours if (why := _why_collides(at, at, other, zone))), None)


def _why_collides(before: datetime, to: datetime, other: Neighbour, zone: str) -> Reason | None:
    is_next = other.departs_at > before
    gap = other.departs_at - to if is_next else to - other.departs_at
    if gap >= NEAREST_DEPARTURES:
        return None
    when = at_words(other.departs_at, zone)
    where = "after" if is_next else "before"
    return Reason(
        "collides",
        f"{other.name} departs on {when}. A departure goes at least {in_words(NEAREST_DEPARTURES)} away from "
        f"the one {where} it: choose another time, or move {other.name} first.",
    )


def why_not_cut_off_at(
    to: datetime, times: Times, *, category: str, is_sealed: bool, zone: str, now: datetime
) -> Reason | None:
    """Return why the cut-off of a category cannot fall on another time, or None."""
    if is_sealed:
        seal = at_words(times.cut_off_at, zone)
        return Reason("sealed", f"The manifest was sealed on {seal}, so no cut-off moves any more.")
    if why := _why_not_ahead(to, zone, now):
        return why
    if to > times.departs_at:
        return Reason("departure", f"That is after the departure on {at_words(times.departs_at, zone)}.")
    if to <= times.boards_at:
        return Reason("boarding", f"That is before boarding opens on {at_words(times.boards_at, zone)}.")
    if to == times.cut_offs.get(category):
        return Reason("same", f"It falls on {at_words(to, zone)} already.")
    return None


def why_not_milestone_at(to: datetime, times: Times, *, name: str, zone: str, now: datetime) -> Reason | None:
    """Return why a milestone cannot fall on another time, or None.

    One that lay before the departure does not move behind it.
    """
    before = dict(times.milestones)[name]
    if why := _why_not_ahead(to, zone, now):
        return why
    if before <= times.departs_at < to:
        return Reason("departure", f"That is after the departure on {at_words(times.departs_at, zone)}.")
    if to == before:
        return Reason("same", f"It falls on {at_words(to, zone)} already.")
    return None


def _why_not_ahead(to: datetime, zone: str, now: datetime) -> Reason | None:
    if to <= now:
        return Reason("past", f"{at_words(to, zone)} has passed; choose a later time.")
    return None
