"""Wake a task by its name once the transaction has committed; nobody waits for it, nor needs it."""

import logging
from functools import partial

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

logger = logging.getLogger(__name__)

# Workers may wait for their broker; who wakes them waits half a second for it, once.
IMPATIENT = {"socket_timeout": 0.5, "socket_connect_timeout": 0.5, "max_retries": 0}


def wake(task: str) -> None:
    """Let a task that polls what is due run at once; where the broker is away, its next tick finds it."""
    transaction.on_commit(partial(_send, task), robust=True)


def _send(task: str) -> None:
    try:
        with current_app.connection_for_write(transport_options=IMPATIENT) as broker:
            current_app.send_task(task, connection=broker, retry=False)
    except (OperationalError, OSError) as fault:
        logger.warning("%s could not be woken (%s); its next tick does the work.", task, fault)
