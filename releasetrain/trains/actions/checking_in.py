"""Ask authors whether they are there for a departure, and note that they are."""

from datetime import datetime

from django.db import transaction

from releasetrain.events.actions import SYSTEM, record
from releasetrain.lib.schedule import at_words
from releasetrain.lib.words import listed
from releasetrain.trains.actions.locking import locked_change, locked_departure
from releasetrain.trains.actions.refusals import CannotLeave, NotDue, SteeringRefused, refuse_unless
from releasetrain.trains.models import Change, Departure
from releasetrain.trains.queries import Action, By, verdict
from releasetrain.trains.rules.states import ChangeState

MOVED = "Somebody moved this change at the same moment; look at where it is now."


@transaction.atomic
def check_in(change: Change, *, by: By, now: datetime) -> Change:
    """Say that the author of a change is there for its departure, where the train asks for that.

    :raises SteeringRefused: it is on no departure, nobody asks, it is too early, or somebody has said so
    :raises NotAllowed: this person does not answer for the change
    """
    current = Change.objects.values_list("departure_id", flat=True).get(pk=change.pk)
    departure = locked_departure(current) if current else None
    checked = locked_change(change.pk)
    if checked.departure_id != current:
        raise CannotLeave(MOVED, code="stale")
    refuse_unless(verdict(Action.CHECK_IN, checked, by, now), SteeringRefused)
    checked.checked_in_at, checked.checked_in_by_label = now, str(by)[:200]
    checked.save(update_fields=["checked_in_at", "checked_in_by_label"])
    record(
        kind="trains.change.checked_in",
        subject=departure or checked,
        actor=by,
        now=now,
        change=checked.pk,
        title=checked.title,
    )
    return checked


@transaction.atomic
def ask_to_check_in(departure: Departure, *, now: datetime) -> Departure:
    """Ask everybody aboard, once, to say that they are there; from now on they can.

    :raises NotDue: its train asks nobody, or check-in is not open yet
    """
    locked = locked_departure(departure.pk)
    lead = locked.train.check_in_lead
    if lead is None or locked.check_in_asked_at is not None:
        raise NotDue(f"{locked} asks nobody to check in, or has asked already.")
    if now < locked.departs_at - lead:
        opens = at_words(locked.departs_at - lead, locked.train.time_zone)
        raise NotDue(f"Check-in opens on {opens}.", until=locked.departs_at - lead)
    waiting = locked.changes.filter(state=ChangeState.ABOARD, checked_in_at__isnull=True)
    names = dict.fromkeys(waiting.order_by("boarded_at", "pk").values_list("author_label", flat=True))
    locked.check_in_asked_at = now
    locked.save(update_fields=["check_in_asked_at"])
    record(
        kind="trains.departure.check_in_asked",
        subject=locked,
        actor=SYSTEM,
        now=now,
        people=listed(list(names)),
        departs_at=locked.departs_at.isoformat(),
    )
    return locked


def ask_again(locked: Departure, now: datetime) -> None:
    """Forget who has checked in for a locked departure that now goes before check-in opens again."""
    lead = locked.train.check_in_lead
    if lead is None or now >= locked.departs_at - lead:
        return
    locked.check_in_asked_at = None
    locked.save(update_fields=["check_in_asked_at"])
    locked.changes.update(checked_in_at=None, checked_in_by_label="")
