"""Name what the train pages are drawn from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime

from releasetrain.insights.rules import Figure
from releasetrain.panels.shapes.common import Action, Link
from releasetrain.panels.shapes.departures import DeadlineLine


@dataclass(frozen=True, slots=True)
class TrainRow:
    """One train in the list; `next_at` is its next departure."""

    url: str
    name: str
    team: str
    schedule: str
    zone: str
    services: str
    ladder: str
    next_at: datetime | None = None
    next_url: str = ""
    next_state: str = ""


@dataclass(frozen=True, slots=True)
class TrainDate:
    """A date of a train; `shift` says what the clocks do before it, `note` where they do not let it be.

    `was_at` is the time that it was moved from by hand; `deadlines` are its further cut-offs and milestones.
    """

    departs_at: datetime
    cut_off_at: datetime
    state: str
    url: str = ""
    shift: str = ""
    changes: int = 0
    code: str = ""
    was_at: datetime | None = None
    moved_by: str = ""
    note: str = ""
    deadlines: Sequence[DeadlineLine] = ()
    captain: str = ""
    deputy: str = ""
    handover_note: str = ""
    variant: str = ""
    actions: Sequence[Action] = ()


@dataclass(frozen=True, slots=True)
class Rung:
    """One rung of a ladder in words: 5 %, 10 min; of a segment, and after an approval, where it says so."""

    weight: int
    bake: str
    segment: str = ""
    needs_approval: bool = False
    mirror: int = 0


@dataclass(frozen=True, slots=True)
class PolicyLine:
    """How many of one role must say go."""

    role: str
    quorum: int
    people: str = ""


@dataclass(frozen=True, slots=True)
class VariantLine:
    """Another schedule of a train, for single weeks."""

    name: str
    schedule: str
    weeks: int = 0
    url: str = ""


@dataclass(frozen=True, slots=True)
class WeekLine:
    """One week of a train: what it runs by, and its departures."""

    monday: date
    variant: str
    dates: Sequence[datetime] = ()
    url: str = ""


@dataclass(frozen=True, slots=True)
class PastDeparture:
    """A departure that is over."""

    url: str
    label: str
    departed_at: datetime
    state: str
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class TrainPage:
    """A train: when it runs, what it carries, who decides, how it went."""

    name: str
    team: str
    schedule: str
    rule: str
    zone: str
    environment: str
    services: list[str]
    ladder: list[Rung]
    policy_name: str
    policy: list[PolicyLine]
    boarding: str
    captain: str
    dates: list[TrainDate]
    history: list[PastDeparture]
    figures: Sequence[Figure] = ()
    is_accelerated: bool = False
    edit_url: str = ""
    history_url: str = ""
    slug: str = ""
    lane: str = ""
    cut_offs: Sequence[tuple[str, str]] = ()
    milestones: Sequence[tuple[str, str]] = ()
    captains: Sequence[str] = ()
    turns: str = ""
    check_in: str = ""
    checks: Sequence[str] = ()
    checks_for: str = ""
    on_call: Sequence[Link] = ()
    weeks: Sequence[WeekLine] = ()
    variants: Sequence[VariantLine] = ()
    variant_url: str = ""
    policy_url: str = ""


@dataclass(frozen=True, slots=True)
class MovedDeadline:
    """What saving would do to one cut-off or milestone; None means it appears or goes away."""

    label: str
    before_at: datetime | None
    after_at: datetime | None


@dataclass(frozen=True, slots=True)
class MovedDate:
    """What saving a train would do to one departure; None means it appears or goes away.

    `shift` says what the clocks do on the new date; `notes` where they do not let a time be what it says, or
    why something stays although the schedule moves.
    """

    label: str
    before_at: datetime | None
    after_at: datetime | None
    aboard: int = 0
    url: str = ""
    deadlines: Sequence[MovedDeadline] = ()
    shift: str = ""
    notes: Sequence[str] = ()

    @property
    def is_moved(self) -> bool:
        return self.before_at != self.after_at


@dataclass(frozen=True, slots=True)
class Preview:
    """What saving a train would do; `rest` are further departures, shown on demand.

    `digest` stands for exactly what moves: who saves without having seen it is shown it first (RULES T9).
    """

    dates: Sequence[MovedDate]
    rest: Sequence[MovedDate] = ()
    added: Sequence[MovedDate] = ()
    added_count: int = 0
    told: Sequence[str] = ()
    notes: Sequence[str] = ()
    digest: str = ""
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class WordDate:
    """One date that a schedule in the making would have."""

    departs_at: datetime
    cut_off_at: datetime | None = None
    shift: str = ""
    note: str = ""


@dataclass(frozen=True, slots=True)
class ScheduleWords:
    """What somebody has typed, in words, at once; `problems` say what cannot be used yet."""

    schedule: str
    zone: str
    dates: Sequence[WordDate] = ()
    cut_offs: Sequence[str] = ()
    milestones: Sequence[str] = ()
    problems: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class WeekChoice:
    """One way to run a week: by the usual schedule or a variant, with the dates that it has then."""

    name: str
    schedule: str
    dates: Sequence[datetime]
    is_current: bool = False
    action: Action | None = None
    moves: Sequence[MovedDate] = ()


@dataclass(frozen=True, slots=True)
class WeekPage:
    """One week of a train and every way to run it."""

    train: str
    train_url: str
    monday: date
    zone: str
    choices: Sequence[WeekChoice]
    aboard: int = 0
