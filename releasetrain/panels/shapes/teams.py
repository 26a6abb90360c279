"""Name what the pages of teams and their rotas are drawn from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from releasetrain.panels.shapes.common import Action, Pager


@dataclass(frozen=True, slots=True)
class TeamRow:
    """One team in the list: who answers for it now, and when next nobody does."""

    name: str
    zone: str
    people: int
    on_call_url: str
    on_call: Sequence[str] = ()
    until_at: datetime | None = None
    gap_at: datetime | None = None
    has_rota: bool = True


@dataclass(frozen=True, slots=True)
class TeamList:
    """One page of teams."""

    rows: Sequence[TeamRow]
    pager: Pager | None = None


@dataclass(frozen=True, slots=True)
class DutyLine:
    """Somebody’s time on call."""

    name: str
    starts_at: datetime
    ends_at: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class Segment:
    """A part of a day in thousandths of it, and who has it; nobody where `name` is empty."""

    x: int
    width: int
    name: str
    starts: str
    ends: str


@dataclass(frozen=True, slots=True)
class RotaDay:
    """One day of the rota in the team's zone; `now_x` marks this very instant."""

    label: str
    segments: Sequence[Segment]
    now_x: int | None = None


@dataclass(frozen=True, slots=True)
class GapLine:
    """A time in which nobody is on call."""

    starts_at: datetime
    ends_at: datetime
    length: str


@dataclass(frozen=True, slots=True)
class ShiftLine:
    """One shift as it was typed, or as a calendar brings it."""

    pk: int
    words: str
    zone: str
    people: Sequence[str]
    note: str = ""
    source: str = ""
    edit_url: str = ""
    remove: Action | None = None


@dataclass(frozen=True, slots=True)
class RotaPage:
    """Who is on call for a team, now and next, by which shifts, and when nobody is."""

    team: str
    slug: str
    zone: str
    on_call: Sequence[DutyLine]
    coming: Sequence[DutyLine]
    days: Sequence[RotaDay]
    gaps: Sequence[GapLine]
    shifts: Sequence[ShiftLine]
    gap_days: int = 14
    add_url: str = ""
    calendar_url: str = ""


@dataclass(frozen=True, slots=True)
class ShiftWords:
    """What somebody has typed of a shift, in words and with its next times."""

    words: str
    zone: str
    turns: Sequence[DutyLine] = ()
    problems: Sequence[str] = ()
