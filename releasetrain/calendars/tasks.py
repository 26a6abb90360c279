"""Keep calendars fresh and everything that they bring written ahead; each task polls what is due."""

import logging
import time
from typing import Any

from celery import shared_task

from releasetrain.accounts.actions import materialise_duties
from releasetrain.calendars import actions
from releasetrain.calendars.models import Feed
from releasetrain.lib import clock
from releasetrain.lib.errors import Refused

logger = logging.getLogger(__name__)

# One calendar may take all of its ten seconds; the worker's own limit is not far behind three of them.
MOST_SECONDS = 25


@shared_task(name="releasetrain.calendars.tasks.refresh_feeds")
def refresh_feeds(**_: Any) -> None:
    """Fetch the calendars that are due, one after the other; whichever fails keeps its last good text."""
    begun = time.monotonic()
    while time.monotonic() - begun < MOST_SECONDS:
        feed = actions.claim(clock.now())
        if feed is None:
            return
        try:
            actions.refresh_feed(feed, now=clock.now())
        except Refused as refusal:
            logger.info("Calendar %s: %s", feed.pk, refusal.message)
        except Exception:
            # One calendar must not stop the others; its lease runs out, and it is tried again.
            logger.exception("The calendar %s could not be taken in.", feed.pk)


@shared_task(name="releasetrain.calendars.tasks.materialise")
def materialise(**_: Any) -> None:
    """Write the times of windows, of calendars and of on-call shifts further ahead."""
    actions.materialise_windows(clock.now())
    for feed in Feed.objects.filter(removed_at__isnull=True).exclude(body="").order_by("pk"):
        try:
            actions.write_ahead(feed, now=clock.now())
        except Exception:
            logger.exception("The times of the calendar %s could not be written.", feed.pk)
    materialise_duties(clock.now())
