"""Name what the departure board is drawn from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from releasetrain.lib.verdict import Reason
from releasetrain.panels.shapes.common import Stage


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One departure on the board. `note` says what the state means right now ("2 of 3 approvals").

    `reasons` are the worst ones why it does not go on, `more` is how many others its page lists; since
    `asked_at` people have been asked to decide.
    """

    pk: int
    code: str
    url: str
    train: str
    services: str
    departs_at: datetime
    zone: str
    state: str
    changes: int
    stages: list[Stage]
    cut_off_at: datetime | None = None
    weight: int | None = None
    note: str = ""
    reasons: Sequence[Reason] = ()
    more: int = 0
    asked_at: datetime | None = None
    until_at: datetime | None = None
    is_past: bool = False


@dataclass(frozen=True, slots=True)
class BoardGroup:
    """Rows under one heading: under way, today, a later day, recently arrived."""

    title: str
    rows: list[BoardRow]


@dataclass(frozen=True, slots=True)
class Board:
    """The departures that the filters let through and that matter now, soonest first.

    `later` is how many more are ahead, for which `later_url` leads to the calendar.
    """

    groups: list[BoardGroup]
    is_filtered: bool = False
    new_train_url: str = ""
    later: int = 0
    later_url: str = ""
