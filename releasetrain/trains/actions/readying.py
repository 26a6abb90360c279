"""Say that a change is ready, apart from when it lands, and leave behind what is not (real case O7)."""

from datetime import datetime

from django.db import transaction

from releasetrain.events.actions import SYSTEM, record
from releasetrain.trains.actions.locking import locked_change, locked_departure
from releasetrain.trains.actions.placing import take_off
from releasetrain.trains.actions.refusals import BoardingClosed, CannotLeave, refuse_unless
from releasetrain.trains.models import Change, Departure
from releasetrain.trains.queries import Action, By, verdict
from releasetrain.trains.rules.states import ChangeState

MOVED = "Somebody moved this change at the same moment; look at where it is now."
UNREADY = "it was not ready at the cut-off"


@transaction.atomic
def make_ready(change: Change, *, by: By, now: datetime) -> Change:
    """Say that a change may go; whether it has landed in its repository is another question.

    :param now: when that was received; at the cut-off itself one is late
    :raises BoardingClosed: it is ready already, or its departure's cut-off has passed
    :raises NotAllowed: it is not this person's to say
    """
    current = Change.objects.values_list("departure_id", flat=True).get(pk=change.pk)
    if current:
        locked_departure(current)
    waiting = locked_change(change.pk)
    if waiting.departure_id != current:
        raise CannotLeave(MOVED, code="stale")
    refuse_unless(verdict(Action.READY, waiting, by, now), BoardingClosed)
    waiting.awaits_ready, waiting.ready_at = False, now
    waiting.save(update_fields=["awaits_ready", "ready_at"])
    record(kind="trains.change.made_ready", subject=waiting, actor=by, now=now)
    return waiting


def leave_unready(locked: Departure, now: datetime) -> list[Change]:
    """Return what is not ready at the cut-off to its authors; a place is kept until then and no longer."""
    rows = locked.changes.filter(state=ChangeState.ABOARD, awaits_ready=True)
    left = [locked_change(pk) for pk in rows.order_by("pk").values_list("pk", flat=True)]
    for change in left:
        take_off(change, ChangeState.RETURNED, by=SYSTEM, now=now, reason=UNREADY)
        record(
            kind="trains.change.left_behind",
            subject=locked,
            actor=SYSTEM,
            now=now,
            change=change.pk,
            title=change.title,
            reason=UNREADY,
            author_id=change.author_id,
            submitter_id=change.submitted_by_id,
        )
    return left
