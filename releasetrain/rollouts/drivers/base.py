"""Say what every driver must offer, and what it answers.

A driver sets a value and never increments one, so that repeating a call is harmless; a success answer proves
nothing until `observe` has read it back.
"""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, ClassVar, Protocol

from releasetrain.catalog.models import Target
from releasetrain.rollouts.rules.snapshot import Outcome as Outcome


class Sync(StrEnum):
    """How a target stands to what was asked of it."""

    SYNCED = "synced"
    CONVERGING = "converging"
    DRIFTED = "drifted"
    PARTIAL = "partial"
    UNKNOWN = "unknown"
    UNREACHABLE = "unreachable"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a driver can do; anything it cannot is done for it, more slowly."""

    min_step: float = 1.0
    is_sticky: bool = False
    is_instant: bool = False
    is_fenced: bool = False
    has_segments: bool = False


@dataclass(frozen=True, slots=True)
class Desired:
    """What a target should be: a weight in whole percents, under a fence.

    `segments` are pairs ("region=eu", percent) of those who are let in before all others; `weight` is then
    the share of everybody. Only drivers that say `has_segments` are asked for any.
    """

    target: Target
    weight: int
    fence: int
    version: str
    segments: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Ack:
    """What came back from a call."""

    outcome: Outcome
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Observed:
    """What was read back from a target; `weight` is None where nothing could be read."""

    state: Sync
    weight: int | None = None
    fence: int | None = None
    at: datetime | None = None
    detail: str = ""
    segments: tuple[tuple[str, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that `check` wants a person to know; a blocking one stops a departure."""

    text: str
    is_blocking: bool = False


@dataclass(frozen=True, slots=True)
class Health:
    """Whether a driver could act right now."""

    is_well: bool
    detail: str = ""


class Driver(Protocol):
    """Move the traffic of a target; deadlines are seconds for the whole call."""

    kind: ClassVar[str]
    capabilities: ClassVar[Capabilities]

    def check(self, target: Target, config: dict[str, Any]) -> list[Finding]:
        """Look at a configuration without changing anything."""

    def prepare(self, desired: Desired, *, key: str, deadline: float) -> Ack:
        """Make sure that moving and taking back would work."""

    def apply(self, desired: Desired, *, key: str, deadline: float) -> Ack:
        """Set a weight; the same fence twice is a no-op, an older one is refused."""

    def observe(self, target: Target, *, deadline: float) -> Observed:
        """Read what the target is; changes nothing."""

    def rollback(self, target: Target, *, fence: int, key: str, deadline: float) -> Ack:
        """Bring the weight to 0, needing no metric source, queue or template."""

    def health(self, target: Target) -> Health:
        """Say whether the driver could act right now."""
