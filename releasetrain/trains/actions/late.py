"""Ask for a late pass, knowing its price; grant it, extend it once, use it, let it lapse (RULES I1, I6)."""

from datetime import datetime

from django.db import transaction

from releasetrain.accounts.models import User
from releasetrain.events.actions import SYSTEM, record
from releasetrain.lib.errors import Invalid, NotAllowed, Stale
from releasetrain.lib.schedule import at_words
from releasetrain.trains.actions.changes import board
from releasetrain.trains.actions.locking import locked_change, locked_departure
from releasetrain.trains.actions.passes import end_pass, keep_price, told
from releasetrain.trains.actions.refusals import PassRefused, refuse_unless
from releasetrain.trains.actions.sealing import seal_again
from releasetrain.trains.actions.typed import words_of
from releasetrain.trains.models import Change, Departure, LatePass
from releasetrain.trains.queries import Action, By, verdict
from releasetrain.trains.queries.late import (
    LIVE_STATES,
    due_to_lapse,
    is_aboard_with_less,
    phase_for,
    price_of,
)
from releasetrain.trains.rules.late import PassState, Price, limit_of, why_not_ask, why_not_limit
from releasetrain.trains.rules.states import BOARDING_STATES, DepartureState

LONGEST_REASON, LONGEST_FIX, LONGEST_NOTE = 1000, 300, 500
GRANT = [
    "state",
    "price",
    "use_by",
    "granted_by",
    "granted_by_label",
    "granted_at",
    "seconded_by",
    "seconded_by_label",
]


@transaction.atomic
def price_pass(
    change: Change, departure: Departure, *, by: User, now: datetime, bundle: str = ""
) -> LatePass:
    """Keep what somebody wants to bring aboard late, with its price; nobody is asked yet (RULES I1).

    :raises PassRefused: boarding is open, the departure has left, or the change is where it cannot board
    :raises NotAllowed: this person is no submitter of the service
    """
    locked = locked_departure(departure.pk)
    own = locked_change(change.pk)
    refuse_unless(verdict(Action.ASK_LATE, own, by, now, departure=locked), PassRefused)
    live = own.late_passes.filter(state__in=LIVE_STATES).first()
    if live is not None and live.state != PassState.PRICED:
        raise PassRefused(f"There is a {live} already; it is {live.state}.", code="asked")
    return keep_price(own, locked, by=by, now=now, bundle=bundle or (live.bundle if live else ""))


@transaction.atomic
def ask_pass(
    change: Change,
    departure: Departure,
    *,
    reason: str,
    by: By,
    now: datetime,
    fixes: str = "",
    bundle: str = "",
) -> LatePass:
    """Ask the people who run a departure to let a change aboard after its cut-off, at its price.

    :param fixes: what would stop the departure and is fixed by it; a cleared departure takes nothing else
    :raises Invalid: no reason, or nothing that it fixes where that is asked
    :raises PassRefused: as price_pass
    :raises NotAllowed: as price_pass; tokens and system accounts do not ask
    """
    if not isinstance(by, User):
        raise NotAllowed("Only people ask for a late pass; tokens and system accounts cannot.")
    row = price_pass(change, departure, by=by, now=now, bundle=bundle)
    said = words_of(
        reason, LONGEST_REASON, "Say why it cannot wait for the next departure; people decide by it."
    )
    fixed = fixes.strip()[:LONGEST_FIX]
    _refuse_for_phase(row, fixed, now)
    row.state, row.reason, row.fixes, row.asked_at = PassState.ASKED.value, said, fixed, now
    row.save(update_fields=["state", "reason", "fixes", "asked_at"])
    row.departure.late_passes_asked += 1
    row.departure.save(update_fields=["late_passes_asked"])
    record(
        kind="trains.late_pass.asked",
        subject=row,
        actor=by,
        now=now,
        **told(row),
        reason=said,
        price=Price.from_json(row.price).brief(),
    )
    return row


def _refuse_for_phase(row: LatePass, fixes: str, now: datetime) -> None:
    departure = row.departure
    why = why_not_ask(
        phase_for(row.change, departure, now),
        state=DepartureState(departure.state),
        fixes=fixes,
        cut_off_at=departure.cut_off_for(row.change.boarding_category),
        zone=departure.train.time_zone,
    )
    if why is not None:
        raise Invalid(why.text, field="fixes", code=why.code)


@transaction.atomic
def grant_pass(
    late: LatePass, *, by: By, now: datetime, use_by: datetime | None = None, seen: str = ""
) -> LatePass:
    """Grant a late pass until a limit; that of a cleared departure counts once a second person grants it too.

    :param use_by: until when it is good; a day or its departure where none is said
    :param seen: the seal of the price that was read; another price by now is refused
    :raises PassRefused: it is over, granted already, or only fixes may come now
    :raises Stale: it costs something else by now
    :raises Invalid: the limit has passed or lies after the departure
    :raises NotAllowed: it is not this person's to grant
    """
    row, departure = _locked(late)
    refuse_unless(verdict(Action.GRANT_LATE, row, by, now), PassRefused)
    if not isinstance(by, User):
        raise NotAllowed("Only people grant a late pass; tokens and system accounts cannot.")
    cost = price_of(row.change, departure, now)
    if seen and seen != cost.seal:
        raise Stale(f"It costs something else since your page was drawn: it {cost.brief()}. Read it again.")
    zone = departure.train.time_zone
    limit = use_by or row.use_by or limit_of(departs_at=departure.departs_at, now=now)
    if why := why_not_limit(limit, departs_at=departure.departs_at, after=None, zone=zone, now=now):
        raise Invalid(why, field="use_by")
    row.price, row.use_by = cost.to_json(), limit
    is_second = row.granted_by_label != ""
    if is_second:
        row.seconded_by, row.seconded_by_label = by, str(by)[:200]
    else:
        row.granted_by, row.granted_by_label, row.granted_at = by, str(by)[:200], now
    is_enough = 1 + is_second >= phase_for(row.change, departure, now).grants
    if is_enough:
        row.state = PassState.GRANTED.value
    row.save(update_fields=GRANT)
    record(
        kind="trains.late_pass.granted" if is_enough else "trains.late_pass.backed",
        subject=row,
        actor=by,
        now=now,
        **told(row),
        use_by=at_words(limit, zone),
    )
    return row


