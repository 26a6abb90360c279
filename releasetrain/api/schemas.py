"""Say what goes in and out of the API; bounds that the rules judge in sentences are only described here."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Literal

from ninja import Field, Schema
from pydantic import AwareDatetime, BaseModel, BeforeValidator, StringConstraints
from pydantic.config import JsonDict
from pydantic_core import PydanticCustomError

from releasetrain.health.rules.reports import (
    MESSAGE_LENGTH,
    MOST_ERRORS,
    MOST_READINGS,
    MOST_UNITS,
    SOURCE_LENGTH,
    Complaint,
    Counted,
    Report,
)
from releasetrain.health.rules.severity import Severity
from releasetrain.lib.errors import Invalid
from releasetrain.lib.spans import Span
from releasetrain.trains.rules.evidence import EvidenceState
from releasetrain.trains.rules.states import ChangeState, DepartureState


def _refuse_other_than_numbers(value: object) -> object:
    """Refuse true and "7", which would become numbers; 7.0 is one in JSON."""
    if isinstance(value, bool | str):
        raise PydanticCustomError("int_type", "Input should be a valid integer")
    return value


Arm = Literal["candidate", "baseline"]
SeverityName = Literal["warning", "error", "critical"]
Whole = Annotated[int, BeforeValidator(_refuse_other_than_numbers)]
LENGTH: JsonDict = {"minLength": 1, "maxLength": 100}
Slug = Annotated[str, StringConstraints(pattern=r"^[-a-zA-Z0-9_]+$", min_length=1, max_length=50)]
Id = Annotated[int, Field(ge=1, le=2**63 - 1)]
UNITS: JsonDict = {"minimum": 0, "maximum": MOST_UNITS}


def utc(instant: datetime, field: str) -> datetime:
    """Move an instant to UTC.

    :raises Invalid: it lies before or after every calendar
    """
    try:
        return instant.astimezone(UTC)
    except OverflowError as error:
        raise Invalid("This instant lies outside the calendar.", field=field) from error


class Problem(Schema):
    """Why something was refused."""

    error: str = Field(description="a code for programs")
    message: str = Field(description="a sentence for people")
    field: str | None = Field(None, description="where the trouble is, e.g. readings.3")
    until: datetime | None = Field(None, description="when it may be different")
    who: str | None = Field(None, description="who can change it")


class ReadingIn(BaseModel):
    """What one arm counted of one metric."""

    arm: Arm
    metric: str = Field(
        json_schema_extra={"pattern": "^[a-z][a-z0-9_.]{0,59}$"}, examples=["errors", "latency"]
    )
    units: Whole = Field(json_schema_extra=UNITS, examples=[120])
    bad: Whole = Field(json_schema_extra=UNITS, examples=[1])


class LineIn(BaseModel):
    """An error line; secrets are masked before it is kept, but better leave them out."""

    message: str = Field(json_schema_extra={"minLength": 1, "maxLength": MESSAGE_LENGTH})
    count: Whole = Field(1, json_schema_extra={"minimum": 1, "maximum": MOST_UNITS})
    at: AwareDatetime
    severity: SeverityName | None = Field(None, description="read from the line where it is left out")

    def as_complaint(self, arm: str, place: int) -> Complaint:
        """Read it as a line of one arm, the so-manieth of its report."""
        severity = Severity[self.severity.upper()] if self.severity else None
        return Complaint(arm, self.message, self.count, utc(self.at, f"errors.{place}"), severity)


class ErrorIn(LineIn):
    """An error line of one arm."""

    arm: Arm


class ReportIn(BaseModel):
    """What one process of a service counted in one span of time; spans of one source must not overlap."""

    service: Slug
    environment: Slug
    source: str = Field(
        "",
        description="the reporting process, where a service has several",
        json_schema_extra={"maxLength": SOURCE_LENGTH},
    )
    starts_at: AwareDatetime
    ends_at: AwareDatetime
    readings: list[ReadingIn] = Field(json_schema_extra={"minItems": 1, "maxItems": MOST_READINGS})
    errors: list[ErrorIn] = Field([], json_schema_extra={"maxItems": MOST_ERRORS})

    def as_report(self) -> Report:
        return Report(
            source=self.source,
            span=Span(utc(self.starts_at, "starts_at"), utc(self.ends_at, "ends_at")),
            readings=[Counted(one.arm, one.metric, one.units, one.bad) for one in self.readings],
            errors=[one.as_complaint(one.arm, place) for place, one in enumerate(self.errors)],
        )


class TakenOut(Schema):
    """How much of a report was new; sending it again changes nothing."""

    readings: int = Field(description="readings that were counted now")
    repeated: int = Field(description="readings that had been counted before")
    error_lines: int = Field(description="kinds of error lines that were counted now")


class CodeHost(StrEnum):
    """Whose message it is; the last part of the address."""

    GITHUB = "github"
    GITLAB = "gitlab"
    GITEA = "gitea"
    GOGS = "gogs"
    BITBUCKET = "bitbucket"
    BITBUCKET_SERVER = "bitbucket-server"


class EvidenceIn(Schema):
    """What CI says of one version, under the name of one check."""

    service: Slug
    version: str = Field(description="the commit, tag or build that would go out", json_schema_extra=LENGTH)
    check: str = Field(description="the check as CI calls it, e.g. build", json_schema_extra=LENGTH)
    state: EvidenceState
    url: str = Field("", description="where people read more")
    at: AwareDatetime | None = Field(None, description="when it was so; now where it is left out")


class EvidenceOut(Schema):
    """What counts now for that check of that version."""

    state: EvidenceState
    is_new: bool = Field(description="the report said something that was not known")
    is_overtaken: bool = Field(description="a later word was known already, and stays")


class IngestedOut(Schema):
    """What became of a message from a code host."""

    outcome: str
    change: int | None
    is_new: bool
    is_duplicate: bool


class TrainOut(Schema):
    """A train, by its slug."""

    slug: str
    name: str
    environment: str


class DepartureOut(Schema):
    """One run of a train, as of now."""

    id: int
    code: str
    label: str
    train: TrainOut
    state: DepartureState
    boards_at: datetime
    cut_off_at: datetime
    departs_at: datetime
    departed_at: datetime | None
    finished_at: datetime | None
    held_reason: str | None
    held_until: datetime | None
    outcome: str
    changes: int


class DeparturePage(Schema):
    """A part of a list; `next` is the offset of the part after it."""

    items: list[DepartureOut]
    total: int
    next: int | None


class ChangeOut(Schema):
    """A change aboard."""

    id: int
    title: str
    url: str
    service: str
    version: str
    author: str
    state: str


class ManifestOut(Schema):
    """What was sealed at the cut-off."""

    digest: str
    revision: int
    sealed_at: datetime


class DepartureDetail(DepartureOut):
    """One run of a train with what is aboard."""

    aboard: list[ChangeOut]
    manifest: ManifestOut | None


class HoldOut(Schema):
    """What stops a rollout from advancing."""

    kind: str
    reason: str
    opened_at: datetime
    until: datetime | None


class TransitionOut(Schema):
    """One step of a rollout."""

    seq: int
    from_state: str
    to_state: str
    weight: int
    reason: str
    at: datetime


class RolloutOut(Schema):
    """One version on its way through the stages of one target; weights are percents of users."""

    id: int
    service: str
    environment: str
    kind: str
    from_version: str
    to_version: str
    state: str
    stage: int
    stages: list[int]
    desired_weight: int
    observed_weight: int | None
    observed_at: datetime | None
    bake_credit_seconds: float
    bake_needed_seconds: float
    is_accelerated: bool
    reason: str
    created_at: datetime
    finished_at: datetime | None
    holds: list[HoldOut]
    transitions: list[TransitionOut]


class BlockOut(Schema):
    """What keeps a change from going on."""

    code: str = Field(description="a code for programs")
    message: str = Field(description="a sentence for people")
    until: datetime | None = Field(description="when it is over, where that is known")
    who: str | None = Field(description="who can change it")


class PartOut(Schema):
    """One step on the way of a change, with its planned instant where it has one."""

    label: str
    at: datetime | None
    note: str


class ArrivalOut(Schema):
    """When everybody has a change; both instants are empty where nobody can say."""

    change: int
    state: ChangeState
    departure: int | None = Field(description="what it is aboard, or could board next")
    p50_at: datetime | None = Field(description="half of the time everybody has it by then")
    p90_at: datetime | None = Field(description="nine times of ten everybody has it by then")
    blocked: BlockOut | None
    parts: list[PartOut]
    sentence: str


class Filter(Schema):
    """Which departures, and which part of them."""

    state: DepartureState | None = Field(None, description="only those in this state")
    train: Slug | None = Field(None, description="only those of this train, by its slug")
    limit: int = Field(50, ge=1, le=100)
    offset: int = Field(0, ge=0, le=1_000_000)
