"""Gather who asked to move in spite of windows, who agreed, and who reviewed it (RULES W7)."""

from datetime import datetime

from releasetrain.panels import links
from releasetrain.panels.audience import Audience
from releasetrain.panels.shapes import OverrideLine, Overrides
from releasetrain.trains.models import Override
from releasetrain.trains.queries.overrides import overrides_with_everything


def load_overrides(pk: int, audience: Audience, now: datetime) -> Overrides:
    """Gather the overrides of a departure, newest first."""
    rows = overrides_with_everything().filter(departure=pk)
    return Overrides(pk, [line_of(row, audience, now) for row in rows])


def state_of(override: Override, now: datetime) -> str:
    """Say how far an override has come; the keys are those of LOOKS."""
    if override.withdrawn_at is not None:
        return "withdrawn"
    if override.approved_at is None:
        return "expired" if now >= override.expires_at else "asked"
    if now < override.expires_at:
        return "granted"
    return "used" if override.reviewed_at is None else "reviewed"


def line_of(override: Override, audience: Audience, now: datetime) -> OverrideLine:
    """Say one override; a stakeholder reads what it opens, not who asked and why."""
    sees = audience.sees_people
    withdrawn = f"{override.withdrawn_by_label}: {override.withdrawn_reason}" if override.withdrawn_at else ""
    return OverrideLine(
        pk=override.pk,
        state=state_of(override, now),
        windows=[window.name for window in override.windows.all()],
        services=[service.name for service in override.services.all()],
        expires_at=override.expires_at,
        reason=override.reason if sees else "",
        requested_by=override.requested_by_label if sees else "",
        requested_at=override.requested_at,
        approved_by=override.approved_by_label if sees else "",
        approved_at=override.approved_at,
        review_due_at=override.review_due_at if override.reviewed_at is None else None,
        review=override.review if sees else "",
        reviewed_by=override.reviewed_by_label if sees else "",
        withdrawn=withdrawn if sees else "",
        url=links.override(override.departure_id, override.pk) if sees else "",
    )
