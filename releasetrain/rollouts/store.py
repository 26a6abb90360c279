"""Read a rollout's rows into the values that the machine takes, and write a step back as one commit."""

from collections.abc import Iterable
from dataclasses import fields
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Value
from django.db.models.functions import Coalesce

from releasetrain.accounts.models import User
from releasetrain.calendars.rules.windows import Lane
from releasetrain.events.actions import Actor, record
from releasetrain.incidents.actions import open_incident
from releasetrain.rollouts import locks, models
from releasetrain.rollouts.ladders import patience_seconds, settle_seconds
from releasetrain.rollouts.loaded import guardrails_of, held_by
from releasetrain.rollouts.locks import LostClaim as LostClaim
from releasetrain.rollouts.promises import Promise
from releasetrain.rollouts.rules.guardrails import Guardrail, GuardrailKind, GuardrailState, Judgement, NoData
from releasetrain.rollouts.rules.ladder import Ladder, Stage
from releasetrain.rollouts.rules.snapshot import EventKind, Hold, Snapshot, Step, StepEvent
from releasetrain.rollouts.rules.states import TERMINAL_STATES, HoldKind, RolloutKind, RolloutState

# What the machine changes; the names are the same in the snapshot and in the row.
FIELDS = (
    "state",
    "state_entered_at",
    "stage_index",
    "approved_stage",
    "is_superseded",
    "makes_way",
    "desired_weight",
    "observed_weight",
    "observed_at",
    "agreed_at",
    "weight_fence",
    "fence",
    "seq",
    "bake_credit_seconds",
    "bake_needed_seconds",
    "last_credit_at",
    "deadline_at",
    "overall_deadline_at",
    "next_due_at",
    "data_fresh_at",
    "drift_reasserted",
    "rollback_attempts",
    "stuck_at",
    "acknowledged_windows",
    "is_window_return",
)

# What a guardrail promises; the names are the same in the rule and in the row.
PROMISED = tuple(one.name for one in fields(Guardrail))


def guardrail_of(row: models.Guardrail) -> Guardrail:
    """Read a guardrail's row."""
    return promise_of(row)


def promise_of(row: Promise) -> Guardrail:
    """Read what a guardrail, or a template of one, promises."""
    return Guardrail(
        **{name: getattr(row, name) for name in PROMISED if name not in {"kind", "no_data"}},
        kind=GuardrailKind(row.kind),
        no_data=NoData(row.no_data),
    )


def snapshot_of(row: models.Rollout) -> Snapshot:
    """Read a rollout with its open holds, its guardrails and what those carry."""
    holds, ladder = held_by(row), Ladder.from_json(row.ladder)
    guardrails = guardrails_of(row.target)
    return Snapshot(
        id=row.pk,
        kind=RolloutKind(row.kind),
        ladder=ladder,
        is_accelerated=row.is_accelerated,
        starts_at=row.starts_at,
        holds=tuple(hold_of(hold) for hold in holds),
        guardrails=_guardrails_at(ladder.stage(row.stage_index), guardrails),
        guardrail_states={
            name: GuardrailState.from_json(state) for name, state in row.guardrail_states.items()
        },
        reason=row.reason,
        zone=row.departure.train.time_zone if row.departure else "UTC",
        **{name: getattr(row, name) for name in FIELDS if name not in ("state", "acknowledged_windows")},
        state=RolloutState(row.state),
        is_hotfix=row.departure is not None and row.departure.train.lane == Lane.HOTFIX,
        acknowledged_windows=tuple(row.acknowledged_windows),
        settle_seconds=settle_seconds(row.target),
        patience_seconds=patience_seconds(row.target),
    )


def _guardrails_at(stage: Stage, rows: Iterable[models.Guardrail]) -> tuple[Guardrail, ...]:
    """Read the guardrails of a stage; nobody knows which share a segment has, and copies are no users."""
    is_whole = not stage.segment and not stage.mirror
    known = (guardrail_of(one) for one in rows)
    return tuple(one for one in known if is_whole or one.kind is not GuardrailKind.SAMPLE_RATIO)


def hold_of(row: models.Hold) -> Hold:
    """Read a hold's row."""
    return Hold(
        kind=HoldKind(row.kind),
        reason=row.reason,
        opened_at=row.opened_at,
        until=row.until,
        opened_by=str(row.opened_by or ""),
        resumes_at=row.resumes_at,
    )


