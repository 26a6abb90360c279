"""Write many steps in which nothing happened but time, each under its fence, in one statement (ENGINE R1)."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from django.db import connection

from releasetrain.rollouts.loaded import guardrails_of
from releasetrain.rollouts.models import Judgement, Rollout
from releasetrain.rollouts.rules.quiet import CREDITED
from releasetrain.rollouts.rules.snapshot import Step

WRITTEN = (*CREDITED, "counted_reading", "guardrail_states", "failures")
JUDGED = ("guardrail_id", "stage_index", "verdict", "evidence", "sentence", "at")
NEWEST_WORD = ("verdict", "evidence", "sentence", "at")
# One statement, so that a worker that freezes in the middle keeps no row; a row that somebody has is left.
CREDIT = """
WITH told AS MATERIALIZED (
    SELECT * FROM jsonb_to_recordset(%(told)s::jsonb)
    AS t (id bigint, fence bigint, seq integer, state text, judgements jsonb, {typed})
), mine AS MATERIALIZED (
    SELECT r.id FROM rollouts_rollout r
    JOIN told t ON r.id = t.id AND r.fence = t.fence AND r.seq = t.seq AND r.state = t.state
    FOR NO KEY UPDATE OF r SKIP LOCKED
), written AS (
    UPDATE rollouts_rollout r SET {changes} FROM mine JOIN told t ON t.id = mine.id
    WHERE r.id = mine.id RETURNING r.id, t.judgements
), judged AS (
    INSERT INTO rollouts_judgement (rollout_id, {judged})
    SELECT w.id, {judged} FROM written w
    CROSS JOIN LATERAL jsonb_to_recordset(w.judgements) AS j ({judged_typed})
    ON CONFLICT (rollout_id, guardrail_id, stage_index) DO UPDATE SET {newest}
)
SELECT id FROM written
"""


@dataclass(frozen=True, slots=True)
class Credit:
    """A quiet step as it is written: JSON, made beforehand so that one that cannot be spoils no other."""

    pk: int
    text: str


def credit_of(step: Step, row: Rollout, counted_reading: int) -> Credit:
    """Put a quiet step into words for the database.

    :raises ValueError: it holds what JSON cannot say
    """
    after = step.snapshot
    plain: dict[str, Any] = {name: _plain(getattr(after, name)) for name in CREDITED}
    plain |= {
        "id": row.pk,
        "fence": step.before.fence,
        "seq": after.seq,
        "state": after.state,
        "counted_reading": counted_reading,
        "guardrail_states": {name: one.to_json() for name, one in after.guardrail_states.items()},
        "failures": 0,
        "judgements": _judged(step, row),
    }
    return Credit(row.pk, json.dumps(plain, allow_nan=False))


def _plain(value: object) -> object:
    return value.isoformat() if isinstance(value, datetime) else value


def _judged(step: Step, row: Rollout) -> list[dict[str, Any]]:
    ids = {one.name: one.pk for one in guardrails_of(row.target)}
    return [
        {
            "guardrail_id": ids[one.guardrail],
            "stage_index": one.stage_index,
            "verdict": one.verdict,
            "evidence": one.figures,
            "sentence": one.sentence[:500],
            "at": one.at.isoformat(),
        }
        for one in step.judgements
        if one.guardrail in ids
    ]


def write_credits(quiet: Iterable[Credit]) -> set[int]:
    """Write quiet steps with their judgements; returns the ids of those that were still this worker's."""
    told = ",".join(one.text for one in quiet)
    with connection.cursor() as cursor:
        cursor.execute(_statement(), {"told": f"[{told}]"})
        return {pk for (pk,) in cursor.fetchall()}


@cache
def _statement() -> str:
    return CREDIT.format(
        typed=_typed(Rollout, WRITTEN),
        changes=", ".join(f"{name} = t.{name}" for name in WRITTEN),
        judged=", ".join(JUDGED),
        judged_typed=_typed(Judgement, JUDGED),
        newest=", ".join(f"{name} = excluded.{name}" for name in NEWEST_WORD),
    )


def _typed(model: type[Rollout | Judgement], names: Iterable[str]) -> str:
    fields = ((name, model._meta.get_field(name.removesuffix("_id"))) for name in names)
    return ", ".join(f"{name} {field.db_type(connection)}" for name, field in fields)
