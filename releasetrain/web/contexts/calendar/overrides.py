"""Say who was let through which windows, why, and whose review is owed (RULES W7)."""

from datetime import datetime

from django.db.models import Q, QuerySet

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Roles
from releasetrain.panels import links
from releasetrain.panels.audience import Audience
from releasetrain.panels.overrides import line_of
from releasetrain.panels.shapes import Link, Tab
from releasetrain.trains.models import Override
from releasetrain.trains.queries.overrides import overrides_to_review, overrides_with_everything
from releasetrain.trains.queries.verdicts import Action, verdict
from releasetrain.web.contexts.calendar.shapes import OverrideRow

SHOWS = (
    ("review", "To review"),
    ("waiting", "Waiting for a second person"),
    ("active", "Counting now"),
    ("all", "All"),
)


def overrides_shown(show: str, now: datetime) -> QuerySet[Override]:
    """Return the overrides of one of the lists."""
    standing = Q(withdrawn_at__isnull=True, expires_at__gt=now)
    if show == "waiting":
        return overrides_with_everything().filter(standing, approved_at__isnull=True)
    if show == "active":
        return overrides_with_everything().filter(standing, approved_at__isnull=False)
    return overrides_with_everything() if show == "all" else overrides_to_review()


def override_tabs(show: str, now: datetime) -> list[Tab]:
    """Lead to each list, with how many wait in those where somebody has to do something."""
    counts = {"review": overrides_to_review().count(), "waiting": overrides_shown("waiting", now).count()}
    return [
        Tab(label, f"/calendar/overrides/?show={name}", name == show, counts.get(name))
        for name, label in SHOWS
    ]


def override_row(
    row: Override, now: datetime, *, person: User | None = None, roles: Roles | None = None
) -> OverrideRow:
    """Say one override; with a person, whether they may review it."""
    is_owed = row.review_due_at is not None and row.reviewed_at is None
    answer = verdict(Action.REVIEW_OVERRIDE, row, person, now, roles=roles) if person and is_owed else None
    return OverrideRow(
        line=line_of(row, Audience.MEMBER, now),
        departure=Link(f"{row.departure.code} {row.departure.train.name}", links.departure(row.departure_id)),
        is_overdue=bool(is_owed and row.review_due_at and row.review_due_at <= now),
        review_url=f"/calendar/overrides/{row.pk}/review/" if answer and answer.is_allowed else "",
        why_not_review=answer.reasons[0] if answer and not answer.is_allowed else None,
    )
