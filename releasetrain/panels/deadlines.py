"""Gather the times of a departure that are not its departure, and the people who answer for it."""

from datetime import datetime
from typing import Any

from releasetrain.panels.audience import Audience
from releasetrain.panels.departures import departure_of
from releasetrain.panels.shapes import DeadlineLine, Deadlines
from releasetrain.trains.models import Change, Departure
from releasetrain.trains.rules.states import FINISHED_STATES, ChangeState, DepartureState

D = DepartureState
CUT_OFF, MILESTONE = "cut_off:", "milestone:"


def load_deadlines(pk: int, audience: Audience, now: datetime) -> Deadlines | None:
    """Gather every cut-off and milestone of a departure in order of time; a stakeholder reads no names."""
    departure = departure_of(pk)
    return None if departure is None else deadlines_of(departure, audience, now)


def deadlines_of(
    departure: Departure, audience: Audience, now: datetime, *, with_check_in: bool = True
) -> Deadlines:
    """Say when one boards until, who answers for the departure, and who has checked in."""
    lines = [_line(departure, what, label, at, audience, now) for what, label, at in deadlines_in(departure)]
    is_ahead = with_check_in and D(departure.state) not in FINISHED_STATES
    asked = departure.train.check_in_lead if is_ahead else None
    checked_in, to_check_in = _checked_in(departure) if asked else (0, 0)
    sees = audience.sees_people
    return Deadlines(
        pk=departure.pk,
        zone=departure.train.time_zone,
        lines=sorted(lines, key=lambda line: line.at),
        captain=str(departure.captain or departure.train.captain or "") if sees else "",
        deputy=str(departure.deputy or "") if sees else "",
        handover_note=departure.handover_note if sees else "",
        check_in_at=departure.departs_at - asked if asked else None,
        checked_in=checked_in,
        to_check_in=to_check_in,
        names_people=sees,
    )


def deadlines_in(departure: Departure) -> list[tuple[str, str, datetime]]:
    """List what can be moved: the name that actions know it by, what people call it, and when it is."""
    found = [
        (f"{CUT_OFF}{category}", cut_off_label(category, departure), read(at))
        for category, at in (departure.cut_offs or {"": departure.cut_off_at.isoformat()}).items()
    ]
    found += [(f"{MILESTONE}{one['name']}", one["name"], read(one["at"])) for one in departure.milestones]
    return sorted(found, key=lambda one: one[2])


def cut_off_label(category: str, departure: Departure) -> str:
    """Name a cut-off: that of everything is the cut-off, the others say for what."""
    if category:
        return f"Cut-off for {category}"
    return "Cut-off" if len(departure.cut_offs) < 2 else "Cut-off for everything else"


def read(at: str) -> datetime:
    """Read an instant as departures keep it."""
    return datetime.fromisoformat(at)


def _line(
    departure: Departure, what: str, label: str, at: datetime, audience: Audience, now: datetime
) -> DeadlineLine:
    moved: dict[str, Any] = departure.moved.get(what, {})
    sees = audience.sees_people
    return DeadlineLine(
        label=label,
        at=at,
        is_over=at <= now,
        was_at=read(moved["from"]) if moved.get("from") else None,
        moved_by=str(moved.get("by", "")) if sees else "",
        why=str(moved.get("reason", "")) if sees else "",
    )


def _checked_in(departure: Departure) -> tuple[int, int]:
    aboard = Change.objects.filter(departure=departure, state=ChangeState.ABOARD)
    there = list(aboard.values_list("checked_in_at", flat=True))
    return sum(at is not None for at in there), len(there)
