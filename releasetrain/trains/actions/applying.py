"""Give a departure that boards the settings that its train has by now, on purpose (RULES I14)."""

from datetime import datetime

from django.db import transaction

from releasetrain.events.actions import record
from releasetrain.lib.errors import Stale
from releasetrain.lib.words import listed
from releasetrain.trains.actions.locking import locked_departure
from releasetrain.trains.actions.refusals import SteeringRefused, refuse_unless
from releasetrain.trains.actions.standby import share_out
from releasetrain.trains.models import Departure
from releasetrain.trains.queries import Action, By, plan_of, verdict
from releasetrain.trains.queries.applying import offered

SEEN = "The settings have changed since you looked; look at the difference again."


@transaction.atomic
def apply_settings(departure: Departure, *, seen: str, by: By, now: datetime) -> Departure:
    """Give a departure that boards the settings of its train; the last in stand by where room has shrunk.

    :param seen: the digest of the difference that the person has read
    :raises Stale: something else than that would be applied
    :raises SteeringRefused: it is sealed, or there is nothing to apply
    :raises NotAllowed: this person does not run the departure
    """
    locked = locked_departure(departure.pk)
    refuse_unless(verdict(Action.APPLY_SETTINGS, locked, by, now), SteeringRefused)
    changes, present = offered(locked)
    if present != seen:
        raise Stale(SEEN)
    if not changes:
        raise SteeringRefused(f"{locked} has the settings of its train already.", code="same")
    locked.plan = plan_of(locked.train).to_json()
    locked.save(update_fields=["plan"])
    what = listed([one.what for one in changes])
    record(
        kind="trains.departure.settings_applied",
        subject=locked,
        actor=by,
        now=now,
        what=what,
        changed=[{"what": one.what, "before": one.before, "after": one.after} for one in changes],
    )
    share_out(locked, by=by, now=now, reason="the departure takes less than before")
    return locked
