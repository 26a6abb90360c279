"""Settle a target for the next version: the old side serves what everybody has, so the new one is free."""

from datetime import datetime

from django.db import transaction

from releasetrain.accounts.models import User
from releasetrain.catalog.access import roles_of
from releasetrain.catalog.models import Target
from releasetrain.events.actions import record
from releasetrain.lib.errors import Invalid, NotAllowed, Refused
from releasetrain.rollouts.access import may_lock
from releasetrain.rollouts.actions.drive import APPLY_SECONDS
from releasetrain.rollouts.drivers import driver_for
from releasetrain.rollouts.drivers.base import Desired
from releasetrain.rollouts.line import last_arrived
from releasetrain.rollouts.locks import occupied, wake_line
from releasetrain.rollouts.models import Rollout
from releasetrain.rollouts.readings import observe
from releasetrain.rollouts.rules.snapshot import Outcome


class NotSettled(Refused):
    """Refuse to settle a target that is moved, that has nothing to settle, or whose driver refuses."""

    code = "not_settled"


def settle_target(target: Target, *, reason: str, by: User, now: datetime) -> None:
    """Set the new side to 0 % once the old side serves the version that everybody has.

    Nobody gets another version by that, if it is true; whoever says so gives their word.

    :raises NotSettled: a rollout has the target, the last one did not arrive, or the driver does not do it
    :raises Invalid: no reason
    :raises NotAllowed: this person may not command rollouts there
    """
    if not may_lock(roles_of(by), target):
        raise NotAllowed(
            f"To settle it one must be on call, a release manager or an administrator for {target.service}.",
            who="an administrator",
        )
    words = reason.strip()[:500]
    if not words:
        raise Invalid("Say how you know that the old side serves it.", field="reason")
    seen = observe(target)
    fence = _claim(target, (seen.fence if seen else None) or 0, by, words, now)
    desired = Desired(target, 0, fence, target.stable_version)
    ack = driver_for(target.driver).apply(desired, key=f"{target.pk}:{fence}:settle", deadline=APPLY_SECONDS)
    if ack.outcome is Outcome.REFUSED:
        raise NotSettled(f"The driver of {target} refused it: {ack.detail}")
    wake_line(target.pk, now)


@transaction.atomic
def _claim(target: Target, above: int, by: User, words: str, now: datetime) -> int:
    """Take a fence above every other one for the call; the word goes on record before it."""
    rows = Target.objects.select_for_update(no_key=True, of=("self",)).select_related("service")
    row = rows.get(pk=target.pk)
    if occupied(row.pk, besides=0):
        raise NotSettled(f"A rollout moves {row}; it is settled once that has arrived.")
    last = last_arrived(row)
    if last is None:
        raise NotSettled(f"Nothing has arrived on {row} that it could be settled to.")
    fence: int = max(last.fence, above) + 1
    Rollout.objects.filter(pk=last.pk).update(fence=fence)
    record(
        kind="rollouts.target.settled", subject=row, actor=by, now=now, version=last.to_version, reason=words
    )
    return fence
