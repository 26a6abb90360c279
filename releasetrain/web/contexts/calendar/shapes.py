"""Name what the calendar's fragments are drawn from: flat values, ready to show, in the reader's zone."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Literal

from releasetrain.lib.spans import Span
from releasetrain.lib.verdict import Reason
from releasetrain.panels.shapes import Action, Link, OverrideLine, Tab

EntryKind = Literal["departure", "cut_off", "milestone"]


@dataclass(frozen=True, slots=True)
class Opening:
    """One time that a window is open; `look` is a key of LOOKS, `words` say when, `where` what it covers."""

    window: int
    url: str
    name: str
    look: str
    span: Span
    words: str
    where: str
    reason: str
    region: str = ""
    note: str = ""
    is_all_day: bool = False
    is_stale: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """Something at an instant: a departure, its cut-off or a milestone.

    `there` is the wall time of its train where that differs from the reader's ("Sun 23:00 New York").
    """

    kind: EntryKind
    at: datetime
    time: str
    day: str
    title: str
    url: str
    label: str
    there: str = ""
    services: str = ""
    state: str = ""
    conflicts: Sequence[str] = ()
    lane: int = 0
    lanes: int = 1
    hour: int = 0
    quarter: int = 0


@dataclass(frozen=True, slots=True)
class Bar:
    """An opening as a bar through one week: where it starts (1 to 7), over how many days, in which lane."""

    opening: Opening
    column: int
    days: int
    lane: int
    is_from_before: bool = False
    goes_on: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """The part of an opening that falls on one day, in percent of that day."""

    look: str
    top: str
    height: str


@dataclass(frozen=True, slots=True)
class Holiday:
    """A public holiday: its name, and whose it is."""

    name: str
    whose: str


@dataclass(frozen=True, slots=True)
class Day:
    """One day of the reader's zone. `clocks` says what the clocks do on it; `more` how many do not fit."""

    on: date
    name: str
    number: str
    is_today: bool = False
    is_outside: bool = False
    is_weekend: bool = False
    clocks: str = ""
    holidays: Sequence[Holiday] = ()
    entries: Sequence[Entry] = ()
    blocks: Sequence[Block] = ()
    lanes: int = 0
    more: int = 0
    url: str = ""

    @property
    def is_bare(self) -> bool:
        """Tell whether a list may leave it out."""
        return not (self.entries or self.holidays or self.clocks or self.is_today)


@dataclass(frozen=True, slots=True)
class Week:
    """Seven days and the bars through them; `hidden` is how many windows found no lane."""

    label: str
    days: Sequence[Day]
    bars: Sequence[Bar]
    lanes: int
    hidden: int = 0
    url: str = ""


@dataclass(frozen=True, slots=True)
class AgendaLine:
    """One line of the agenda: an entry, or a window that opens or shuts."""

    at: datetime
    time: str
    verb: str
    entry: Entry | None = None
    opening: Opening | None = None


@dataclass(frozen=True, slots=True)
class AgendaDay:
    """What happens on one day, in order."""

    day: Day
    lines: Sequence[AgendaLine]


@dataclass(frozen=True, slots=True)
class Clash:
    """What one departure meets, the first of it in words; `more` counts the rest."""

    entry: Entry
    sentences: Sequence[str]
    more: int


@dataclass(frozen=True, slots=True)
class LineStop:
    """A stopped line: what stands still, why, until when, and how to let it go again."""

    pk: int
    where: str
    reason: str
    by: str
    until_at: datetime | None
    url: str
    end: Action


@dataclass(frozen=True, slots=True)
class CalendarPage:
    """A stretch of the calendar in one of its views, with the ways around it.

    `clashes` are the first of the departures that meet something, `clashing` is how many do.
    """

    view: str
    title: str
    zone: str
    on: date
    tabs: Sequence[Tab]
    earlier_url: str
    later_url: str
    today_url: str
    is_filtered: bool = False
    weeks: Sequence[Week] = ()
    agenda: Sequence[AgendaDay] = ()
    running: Sequence[Opening] = ()
    stops: Sequence[LineStop] = ()
    clashes: Sequence[Clash] = ()
    clashing: int = 0
    hours: Sequence[str] = ()
    clock: str = ""


@dataclass(frozen=True, slots=True)
class WindowTime:
    """One of the next times that a window opens: in words for the reader, and `there` on its own clocks."""

    span: Span
    words: str
    length: str
    there: str = ""
    region: str = ""
    is_now: bool = False


@dataclass(frozen=True, slots=True)
class OverrideRow:
    """An override with its departure; `review_url` is there for its reviewers, for others why not."""

    line: OverrideLine
    departure: Link
    is_overdue: bool = False
    review_url: str = ""
    why_not_review: Reason | None = None


@dataclass(frozen=True, slots=True)
class WindowPage:
    """One window: what it stops, when, who opened it, and what this person may do with it."""

    pk: int
    name: str
    look: str
    sentences: Sequence[str]
    facts: Sequence[tuple[str, str]]
    zone: str
    times: Sequence[WindowTime]
    more: int = 0
    actions: Sequence[Action] = ()
    overrides: Sequence[OverrideRow] = ()
    edit_url: str = ""
    feed: Link | None = None
    over: str = ""
    is_stale: bool = False

    @property
    def has_own_clocks(self) -> bool:
        """Tell whether its own clocks show another time than the reader's."""
        return any(one.there for one in self.times)
