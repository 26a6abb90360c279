"""Cut what is still open between users and the new version, once nobody is sent there any more."""

from datetime import datetime

from releasetrain.accounts.models import User
from releasetrain.events.actions import record
from releasetrain.lib.errors import Refused
from releasetrain.rollouts.drivers import driver_for
from releasetrain.rollouts.models import Rollout, Standing
from releasetrain.rollouts.rules.states import RolloutState

CUT_SECONDS = 2.0
ROUTED_AWAY = frozenset({RolloutState.ROLLING_BACK, RolloutState.ROLLED_BACK, RolloutState.SUPERSEDED})


class NotCut(Refused):
    """Refuse to cut where users are still sent, or where the driver cannot."""

    code = "not_cut"


def cut_connections(rollout: Rollout, *, by: User, now: datetime) -> str:
    """Close what is open on the new version, and say in a sentence what the driver answered.

    No row is locked while the driver is asked, and nothing of the rollout waits for it.

    :raises NotCut: it is not on its way back, or its driver cannot cut
    """
    target = rollout.target
    if RolloutState(rollout.state) not in ROUTED_AWAY:
        raise NotCut("Only what was rolled back is cut: users are on it. Roll it back first.")
    if not driver_for(target.driver).capabilities.can_cut:
        raise NotCut(f"The driver of {target} cannot cut connections; they end by themselves.")
    drained = driver_for(target.driver).drain(target, cut=True, deadline=CUT_SECONDS)
    if not drained.was_cut:
        raise NotCut(f"Nothing was cut. {drained.detail}".strip())
    left = drained.open_connections
    Standing.objects.update_or_create(target=target, defaults={"open_connections": left, "drained_at": now})
    words = "nobody knows how many are left" if left is None else f"{left} left"
    record(kind="rollouts.connections.cut", subject=rollout, actor=by, now=now, left=words)
    return f"Cut: {words}."
