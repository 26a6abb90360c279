"""Let beat forget what is too old to keep."""

import logging
from typing import Any

from celery import shared_task

from releasetrain.health import actions
from releasetrain.health.days import make_days
from releasetrain.lib import clock

logger = logging.getLogger(__name__)


@shared_task(name="releasetrain.health.tasks.forget_old")
def forget_old(**_: Any) -> None:
    """Make room for the readings of the next days, and forget a bounded number of old ones."""
    now = clock.now()
    make_days(now)
    gone = actions.forget_old(now)
    if gone.days or gone.readings or gone.error_lines:
        logger.info(
            "Forgot %s days of readings, %s single ones and %s error lines.",
            len(gone.days),
            gone.readings,
            gone.error_lines,
        )
