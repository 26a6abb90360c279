"""Name what the live page of a rollout is drawn from."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from releasetrain.lib.verdict import Reason
from releasetrain.panels.shapes.common import Action, Point, Stage, Tone
from releasetrain.panels.shapes.departures import Feed


@dataclass(frozen=True, slots=True)
class Chart:
    """Candidate against baseline over time.

    `points` are (seconds since 1970, candidate, baseline), oldest first; a missing value is None. A fragment
    pushed over the socket may leave them empty: the element keeps the points it has. `summary` is the text
    equivalent. `limit_word` names the line; on its `bad_side` ("above", "below" or "") is trouble. One
    without a baseline draws the candidate alone.
    """

    key: str
    title: str
    unit: str
    points: list[Point]
    threshold: float | None = None
    window_seconds: int = 600
    summary: str = ""
    limit_word: str = "Threshold"
    bad_side: str = "above"
    has_baseline: bool = True


@dataclass(frozen=True, slots=True)
class GuardrailCard:
    """One promise and how it is kept in the stage at hand.

    `detectable` is "this stage can detect ≥ ×5"; `sample_percent` how far the sample is gathered.
    """

    key: str
    name: str
    verdict: str
    text: str
    is_required: bool = True
    is_critical: bool = False
    detectable: str = ""
    sample: str = ""
    sample_percent: int | None = None
    evidence: str = ""
    chart: Chart | None = None


@dataclass(frozen=True, slots=True)
class Guardrails:
    """All guardrails of one rollout; `stale` says since when no fresh data came."""

    pk: int
    cards: list[GuardrailCard]
    stale: str = ""


@dataclass(frozen=True, slots=True)
class RolloutTrack:
    """Where one rollout stands.

    `weight` is a share of `segment`, of all users where that is empty. While a bake runs, `bake_ends_at` is
    its forecast end and counts down; while it is held it is None and `bake_left` says what is left in words.
    """

    pk: int
    service: str
    environment: str
    from_version: str
    to_version: str
    state: str
    stages: list[Stage]
    weight: int
    note: str = ""
    next_weight: int | None = None
    bake_started_at: datetime | None = None
    bake_ends_at: datetime | None = None
    bake_left: str = ""
    read_back: str = ""
    is_accelerated: bool = False
    reasons: list[Reason] = field(default_factory=list)
    segment: str = ""
    warnings: Sequence[str] = ()
    drained: str = ""
    cut: Action | None = None


@dataclass(frozen=True, slots=True)
class Seconding:
    """What somebody has asked for and a second person may agree to, until when."""

    words: str
    until_at: datetime | None
    action: Action


@dataclass(frozen=True, slots=True)
class Operator:
    """What may be done about one rollout. `rollback` stands first, always in the same place.

    Once it has arrived that takes it straight back. `waiting` is what a second person may agree to.

    `command_id` is a fresh uuid on a page and "" in a pushed fragment (js/submit.js makes one on sending).
    `last` tells how the last command went: "asked 14:02:07 → traffic at 0 %, verified in 0.31 s".
    """

    pk: int
    seq: int
    rollback: Action
    commands: list[Action]
    command_id: str = ""
    last: str = ""
    last_tone: Tone = "ok"
    error: str = ""
    waiting: Sequence[Seconding] = ()


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """One kind of error line, counted per arm since the rollout began; secrets are masked.

    `standing` is "new", "risen" or "known", `severity` "warning", "error" or "critical". `head` is one line
    of it and `sample` the whole, "" where the head says all. `first_at` is when the candidate first had it.
    """

    key: str
    head: str
    sample: str
    standing: str
    severity: str
    candidate: int
    baseline: int
    first_at: datetime
    last_at: datetime
    note: str = ""


@dataclass(frozen=True, slots=True)
class Errors:
    """Error lines of one rollout: new in the candidate, then risen, then known; `summary` counts them.

    `notes` say what cannot be told, and why.
    """

    pk: int
    kinds: list[ErrorKind]
    summary: str = ""
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ShadowSample:
    """One request whose two answers differ: in what, and both in words."""

    asked: str
    differs_in: str
    given: str
    copy: str


@dataclass(frozen=True, slots=True)
class ShadowFigures:
    """How the new version answers copies of requests, whose answers no user gets.

    `kinds` are (word, count) of what differs; `noise` says how often the old version differs from itself,
    `notes` what cannot be told.
    """

    pk: int
    summary: str
    is_begun: bool = False
    compared: int = 0
    different: int = 0
    noise: str = ""
    kinds: list[tuple[str, int]] = field(default_factory=list)
    samples: list[ShadowSample] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class HoldLine:
    """One open hold: why, since when, until when, who can clear it.

    `returns_at` is when users are taken back by itself, should it stay; `but` says when they are not.
    """

    word: str
    text: str
    since_at: datetime
    until_at: datetime | None = None
    who: str = ""
    clear: Action | None = None
    returns_at: datetime | None = None
    but: str = ""


@dataclass(frozen=True, slots=True)
class Holds:
    """Every open hold of one rollout."""

    pk: int
    lines: list[HoldLine]


@dataclass(frozen=True, slots=True)
class LiveRollout:
    """Everything about one rollout on the live page; `operator` is None for whoever may only watch."""

    track: RolloutTrack
    guardrails: Guardrails
    holds: Holds
    errors: Errors
    operator: Operator | None = None
    shadow: ShadowFigures | None = None


@dataclass(frozen=True, slots=True)
class LivePage:
    """The live page of one departure."""

    pk: int
    code: str
    url: str
    train: str
    state: str
    rollouts: list[LiveRollout]
    feed: Feed
    departed_at: datetime | None = None
