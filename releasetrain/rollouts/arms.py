"""Tell in which arm of a target a version runs."""

from releasetrain.catalog.models import Target
from releasetrain.health.models import Arm
from releasetrain.rollouts.models import UNBOUND_STATES, Rollout


def arm_of_version(target: Target, version: str) -> Arm:
    """Return the arm that a version is now, by the rollout that has the target or by what everybody gets.

    A version that nobody has got yet is the candidate: its processes may speak before the first user comes.
    Where a rollout brings the version that is there already, nothing tells the two apart: it is the baseline.
    """
    moving = Rollout.objects.filter(target=target).exclude(state__in=UNBOUND_STATES).first()
    stable = moving.from_version if moving is not None else target.stable_version
    if version == stable or (moving is None and not stable):
        return Arm.BASELINE
    return Arm.CANDIDATE
