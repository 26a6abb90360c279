"""Ask drivers for what was intended, and note what they answered."""

import logging
from collections.abc import Iterable

from releasetrain.lib import clock
from releasetrain.rollouts.drivers import driver_for
from releasetrain.rollouts.drivers.base import Ack, Desired, Outcome
from releasetrain.rollouts.models import Intent, Rollout
from releasetrain.rollouts.rules.snapshot import IntentAction

logger = logging.getLogger(__name__)

APPLY_SECONDS = 10.0
ROLLBACK_SECONDS = 2.0


def carry_out(intents: Iterable[Intent], rollout: Rollout) -> None:
    """Call the driver for each intent, after the commit that wrote it and holding no lock (ENGINE R2, R3).

    A driver that fails is an unknown outcome, never an exception: the next tick reads back and asks again.
    """
    for intent in intents:
        ack = _call(intent, rollout)
        Intent.objects.filter(pk=intent.pk).update(
            outcome=ack.outcome, detail=ack.detail[:500], answered_at=clock.now()
        )


def _call(intent: Intent, rollout: Rollout) -> Ack:
    try:
        driver = driver_for(rollout.target.driver)
        if intent.action == IntentAction.ROLLBACK:
            return driver.rollback(
                rollout.target, fence=intent.fence, key=intent.key, deadline=ROLLBACK_SECONDS
            )
        desired = Desired(rollout.target, intent.weight, intent.fence, rollout.to_version)
        return driver.apply(desired, key=intent.key, deadline=APPLY_SECONDS)
    except Exception as error:
        logger.exception("The driver of %s failed on intent %s.", rollout.target, intent.key)
        return Ack(Outcome.UNKNOWN, f"{type(error).__name__}: {error}")
