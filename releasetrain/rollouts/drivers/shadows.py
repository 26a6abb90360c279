"""Say what a driver offers that can tell how copies of requests were answered, beside mirroring them."""

from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from releasetrain.catalog.models import Target
from releasetrain.rollouts.rules.shadows import Answer, Side


@dataclass(frozen=True, slots=True)
class Answered:
    """Answers that came since the last time, and what the driver wants to remember for the next (JSON).

    `has_noise` says that the old version is asked a second time, too.
    """

    answers: list[tuple[Side, Answer]]
    memory: dict[str, Any]
    has_noise: bool = False


@runtime_checkable
class TellsAnswers(Protocol):
    """A driver that knows the answers of both sides of a mirror."""

    def answers(self, target: Target, memory: dict[str, Any]) -> Answered:
        """Return what was answered since the last time; changes nothing that users see."""
