"""Name the states of a rollout and what may hold it."""

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


TERMINAL_STATES = frozenset(
    {RolloutState.SUCCEEDED, RolloutState.ROLLED_BACK, RolloutState.SUPERSEDED, RolloutState.CANCELLED}
)


class HoldKind(StrEnum):
    """What stops a rollout from advancing; none of them disarms a rollback."""

    OPERATOR = "operator"
    APPROVAL = "approval"
    INCONCLUSIVE = "inconclusive"
    METRICS_OUTAGE = "metrics_outage"
    BLACKOUT = "blackout"
    DEPENDENCY = "dependency"
    BARRIER = "barrier"
    DRIFT = "drift"
    ERROR = "error"
