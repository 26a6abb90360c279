"""Gather what one person may do about the checks and blockers of a departure."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Roles
from releasetrain.lib.moments import moment
from releasetrain.lib.spans import in_words
from releasetrain.panels import links
from releasetrain.panels.audience import Audience
from releasetrain.panels.readiness import readiness_of
from releasetrain.panels.shapes import Action, BlockerLine, CheckLine, Choice
from releasetrain.trains.models import Blocker, Departure, Stretch
from releasetrain.trains.queries import runner_words
from releasetrain.trains.queries.blockers import blockers_with_everything, departures_to_block
from releasetrain.trains.queries.verdicts import Action as Ask
from releasetrain.trains.queries.verdicts import verdict
from releasetrain.trains.rules.blockers import clearer_words
from releasetrain.trains.rules.plan import Plan
from releasetrain.trains.rules.readiness import MANUAL

MOST_STRETCHES, MOST_CLEARED = 30, 20
FINE = ("green", "waived")


@dataclass(frozen=True, slots=True)
class StretchLine:
    """A time in which every sample said the same."""

    first_at: datetime
    lasts: str
    is_green: bool
    not_green: list[str]


def readiness_page(departure: Departure, *, person: User, roles: Roles, now: datetime) -> dict[str, Any]:
    """Return what departures/readiness.html is drawn from, but for an error."""
    drawn = readiness_of(departure, Audience.MEMBER, now)
    may = {ask: verdict(ask, departure, person, now, roles=roles) for ask in (Ask.TICK, Ask.WAIVE, Ask.BLOCK)}
    base = links.readiness(departure.pk)
    checks = [
        replace(
            line,
            actions=_actions(
                line, number, base, ticks=may[Ask.TICK].is_allowed, waives=may[Ask.WAIVE].is_allowed
            ),
        )
        for number, line in enumerate(drawn.checks, 1)
    ]
    labels = Plan.from_json(departure.plan).checks.labels
    own = links.departure(departure.pk)
    opens = (("block", "Block it"), ("watch", "Watch an error rate")) if may[Ask.BLOCK].is_allowed else ()
    cleared = blockers_with_everything().filter(departure=departure, cleared_at__isnull=False)
    return {
        "departure": departure,
        "zone": departure.train.time_zone,
        "readiness": replace(drawn, checks=checks),
        "open_actions": [
            Action(verb, label, f"{own}{verb}/", "construction", opens=True) for verb, label in opens
        ],
        "stretches": [_stretch(one, labels) for one in departure.stretches.all()[:MOST_STRETCHES]],
        "cleared": [_cleared(departure, one) for one in cleared[:MOST_CLEARED]],
        "now": now,
    }


def _actions(line: CheckLine, number: int, base: str, *, ticks: bool, waives: bool) -> list[Action]:
    """Offer what makes sense for a check in its state; others are not shown buttons that are not theirs."""
    fields, found = (("check", line.key),), []
    is_manual = line.key.startswith(MANUAL)
    if ticks and is_manual and line.state not in FINE:
        found.append(Action(f"tick-{number}", "Tick", f"{base}tick/", "check", "primary", fields=fields))
    if ticks and ((is_manual and line.state == "green") or line.state == "waived"):
        found.append(Action(f"undo-{number}", "Take back", f"{base}undo/", "undo-2", "quiet", fields=fields))
    if waives and line.state not in FINE:
        consequence = f"It may then leave although “{line.label}” is not green. Everybody aboard is told why."
        found.append(
            Action(
                f"waive-{number}",
                "Waive",
                f"{base}waive/",
                "shield-alert",
                "quiet",
                asks="required",
                consequence=consequence,
                fields=fields,
            )
        )
    return found


def _stretch(one: Stretch, labels: dict[str, str]) -> StretchLine:
    states: dict[str, str] = one.states
    return StretchLine(
        first_at=one.first_at,
        lasts=in_words(one.last_at - one.first_at),
        is_green=one.is_green,
        not_green=[
            f"{labels.get(key, key)}: {states[key].replace('_', ' ')}"
            for key in (*(key for key in labels if key in states), *(states.keys() - labels.keys()))
            if states[key] not in FINE
        ],
    )


def _cleared(departure: Departure, one: Blocker) -> BlockerLine:
    return BlockerLine(
        pk=one.pk,
        title=one.title,
        state="cleared",
        url=links.blocker(departure.pk, one.pk),
        cleared=f"{one.cleared_by_label}: {one.cleared_reason}",
    )


def blocker_page(blocker: Blocker, *, person: User, roles: Roles, now: datetime) -> dict[str, Any]:
    """Return what departures/blocker.html is drawn from, but for what was typed."""
    departure = blocker.departure
    answer = verdict(Ask.CLEAR_BLOCKER, blocker, person, now, roles=roles)
    is_open = blocker.cleared_at is None
    clear = Action(
        "clear",
        "Clear it",
        f"{links.blocker(departure.pk, blocker.pk)}clear/",
        "shield-check",
        "primary",
        reason=None if answer.is_allowed else answer.reasons[0],
        asks="required",
        consequence=f"{departure.code} is blocked by this no more. Say what has become of it.",
    )
    return {
        "blocker": blocker,
        "departure": departure,
        "zone": departure.train.time_zone,
        "state": ("blocks" if blocker.blocks else "watching") if is_open else "cleared",
        "who": clearer_words(blocker.owner_label, blocker.clears, runner_words(departure)),
        "actions": [clear] if is_open else [],
        "later": _later(departure) if answer.is_allowed else [],
        "now": now,
    }


def _later(departure: Departure) -> list[Choice]:
    """Offer the departures of the train after this one."""
    zone = departure.train.time_zone
    return [
        Choice(str(one.pk), f"{one}, {moment(one.departs_at, zone)}")
        for one in departures_to_block(departure)
        if one.pk != departure.pk
    ]
