"""Bring many rollouts back at once, and go on with what comes back, by whoever asks: no beat, no broker.

PostgreSQL and the drivers are all that this needs (ENGINE section 3, R8).
"""

import logging
from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from django.db import connections

from releasetrain.events.actions import Actor
from releasetrain.lib import clock
from releasetrain.rollouts.actions.drive import carry_out
from releasetrain.rollouts.actions.operate import decide_back
from releasetrain.rollouts.actions.tick import tick_one
from releasetrain.rollouts.models import Intent, Rollout
from releasetrain.rollouts.rules.states import RolloutState

logger = logging.getLogger(__name__)

# Drivers that hang must not keep the others waiting; each call in flight has a connection of its own.
AT_ONCE = 4


@dataclass(frozen=True, slots=True)
class Asked:
    """What became of one rollout: `fault` says why it could not even be decided, and is empty otherwise."""

    rollout: Rollout
    fault: str = ""


def bring_back(rollouts: Sequence[Rollout], *, reason: str, by: Actor | None, now: datetime) -> list[Asked]:
    """Bring every one of these back; one that fails stops no other.

    Each is decided in a short transaction of its own, those that most users see first. The drivers are asked
    once all is decided, several at a time. What has not begun to move is cancelled.
    """
    asked, due = [], []
    for rollout in sorted(rollouts, key=lambda one: one.desired_weight, reverse=True):
        try:
            row, intents = decide_back(rollout.pk, reason=reason, by=by, now=now)
        except Exception as error:
            logger.exception("Rollout %s could not be brought back.", rollout.pk)
            asked.append(Asked(rollout, f"{type(error).__name__}: {error}"[:200]))
        else:
            asked.append(Asked(row))
            due += [(intents, row)] if intents else []
    _carry_out_all(due)
    return asked


def _carry_out_all(due: Sequence[tuple[list[Intent], Rollout]]) -> None:
    if len(due) < 2:
        for intents, row in due:
            carry_out(intents, row)
        return
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="rollback") as pool:
        list(pool.map(_carry_out_beside, due))


def _carry_out_beside(due: tuple[list[Intent], Rollout]) -> None:
    """Carry out in a thread; a fault here costs this one's answer, and the next look asks again."""
    try:
        carry_out(*due)
    except Exception:
        logger.exception("The answer for rollout %s could not be noted.", due[1].pk)
    finally:
        connections.close_all()


def press_on(pks: Iterable[int]) -> None:
    """Take rollbacks a step further if they are due: ask again, read back.

    The beat does the same; claims and fences make it harmless that both do.
    """
    returning = Rollout.objects.filter(pk__in=list(pks), state=RolloutState.ROLLING_BACK)
    for pk in returning.filter(next_due_at__lte=clock.now()).values_list("pk", flat=True):
        try:
            tick_one(pk, clock.now())
        except Exception:
            logger.exception("Rollout %s could not be taken further.", pk)
