"""Hold a departure and let it go on; a hold is an overlay and changes no state."""

from datetime import datetime

from django.db import transaction

from releasetrain.calendars.queries import windows_at
from releasetrain.calendars.rules.judging import stops
from releasetrain.calendars.rules.windows import Stops
from releasetrain.events.actions import SYSTEM, record
from releasetrain.lib.errors import Invalid
from releasetrain.lib.spans import in_words
from releasetrain.trains.actions.locking import locked_departure
from releasetrain.trains.actions.refusals import NotDue, SteeringRefused, refuse_unless
from releasetrain.trains.models import Departure
from releasetrain.trains.queries import Action, By, Standing, captain_words, reasons_of, standing_of, verdict
from releasetrain.trains.rules.departing import MOST_FAILURES, HoldKind, goes_on_by_itself
from releasetrain.trains.rules.states import DepartureState

HELD = ["held_at", "held_reason", "held_until", "held_kind", "held_by_label"]


@transaction.atomic
def hold(
    departure: Departure, *, reason: str, by: By, now: datetime, until: datetime | None = None
) -> Departure:
    """Keep a departure from leaving until somebody releases it, or until a time.

    :raises SteeringRefused: it has gone, or somebody holds it already
    :raises Invalid: no reason, or a time that has passed
    :raises NotAllowed: it is not this person's to hold
    """
    locked = locked_departure(departure.pk)
    refuse_unless(verdict(Action.HOLD, locked, by, now), SteeringRefused)
    if not reason.strip():
        raise Invalid("Say why it is held; people will read it.", field="reason")
    if until is not None and until <= now:
        raise Invalid("That time has passed; choose a later one, or none.", field="until")
    return _hold(locked, HoldKind.PERSON, reason, by=by, until=until, now=now)


def hold_by_system(
    locked: Departure, kind: HoldKind, reason: str, *, now: datetime, until: datetime | None = None
) -> Departure:
    """Hold a locked departure for a reason that the software found itself."""
    return _hold(locked, kind, reason, by=SYSTEM, until=until, now=now)


def _hold(
    locked: Departure, kind: HoldKind, reason: str, *, by: By, until: datetime | None, now: datetime
) -> Departure:
    locked.held_at = now
    locked.held_reason = reason.strip()[:300]
    locked.held_until = until
    locked.held_kind = kind.value
    locked.held_by_label = str(by)[:200]
    locked.save(update_fields=HELD)
    record(
        kind="trains.departure.held",
        subject=locked,
        actor=by,
        now=now,
        reason=locked.held_reason,
        hold=kind.value,
        until=until.isoformat() if until else None,
        captain=captain_words(locked.train),
    )
    return locked


@transaction.atomic
def release(departure: Departure, *, by: By, now: datetime, reason: str = "") -> Departure:
    """Let a held departure go on; one whose time has passed leaves at the next tick.

    Releasing accepts the soft windows that are open over it. A hard one stays: end it, or wait.

    :raises SteeringRefused: it is not held, has gone, or a hard window is open
    :raises NotAllowed: it is not this person's to release
    """
    locked = locked_departure(departure.pk)
    refuse_unless(verdict(Action.RELEASE, locked, by, now), SteeringRefused)
    standing = standing_of(locked, now)
    hard = reasons_of(standing.verdict, "window_hard")
    if hard and locked.departs_at <= now:
        last = max(hard, key=lambda one: one.until or now)
        raise SteeringRefused(last.text, code=last.code, until=last.until, who=last.who)
    locked.acknowledged_windows = sorted({*locked.acknowledged_windows, *_soft_windows(standing, now)})
    return _release(locked, by=by, now=now, reason=reason.strip()[:300] or "it may go on")


def _soft_windows(standing: Standing, now: datetime) -> list[int]:
    at = max(now, standing.departure.departs_at)
    found = stops(windows_at(at), standing.load.places, at)
    return [one.freeze.id for one in found if one.freeze.level is Stops.SOFT]


def _release(locked: Departure, *, by: By, now: datetime, reason: str) -> Departure:
    """Clear the hold. Time spent held is no lateness: a departure that is overdue is due now."""
    if locked.state == DepartureState.CLEARED and locked.departs_at < now:
        locked.departs_at = now
    locked.held_at = locked.held_until = None
    locked.held_reason = locked.held_kind = locked.held_by_label = ""
    locked.failures = 0
    locked.save(update_fields=[*HELD, "departs_at", "acknowledged_windows", "failures"])
    record(
        kind="trains.departure.released",
        subject=locked,
        actor=by,
        now=now,
        reason=reason,
        departs_at=locked.departs_at.isoformat(),
    )
    return locked


@transaction.atomic
def recheck_hold(departure: Departure, *, now: datetime) -> bool:
    """End a hold whose window or time is over; tell whether anything changed (RULES W2).

    Held for longer than a day, a departure waits for a person even then.
    """
    locked = locked_departure(departure.pk)
    if locked.held_at is None:
        raise NotDue(f"{locked} is not held.")
    if locked.held_kind == HoldKind.WINDOW:
        windows = reasons_of(standing_of(locked, now).verdict, "window_hard", "window_soft")
        ends = [one.until for one in windows if one.until]
        if windows:
            return _keep_until(locked, max(ends, default=None))
    elif locked.held_until is None or now < locked.held_until:
        return False
    if goes_on_by_itself(held_at=locked.held_at, now=now):
        _release(locked, by=SYSTEM, now=now, reason="what held it is over")
    else:
        words = in_words(now - locked.held_at)
        reason = f"What held it for {words} is over; after so long a person must say that it goes on"
        hold_by_system(locked, HoldKind.LATE, reason, now=now)
    return True


def _keep_until(locked: Departure, until: datetime | None) -> bool:
    if locked.held_until == until:
        return False
    locked.held_until = until
    locked.save(update_fields=["held_until"])
    return True


@transaction.atomic
def count_failure(pk: int, what: str, *, now: datetime) -> None:
    """Note that the scheduler failed on a departure; after five times it waits for a person."""
    locked = locked_departure(pk)
    locked.failures += 1
    locked.save(update_fields=["failures"])
    if locked.failures >= MOST_FAILURES and locked.held_at is None:
        times = f"The scheduler failed {locked.failures} times ({what})"
        reason = f"{times}. Its log says where; release it to try again"
        hold_by_system(locked, HoldKind.ERROR, reason, now=now)
