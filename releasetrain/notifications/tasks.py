"""Send what is due; a mail server that is down costs nothing but the mail's delay."""

from celery import shared_task

from releasetrain.lib import clock
from releasetrain.notifications import actions

MOST_AT_ONCE = 100


@shared_task
def send_due(**_: object) -> None:
    """Tell what was missed, and try each due delivery once; stop at the first one that fails."""
    actions.catch_up(clock.now())
    for _number in range(MOST_AT_ONCE):
        delivery = actions.claim(clock.now())
        if delivery is None or not actions.send(delivery, now=clock.now()):
            return
