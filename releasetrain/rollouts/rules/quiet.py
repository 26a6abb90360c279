"""Tell a step in which nothing happened but time from every other one."""

from dataclasses import fields
from operator import attrgetter

from releasetrain.rollouts.rules.snapshot import Snapshot, Step
from releasetrain.rollouts.rules.states import RolloutState

QUIET_STATES = (RolloutState.BAKING, RolloutState.SOAKING)
# What time alone changes of a rollout: what was seen of it, what it was credited, when it is looked at next.
CREDITED = (
    "observed_weight",
    "observed_at",
    "agreed_at",
    "bake_credit_seconds",
    "last_credit_at",
    "data_fresh_at",
    "deadline_at",
    "next_due_at",
)
# Windows are read anew for each look; what guardrails have seen is evidence, and says no more than that.
_OF_THE_LOOK = {*CREDITED, "windows", "guardrail_states"}
_fixed = attrgetter(*(one.name for one in fields(Snapshot) if one.name not in _OF_THE_LOOK))


def is_quiet(step: Step) -> bool:
    """Tell whether a step only credits time: no move, no hold, nothing asked, and nobody to be told."""
    if step.transitions or step.intents or step.events or step.takes_target:
        return False
    before, after = step.before, step.snapshot
    goes_on = after.state in QUIET_STATES and after.next_due_at is not None
    return goes_on and bool(_fixed(before) == _fixed(after))
