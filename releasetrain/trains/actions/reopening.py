"""Open a sealed departure for changes again, which nothing else does (RULES I13)."""

from datetime import datetime

from django.db import transaction

from releasetrain.events.actions import record
from releasetrain.lib.errors import Invalid
from releasetrain.lib.schedule import at_words
from releasetrain.trains.actions.locking import locked_departure
from releasetrain.trains.actions.refusals import SteeringRefused, refuse_unless
from releasetrain.trains.models import Departure
from releasetrain.trains.queries import Action, By, verdict
from releasetrain.trains.rules.bundling import why_not_reopen
from releasetrain.trains.rules.states import DepartureState
from releasetrain.trains.rules.timetable import CUT_OFF

LONGEST_REASON = 300
OPENED = ["state", "sealed_at", "cleared_at", "cut_off_at", "cut_offs", "moved"]


@transaction.atomic
def reopen_boarding(
    departure: Departure, *, cut_off_at: datetime, reason: str, by: By, now: datetime
) -> Departure:
    """Let changes board and leave a sealed departure until a new cut-off, which seals it as a new revision.

    Its manifests and votes stay on record; people decide about the new revision.

    :param cut_off_at: of every category
    :raises SteeringRefused: it is not sealed, has left or ended
    :raises Invalid: no reason; or the new cut-off has passed, or lies after the departure
    :raises NotAllowed: this person does not run the departure
    """
    locked = locked_departure(departure.pk)
    refuse_unless(verdict(Action.REOPEN, locked, by, now), SteeringRefused)
    said = reason.strip()[:LONGEST_REASON]
    if not said:
        raise Invalid("Say why it boards again; everybody aboard will read it.", field="reason")
    zone = locked.train.time_zone
    if why := why_not_reopen(
        DepartureState(locked.state),
        cut_off_at=cut_off_at,
        departs_at=locked.departs_at,
        zone=zone,
        now=now,
    ):
        raise Invalid(why.text, field="cut_off_at")
    before, revision = locked.cut_off_at, locked.manifests.count()
    categories = {"", *locked.cut_offs}
    locked.state = DepartureState.BOARDING.value
    locked.sealed_at = locked.cleared_at = None
    locked.cut_off_at, locked.cut_offs = cut_off_at, dict.fromkeys(categories, cut_off_at.isoformat())
    noted = {"by": str(by)[:200], "at": now.isoformat(), "reason": said}
    for what in (f"{CUT_OFF}{one}" for one in categories):
        first = locked.moved.get(what, {}).get("from", before.isoformat())
        locked.moved = {**locked.moved, what: {"from": first, **noted}}
    locked.save(update_fields=OPENED)
    record(
        kind="trains.departure.boarding_reopened",
        subject=locked,
        actor=by,
        now=now,
        reason=said,
        to=at_words(cut_off_at, zone),
        to_at=cut_off_at.isoformat(),
        revision=revision,
    )
    return locked
