"""Write how far a late pass has come; the verbs that people use are in late.py."""

from datetime import datetime

from releasetrain.accounts.models import User
from releasetrain.events.actions import record
from releasetrain.trains.models import Change, Departure, LatePass
from releasetrain.trains.queries import By
from releasetrain.trains.queries.late import LIVE_STATES, is_aboard_with_less, price_of
from releasetrain.trains.rules.late import PassState

OVER = ["state", "over_at", "over_by_label", "over_reason"]
KIND = {
    PassState.USED: "trains.late_pass.used",
    PassState.REFUSED: "trains.late_pass.refused",
    PassState.WITHDRAWN: "trains.late_pass.withdrawn",
    PassState.LAPSED: "trains.late_pass.lapsed",
}


def keep_price(change: Change, locked: Departure, *, by: User, now: datetime, bundle: str) -> LatePass:
    """Keep what a late pass for a locked change would cost now; nobody is asked yet."""
    row, _ = LatePass.objects.update_or_create(
        change=change,
        state=PassState.PRICED.value,
        defaults={
            "departure": locked,
            "bundle": bundle.strip()[:100],
            "version": change.latest_version if is_aboard_with_less(change, locked) else "",
            "price": price_of(change, locked, now).to_json(),
            "priced_at": now,
            "asked_by": by,
            "asked_by_label": str(by)[:200],
        },
    )
    return row


def end_pass(row: LatePass, state: PassState, *, by: By, now: datetime, reason: str) -> LatePass:
    """End a locked pass; one that nobody was asked about ends without a word."""
    was_priced_only = row.state == PassState.PRICED
    row.state = state.value
    row.over_at, row.over_by_label, row.over_reason = now, str(by)[:200], reason[:500]
    if was_priced_only:
        row.reason = row.reason or "It was never asked for."
    row.save(update_fields=[*OVER, "reason"])
    if not was_priced_only:
        record(kind=KIND[state], subject=row, actor=by, now=now, **told(row), reason=row.over_reason)
    return row


def end_passes_of(
    change: Change, *, by: By, now: datetime, reason: str, aboard: Departure | None = None
) -> None:
    """End the live pass of a locked change that came aboard or was withdrawn: used, or not needed any more.

    :param aboard: the departure that it came aboard of after its cut-off
    """
    rows = LatePass.objects.select_for_update(no_key=True, of=("self",)).filter(change=change)
    for row in rows.filter(state__in=LIVE_STATES).select_related("change", "departure__train"):
        is_used = aboard is not None and row.departure_id == aboard.pk and row.state == PassState.GRANTED
        state = PassState.USED if is_used else PassState.WITHDRAWN
        end_pass(row, state, by=by, now=now, reason="it came aboard" if is_used else reason)


def told(row: LatePass) -> dict[str, object]:
    """Return what every event about a pass names."""
    return {
        "departure": str(row.departure),
        "title": row.change.title,
        "change": row.change_id,
        "requested_by_id": row.asked_by_id,
        "author_id": row.change.author_id,
    }
