"""Name what the readiness of a departure is drawn from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from releasetrain.panels.shapes.common import Action


@dataclass(frozen=True, slots=True)
class CheckLine:
    """One check as the newest sample has it; `waived` says who does without it and why."""

    label: str
    state: str
    text: str = ""
    who: str = ""
    waived: str = ""
    key: str = ""
    actions: Sequence[Action] = ()


@dataclass(frozen=True, slots=True)
class BlockerLine:
    """One blocker; `state` is blocks, watching or cleared."""

    pk: int
    title: str
    state: str
    text: str = ""
    who: str = ""
    opened_by: str = ""
    opened_at: datetime | None = None
    url: str = ""
    cleared: str = ""


@dataclass(frozen=True, slots=True)
class Readiness:
    """What is checked before a departure leaves, and what blocks it.

    `state` is ready, not_ready, or "" where nothing is asked. All checks are green `since_at`; `ready_at` is
    when that has lasted long enough. `note` says what cannot be told by a time.
    """

    pk: int
    state: str
    checks: Sequence[CheckLine]
    blockers: Sequence[BlockerLine]
    minimum: str = ""
    sampled_at: datetime | None = None
    since_at: datetime | None = None
    ready_at: datetime | None = None
    note: str = ""
    url: str = ""
