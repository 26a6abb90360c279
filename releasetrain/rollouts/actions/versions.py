"""Note which version everybody has once a rollout has arrived, and which hotfix is live with it."""

from datetime import datetime

from releasetrain.catalog.actions import set_stable_version
from releasetrain.events.actions import Actor
from releasetrain.rollouts.models import Rollout
from releasetrain.rollouts.rules.states import RolloutKind
from releasetrain.trains.actions.hotfixes import note_version


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
