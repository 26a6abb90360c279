"""Wake the trains: every task polls what is due, so a lost, doubled or late message costs one tick."""

import logging
from collections.abc import Callable
from datetime import datetime

from celery import shared_task
from django.db import transaction
from django.db.models import QuerySet

from releasetrain.lib import clock
from releasetrain.lib.errors import Refused
from releasetrain.trains import actions
from releasetrain.trains.actions.drafts import start_expiry
from releasetrain.trains.actions.holding import count_failure
from releasetrain.trains.models import Departure, Train
from releasetrain.trains.queries.blockers import due_to_watch, left_behind
from releasetrain.trains.queries.deciding import due_to_decide
from releasetrain.trains.queries.departures import (
    due_to_ask,
    due_to_depart,
    due_to_expire,
    due_to_open,
    due_to_recheck,
    due_to_seal,
    due_to_warn,
)
from releasetrain.trains.queries.glasses import glasses_overdue
from releasetrain.trains.queries.late import due_to_lapse
from releasetrain.trains.queries.overrides import overrides_to_review
from releasetrain.trains.queries.readiness import due_to_sample
from releasetrain.trains.queries.room import due_to_promote, left_standing
from releasetrain.trains.queries.timetable import AHEAD

logger = logging.getLogger(__name__)
MOST_AT_ONCE = 200


@shared_task
def tick(**_: object) -> None:
    """Open boarding, seal at cut-offs, ask for check-in, look at decisions, end holds, and let go."""
    now = clock.now()
    for due, verb in (
        (due_to_open(now), actions.open_boarding),
        (due_to_seal(now), actions.seal),
        (due_to_ask(now), actions.ask_to_check_in),
        (due_to_promote(now), actions.fill_up),
        (due_to_decide(now), actions.look_again),
        (due_to_recheck(now), actions.recheck_hold),
        (due_to_depart(now), actions.depart),
    ):
        each(due, verb, now)
    for change in left_standing(now)[:MOST_AT_ONCE]:
        try:
            actions.seat_left_standing(change, now=now)
        except Refused as refusal:
            logger.info("Change %s: %s", change.pk, refusal.message)


def each(due: QuerySet[Departure], verb: Callable[..., object], now: datetime) -> None:
    """Call a verb for every due departure that no other worker has, each in its own transaction."""
    for pk in due.order_by("departs_at", "pk").values_list("pk", flat=True)[:MOST_AT_ONCE]:
        try:
            with transaction.atomic():
                mine = Departure.objects.select_for_update(no_key=True, skip_locked=True)
                row = mine.filter(pk=pk).first()
                if row is not None:
                    verb(row, now=now)
        except Refused as refusal:
            logger.info("RT-%s: %s", pk, refusal.message)
        except Exception as fault:
            # One bad departure must not stop the others.
            logger.exception("RT-%s: %s failed.", pk, verb.__name__)
            count_failure(pk, f"{verb.__name__}: {type(fault).__name__}", now=now)


@shared_task
def raise_overdue_reviews(**_: object) -> None:
    """Tell of every override and broken glass that still owes its votes or its review, once."""
    now = clock.now()
    for glass in glasses_overdue(now)[:MOST_AT_ONCE]:
        actions.raise_overdue_glass(glass, now=now)
    for override in overrides_to_review(now)[:MOST_AT_ONCE]:
        actions.raise_overdue_review(override, now=now)


@shared_task
def look_at_readiness(**_: object) -> None:
    """Sample the checks of departures and the error rates that are watched; carry on what blocks."""
    now = clock.now()
    each(due_to_sample(now), actions.sample_readiness, now)
    for due, verb in ((due_to_watch(), actions.look_at_error_rate), (left_behind(), actions.carry_blocker)):
        for blocker in due.order_by("pk")[:MOST_AT_ONCE]:
            try:
                verb(blocker, now=now)
            except Refused as refusal:
                logger.info("Blocker %s: %s", blocker.pk, refusal.message)
            except Exception:
                logger.exception("Blocker %s: %s failed.", blocker.pk, verb.__name__)


@shared_task
def expire_changes(**_: object) -> None:
    """Give whatever waits an end, withdraw what has waited until its own, and warn of ends that are near."""
    now = clock.now()
    start_expiry(now)
    for verb, due in (
        (actions.expire_change, due_to_expire(now)),
        (actions.warn_of_expiry, due_to_warn(now)),
    ):
        for change in due[:MOST_AT_ONCE]:
            try:
                verb(change, now=now)
            except Refused as refusal:
                logger.info("Change %s: %s", change.pk, refusal.message)


@shared_task
def lapse_late_passes(**_: object) -> None:
    """Let every late pass lapse that was not used by its limit, or whose departure has left."""
    now = clock.now()
    for pk in due_to_lapse(now).values_list("pk", flat=True)[:MOST_AT_ONCE]:
        try:
            actions.lapse_pass(pk, now=now)
        except Refused as refusal:
            logger.info("Late pass %s: %s", pk, refusal.message)


@shared_task
def materialise(**_: object) -> None:
    """Write the departures of every train for the next 400 days."""
    now = clock.now()
    for train in Train.objects.filter(retired_at__isnull=True).order_by("pk"):
        try:
            actions.materialise(train, until=now + AHEAD, now=now)
        except Exception:
            logger.exception("The departures of %s could not be written.", train)
