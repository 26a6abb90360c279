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
from releasetrain.rollouts.actions.launch import settle_ended
from releasetrain.rollouts.actions.operate import decide_back
from releasetrain.rollouts.actions.tick import tick_one
from releasetrain.rollouts.models import Intent, Rollout
from releasetrain.rollouts.rolling import returning
from releasetrain.rollouts.together import last_moved_first

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

    Each is decided in a short transaction of its own, and the drivers are asked once all is decided, several
    departures at a time. Both begin with the departure that most users see, and take what belongs to one in
    the reverse of the order in which it moved. What has not begun to move is cancelled.
    """
    asked: list[Asked] = []
    due: list[list[tuple[list[Intent], Rollout]]] = []
    for group in _in_order(rollouts):
        due.append([])
        for rollout in group:
            try:
                row, intents = decide_back(rollout.pk, reason=reason, by=by, now=now)
            except Exception as error:
                logger.exception("Rollout %s could not be brought back.", rollout.pk)
                asked.append(Asked(rollout, f"{type(error).__name__}: {error}"[:200]))
            else:
                asked.append(Asked(row))
                due[-1] += [(intents, row)] if intents else []
    _carry_out_all([group for group in due if group])
    settle_ended(one.rollout.pk for one in asked if not one.fault)
    return asked


def _in_order(rollouts: Iterable[Rollout]) -> list[list[Rollout]]:
    """Return the rollouts of each departure, last moved first; before others the departure most users see."""
    groups: dict[object, list[Rollout]] = {}
    for one in sorted(rollouts, key=last_moved_first):
        groups.setdefault(one.departure_id or f"alone {one.pk}", []).append(one)
    return sorted(groups.values(), key=lambda group: -max(one.desired_weight for one in group))


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
    wanted = list(pks)
    due = returning().filter(pk__in=wanted, next_due_at__lte=clock.now())
    for pk in due.values_list("pk", flat=True):
        try:
            tick_one(pk, clock.now())
        except Exception:
            logger.exception("Rollout %s could not be taken further.", pk)
    settle_ended(wanted)
