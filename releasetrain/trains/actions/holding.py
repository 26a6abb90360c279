"""Hold a departure and let it go on; a hold is an overlay and changes no state."""

from dataclasses import dataclass
from datetime import datetime

from django.db import connection, transaction

from releasetrain.calendars.rules.windows import Stops
from releasetrain.events.actions import SYSTEM, record
from releasetrain.lib.errors import Invalid
from releasetrain.lib.spans import in_words
from releasetrain.lib.verdict import Verdict
from releasetrain.trains.actions.decisions import reopen
from releasetrain.trains.actions.locking import locked_departure
from releasetrain.trains.actions.refusals import NotDue, SteeringRefused, refuse_unless
from releasetrain.trains.models import Departure
from releasetrain.trains.queries import Action, By, Standing, reasons_of, runner_words, standing_of, verdict
from releasetrain.trains.queries.waiting import ahead_of, busy_services, taken_slots
from releasetrain.trains.rules.accepting import agreement
from releasetrain.trains.rules.departing import (
    ASKED_AGAIN,
    MOST_FAILURES,
    HoldKind,
    goes_on_by_itself,
    slot_after,
    why_busy,
)
from releasetrain.trains.rules.states import DepartureState

# Which reasons of a verdict hold a departure that would leave, under which kind; the first that fits.
KINDS = (
    (HoldKind.LATE, ("late",)),
    (HoldKind.TARGET, ("no_target",)),
    (HoldKind.WINDOW, ("window_hard", "window_soft")),
    (HoldKind.FORECAST, ("will_hold",)),
    (HoldKind.NEEDS, ("needs", "bundle")),
    (HoldKind.WITHDRAWAL, ("withdrawal",)),
    (HoldKind.CHECK_IN, ("check_in",)),
    (HoldKind.BLOCKER, ("blocker",)),
    (HoldKind.READINESS, ("unready",)),
    (HoldKind.HOTFIX, ("hotfix_undo",)),
)
# What no release takes away.
STAYS = (
    "window_hard",
    "will_hold",
    "needs",
    "bundle",
    "withdrawal",
    "check_in",
    "blocker",
    "unready",
    "hotfix_undo",
)
# Only one departure at a time looks for the next free slot, so that no two take the same one.
SLOTS_LOCK = 7303014
HELD = ["held_at", "held_reason", "held_until", "held_kind", "held_by_label"]


@dataclass(frozen=True, slots=True)
class Holding:
    """What keeps a departure that would leave now, and until when."""

    kind: HoldKind
    reason: str
    until: datetime | None


def what_holds(verdict: Verdict) -> Holding | None:
    """Read from a verdict what keeps a departure whose time has come, None where nothing does."""
    for kind, codes in KINDS:
        if reasons := reasons_of(verdict, *codes):
            ends = [one.until for one in reasons if one.until]
            until = max(ends) if len(ends) == len(reasons) else None
            return Holding(kind, " ".join(one.text for one in reasons), until)
    return None


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
    locked: Departure,
    kind: HoldKind,
    reason: str,
    *,
    now: datetime,
    until: datetime | None = None,
    since: datetime | None = None,
) -> Departure:
    """Hold a locked departure for a reason that the software found itself.

    :param since: when it has begun to wait, where that was for another reason
    """
    return _hold(locked, kind, reason, by=SYSTEM, until=until, now=now, since=since)


def _hold(
    locked: Departure,
    kind: HoldKind,
    reason: str,
    *,
    by: By,
    until: datetime | None,
    now: datetime,
    since: datetime | None = None,
) -> Departure:
    locked.held_at = since or now
    locked.held_reason = shortened(reason)
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
        captain=runner_words(locked),
    )
    return locked


def shortened(reason: str, most: int = 300) -> str:
    """Cut what is too long to keep between two words."""
    text = reason.strip()
    return text if len(text) <= most else text[: most - 1].rsplit(" ", 1)[0] + "…"


@transaction.atomic
def release(departure: Departure, *, by: By, now: datetime, reason: str = "") -> Departure:
    """Let a held departure go on; one whose time has passed leaves at the next tick.

    Releasing accepts the soft windows that are open over it. A hard one stays: end it, or wait. So does what
    asks for a word of its own: that it will be held on its way, that somebody has not checked in, that a
    change needs what is not there or asks to leave, a blocker, a check that is not green, or that a version
    contains a live hotfix.

    :raises SteeringRefused: it is not held, has gone, a hard window is open, or such a word is missing
    :raises NotAllowed: it is not this person's to release
    """
    locked = locked_departure(departure.pk)
    refuse_unless(verdict(Action.RELEASE, locked, by, now), SteeringRefused)
    locked.acknowledged_windows = sorted(
        {*locked.acknowledged_windows, *_soft_windows(standing_of(locked, now))}
    )
    stays = reasons_of(standing_of(locked, now).verdict, *STAYS)
    if stays and locked.departs_at <= now:
        last = max(stays, key=lambda one: one.until or now)
        raise SteeringRefused(last.text, code=last.code, until=last.until, who=last.who)
    return _release(locked, by=by, now=now, reason=reason.strip()[:300] or "it may go on")


