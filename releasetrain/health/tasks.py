"""Let beat forget what is too old to keep."""

import logging
from typing import Any

from celery import shared_task

from releasetrain.health import actions
from releasetrain.lib import clock

logger = logging.getLogger(__name__)


@shared_task(name="releasetrain.health.tasks.forget_old")
def forget_old(**_: Any) -> None:
    """Delete a bounded number of old readings and error lines."""
    gone = actions.forget_old(clock.now())
    if gone.readings or gone.error_lines:
        logger.info("Forgot %s readings and %s error lines.", gone.readings, gone.error_lines)
