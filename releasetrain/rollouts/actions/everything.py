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
from releasetrain.lib.unblocked import unblocked
from releasetrain.rollouts.actions.drive import carry_out
from releasetrain.rollouts.actions.operate import decide_back
from releasetrain.rollouts.actions.tick import tick_one
from releasetrain.rollouts.models import Intent, Rollout
from releasetrain.rollouts.rolling import returning

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
    once all is decided: several departures at a time, and what belongs to one in the reverse of its order.
    What has not begun to move is cancelled.
    """
    asked: list[Asked] = []
    due: dict[object, list[tuple[list[Intent], Rollout]]] = {}
    for rollout in sorted(rollouts, key=_most_seen):
        try:
            row, intents = decide_back(rollout.pk, reason=reason, by=by, now=now)
        except Exception as error:
            logger.exception("Rollout %s could not be brought back.", rollout.pk)
            asked.append(Asked(rollout, f"{type(error).__name__}: {error}"[:200]))
        else:
            asked.append(Asked(row))
            if intents:
                due.setdefault(row.departure_id or f"alone {row.pk}", []).append((intents, row))
    _carry_out_all([sorted(group, key=lambda one: (-one[1].place, -one[1].pk)) for group in due.values()])
    return asked


def _most_seen(rollout: Rollout) -> tuple[int, int, int]:
    return -rollout.desired_weight, -rollout.place, -rollout.pk


def _carry_out_all(groups: Sequence[Sequence[tuple[list[Intent], Rollout]]]) -> None:
    if len(groups) < 2:
        for group in groups:
            _carry_out_group(group)
        return
    with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="rollback") as pool:
        list(pool.map(_carry_out_beside, groups))


def _carry_out_beside(group: Sequence[tuple[list[Intent], Rollout]]) -> None:
    try:
        _carry_out_group(group)
    finally:
        connections.close_all()


def _carry_out_group(group: Sequence[tuple[list[Intent], Rollout]]) -> None:
    """Ask the drivers of one departure; a fault costs that one's answer, and the next look asks again."""
    with unblocked():
        for intents, row in group:
            try:
                carry_out(intents, row)
            except Exception:
                logger.exception("The answer for rollout %s could not be noted.", row.pk)


def press_on(pks: Iterable[int]) -> None:
    """Take what is on its way back a step further if it is due: ask again, read back.

    The beat does the same; claims and fences make it harmless that both do.
    """
    due = returning().filter(pk__in=list(pks), next_due_at__lte=clock.now())
    for pk in due.values_list("pk", flat=True):
        try:
            tick_one(pk, clock.now())
        except Exception:
            logger.exception("Rollout %s could not be taken further.", pk)