def _soft_windows(standing: Standing) -> list[int]:
    """Return the soft windows that keep a departure, or would hold it on its way."""
    if standing.foreseen is None:
        return []
    course = standing.foreseen.course
    met = [freeze for one in (*course.waits, *course.holds) for freeze in one.freezes]
    return [freeze.id for freeze in met if freeze.level is Stops.SOFT]


def end_hold(locked: Departure, *, by: By, now: datetime, reason: str) -> Departure:
    """End the hold of a locked departure whose cause a person has just removed."""
    return _release(locked, by=by, now=now, reason=reason)


def _release(
    locked: Departure, *, by: By, now: datetime, reason: str, slot: datetime | None = None
) -> Departure:
    """Clear the hold. Time spent held is no lateness: one that is overdue is due now, or at its slot."""
    if locked.state == DepartureState.CLEARED and locked.departs_at < now:
        locked.departs_at = slot or now
    locked.held_at = locked.held_until = None
    locked.held_reason = locked.held_kind = locked.held_by_label = ""
    locked.failures = 0
    locked.save(update_fields=[*HELD, "departs_at", "acknowledged_windows", "accepted_hold", "failures"])
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
def accept_hold(departure: Departure, *, by: By, now: datetime) -> Departure:
    """Let a departure leave although windows will hold it on its way, as is foreseen now (RULES W4).

    Should the forecast become worse before it leaves, somebody has to accept that again.

    :raises SteeringRefused: it has gone, or nothing would hold it
    :raises NotAllowed: it is not this person's to accept
    """
    locked = locked_departure(departure.pk)
    refuse_unless(verdict(Action.ACCEPT_HOLD, locked, by, now), SteeringRefused)
    standing = standing_of(locked, now)
    if standing.foreseen is None or standing.foreseen.course.worst is None:
        raise SteeringRefused(f"No window would hold {locked} on its way; there is nothing to accept.")
    accepted = agreement(standing.foreseen.course)
    locked.accepted_hold = {**accepted, "by": str(by)[:200], "at": now.isoformat()}
    locked.save(update_fields=["accepted_hold"])
    record(
        kind="trains.departure.hold_accepted",
        subject=locked,
        actor=by,
        now=now,
        weight=accepted["weight"],
        until=accepted["until"] or "somebody says so",
        service=accepted["service"],
    )
    if locked.held_kind == HoldKind.FORECAST:
        return _release(locked, by=by, now=now, reason="it may be held on its way")
    return locked


@transaction.atomic
def recheck_hold(departure: Departure, *, now: datetime) -> bool:
    """End a hold whose cause or time is over; tell whether it ended or will at another time (RULES W2, W3).

    Everything is asked again: windows, the forecast, check-ins, whether another departure still moves a
    service aboard, and the votes. Departures that waited leave one after the other. Held for longer than a
    day, a departure waits for a person even then.
    """
    locked = locked_departure(departure.pk)
    if locked.held_at is None:
        raise NotDue(f"{locked} is not held.")
    standing = standing_of(locked, now)
    if locked.held_kind in ASKED_AGAIN:
        if found := what_holds(standing.verdict) or _busy(locked, standing):
            return _keep(locked, found, now)
    elif locked.held_until is None or now < locked.held_until:
        return False
    if not goes_on_by_itself(held_at=locked.held_at, now=now):
        words = in_words(now - locked.held_at)
        reason = f"What held it for {words} is over; after so long a person must say that it goes on"
        hold_by_system(locked, HoldKind.LATE, reason, now=now)
        return True
    slot = _next_slot(locked, now) if locked.held_kind in ASKED_AGAIN else now
    _release(locked, by=SYSTEM, now=now, reason="what held it is over", slot=slot)
    if locked.state == DepartureState.CLEARED and standing.tally and not standing.tally.is_go:
        reopen(locked, standing, now)
    return True


def _busy(locked: Departure, standing: Standing) -> Holding | None:
    """Return the departures that still move something that is aboard this one."""
    why = why_busy(busy_services(locked, standing.load.services))
    return Holding(HoldKind.BUSY, why.text, None) if why else None


def _next_slot(locked: Departure, now: datetime) -> datetime:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", [SLOTS_LOCK])
    return slot_after(now, taken_slots(locked, now), places=ahead_of(locked))


def _keep(locked: Departure, found: Holding, now: datetime) -> bool:
    """Go on holding; another cause is told, a new end of the same one is noted."""
    if found.kind != locked.held_kind:
        hold_by_system(locked, found.kind, found.reason, now=now, until=found.until, since=locked.held_at)
        return True
    is_moved = locked.held_until != found.until
    if is_moved or locked.held_reason != shortened(found.reason):
        locked.held_until, locked.held_reason = found.until, shortened(found.reason)
        locked.save(update_fields=["held_until", "held_reason"])
    return is_moved


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
