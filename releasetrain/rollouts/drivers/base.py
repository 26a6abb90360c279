"""Say what every driver must offer, and what it answers.

A driver sets a value and never increments one, so that repeating a call is harmless; a success answer proves
nothing until `observe` has read it back. Every deadline is seconds for the whole call, not for one read.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Protocol, runtime_checkable

from releasetrain.catalog.models import Target
from releasetrain.rollouts.drivers.fields import Field as Field
from releasetrain.rollouts.rules.snapshot import Outcome as Outcome


class Sync(StrEnum):
    """How a target stands to what was asked of it."""

    SYNCED = "synced"
    CONVERGING = "converging"
    DRIFTED = "drifted"
    PARTIAL = "partial"
    UNKNOWN = "unknown"
    UNREACHABLE = "unreachable"


class Arm(StrEnum):
    """The two sides between which traffic moves."""

    CANDIDATE = "candidate"
    BASELINE = "baseline"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a driver can do; anything it cannot is done for it, more slowly, or not offered.

    `patience_seconds` is how long a weight that it has accepted may take until it is read back.
    """

    min_step: float = 1.0
    is_sticky: bool = False
    is_instant: bool = False
    is_fenced: bool = False
    has_segments: bool = False
    can_mirror: bool = False
    can_drain: bool = False
    can_cut: bool = False
    falls_over: bool = False
    is_persistent: bool = True
    drops_on_shift: bool = False
    patience_seconds: float = 60.0


@dataclass(frozen=True, slots=True)
class Desired:
    """What a target should be: a weight in whole percents, under a fence.

    `segments` are pairs ("region=eu", percent) of those who are let in before all others; `weight` is then
    the share of everybody. Only drivers that say `has_segments` are asked for any. `mirror` is the percentage
    of baseline requests that are copied to the candidate and whose answers nobody sees; only drivers that say
    `can_mirror` are asked for any.
    """

    target: Target
    weight: int
    fence: int
    version: str
    segments: tuple[tuple[str, int], ...] = ()
    mirror: int = 0


@dataclass(frozen=True, slots=True)
class Ack:
    """What came back from a call; only what was read back is confirmed, a timeout is unknown."""

    outcome: Outcome
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Observed:
    """What was read back from a target; `weight` is None where nothing could be read.

    `missing` names the endpoints of a fleet that are not what the others are.
    """

    state: Sync
    weight: int | None = None
    fence: int | None = None
    at: datetime | None = None
    detail: str = ""
    segments: tuple[tuple[str, int], ...] = ()
    mirror: int = 0
    missing: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Drained:
    """What is still open between users and the candidate after a rollback; None where nobody can tell."""

    open_connections: int | None
    was_cut: bool = False
    detail: str = ""

    @property
    def is_drained(self) -> bool:
        return self.open_connections == 0


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that `check` wants a person to know; a blocking one stops a departure."""

    text: str
    is_blocking: bool = False


@dataclass(frozen=True, slots=True)
class Server:
    """One server behind a driver: a fall-over hides its death from users, so that it is said here."""

    name: str
    arm: Arm
    is_up: bool
    version: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a driver could act right now, and which servers stand behind it where it can tell."""

    is_well: bool
    detail: str = ""
    servers: tuple[Server, ...] = ()


class Driver(Protocol):
    """Move the traffic of a target.

    `fields` are what its configuration form asks for; `check` finds what a form cannot.
    """

    kind: ClassVar[str]
    label: ClassVar[str]
    capabilities: ClassVar[Capabilities]
    fields: ClassVar[tuple[Field, ...]]

    def check(self, target: Target, config: dict[str, Any]) -> list[Finding]:
        """Look at a configuration without changing anything."""

    def prepare(self, desired: Desired, *, key: str, deadline: float) -> Ack:
        """Make sure that moving and taking back would work, and that the candidate is the wanted version."""

    def apply(self, desired: Desired, *, key: str, deadline: float) -> Ack:
        """Set a weight; the same fence twice is a no-op, an older one is refused."""

    def observe(self, target: Target, *, deadline: float) -> Observed:
        """Read what the target is; changes nothing."""

    def rollback(self, target: Target, *, fence: int, key: str, deadline: float) -> Ack:
        """Bring the weight to 0, needing no metric source, queue or template."""

    def drain(self, target: Target, *, cut: bool, deadline: float) -> Drained:
        """Count what is open on the candidate, and close that alone where asked."""

    def health(self, target: Target) -> Health:
        """Say whether the driver could act right now; within a second, whatever the other side does."""


@runtime_checkable
class Answers(Protocol):
    """What drivers offer beside it whose calls go on after they were accepted."""

    def answer_of(self, target: Target, *, key: str, deadline: float) -> Ack:
        """Say what has become of a call that was only accepted; changes nothing."""


@dataclass(frozen=True, slots=True)
class Sight:
    """What was read back from one of many targets, and how its driver is."""

    observed: Observed
    health: Health


@runtime_checkable
class ReadsMany(Protocol):
    """What a driver may offer beside: reading many targets back at once, at the price of one."""

    def observe_many(self, targets: Sequence[Target]) -> dict[int, Sight]:
        """Read targets back, by id; what needs a closer look is left out and read on its own."""
