"""Take many rollouts that merely go on baking a step further at once; the rest are taken one by one."""

import logging
from dataclasses import dataclass
from datetime import datetime

from releasetrain.rollouts.crediting import Credit, credit_of, write_credits
from releasetrain.rollouts.due import Claimed, claim_many, give_back, load
from releasetrain.rollouts.known import Known, sights_of
from releasetrain.rollouts.models import Rollout
from releasetrain.rollouts.readings import gather, learn_for
from releasetrain.rollouts.rules.machine import tick
from releasetrain.rollouts.rules.quiet import is_quiet
from releasetrain.rollouts.store import snapshot_of

logger = logging.getLogger(__name__)

# So many are looked at together: well under a second of work, and a killed worker leaves no more than these.
BATCH = 250


@dataclass(frozen=True, slots=True)
class Batch:
    """What became of a batch: those for which something happens wait to be taken alone.

    `is_full` says that there may be more.
    """

    alone: tuple[int, ...] = ()
    is_full: bool = False


def tick_batch(now: datetime) -> Batch:
    """Claim a batch, look at all of it at once, and credit those in which nothing happened but time.

    Every other one is given back untouched and has to be taken alone (`tick_one`): what raises a weight, asks
    a driver or tells anybody is decided by what is read for it alone. So is what fails here (ENGINE R10).
    """
    claims = claim_many(BATCH, now)
    if not claims:
        return Batch()
    credited: set[int] = set()
    try:
        credited = write_credits(_look(claims, now))
    except Exception:
        logger.exception("A batch of %s rollouts could not be looked at together.", len(claims))
    alone = [one for one in claims if one.pk not in credited]
    give_back(alone)
    return Batch(tuple(one.pk for one in alone), is_full=len(claims) == BATCH)


def _look(claims: list[Claimed], now: datetime) -> list[Credit]:
    rows = load(claims)
    known = learn_for(rows, now, sights_of([row.target for row in rows]))
    found = (_credit(row, known, now) for row in rows if row.target_id in known.sights)
    return [one for one in found if one is not None]


def _credit(row: Rollout, known: Known, now: datetime) -> Credit | None:
    try:
        gathered = gather(row, now, known)
        step = tick(snapshot_of(row), gathered.readings, now)
        return credit_of(step, row, gathered.counted_reading) if is_quiet(step) else None
    except Exception:
        # Taken alone it fails again, and is counted there.
        logger.debug("Rollout %s cannot be looked at in a batch.", row.pk, exc_info=True)
        return None
