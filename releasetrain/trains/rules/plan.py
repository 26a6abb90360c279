"""Read and write the plan that a departure keeps from its train (RULES I14, D2)."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self

from releasetrain.accounts.rules import Role


@dataclass(frozen=True, slots=True)
class Ask:
    """How many people of one role must say go."""

    role: Role
    quorum: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What a departure was promised: its stages, who decides, and how late it may leave."""

    ladder: tuple[Mapping[str, Any], ...] = ()
    is_accelerated: bool = False
    asks: tuple[Ask, ...] = ()
    no_approval_needed: bool = False
    policy: str = ""
    policy_owner: str = ""
    grace: timedelta = timedelta(minutes=30)

    def to_json(self) -> dict[str, Any]:
        return {
            "ladder": [dict(stage) for stage in self.ladder],
            "accelerated": self.is_accelerated,
            "requirements": [{"role": ask.role.value, "quorum": ask.quorum} for ask in self.asks],
            "no_approval_needed": self.no_approval_needed,
            "policy": self.policy,
            "policy_owner": self.policy_owner,
            "grace_seconds": int(self.grace.total_seconds()),
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
        )
