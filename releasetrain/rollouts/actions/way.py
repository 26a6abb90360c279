"""Let a train make way for a hotfix (RULES H2)."""

from datetime import datetime

from django.db import transaction

from releasetrain.events.actions import Actor, SystemActor
from releasetrain.rollouts.actions.drive import carry_out
from releasetrain.rollouts.detours import stands_aside
from releasetrain.rollouts.line import is_hotfix
from releasetrain.rollouts.models import UNBOUND_STATES, Intent, Rollout
from releasetrain.rollouts.rules.way import make_way
from releasetrain.rollouts.store import snapshot_of, write

ENGINE = SystemActor("rollout engine")


def take_service(hotfix: Rollout, now: datetime) -> Rollout | None:
    """Ask whoever moves the target of a hotfix to make way, once; None where there is nobody to ask.

    Its users go back to the last good version, its stage is kept, and what shares a bundle with it is held.
    """
    with transaction.atomic():
        holder = _holder(hotfix)
        if holder is None or is_hotfix(holder) or holder.makes_way:
            return None
        intents = give_up(holder, stands_aside(holder, hotfix), by=ENGINE, now=now, to=hotfix)
    carry_out(intents, holder)
    return holder


def _holder(hotfix: Rollout) -> Rollout | None:
    rows = Rollout.objects.select_for_update(no_key=True, of=("self",))
    rows = rows.select_related("target__service", "target__environment", "departure__train__environment")
    return rows.filter(target=hotfix.target_id).exclude(state__in=UNBOUND_STATES).first()


def give_up(
    locked: Rollout, reason: str, *, by: Actor | None, now: datetime, to: Rollout | None = None
) -> list[Intent]:
    """Let a locked rollout give up its target, for a hotfix or for whoever takes over.

    :return: what has to be asked of the driver after the commit
    """
    step = make_way(snapshot_of(locked), reason, now, is_for_hotfix=to is not None)
    intents = write(step, locked, actor=by, now=now)
    if not step.transitions:
        return intents
    locked.yielded_to = to
    # Whoever is displaced by a person goes to the end of the line; a hotfix leaves it its place.
    locked.queued_at = locked.queued_at if to is not None else now
    locked.save(update_fields=["yielded_to", "queued_at"])
    together = Rollout.objects.filter(departure=locked.departure_id, next_due_at__gt=now)
    if locked.departure_id is not None:
        together.exclude(pk=locked.pk).update(next_due_at=now)
    return intents
