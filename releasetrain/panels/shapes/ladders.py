"""Name what the preview of a ladder is drawn from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from releasetrain.lib.verdict import Reason


@dataclass(frozen=True, slots=True)
class ClimbCell:
    """When one service would begin a stage; not at all without `starts_at`. `day` where it is another one."""

    starts_at: datetime | None
    day: str = ""
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class ClimbStage:
    """One stage in words, with an instant for each service."""

    words: str
    bake: str
    needs_approval: bool = False
    cells: Sequence[ClimbCell] = ()


@dataclass(frozen=True, slots=True)
class ClimbDate:
    """One departure with the instant at which everybody would have it."""

    departs_at: datetime
    leaves_at: datetime | None
    arrives_at: datetime | None
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class ClimbPreview:
    """How a ladder would be climbed: in words, stage by stage at the next departure, and at those after it.

    `problems` say what cannot be used yet; `more` how many services have no column of their own.
    """

    zone: str
    words: str = ""
    problems: Sequence[str] = ()
    hint: str = ""
    services: Sequence[str] = ()
    stages: Sequence[ClimbStage] = ()
    dates: Sequence[ClimbDate] = ()
    more: int = 0
