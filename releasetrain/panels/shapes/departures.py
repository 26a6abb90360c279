"""Name what a departure’s page is drawn from."""

from dataclasses import dataclass, field
from datetime import datetime

from releasetrain.lib.verdict import Reason
from releasetrain.panels.shapes.common import Action, Stage, Tone


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
