"""Name the states of a rollout, the steps between them, and what may hold it (ENGINE section 2)."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


class RolloutState(StrEnum):
    """Where a rollout stands."""

    QUEUED = "queued"
    PREFLIGHT = "preflight"
    SHIFTING = "shifting"
    BAKING = "baking"
    SOAKING = "soaking"
    ROLLING_BACK = "rolling_back"
    SUCCEEDED = "succeeded"
    ROLLED_BACK = "rolled_back"
    SUPERSEDED = "superseded"
    CANCELLED = "cancelled"


class RolloutKind(StrEnum):
    """Whether a rollout brings something new or takes a finished one straight back (T13)."""

    FORWARD = "forward"
    ROLLBACK = "rollback"


TRANSITIONS: Mapping[RolloutState, frozenset[RolloutState]] = {
    RolloutState.QUEUED: frozenset({RolloutState.PREFLIGHT, RolloutState.CANCELLED}),
    RolloutState.PREFLIGHT: frozenset({RolloutState.SHIFTING, RolloutState.CANCELLED, RolloutState.QUEUED}),
    RolloutState.SHIFTING: frozenset({RolloutState.BAKING, RolloutState.SOAKING, RolloutState.ROLLING_BACK}),
    RolloutState.BAKING: frozenset({RolloutState.SHIFTING, RolloutState.ROLLING_BACK}),
    RolloutState.SOAKING: frozenset({RolloutState.SUCCEEDED, RolloutState.ROLLING_BACK}),
    RolloutState.ROLLING_BACK: frozenset(
        {RolloutState.ROLLED_BACK, RolloutState.SUPERSEDED, RolloutState.QUEUED}
    ),
    RolloutState.SUCCEEDED: frozenset(),
    RolloutState.ROLLED_BACK: frozenset(),
    RolloutState.SUPERSEDED: frozenset(),
    RolloutState.CANCELLED: frozenset(),
}

TERMINAL_STATES = frozenset(state for state, following in TRANSITIONS.items() if not following)
# Nothing has reached users yet: such a rollout is cancelled, not rolled back.
WAITING_STATES = frozenset({RolloutState.QUEUED, RolloutState.PREFLIGHT})
# Users may see the candidate: only a verified weight of 0, or success, ends these.
MOVING_STATES = frozenset({RolloutState.SHIFTING, RolloutState.BAKING, RolloutState.SOAKING})


class HoldKind(StrEnum):
    """What stops a rollout from advancing; none of them disarms a rollback."""

    OPERATOR = "operator"
    APPROVAL = "approval"
    INCONCLUSIVE = "inconclusive"
    METRICS_OUTAGE = "metrics_outage"
    BLACKOUT = "blackout"
    DEPENDENCY = "dependency"
    BARRIER = "barrier"
    HOTFIX = "hotfix"
    DRIFT = "drift"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class ClearingRule:
    """Say how a hold ends: by itself, by which commands, and in words."""

    by_itself: bool
    commands: frozenset[str]
    sentence: str


CLEARING: Mapping[HoldKind, ClearingRule] = {
    HoldKind.OPERATOR: ClearingRule(
        by_itself=False,
        commands=frozenset({"resume"}),
        sentence="It stays until somebody resumes it.",
    ),
    HoldKind.APPROVAL: ClearingRule(
        by_itself=False,
        commands=frozenset({"approve", "reject"}),
        sentence="It stays until the next stage is approved or rejected.",
    ),
    HoldKind.INCONCLUSIVE: ClearingRule(
        by_itself=True,
        commands=frozenset({"promote", "extend_bake"}),
        sentence="It ends by itself once every required guardrail passes; "
        "a release manager may extend the bake, or promote with a reason.",
    ),
    HoldKind.METRICS_OUTAGE: ClearingRule(
        by_itself=True,
        commands=frozenset(),
        sentence="It ends by itself as soon as fresh measurements arrive.",
    ),
    HoldKind.BLACKOUT: ClearingRule(
        by_itself=True,
        commands=frozenset(),
        sentence="It ends by itself with the window, once health, votes and target are checked again; "
        "after more than 24 h a person has to resume it.",
    ),
    HoldKind.DEPENDENCY: ClearingRule(
        by_itself=True,
        commands=frozenset(),
        sentence="It ends by itself once the service it depends on is ready.",
    ),
    HoldKind.BARRIER: ClearingRule(
        by_itself=True,
        commands=frozenset(),
        sentence="It ends by itself once the rest of the bundle has come as far.",
    ),
    HoldKind.HOTFIX: ClearingRule(
        by_itself=True,
        commands=frozenset(),
        sentence="It ends by itself once no hotfix needs the service and its version contains the one that "
        "is live; whoever knows that it does may attest it.",
    ),
    HoldKind.DRIFT: ClearingRule(
        by_itself=False,
        commands=frozenset({"resume"}),
        sentence="It stays until somebody resumes it, which sets the wanted weight again.",
    ),
    HoldKind.ERROR: ClearingRule(
        by_itself=False,
        commands=frozenset({"resume"}),
        sentence="It stays until somebody has looked into it and resumes it.",
    ),
}

RESUMABLE_HOLDS = frozenset(kind for kind, rule in CLEARING.items() if "resume" in rule.commands)
