"""Name what late passes, the ledger and the placing of changes are drawn from."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from releasetrain.panels.shapes.common import Action


@dataclass(frozen=True, slots=True)
class LateLine:
    """One late pass, and how far it has come (RULES I1, I6). `price` is said in sentences."""

    pk: int
    state: str
    title: str
    change_url: str
    service: str
    version: str
    price: Sequence[str]
    brief: str
    reason: str = ""
    fixes: str = ""
    asked_by: str = ""
    asked_at: datetime | None = None
    granted_by: str = ""
    use_by: datetime | None = None
    extended: str = ""
    over: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class LatePasses:
    """Every late pass that was asked of a departure, newest first."""

    pk: int
    lines: Sequence[LateLine] = ()


@dataclass(frozen=True, slots=True)
class LateOffer:
    """What a change that is on no departure may do about one whose cut-off has passed."""

    pk: int
    line: LateLine | None = None
    departure: str = ""
    actions: Sequence[Action] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """One stay of a change aboard: since when, how it ended, by whom, why, and where it is now."""

    title: str
    url: str
    service: str
    entered_at: datetime
    entered_by: str
    end: str
    end_words: str
    ended_at: datetime | None
    ended_by: str
    reason: str
    to: str = ""
    to_url: str = ""


@dataclass(frozen=True, slots=True)
class LostLine:
    """One change that the ledger cannot account for."""

    title: str
    url: str
    why: str
    departure: str = ""
    departure_url: str = ""
