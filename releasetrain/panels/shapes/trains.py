"""Name what the train pages are drawn from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from releasetrain.insights.rules import Figure


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
    """A date of a train; `shift` says what the clocks do on it ("clocks go back that morning")."""

    departs_at: datetime
    cut_off_at: datetime
    state: str
    url: str = ""
    shift: str = ""
    changes: int = 0


@dataclass(frozen=True, slots=True)
class Rung:
    """One rung of a ladder in words: 5 %, 10 min."""

    weight: int
    bake: str


@dataclass(frozen=True, slots=True)
class PolicyLine:
    """How many of one role must say go."""

    role: str
    quorum: int
    people: str = ""


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
    cut_off: str
    boarding: str
    captain: str
    dates: list[TrainDate]
    history: list[PastDeparture]
    figures: Sequence[Figure] = ()
    is_accelerated: bool = False
    edit_url: str = ""
    history_url: str = ""


@dataclass(frozen=True, slots=True)
class MovedDate:
    """What saving a schedule would do to one departure; None means it appears or goes away."""

    label: str
    before_at: datetime | None
    after_at: datetime | None
    aboard: int = 0