@transaction.atomic(savepoint=False)
def write(
    step: Step,
    row: models.Rollout,
    *,
    actor: Actor | None,
    now: datetime,
    counted_reading: int | None = None,
) -> list[models.Intent]:
    """Write everything that a step changes, in the caller's transaction, and return the intents to act on.

    :raises LostClaim: the row is no longer as the step found it
    """
    before, after = step.before, step.snapshot
    values = {name: getattr(after, name) for name in FIELDS}
    values["reason"] = after.reason[:500]
    values["guardrail_states"] = {name: one.to_json() for name, one in after.guardrail_states.items()}
    values["failures"] = 0
    values["finished_at"] = row.finished_at or (now if after.state in TERMINAL_STATES else None)
    if counted_reading is not None:
        values["counted_reading"] = counted_reading
    if is_bound(after.state) and not is_bound(before.state):
        locks.take_for(row, after, now)
    mine = models.Rollout.objects.filter(pk=row.pk, fence=before.fence, state=before.state, seq=before.seq)
    if mine.update(**values) != 1:
        raise LostClaim(f"Rollout {row.pk} has moved on under another fence.")
    if is_bound(before.state) and not is_bound(after.state):
        locks.give_back(row, now)
    for name, value in values.items():
        setattr(row, name, value)
    person = actor if isinstance(actor, User) else None
    _write_transitions(step, row)
    _write_holds(step, row, person, now)
    _write_judgements(step.judgements, row)
    intents = _write_intents(step, row, now)
    _tell(step, row, actor, now)
    return intents


def _write_transitions(step: Step, row: models.Rollout) -> None:
    models.Transition.objects.bulk_create(
        models.Transition(
            rollout=row,
            seq=one.seq,
            rule=one.rule,
            from_state=one.from_state,
            to_state=one.to_state,
            stage_index=one.stage_index,
            weight=one.weight,
            fence=one.fence,
            bake_credit_seconds=one.bake_credit_seconds,
            reason=one.reason[:500],
            at=one.at,
        )
        for one in step.transitions
    )


def _write_holds(step: Step, row: models.Rollout, person: User | None, now: datetime) -> None:
    open_holds = models.Hold.objects.filter(rollout=row, cleared_at__isnull=True)
    for kind in step.holds_cleared:
        went_on_at = Coalesce("resumes_at", Value(now)) if kind is HoldKind.BLACKOUT else None
        open_holds.filter(kind=kind).update(cleared_at=now, cleared_by=person, resumes_at=went_on_at)
    for hold in step.holds_opened:
        changed = open_holds.filter(kind=hold.kind).update(
            reason=hold.reason[:500], until=hold.until, resumes_at=hold.resumes_at
        )
        if not changed:
            models.Hold.objects.create(
                rollout=row,
                kind=hold.kind,
                reason=hold.reason[:500],
                opened_at=hold.opened_at,
                until=hold.until,
                resumes_at=hold.resumes_at,
                opened_by=person,
            )


def _write_judgements(judgements: tuple[Judgement, ...], row: models.Rollout) -> None:
    """Keep the newest word of each guardrail on each stage."""
    ids = {one.name: one.pk for one in guardrails_of(row.target)}
    models.Judgement.objects.bulk_create(
        [
            models.Judgement(
                rollout=row,
                guardrail_id=ids[one.guardrail],
                stage_index=one.stage_index,
                verdict=one.verdict,
                sentence=one.sentence[:500],
                evidence=dict(one.figures),
                at=one.at,
            )
            for one in judgements
            if one.guardrail in ids
        ],
        update_conflicts=True,
        unique_fields=["rollout", "guardrail", "stage_index"],
        update_fields=["verdict", "sentence", "evidence", "at"],
    )


def _write_intents(step: Step, row: models.Rollout, now: datetime) -> list[models.Intent]:
    return models.Intent.objects.bulk_create(
        models.Intent(
            rollout=row,
            action=one.action,
            weight=one.weight,
            rung=one.rung,
            fence=one.fence,
            key=f"{row.target_id}:{row.pk}:{one.fence}:{one.action}",
            created_at=now,
        )
        for one in step.intents
    )


def _tell(step: Step, row: models.Rollout, actor: Actor | None, now: datetime) -> None:
    for event in step.events:
        record(kind=event.kind, subject=row, actor=actor, now=now, **event.data, **_told_of(event, row))
        is_failure = event.kind is EventKind.ROLLBACK_STARTED and not row.is_window_return
        if is_failure and row.incident_id is None:
            _open_incident(row, actor, now)


def _told_of(event: StepEvent, row: models.Rollout) -> dict[str, Any]:
    """Say beside an event that concerns people who is to be told, and by which step they are told once."""
    if event.pages:
        return {"pages": True, "seq": row.seq}
    return {"seq": row.seq} if event.kind is EventKind.HOLD_OPENED else {}


def _open_incident(row: models.Rollout, actor: Actor | None, now: datetime) -> None:
    """Open an incident for a rollback: every one makes the next train safer.

    Where a window took it back nothing went wrong with the version, and nothing is opened (RULES W1).
    """
    row.incident = open_incident(
        service=row.target.service,
        title=f"{row.target.service}: {row.to_version} was rolled back. {row.reason}"[:200],
        by=actor,
        now=now,
    )
    row.save(update_fields=["incident"])


def is_bound(state: RolloutState) -> bool:
    """Tell whether a rollout in this state has its target."""
    return state.value not in models.UNBOUND_STATES
