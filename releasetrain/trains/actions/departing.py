"""Let departures leave, arrive, come back, or be cancelled."""

from collections.abc import Collection, Mapping
from datetime import datetime

from django.db import transaction

from releasetrain.events.actions import SYSTEM, record
from releasetrain.lib.errors import Invalid, Stale
from releasetrain.lib.schedule import at_words
from releasetrain.trains.actions.decisions import reopen
from releasetrain.trains.actions.holding import hold_by_system, what_holds
from releasetrain.trains.actions.ledger import close
from releasetrain.trains.actions.locking import locked_departure
from releasetrain.trains.actions.onward import Placement, locked_with_platforms, place
from releasetrain.trains.actions.refusals import NotDue, SteeringRefused, refuse_unless
from releasetrain.trains.models import Change, Departure
from releasetrain.trains.queries import Action, By, Standing, standing_of, verdict
from releasetrain.trains.rules.boarding import GONE
from releasetrain.trains.rules.ledger import End
from releasetrain.trains.rules.states import DEPARTURE_TRANSITIONS, ChangeState, DepartureState

D = DepartureState


@transaction.atomic
def depart(departure: Departure, *, now: datetime, by: By = SYSTEM) -> Departure:
    """Let a cleared departure leave, exactly once, after asking everything again.

    The departure comes back rolling; or deciding, where a vote no longer counts (RULES D3); or held, where a
    window is open, one would hold it on its way and nobody has accepted that (W4), an author has not checked
    in, it is too late to leave by itself (T11), or nothing could move a service aboard.

    :raises NotDue: it is not cleared, is held, its time is still ahead, or it has left already (D9)
    """
    locked = locked_departure(departure.pk)
    _refuse_early(locked, now)
    standing = standing_of(locked, now)
    if standing.tally is None or not standing.tally.is_go:
        reopen(locked, standing, now)
        return locked
    if not standing.verdict.is_allowed:
        return _hold(locked, standing, now)
    _leave(locked, now)
    services = standing.manifest.content["services"] if standing.manifest else []
    record(
        kind="trains.departure.departed",
        subject=locked,
        actor=by,
        now=now,
        services=", ".join(f"{one['name']} {one['version']}" for one in services),
        revision=standing.manifest.revision if standing.manifest else 0,
        digest=standing.manifest.digest if standing.manifest else "",
    )
    return locked


def _refuse_early(locked: Departure, now: datetime) -> None:
    state = D(locked.state)
    if state in GONE:
        raise NotDue(f"{locked} {GONE[state]} already.", code="gone")
    if state is not D.CLEARED:
        raise NotDue(f"{locked} is {state.value}, not cleared to depart.", code="not_cleared")
    if locked.held_at is not None:
        raise NotDue(f"{locked} is held: {locked.held_reason}", code="held", until=locked.held_until)
    if now < locked.departs_at:
        when = at_words(locked.departs_at, locked.train.time_zone)
        raise NotDue(f"{locked} departs on {when}.", code="time", until=locked.departs_at)


def _hold(locked: Departure, standing: Standing, now: datetime) -> Departure:
    """Hold what may not leave now, under the kind that says how the hold ends."""
    found = what_holds(standing.verdict)
    if found is None:
        raise NotDue(standing.verdict.sentence(), code="not_allowed", until=standing.verdict.until)
    return hold_by_system(locked, found.kind, found.reason, now=now, until=found.until)


def _leave(locked: Departure, now: datetime) -> None:
    """Set it rolling by a conditional update: whoever finds no row has lost the race."""
    left = Departure.objects.filter(pk=locked.pk, state=D.CLEARED, held_at__isnull=True)
    if left.update(state=D.ROLLING, departed_at=now) != 1:
        raise NotDue(f"{locked} has departed already.", code="gone")
    locked.state, locked.departed_at = D.ROLLING.value, now


@transaction.atomic
def arrive(departure: Departure, *, now: datetime, outcome: str = "") -> Departure:
    """End a departure whose services all reached everybody: its changes are shipped.

    :raises Stale: it is not rolling
    """
    locked = _finishing(departure, D.ARRIVED)
    _finish(locked, D.ARRIVED, outcome or "Every service reached 100 %.", now)
    aboard = list(locked.changes.filter(state=ChangeState.ABOARD))
    close(aboard, locked, End.SHIPPED, by=SYSTEM, now=now, reason=locked.outcome)
    _end(aboard, ChangeState.SHIPPED)
    record(kind="trains.departure.arrived", subject=locked, actor=SYSTEM, now=now, outcome=locked.outcome)
    return locked


