"""Take changes off their departures; the ledger says how, by whom and why."""

from datetime import datetime

from releasetrain.trains.actions.ledger import close
from releasetrain.trains.models import Bundle, Change, Departure
from releasetrain.trains.queries import By
from releasetrain.trains.rules.ledger import ENDS, End
from releasetrain.trains.rules.states import ChangeState

OFF = ["state", "departure", "bundle", "boarded_at", "checked_in_at", "checked_in_by_label"]


def take_off(
    change: Change,
    state: ChangeState,
    *,
    by: By,
    now: datetime,
    reason: str,
    to: Departure | None = None,
    end: End | None = None,
) -> None:
    """Take a locked change off its locked departure; the ledger says how, by whom and why (RULES I16).

    :param to: the departure that it goes on to
    :param end: how its stay ends, where its state does not say so
    """
    if change.departure is not None:
        close([change], change.departure, end or ENDS[state], by=by, now=now, reason=reason, to=to)
    off(change, state)


def off(change: Change, state: ChangeState) -> None:
    """Take a locked change off whatever it is aboard of, and out of its bundle."""
    bundle = change.bundle
    change.state = state.value
    change.departure = change.bundle = change.boarded_at = None
    forget_check_in(change)
    change.save(update_fields=OFF)
    note_left(bundle, change)


def note_left(bundle: Bundle | None, change: Change) -> None:
    """Let a bundle remember who has left it while others stay: it cannot be sealed like that (RULES I9)."""
    if bundle is None or not bundle.changes.exists():
        return
    bundle.refresh_from_db(fields=["missing"])
    known = [one for one in bundle.missing if one["change"] != change.pk]
    bundle.missing = [*known, {"change": change.pk, "title": change.title}]
    bundle.save(update_fields=["missing"])


def forget_check_in(change: Change) -> None:
    """Who has checked in for one departure has not for another."""
    change.checked_in_at, change.checked_in_by_label = None, ""
