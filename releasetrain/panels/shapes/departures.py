"""Name what a departure’s page is drawn from."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

from releasetrain.lib.verdict import Reason
from releasetrain.panels.shapes.common import Action, Link, Stage, Tone


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
class Offer:
    """One way out that takes a single press, with what it does said beside it, the rest on demand."""

    action: Action
    text: str = ""
    more: Sequence[str] = ()
    told: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class NextStep:
    """The one next thing to do, for the person who reads; without actions it says who is waited for."""

    pk: int
    heading: str
    text: str = ""
    until_at: datetime | None = None
    actions: list[Action] = field(default_factory=list)
    reasons: list[Reason] = field(default_factory=list)
    offers: list[Offer] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class ForecastStage:
    """One stage as it is foreseen. Without `starts_at` it is never reached.

    `day` names the day in the train's zone where it is not that of the departure. `reason` says what keeps it
    from starting earlier; `on_call` names who could answer then, nobody where `is_uncovered`.
    """

    weight: int
    starts_at: datetime | None
    day: str = ""
    on_call: Sequence[str] = ()
    is_uncovered: bool = False
    reason: Reason | None = None


@dataclass(frozen=True, slots=True)
class ForecastService:
    """One service aboard with its stages, and the page of who is on call for it."""

    name: str
    stages: Sequence[ForecastStage]
    on_call_url: str = ""


@dataclass(frozen=True, slots=True)
class ForecastHold:
    """Where it would stand still on its way, and who has accepted that (RULES W4)."""

    weight: int
    service: str
    until: datetime | None
    text: str
    comes_back: bool = False
    accepted_by: str = ""
    accepted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class ForecastPanel:
    """How a departure would go: each stage against windows and rotas, and when it leaves safely at last.

    `leaves_at` is there where it cannot leave at its time; `last_covered_at` where the last safe departure
    that has somebody on call for every stage is another one.
    """

    pk: int
    zone: str
    services: Sequence[ForecastService]
    arrives_at: datetime | None = None
    hold: ForecastHold | None = None
    leaves_at: datetime | None = None
    last_safe_at: datetime | None = None
    last_covered_at: datetime | None = None
    is_safe: bool = True
    why: str = ""
    alternatives: Sequence[datetime] = ()
    uncovered: int = 0
    is_over: bool = False


@dataclass(frozen=True, slots=True)
class DeadlineLine:
    """One cut-off or milestone of a departure; `was_at`, `moved_by` and `why` where a person has moved it."""

    label: str
    at: datetime
    is_over: bool = False
    was_at: datetime | None = None
    moved_by: str = ""
    why: str = ""


@dataclass(frozen=True, slots=True)
class Deadlines:
    """Every deadline of a departure in order of time, and the people who answer for it."""

    pk: int
    zone: str
    lines: Sequence[DeadlineLine]
    captain: str = ""
    deputy: str = ""
    handover_note: str = ""
    check_in_at: datetime | None = None
    checked_in: int = 0
    to_check_in: int = 0
    names_people: bool = True


@dataclass(frozen=True, slots=True)
class OverrideLine:
    """One request to move in spite of windows, and how far it has come (RULES W7)."""

    pk: int
    state: str
    windows: Sequence[str]
    services: Sequence[str]
    expires_at: datetime
    reason: str = ""
    requested_by: str = ""
    requested_at: datetime | None = None
    approved_by: str = ""
    approved_at: datetime | None = None
    review_due_at: datetime | None = None
    review: str = ""
    reviewed_by: str = ""
    withdrawn: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Overrides:
    """Every override of a departure, newest first."""

    pk: int
    lines: Sequence[OverrideLine]


@dataclass(frozen=True, slots=True)
class Steering:
    """What may be done about the course of a departure; an action's `url` opens its form."""

    pk: int
    actions: Sequence[Action]
    note: str = ""
    settings_url: str = ""


@dataclass(frozen=True, slots=True)
class SteerForm:
    """What stands around the form of one way to steer a departure: what it would do, and who would be told.

    `reason` says why this person cannot do it now; `previews` whether the sentences depend on what is typed.
    """

    pk: int
    departure: str
    verb: str
    heading: str
    label: str
    icon: str
    kind: str
    url: str
    back_url: str
    text: str = ""
    sentences: Sequence[str] = ()
    told: Sequence[str] = ()
    warnings: Sequence[Reason] = ()
    reason: Reason | None = None
    previews: bool = False


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
    category: str = ""
    checked_in_by: str = ""
    is_awaited: bool = False
    needs: Sequence[str] = ()
    leaving: str = ""


@dataclass(frozen=True, slots=True)
class ManifestBundle:
    """Changes that stand or fall together; an empty name holds those that stand alone.

    `missing` names who has left it while these stayed.
    """

    name: str
    changes: list[ManifestChange]
    missing: str = ""


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
    links: Sequence[Link] = ()
    room: str = ""
    stand_by: Sequence[Link] = ()
    stand_by_url: str = ""


@dataclass(frozen=True, slots=True)
class Ballot:
    """One vote; a vote that does not count says why, one that is older than the manifest that it stands.

    `note` says in whose place it was given, or that it is about one's own change.
    """

    person: str
    choice: str
    at: datetime
    reason: str = ""
    not_counted: str = ""
    carried: str = ""
    note: str = ""
    overrule_url: str = ""


@dataclass(frozen=True, slots=True)
class Need:
    """One seat of the policy; `missing` names who has not voted and since when.

    Silence means yes from `silent_yes_at` on; `note` says what else is special about it.
    """

    role: str
    quorum: int
    given: int
    ballots: list[Ballot]
    missing: str = ""
    since_at: datetime | None = None
    silent_yes_at: datetime | None = None
    is_met: bool = False
    note: str = ""


@dataclass(frozen=True, slots=True)
class Choice:
    """One way to fill a choice field by hand."""

    value: str
    label: str


@dataclass(frozen=True, slots=True)
class Decision:
    """Go or no-go: what is asked and what was said; nobody's own buttons, since everybody sees it.

    `decide_by_at` is the deadline, `escalated` whom it was put to when that had passed.
    """

    pk: int
    state: str
    policy: str
    needs: list[Need]
    digest: str = ""
    revision: int | None = None
    no_approval_needed: str = ""
    reasons: list[Reason] = field(default_factory=list)
    decide_by_at: datetime | None = None
    escalated: str = ""
    lasts: str = ""


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
