"""Read and write the plan that a departure keeps from its train (RULES I14, D2)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Self

from releasetrain.accounts.rules import Role
from releasetrain.trains.rules.readiness import Asks
from releasetrain.trains.rules.states import OnNewVersion, Part


@dataclass(frozen=True, slots=True)
class Ask:
    """How many people of one role must say go; see models.Requirement for what each field means.

    `team` is (id, name) of the one whose people are asked, None for the train's.
    """

    role: Role
    quorum: int
    slot: str = ""
    team: tuple[int, str] | None = None
    part: Part = Part.WHOLE
    only_veto: bool = False
    allows_not_applicable: bool = False
    self_certify_up_to: int | None = None
    silence_after: timedelta | None = None

    @property
    def key(self) -> str:
        """Return what tells it apart from every other one of its policy."""
        return f"{self.role.value}/{self.slot}" if self.slot else self.role.value

    @property
    def label(self) -> str:
        """Return what people call it; nothing where that is the role itself."""
        if self.slot:
            return self.slot
        return f"{self.role.label} of {self.team[1]}" if self.team else ""

    @property
    def words(self) -> str:
        """Say whom it asks, e.g. "2 × release manager"."""
        label = self.label or self.role.label
        return f"a veto by {label}" if self.only_veto else f"{self.quorum} × {label}"

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads: role, quorum, and what differs from the defaults."""
        kept: dict[str, Any] = {"role": self.role.value, "quorum": self.quorum}
        rare = {
            "slot": self.slot,
            "team": list(self.team) if self.team else None,
            "part": self.part.value if self.part is not Part.WHOLE else "",
            "only_veto": self.only_veto,
            "not_applicable": self.allows_not_applicable,
            "self_certify_up_to": self.self_certify_up_to,
            "silence_seconds": _seconds(self.silence_after),
        }
        return kept | {key: value for key, value in rare.items() if value not in (None, "", False)}

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        team = value.get("team")
        return cls(
            role=Role(value["role"]),
            quorum=int(value["quorum"]),
            slot=str(value.get("slot", "")),
            team=(int(team[0]), str(team[1])) if team else None,
            part=Part(value.get("part") or Part.WHOLE),
            only_veto=bool(value.get("only_veto", False)),
            allows_not_applicable=bool(value.get("not_applicable", False)),
            self_certify_up_to=value.get("self_certify_up_to"),
            silence_after=_span(value.get("silence_seconds")),
        )


def _seconds(span: timedelta | None) -> int | None:
    return None if span is None else int(span.total_seconds())


def _span(seconds: int | None) -> timedelta | None:
    return None if seconds is None else timedelta(seconds=int(seconds))


@dataclass(frozen=True, slots=True)
class Plan:
    """What a departure was promised: stages, who decides until when, how late it leaves, what is checked.

    `decide_by` is the deadline of the decision as lib.deadlines reads it, {} for none; then it is put to the
    people of the role `escalates_to`.
    """

    ladder: tuple[Mapping[str, Any], ...] = ()
    is_accelerated: bool = False
    on_new_version: str = OnNewVersion.QUEUE.value
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
    votes_last: timedelta | None = None
    decide_by: Mapping[str, Any] = field(default_factory=dict)
    escalates_to: Role = Role.RELEASE_MANAGER

    def to_json(self) -> dict[str, Any]:
        return {
            "ladder": [dict(stage) for stage in self.ladder],
            "accelerated": self.is_accelerated,
            "on_new_version": self.on_new_version,
            "requirements": [ask.to_json() for ask in self.asks],
            "no_approval_needed": self.no_approval_needed,
            "policy": self.policy,
            "policy_owner": self.policy_owner,
            "grace_seconds": int(self.grace.total_seconds()),
            "capacity": self.capacity,
            "risk_budget": self.risk_budget,
            "refuses": list(self.refuses),
            "takes_only": list(self.takes_only),
            "checks": self.checks.to_json(),
            "votes_last_seconds": _seconds(self.votes_last),
            "decide_by": dict(self.decide_by),
            "escalates_to": self.escalates_to.value,
        }

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> Self:
        return cls(
            ladder=tuple(value.get("ladder", ())),
            is_accelerated=bool(value.get("accelerated", False)),
            on_new_version=str(value.get("on_new_version") or OnNewVersion.QUEUE),
            asks=tuple(Ask.from_json(one) for one in value.get("requirements", ())),
            no_approval_needed=bool(value.get("no_approval_needed", False)),
            policy=str(value.get("policy", "")),
            policy_owner=str(value.get("policy_owner", "")),
            grace=timedelta(seconds=int(value.get("grace_seconds", 1800))),
            capacity=value.get("capacity"),
            risk_budget=value.get("risk_budget"),
            refuses=tuple(value.get("refuses", ())),
            takes_only=tuple(value.get("takes_only", ())),
            checks=Asks.from_json(value.get("checks", {})),
            votes_last=_span(value.get("votes_last_seconds")),
            decide_by=value.get("decide_by") or {},
            escalates_to=Role(value.get("escalates_to") or Role.RELEASE_MANAGER),
        )
