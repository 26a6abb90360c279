"""Note which version everybody has once a rollout has arrived, and what has to be settled by hand."""

from datetime import datetime

from releasetrain.catalog.actions import set_stable_version
from releasetrain.events.actions import Actor, record
from releasetrain.events.models import Event
from releasetrain.rollouts.models import Rollout
from releasetrain.rollouts.readings import why_not_settled
from releasetrain.rollouts.rules.snapshot import Observed
from releasetrain.rollouts.rules.states import RolloutKind
from releasetrain.trains.actions.hotfixes import note_version

UNSETTLED = "rollouts.target.unsettled"


def settle_version(row: Rollout, *, by: Actor | None, now: datetime) -> None:
    """Make the version of a rollout the good one of its target, in the caller's transaction."""
    set_stable_version(row.target, row.to_version, by=by, now=now)
    note_version(
        service=row.target.service,
        environment=row.target.environment,
        version=row.to_version,
        # What is taken back was live before: its own departure is not this one.
        departure=row.departure if row.kind == RolloutKind.FORWARD else None,
        now=now,
    )


def ask_to_settle(row: Rollout, observed: Observed | None, *, by: Actor | None, now: datetime) -> None:
    """Say once that a waiting rollout cannot begin before a person has settled its target."""
    reason = why_not_settled(row, observed)
    known = Event.objects.filter(kind=UNSETTLED, subject_kind=row._meta.label_lower, subject_id=row.pk)
    if reason and not known.exists():
        record(kind=UNSETTLED, subject=row, actor=by, now=now, reason=reason)
