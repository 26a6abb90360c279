"""Name what the change pages are drawn from."""

from dataclasses import dataclass, field
from datetime import datetime

from releasetrain.lib.verdict import Reason
from releasetrain.panels.shapes.common import Action, Mark


@dataclass(frozen=True, slots=True)
class ChangeRow:
    """One change in a list."""

    url: str
    title: str
    author: str
    service: str
    version: str
    state: str
    submitted_at: datetime
    departure: str = ""
    departure_url: str = ""
    departs_at: datetime | None = None
    zone: str = ""
    source: str = ""
    source_url: str = ""
    risk: str = ""
    risk_points: int = 0
    priority: str = ""
    stands_by: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One step on a change's way: over (`at`), expected (`expected_at`), or neither yet."""

    label: str
    mark: Mark
    at: datetime | None = None
    expected_at: datetime | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class RiskLine:
    """One line of a risk's explanation."""

    text: str
    points: int


@dataclass(frozen=True, slots=True)
class ChangePage:
    """A change: where it is, when it will be at 100 %, what it risks, and what may be done."""

    pk: int
    title: str
    author: str
    team: str
    service: str
    version: str
    state: str
    submitted_at: datetime
    steps: list[Step]
    zone: str = "UTC"
    description: str = ""
    rollback_plan: str = ""
    flag_key: str = ""
    departure: str = ""
    departure_url: str = ""
    source: str = ""
    source_url: str = ""
    risk: str = ""
    risk_lines: list[RiskLine] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    actions: list[Action] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)
    sentence: str = ""
    grounds: list[Step] = field(default_factory=list)
    p50_at: datetime | None = None
    p90_at: datetime | None = None
    category: str = ""
    risk_points: int = 0
    priority: str = ""
    traits: list[str] = field(default_factory=list)
    ready_at: datetime | None = None
    awaits_ready: bool = False
    landed_at: datetime | None = None
    expires_at: datetime | None = None
