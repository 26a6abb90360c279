"""Set back what a rollout's changes changed besides traffic: the flags they stand behind (ENGINE T10).

When a rollout takes its target it is written down what each flag of its changes was; when it comes back they
are set to that again, the last one first. A flag is only ever lowered by this: nobody gets more of anything.
"""

import logging
from datetime import datetime

from django.db import transaction

from releasetrain.events.actions import SystemActor, record
from releasetrain.flags.actions import set_percentage
from releasetrain.flags.models import FlagEnvironment
from releasetrain.rollouts.models import Compensation, Rollout
from releasetrain.rollouts.rules.states import RolloutKind
from releasetrain.rollouts.together import services_of

logger = logging.getLogger(__name__)

ENGINE = SystemActor("rollout engine")
FLAG = "flag"
# After so many tries it is left to people, who are told; traffic is back already.
MOST_TRIES = 5


def note_compensations(row: Rollout) -> None:
    """Write down what the flags of the changes aboard are, in the caller's transaction; once is enough."""
    if row.departure is None or row.kind != RolloutKind.FORWARD or row.compensations.exists():
        return
    keys = [key for key in _flags_of(row) if key != row.target.driver_config.get("flag")]
    rows = FlagEnvironment.objects.filter(flag__key__in=keys, environment=row.target.environment_id)
    found = {one.flag.key: one for one in rows.select_related("flag")}
    Compensation.objects.bulk_create(
        Compensation(
            rollout=row, number=number, kind=FLAG, what=key, before={"percentage": _served(found[key])}
        )
        for number, key in enumerate((key for key in keys if key in found), 1)
    )


def _flags_of(row: Rollout) -> list[str]:
    assert row.departure is not None  # noqa: S101 - asked by the caller
    service = row.target.service
    own = [
        one
        for one in services_of(row.departure)
        if one.get("id") == service.pk or one.get("service") == service.slug
    ]
    return list(
        dict.fromkeys(
            change["flag"] for one in own for change in one.get("changes", ()) if change.get("flag")
        )
    )


def _served(state: FlagEnvironment) -> int:
    return 0 if state.killed_at is not None or not state.enabled else state.percentage


def compensate(row: Rollout, now: datetime) -> str:
    """Go on with what has to be set back, the last one first; return what is left in words, "" for nothing.

    One that fails keeps those before it waiting until it was tried often enough.
    """
    for one in row.compensations.filter(done_at__isnull=True).order_by("-number"):
        if not _undo(one, row, now):
            return f"The flag “{one.what}” has to be set back first; try {one.tries} of {MOST_TRIES}."
    return ""


def _undo(one: Compensation, row: Rollout, now: datetime) -> bool:
    one.tries += 1
    try:
        with transaction.atomic():
            one.answer = _set_back(one, row, now)
        one.done_at = now
    except Exception as error:
        logger.exception("“%s” of %s could not be set back.", one.what, row)
        one.answer = f"{type(error).__name__}: {error}"[:500]
        if one.tries >= MOST_TRIES:
            _give_up(one, row, now)
            return True
    one.save(update_fields=["tries", "answer", "done_at"])
    return one.done_at is not None


@transaction.atomic
def _give_up(one: Compensation, row: Rollout, now: datetime) -> None:
    """Leave it to people, who are told."""
    one.done_at = now
    one.save(update_fields=["tries", "answer", "done_at"])
    record(
        kind="rollouts.compensation.failed",
        subject=row,
        actor=ENGINE,
        now=now,
        flag=one.what,
        reason=f"after {one.tries} tries, {one.answer}"[:500],
        pages=True,
    )


def _set_back(one: Compensation, row: Rollout, now: datetime) -> str:
    before = int(one.before["percentage"])
    rows = FlagEnvironment.objects.filter(flag__key=one.what, environment=row.target.environment_id)
    state = rows.select_for_update(no_key=True, of=("self",)).first()
    if state is None:
        return "The flag is gone."
    if _served(state) <= before:
        return "It is no higher than it was."
    name = row.departure.code if row.departure else "The rollout"
    set_percentage(
        state,
        before,
        fence=state.fence,
        key=f"{row.pk}:compensation:{one.number}",
        reason=f"{name} came back.",
        actor=ENGINE,
        now=now,
    )
    return "Set back."
