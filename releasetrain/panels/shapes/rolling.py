"""Name what the page of everything that rolls is drawn from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from releasetrain.lib.verdict import Reason
from releasetrain.panels.shapes.common import Action, Stage, Tone


@dataclass(frozen=True, slots=True)
class RollingLine:
    """One rollout: what users have of it, how its way back went, and the one button.

    `words` say how the last rollback goes or went; `action` is None for whoever may only watch, and where
    there is nothing to bring back.
    """

    pk: int
    seq: int
    service: str
    environment: str
    from_version: str
    to_version: str
    state: str
    weight: int
    stages: Sequence[Stage]
    url: str = ""
    code: str = ""
    segment: str = ""
    words: str = ""
    tone: Tone = "quiet"
    reasons: Sequence[Reason] = ()
    action: Action | None = None


@dataclass(frozen=True, slots=True)
class RollingGroup:
    """Rollouts that are alike: on their way back, seen by users, waiting, back again."""

    title: str
    lines: Sequence[RollingLine]


@dataclass(frozen=True, slots=True)
class Rolling:
    """Everything that rolls.

    `everything` brings all of it back; `again` asks the drivers of what comes back once more, now. `note`
    says what is not this person's, `late_since` since when the engine looks at nothing, `more` how many
    rollouts are not listed. The page asks `follow_url` for itself every other second, by POST where that
    `presses_on`; `seen` is equal where it says the same.
    """

    groups: Sequence[RollingGroup]
    everything: Action | None = None
    again: Action | None = None
    note: str = ""
    late_since: datetime | None = None
    more: int = 0
    follow_url: str = ""
    presses_on: bool = False
    seen: str = ""
