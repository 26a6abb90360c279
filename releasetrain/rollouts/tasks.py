"""Wake the engine: every task polls rows that are due, so a lost message costs one tick and no more."""

import logging
import time
from collections.abc import Iterable
from typing import Any

from celery import shared_task

from releasetrain.lib import clock
from releasetrain.rollouts.actions import launch, settle, tick_one
from releasetrain.rollouts.actions.batch import tick_batch
from releasetrain.rollouts.actions.watching import watch
from releasetrain.rollouts.due import due_others
from releasetrain.rollouts.measuring import measure_due
from releasetrain.rollouts.models import Rollout
from releasetrain.rollouts.providers import watch_providers
from releasetrain.rollouts.rules.states import RolloutState
from releasetrain.rollouts.shadowing import compare_due
from releasetrain.trains.models import Departure
from releasetrain.trains.rules.states import DepartureState

logger = logging.getLogger(__name__)

MOST_OTHERS = 400
# After this long a task ends, whatever is left: the next beat goes on with it.
BATCHES_SECONDS, EACH_SECONDS = 2.0, 5.0
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
        _step_each(list(due.values_list("pk", flat=True)[:MOST_OTHERS]))
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


@shared_task(name="releasetrain.rollouts.tasks.compare_shadows")
def compare_shadows(**_: Any) -> None:
    """Compare how copies of requests are answered, where a stage sends any."""
    compare_due(clock.now())


def step_due() -> None:
    """Take everything that is due a step further: in batches what merely bakes, one by one what does not."""
    ends, is_more = time.monotonic() + BATCHES_SECONDS, True
    while is_more and time.monotonic() < ends:
        batch = tick_batch(clock.now())
        is_more = batch.is_full
        _step_each(batch.alone)
    _step_each(due_others(MOST_OTHERS, clock.now()))


def _step_each(pks: Iterable[int]) -> None:
    """Take each a step; one that fails stops no other, and has been counted by the action.

    Slow drivers keep nobody waiting for long: what is left over is due at the next beat, and comes first.
    """
    ends = time.monotonic() + EACH_SECONDS
    for pk in pks:
        try:
            tick_one(pk, clock.now())
        except Exception:
            logger.exception("Rollout %s could not be taken further.", pk)
        if time.monotonic() >= ends:
            return