@transaction.atomic
def refuse_pass(late: LatePass, *, reason: str, by: By, now: datetime) -> LatePass:
    """Refuse a late pass; its change stays where it is and may board another departure.

    :raises PassRefused: it is over or granted already
    :raises Invalid: no reason
    :raises NotAllowed: it is not this person's to refuse
    """
    row, _ = _locked(late)
    refuse_unless(verdict(Action.REFUSE_LATE, row, by, now), PassRefused)
    said = words_of(reason, LONGEST_NOTE, "Say why; who asked for it reads that.")
    return end_pass(row, PassState.REFUSED, by=by, now=now, reason=said)


@transaction.atomic
def withdraw_pass(late: LatePass, *, by: By, now: datetime, reason: str = "") -> LatePass:
    """Take a late pass back that is not used, by who asked for it or who runs the departure.

    :raises PassRefused: it is over
    :raises NotAllowed: it is not this person's to take back
    """
    row, _ = _locked(late)
    refuse_unless(verdict(Action.WITHDRAW_LATE, row, by, now), PassRefused)
    return end_pass(
        row, PassState.WITHDRAWN, by=by, now=now, reason=reason.strip() or "it is not needed any more"
    )


@transaction.atomic
def extend_pass(late: LatePass, *, use_by: datetime, reason: str, by: By, now: datetime) -> LatePass:
    """Let a granted pass be good for longer, once (RULES I6).

    :raises PassRefused: it is over, not granted, or was extended already
    :raises Invalid: no reason, or the limit is not later or lies after the departure
    :raises NotAllowed: it is not this person's to extend
    """
    row, departure = _locked(late)
    refuse_unless(verdict(Action.EXTEND_LATE, row, by, now), PassRefused)
    said = words_of(reason, LONGEST_NOTE, "Say why it needs longer.")
    zone = departure.train.time_zone
    if why := why_not_limit(use_by, departs_at=departure.departs_at, after=row.use_by, zone=zone, now=now):
        raise Invalid(why, field="use_by")
    row.use_by, row.extended_at = use_by, now
    row.extended_by_label, row.extended_reason = str(by)[:200], said
    row.save(update_fields=["use_by", "extended_at", "extended_by_label", "extended_reason"])
    record(
        kind="trains.late_pass.extended",
        subject=row,
        actor=by,
        now=now,
        **told(row),
        use_by=at_words(use_by, zone),
        reason=said,
    )
    return row


@transaction.atomic
def use_pass(late: LatePass, *, by: By, now: datetime) -> Change:
    """Bring aboard what a pass was granted for, the change or its newer version; a seal is revised by that.

    :raises PassRefused: it is not granted, or its limit has passed
    :raises BoardingClosed: something else keeps the change from boarding
    """
    row, departure = _locked(late)
    change = row.change
    refuse_unless(verdict(Action.USE_LATE, row, by, now), PassRefused)
    if not row.version:
        return board(change, departure, by=by, now=now, bundle=row.bundle)
    if not is_aboard_with_less(change, departure):
        raise PassRefused(
            f"“{change}” is not aboard {departure} with an older version any more.", code="stale"
        )
    change.version = row.version
    change.save(update_fields=["version"])
    end_pass(row, PassState.USED, by=by, now=now, reason=f"{row.version[:40]} came aboard")
    if departure.state not in BOARDING_STATES:
        seal_again(departure, now)
    return change


@transaction.atomic
def lapse_pass(pk: int, *, now: datetime) -> LatePass:
    """Let a pass lapse whose limit has passed or whose departure has left; its people are told (RULES I6).

    :raises PassRefused: it is over already, or still good
    """
    row, departure = _locked(LatePass.objects.select_related("change").get(pk=pk))
    if not due_to_lapse(now).filter(pk=pk).exists():
        raise PassRefused(f"The {row} is {row.state}; it does not lapse now.", code="good")
    is_over = row.state == PassState.GRANTED and row.use_by is not None and row.use_by <= now
    limit = at_words(row.use_by, departure.train.time_zone) if row.use_by else ""
    why = f"it was good until {limit}" if is_over else f"{departure.code} went on without it"
    return end_pass(row, PassState.LAPSED, by=SYSTEM, now=now, reason=why)


def _locked(late: LatePass) -> tuple[LatePass, Departure]:
    """Lock the departure, the change and the pass, in this order."""
    departure = locked_departure(late.departure_id)
    change = locked_change(late.change_id)
    rows = LatePass.objects.select_for_update(no_key=True, of=("self",))
    row = rows.get(pk=late.pk)
    row.departure, row.change = departure, change
    return row, departure
