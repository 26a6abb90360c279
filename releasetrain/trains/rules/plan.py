"""Read and write the plan that a departure keeps from its train (RULES I14, D2)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Self

from releasetrain.accounts.rules import Role
from releasetrain.trains.rules.readiness import Asks


@dataclass(frozen=True, slots=True)
class Ask:
    """How many people of one role must say go."""

    role: Role
    quorum: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What a departure was promised: its stages, who decides, how late it leaves, and what is checked."""

    ladder: tuple[Mapping[str, Any], ...] = ()
    is_accelerated: bool = False
    asks: tuple[Ask, ...] = ()
    no_approval_needed: bool = False
    policy: str = ""
    policy_owner: str = ""
    grace: timedelta = timedelta(minutes=30)
    capacity: int | None = None
    risk_budget: int | None = None
    refuses: tuple[str, ...] = ()
    takes_only: tuple[str, ...] = ()
    checks: Asks = field(default_factory=Asks)

    def to_json(self) -> dict[str, Any]:
        return {
            "ladder": [dict(stage) for stage in self.ladder],
            "accelerated": self.is_accelerated,
            "requirements": [{"role": ask.role.value, "quorum": ask.quorum} for ask in self.asks],
            "no_approval_needed": self.no_approval_needed,
            "policy": self.policy,
            "policy_owner": self.policy_owner,
            "grace_seconds": int(self.grace.total_seconds()),
            "capacity": self.capacity,
            "risk_budget": self.risk_budget,
            "refuses": list(self.refuses),
            "takes_only": list(self.takes_only),
            "checks": self.checks.to_json(),
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        return cls(
            ladder=tuple(value.get("ladder", ())),
            is_accelerated=bool(value.get("accelerated", False)),
            asks=tuple(Ask(Role(one["role"]), int(one["quorum"])) for one in value.get("requirements", ())),
            no_approval_needed=bool(value.get("no_approval_needed", False)),
            policy=str(value.get("policy", "")),
            policy_owner=str(value.get("policy_owner", "")),
            grace=timedelta(seconds=int(value.get("grace_seconds", 1800))),
            capacity=value.get("capacity"),
            risk_budget=value.get("risk_budget"),
            refuses=tuple(value.get("refuses", ())),
            takes_only=tuple(value.get("takes_only", ())),
            checks=Asks.from_json(value.get("checks", {})),
        )
