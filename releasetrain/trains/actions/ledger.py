"""Write the ledger: who put a change aboard, and how, by whom and why its stay ended (RULES I16)."""

from collections.abc import Iterable
from datetime import datetime

from releasetrain.accounts.models import User
from releasetrain.trains.models import Change, Departure, LedgerEntry
from releasetrain.trains.queries import By, runner_words
from releasetrain.trains.rules.ledger import End, for_whom

LONGEST = 300


def enter(change: Change, locked: Departure, *, by: By, now: datetime) -> LedgerEntry:
    """Write down that a locked change came aboard a locked departure."""
    return LedgerEntry.objects.create(
        change=change,
        departure=locked,
        departure_label=str(locked)[:200],
        entered_at=now,
        entered_by_label=str(by)[:200],
    )


def close(
    changes: Iterable[Change],
    locked: Departure,
    end: End,
    *,
    by: By,
    now: datetime,
    reason: str,
    to: Departure | None = None,
) -> None:
    """Write down how the stay of locked changes aboard a locked departure ended; what ended once is amended.

    :param to: the departure that they go on to
    """
    own = {change.pk: change for change in changes}
    ended = {
        "end": end.value,
        "ended_at": now,
        "ended_by": by if isinstance(by, User) else None,
        "ended_by_label": for_whom(str(by), runner_words(locked), is_person=isinstance(by, User))[:200],
        "reason": reason.strip()[:LONGEST] or end.words,
        "to": to,
    }
    last = LedgerEntry.objects.filter(change__in=own, departure=locked).order_by(
        "change_id", "-entered_at", "-pk"
    )
    found = dict(last.distinct("change_id").values_list("change_id", "pk"))
    LedgerEntry.objects.filter(pk__in=found.values()).update(**ended)
    # What came aboard before the ledger was kept is written down now.
    LedgerEntry.objects.bulk_create(
        LedgerEntry(
            change=change,
            departure=locked,
            departure_label=str(locked)[:200],
            entered_at=change.boarded_at or change.submitted_at,
            entered_by_label=change.author_label[:200] or "somebody",
            **ended,
        )
        for pk, change in own.items()
        if pk not in found
    )