@transaction.atomic
def mark_rolled_back(
    departure: Departure,
    *,
    reason: str,
    now: datetime,
    by: By = SYSTEM,
    shipped_services: Collection[int] = (),
) -> Departure:
    """End a departure that came back, while it was rolling or after it had arrived: its changes are returned.

    :param shipped_services: ids of services that stay at their new version all the same
    :raises Stale: it is neither rolling nor arrived
    """
    locked = _finishing(departure, D.ROLLED_BACK)
    _finish(locked, D.ROLLED_BACK, reason, now)
    aboard = list(locked.changes.filter(state__in=[ChangeState.ABOARD, ChangeState.SHIPPED]))
    stay = [one for one in aboard if one.service_id in shipped_services]
    back = [one for one in aboard if one.service_id not in shipped_services]
    close(stay, locked, End.SHIPPED, by=by, now=now, reason="its service stays at the new version")
    close(back, locked, End.RETURNED, by=by, now=now, reason=f"rolled back: {locked.outcome}")
    _end(stay, ChangeState.SHIPPED)
    _end(back, ChangeState.RETURNED)
    record(kind="trains.departure.rolled_back", subject=locked, actor=by, now=now, reason=locked.outcome)
    return locked


@transaction.atomic
def place_returned(
    departure: Departure, *, placements: Mapping[int, Placement], reason: str, by: By, now: datetime
) -> Departure:
    """Let what came back with a departure go on: by the next one, by an express, or not at all (RULES I12).

    :param placements: by change id; the next departure where nothing is said
    :raises SteeringRefused: it did not come back
    :raises Invalid: no reason
    :raises NotAllowed: it is not this person's to place
    """
    locked, platforms = locked_with_platforms(departure, placements, now)
    refuse_unless(verdict(Action.PLACE, locked, by, now), SteeringRefused)
    if not reason.strip():
        raise Invalid("Say why it may go again; everybody aboard will read it.", field="reason")
    said = f"placed after it came back: {reason.strip()}"
    came_back = (ChangeState.RETURNED,)
    placed = place(locked, platforms, placements, by=by, now=now, reason=said, states=came_back)
    record(
        kind="trains.departure.placed",
        subject=locked,
        actor=by,
        now=now,
        reason=reason.strip()[:300],
        count=len(placed.moved),
        **placed.to_json(),
    )
    return locked


def _end(changes: Collection[Change], state: ChangeState) -> None:
    Change.objects.filter(pk__in=[one.pk for one in changes]).update(state=state)


def _finishing(departure: Departure, to: DepartureState) -> Departure:
    locked = locked_departure(departure.pk)
    if to not in DEPARTURE_TRANSITIONS[D(locked.state)]:
        raise Stale(
            f"{locked} is {locked.state.replace('_', ' ')} and cannot be {to.value.replace('_', ' ')}."
        )
    return locked


def _finish(locked: Departure, state: DepartureState, outcome: str, now: datetime) -> None:
    locked.state = state.value
    locked.finished_at = now
    locked.outcome = outcome.strip()[:300]
    locked.save(update_fields=["state", "finished_at", "outcome"])


@transaction.atomic
def cancel(
    departure: Departure,
    *,
    reason: str,
    by: By,
    now: datetime,
    placements: Mapping[int, Placement] | None = None,
) -> Departure:
    """Cancel a departure that has not left, and place every change aboard (RULES I12).

    A change goes to the train's next departure unless it is placed otherwise; votes do not travel. Where
    there is no next departure it is returned to its author.

    :param placements: by change id
    :raises SteeringRefused: it has left or ended
    :raises Invalid: no reason
    :raises NotAllowed: it is not this person's to cancel
    """
    locked, platforms = locked_with_platforms(departure, placements or {}, now)
    refuse_unless(verdict(Action.CANCEL, locked, by, now), SteeringRefused)
    if not reason.strip():
        raise Invalid("Say why it is cancelled; everybody aboard will read it.", field="reason")
    said = f"cancelled: {reason.strip()}"
    placed = place(locked, platforms, placements or {}, by=by, now=now, reason=said)
    _finish(locked, D.CANCELLED, reason, now)
    record(
        kind="trains.departure.cancelled",
        subject=locked,
        actor=by,
        now=now,
        reason=locked.outcome,
        **placed.to_json(),
    )
    return locked
