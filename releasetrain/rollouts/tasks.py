"""Wake the engine: every task polls rows that are due, so a lost message costs one tick and no more."""

import logging
import time
from typing import Any

from celery import shared_task

from releasetrain.lib import clock
from releasetrain.rollouts.actions import launch, settle
from releasetrain.rollouts.actions.tick import tick_loaded
from releasetrain.rollouts.actions.watching import watch
from releasetrain.rollouts.due import common_at, load
from releasetrain.rollouts.measuring import measure_due
from releasetrain.rollouts.models import Rollout
from releasetrain.rollouts.providers import watch_providers
from releasetrain.rollouts.rules.states import RolloutState
from releasetrain.trains.models import Departure
from releasetrain.trains.rules.states import DepartureState

logger = logging.getLogger(__name__)

BATCH = 400
# So many are read at once; each is claimed on its own, when its turn comes.
LOADED = 50
# The next beat comes after a second; until then retries come faster than beats.
PUSH_SECONDS = 0.8


@shared_task(name="releasetrain.rollouts.tasks.tick")
def tick(**_: Any) -> None:
    """Launch departures that have left, take every due rollout a step further, end finished departures."""
    rolling = Departure.objects.filter(state=DepartureState.ROLLING)
    for departure in rolling.filter(rollouts=None):
        launch(departure, clock.now())
    watch_providers(clock.now())
    step_due()
    for departure in rolling.exclude(rollouts__finished_at=None).distinct():
        settle(departure, clock.now())


@shared_task(name="releasetrain.rollouts.tasks.push_rollbacks")
def push_rollbacks(**_: Any) -> None:
    """Go on with rollbacks alone, on a queue of their own: nothing may keep them waiting."""
    until = time.monotonic() + PUSH_SECONDS
    returning = Rollout.objects.filter(state=RolloutState.ROLLING_BACK)
    while returning.exists():
        due = returning.filter(next_due_at__lte=clock.now())
        _step_each(list(due.values_list("pk", flat=True)[:BATCH]))
        if time.monotonic() >= until:
            return
        time.sleep(0.1)


@shared_task(name="releasetrain.rollouts.tasks.measure")
def measure(**_: Any) -> None:
    """Ask metric sources for what is due; the next beat takes what this one leaves."""
    measure_due(clock.now())


@shared_task(name="releasetrain.rollouts.tasks.watch_targets")
def watch_targets(**_: Any) -> None:
    """Look how every driver is, and set right what has forgotten what it should be."""
    watch(clock.now())


def step_due() -> None:
    """Take everything that is due a step further, the longest due first, up to a whole batch."""
    due = Rollout.objects.filter(next_due_at__lte=clock.now()).order_by("next_due_at")
    _step_each(list(due.values_list("pk", flat=True)[:BATCH]))


def _step_each(pks: list[int]) -> None:
    """Take each a step; one that fails stops no other, and has been counted by the action."""
    for first in range(0, len(pks), LOADED):
        rows = load(pks[first : first + LOADED])
        common = common_at(clock.now())
        for row in rows:
            try:
                tick_loaded(row, clock.now(), common)
            except Exception:
                logger.exception("Rollout %s could not be taken further.", row.pk)
