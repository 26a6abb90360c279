"""Shape rows into what the API says of them."""

from collections.abc import Iterable
from typing import Any

from releasetrain.api import schemas
from releasetrain.insights.arrival import Arrival
from releasetrain.rollouts.models import Rollout
from releasetrain.trains.models import Change, Departure, Manifest
from releasetrain.trains.rules.states import ChangeState, DepartureState


def departure(row: Departure) -> schemas.DepartureOut:
    """Shape a departure that was loaded with its train and the number of its changes."""
    return schemas.DepartureOut(**_facts(row))


def departure_detail(
    row: Departure, aboard: Iterable[Change], manifest: Manifest | None
) -> schemas.DepartureDetail:
    """Shape a departure with what is aboard."""
    return schemas.DepartureDetail(
        **_facts(row),
        aboard=[change(one) for one in aboard],
        manifest=sealed(manifest) if manifest else None,
    )


def sealed(row: Manifest) -> schemas.ManifestOut:
    """Shape a manifest without its content, which is what is aboard."""
    return schemas.ManifestOut(digest=row.digest, revision=row.revision, sealed_at=row.sealed_at)


def _facts(row: Departure) -> dict[str, Any]:
    is_held = row.held_at is not None
    return {
        "id": row.pk,
        "code": row.code,
        "label": row.label,
        "train": schemas.TrainOut(
            slug=row.train.slug, name=row.train.name, environment=row.train.environment.slug
        ),
        "state": DepartureState(row.state),
        "boards_at": row.boards_at,
        "cut_off_at": row.cut_off_at,
        "departs_at": row.departs_at,
        "departed_at": row.departed_at,
        "finished_at": row.finished_at,
        "held_reason": row.held_reason if is_held else None,
        "held_until": row.held_until if is_held else None,
        "outcome": row.outcome,
        "changes": getattr(row, "changes_aboard", 0),
    }


def change(row: Change) -> schemas.ChangeOut:
    """Shape a change that was loaded with its service."""
    return schemas.ChangeOut(
        id=row.pk,
        title=row.title,
        url=row.url,
        service=row.service.slug,
        version=row.version,
        author=row.author_label,
        state=row.state,
    )


def arrival(of: Change, found: Arrival) -> schemas.ArrivalOut:
    """Shape when everybody has a change."""
    why = found.blocked
    return schemas.ArrivalOut(
        change=of.pk,
        state=ChangeState(of.state),
        departure=found.departure.pk if found.departure else None,
        p50_at=found.p50_at,
        p90_at=found.p90_at,
        blocked=schemas.BlockOut(code=why.code, message=why.text, until=why.until, who=why.who or None)
        if why
        else None,
        parts=[schemas.PartOut(label=one.label, at=one.at, note=one.note) for one in found.parts],
        sentence=found.sentence,
    )


def rollout(row: Rollout) -> schemas.RolloutOut:
    """Shape a rollout that was loaded with its target, its open holds and its transitions."""
    return schemas.RolloutOut(
        id=row.pk,
        service=row.target.service.slug,
        environment=row.target.environment.slug,
        kind=row.kind,
        from_version=row.from_version,
        to_version=row.to_version,
        state=row.state,
        stage=row.stage_index,
        stages=[int(stage["weight"]) for stage in row.ladder],
        desired_weight=row.desired_weight,
        observed_weight=row.observed_weight,
        observed_at=row.observed_at,
        bake_credit_seconds=row.bake_credit_seconds,
        bake_needed_seconds=row.bake_needed_seconds,
        is_accelerated=row.is_accelerated,
        reason=row.reason,
        created_at=row.created_at,
        finished_at=row.finished_at,
        holds=[
            schemas.HoldOut(kind=one.kind, reason=one.reason, opened_at=one.opened_at, until=one.until)
            for one in getattr(row, "open_holds", [])
        ],
        transitions=[
            schemas.TransitionOut(
                seq=one.seq,
                from_state=one.from_state,
                to_state=one.to_state,
                weight=one.weight,
                reason=one.reason,
                at=one.at,
            )
            for one in row.transitions.all()
        ],
    )
