"""Claim what is due, each under a new fence, and load what a tick reads of it (ENGINE R1)."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import connection

from releasetrain.rollouts.drivers import DRIVERS
from releasetrain.rollouts.drivers.base import ReadsMany
from releasetrain.rollouts.loaded import load_with
from releasetrain.rollouts.models import Rollout
from releasetrain.rollouts.rules.quiet import QUIET_STATES

# A claim that its worker did not live to use is free again after this long.
LEASE = timedelta(seconds=15)
ROLLBACK_LEASE = timedelta(seconds=3)
RELATED = (
    "target__service",
    "target__environment",
    "target__standing",
    "departure__train__environment",
    "yielded_to__departure",
)
# Those that probably merely go on baking, and whose drivers read many targets back in one go.
GOES_ON = """(
    r.state = ANY (%(states)s) AND r.kind = 'forward' AND r.failures = 0
    AND NOT r.makes_way AND NOT r.is_superseded AND t.driver = ANY (%(drivers)s)
)"""
CLAIM = """
WITH due AS MATERIALIZED (
    SELECT r.id, r.next_due_at FROM rollouts_rollout r JOIN catalog_target t ON t.id = r.target_id
    WHERE r.next_due_at <= %(now)s AND {which}
    ORDER BY r.next_due_at LIMIT %(most)s FOR NO KEY UPDATE OF r SKIP LOCKED
)
UPDATE rollouts_rollout r SET fence = r.fence + 1, next_due_at = CASE r.state
    WHEN 'rolling_back' THEN %(soon)s ELSE %(later)s END
FROM due WHERE r.id = due.id
RETURNING r.id, r.fence, due.next_due_at
"""
# A row that somebody has locked is left: nobody waits for anybody.
CLAIM_ONE, CLAIM_MANY = CLAIM.format(which="r.id = %(pk)s"), CLAIM.format(which=GOES_ON)
DUE = """
SELECT r.id FROM rollouts_rollout r JOIN catalog_target t ON t.id = r.target_id
WHERE r.next_due_at <= %(now)s AND {which} ORDER BY r.next_due_at LIMIT %(most)s
"""
OTHERS = DUE.format(which=f"NOT {GOES_ON}")
GIVE_BACK = """
WITH mine AS MATERIALIZED (
    SELECT r.id, c.due_at FROM rollouts_rollout r
    JOIN unnest(%(pks)s::bigint[], %(fences)s::bigint[], %(due)s::timestamptz[]) AS c (id, fence, due_at)
    ON r.id = c.id AND r.fence = c.fence
    FOR NO KEY UPDATE OF r SKIP LOCKED
)
UPDATE rollouts_rollout r SET next_due_at = mine.due_at FROM mine WHERE r.id = mine.id
"""


@dataclass(frozen=True, slots=True)
class Claimed:
    """A rollout that is this worker's under a fence, and since when it was due."""

    pk: int
    fence: int
    due_at: datetime


def claim_one(pk: int, now: datetime) -> Rollout | None:
    """Take a due rollout under a new fence; None when it is not due or somebody else has it."""
    claimed = _claim(CLAIM_ONE, now, {"pk": pk, "most": 1})
    return next(iter(load(claimed)), None)


def claim_many(most: int, now: datetime) -> list[Claimed]:
    """Take so many of those that probably merely go on baking, the longest due first."""
    return _claim(CLAIM_MANY, now, {"most": most, **_goes_on()})


def _claim(question: str, now: datetime, wanted: Mapping[str, Any]) -> list[Claimed]:
    leases = {"now": now, "soon": now + ROLLBACK_LEASE, "later": now + LEASE}
    with connection.cursor() as cursor:
        cursor.execute(question, {**leases, **wanted})
        return [Claimed(*row) for row in cursor.fetchall()]


def _goes_on() -> dict[str, list[str]]:
    drivers = [kind for kind, driver in DRIVERS.items() if issubclass(driver, ReadsMany)]
    return {"states": [state.value for state in QUIET_STATES], "drivers": drivers}


def due_others(most: int, now: datetime) -> list[int]:
    """Return what is due and is no matter for a batch, the longest due first."""
    with connection.cursor() as cursor:
        cursor.execute(OTHERS, {"now": now, "most": most, **_goes_on()})
        return [pk for (pk,) in cursor.fetchall()]


def give_back(claims: Iterable[Claimed]) -> None:
    """Let claims go unused: they are due as they were; those that others have taken stay as they are."""
    mine = list(claims)
    if not mine:
        return
    columns: dict[str, Any] = {
        "pks": [one.pk for one in mine],
        "fences": [one.fence for one in mine],
        "due": [one.due_at for one in mine],
    }
    with connection.cursor() as cursor:
        cursor.execute(GIVE_BACK, columns)


def load(claims: Iterable[Claimed]) -> list[Rollout]:
    """Load claimed rollouts with whatever a tick reads of them; those overtaken meanwhile are left out."""
    wanted = {one.pk: one for one in claims}
    rows = Rollout.objects.filter(pk__in=wanted).order_by().select_related(*RELATED)
    found = {row.pk: row for row in rows if row.fence == wanted[row.pk].fence}
    load_with(found.values())
    for row in found.values():
        row.next_due_at = wanted[row.pk].due_at
    return [found[pk] for pk in wanted if pk in found]
