"""Verify the log: nothing changed, nothing missing, nothing in between."""

from collections.abc import Iterator
from dataclasses import dataclass

from django.db import connection

from releasetrain.events.rules import GENESIS, link_hash


@dataclass(frozen=True, slots=True)
class Flaw:
    """A place where the log is not what was written."""

    position: int
    what: str


def flaws() -> Iterator[Flaw]:
    """Walk the whole chain and yield every place where it does not hold."""
    previous, expected = GENESIS, 1
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM events_event e LEFT JOIN events_eventlink l ON l.event_id = e.id"
            " WHERE l.position IS NULL"
        )
        unlinked: int = cursor.fetchone()[0]
    if unlinked:
        yield Flaw(0, f"{unlinked} events stand outside the chain.")
    for position, kept_previous, kept_hash, payload in _links():
        if position != expected:
            yield Flaw(position, f"Positions {expected} to {position - 1} are missing.")
        if kept_previous != previous:
            yield Flaw(position, "It does not follow the event before it.")
        if payload is None:
            yield Flaw(position, "Its event is gone.")
        elif link_hash(kept_previous, position, payload) != kept_hash:
            yield Flaw(position, "Its event is not what was written.")
        previous, expected = kept_hash, position + 1


def _links() -> Iterator[tuple[int, str, str, str | None]]:
    """Read the chain in order, a thousand links at a time."""
    position = 0
    while True:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT l.position, l.previous_hash, l.hash, events_payload(e) FROM events_eventlink l"
                " LEFT JOIN events_event e ON e.id = l.event_id"
                " WHERE l.position > %s ORDER BY l.position LIMIT 1000",
                [position],
            )
            rows = cursor.fetchall()
        if not rows:
            return
        yield from rows
        position = rows[-1][0]
