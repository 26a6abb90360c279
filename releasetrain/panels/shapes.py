"""Name what each fragment is drawn from: flat values, ready to show.

Every template under templates/<noun>/ says in its first comment which of these it takes. Times are aware UTC;
`zone` is the train's IANA name; an address that may not be used by this audience is an empty string; a state
is one of the keys of `web.templatetags.ui.LOOKS`; `reasons` hold lib.verdict.Reason (text, until, who).
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from releasetrain.insights.rules import Figure
from releasetrain.lib.verdict import Reason

Tone = Literal["quiet", "accent", "think", "ok", "warn", "bad"]
Mark = Literal["pending", "done", "current", "held", "rolled_back"]
Point = tuple[float, float | None, float | None]


@dataclass(frozen=True, slots=True)
class Stage:
    """One stage of the track; `bake_percent` fills the ring of the current one, `note` stands under it."""

    weight: int
    mark: Mark = "pending"
    bake_percent: int = 0
    note: str = ""


@dataclass(frozen=True, slots=True)
class Action:
    """Something a person may press: posts to `url`, or says in `reason` why it cannot be done now.

    `kind` is secondary, primary, quiet or danger. `asks` is "" (press and done), "optional" or "required":
    whether a reason is asked for before it is sent; then `consequence` says in numbers what will happen.
    """

    name: str
    label: str
    url: str
    icon: str = ""
    kind: str = "secondary"
    reason: Reason | None = None
    asks: str = ""
    consequence: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """Somewhere else to go."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Tab:
    """One of several views of a list; `count` may be None."""

    label: str
    url: str
    is_current: bool = False
    count: int | None = None


@dataclass(frozen=True, slots=True)
class Pager:
    """Where a long list stands; an empty address means there is no such page."""

    first: int
    last: int
    total: int
    newer_url: str = ""
    older_url: str = ""


# board ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BoardRow:
    """One departure on the board. `note` says what the state means right now ("2 of 3 approvals")."""

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
    reason: Reason | None = None
    until_at: datetime | None = None
    is_past: bool = False


@dataclass(frozen=True, slots=True)
class BoardGroup:
    """Rows under one heading: under way, today, a later day, recently arrived."""

    title: str
    rows: list[BoardRow]


@dataclass(frozen=True, slots=True)
class Board:
    """Every departure that the filters let through, soonest first."""

    groups: list[BoardGroup]
    is_filtered: bool = False
    new_train_url: str = ""


# trains -----------------------------------------------------------------------------------------------------


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


# departures -------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Summary:
    """The head of a departure's page."""

    pk: int
    code: str
    train: str
    train_url: str
    state: str
    departs_at: datetime
    cut_off_at: datetime
    zone: str
    services: list[str]
    environment: str
    changes: int
    stages: list[Stage]
    captain: str = ""
    note: str = ""
    reasons: list[Reason] = field(default_factory=list)
    arrives_at: datetime | None = None
    is_accelerated: bool = False
    live_url: str = ""
    live_label: str = "Follow live"


@dataclass(frozen=True, slots=True)
class NextStep:
    """The one next thing to do, for the person who reads; without actions it says who is waited for."""

    pk: int
    heading: str
    text: str = ""
    until_at: datetime | None = None
    actions: list[Action] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ManifestChange:
    """One change aboard."""

    title: str
    url: str
    author: str
    service: str
    version: str
    state: str = "aboard"
    risk: str = ""
    drift: str = ""
    source_url: str = ""
    source: str = ""
    withdraw: Action | None = None


@dataclass(frozen=True, slots=True)
class ManifestBundle:
    """Changes that stand or fall together; an empty name holds those that stand alone."""

    name: str
    changes: list[ManifestChange]


@dataclass(frozen=True, slots=True)
class Manifest:
    """What is aboard; revision and digest are there once it is sealed."""

    pk: int
    zone: str
    bundles: list[ManifestBundle]
    changes: int
    revision: int | None = None
    digest: str = ""
    sealed_at: datetime | None = None
    cut_off_at: datetime | None = None
    order: list[str] = field(default_factory=list)
    submit_url: str = ""


@dataclass(frozen=True, slots=True)
class Ballot:
    """One vote; a vote that does not count says why."""

    person: str
    choice: str
    at: datetime
    reason: str = ""
    not_counted: str = ""


@dataclass(frozen=True, slots=True)
class Need:
    """One requirement of the policy; `missing` names who has not voted and since when."""

    role: str
    quorum: int
    given: int
    ballots: list[Ballot]
    missing: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to fill a choice field by hand."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Go or no-go: what is asked and what was said; nobody's own buttons, since everybody sees it."""

    pk: int
    state: str
    policy: str
    needs: list[Need]
    digest: str = ""
    revision: int | None = None
    no_approval_needed: str = ""
    reasons: list[Reason] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class FeedItem:
    """One thing that happened."""

    position: int
    at: datetime
    text: str
    icon: str = "info"
    tone: Tone = "quiet"
    detail: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Feed:
    """What happened, newest first. `key` makes the id: departure-12 gives departure-12-feed."""

    key: str
    entries: list[FeedItem]
    more_url: str = ""


@dataclass(frozen=True, slots=True)
class RolloutLine:
    """One rollout of a departure, as a line with its track."""

    service: str
    environment: str
    version: str
    state: str
    weight: int
    stages: list[Stage]
    note: str = ""
    url: str = ""


# live rollout -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Chart:
    """Candidate against baseline over time.

    `points` are (seconds since 1970, candidate, baseline), oldest first; a missing value is None. A fragment
    pushed over the socket may leave them empty: the element keeps the points it has. `summary` is the text
    equivalent.
    """

    key: str
    title: str
    unit: str
    points: list[Point]
    threshold: float | None = None
    window_seconds: int = 600
    summary: str = ""


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

    While a bake runs, `bake_ends_at` is its forecast end and counts down; while it is held it is None and
    `bake_left` says what is left in words.
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


@dataclass(frozen=True, slots=True)
class Operator:
    """What may be done about one rollout. `rollback` stands first, always in the same place.

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


@dataclass(frozen=True, slots=True)
class ErrorKind:
    """One kind of error line, counted per arm."""

    text: str
    candidate: int
    baseline: int
    first_at: datetime
    last_at: datetime
    is_new: bool = False


@dataclass(frozen=True, slots=True)
class Errors:
    """Error lines of one rollout, those new in the candidate first."""

    pk: int
    kinds: list[ErrorKind]


@dataclass(frozen=True, slots=True)
class HoldLine:
    """One open hold: why, since when, until when, who can clear it."""

    word: str
    text: str
    since_at: datetime
    until_at: datetime | None = None
    who: str = ""
    clear: Action | None = None


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


# changes ----------------------------------------------------------------------------------------------------


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


# audit, sign-in ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AuditRow:
    """One event with its place in the chain; `details` are (name, value) pairs ready to read."""

    position: int
    at: datetime
    text: str
    kind: str
    actor: str
    subject: str
    digest: str
    url: str = ""
    details: list[tuple[str, str]] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class DemoPerson:
    """Somebody whose eyes one may borrow in the demonstration."""

    name: str
    role: str
    can: str
    url: str
    icon: str = "user-round"
