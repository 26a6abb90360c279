"""Hand out rollouts to those who may see or command them."""

from releasetrain.accounts.rules import Role, Roles
from releasetrain.catalog.access import may
from releasetrain.catalog.models import Target
from releasetrain.lib.errors import NotAllowed, NotFound
from releasetrain.rollouts.models import Rollout

# Anyone on call takes everything back; the rest is for those who run trains.
ROLLBACK_ROLES = (Role.ON_CALL, Role.RELEASE_MANAGER, Role.ADMINISTRATOR)
OPERATOR_ROLES = (Role.RELEASE_MANAGER, Role.ON_CALL, Role.ADMINISTRATOR)


def may_lock(roles: Roles, target: Target) -> bool:
    """Tell whether somebody may keep rollouts off a target, and take it over."""
    return any(may(roles, role, target.service) for role in OPERATOR_ROLES)


def may_operate(roles: Roles, rollout: Rollout) -> bool:
    """Tell whether somebody may command this rollout."""
    return may_lock(roles, rollout.target)


def rollout_for(roles: Roles, pk: int, *, to: str) -> Rollout:
    """Return a rollout to somebody who may do this with it: "see" it or "operate" it.

    :raises NotFound: there is none
    :raises NotAllowed: the role is missing
    """
    rollout = (
        Rollout.objects.select_related("target__service__team", "target__environment", "departure__train")
        .filter(pk=pk)
        .first()
    )
    if rollout is None or not roles.has_any(Role.VIEWER):
        raise NotFound("There is no such rollout.")
    if to != "see" and not may_operate(roles, rollout):
        raise NotAllowed(
            f"To command the rollout of {rollout.target.service} one must be on call, a release manager "
            "or an administrator there.",
            who="an administrator",
        )
    return rollout
