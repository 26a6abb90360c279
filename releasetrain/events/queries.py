"""Read what happened, in commit order."""

from collections.abc import Iterable
from datetime import datetime

from django.db import connection
from django.db.models import Model, QuerySet

from releasetrain.events.kinds import KINDS
from releasetrain.events.models import Event, EventLink


def after(position: int, topics: Iterable[str] = (), limit: int = 500) -> QuerySet[Event]:
    """Return events committed after a position, oldest first, of any of the topics (of all if none)."""
    events = Event.objects.filter(link__position__gt=position).select_related("link")
    if wanted := list(topics):
        events = events.filter(topics__overlap=wanted)
    return events.order_by("link__position")[:limit]


def newest(topics: Iterable[str], limit: int = 50) -> QuerySet[Event]:
    """Return the latest committed events of any of the topics, newest first."""
    events = Event.objects.filter(link__isnull=False, topics__overlap=list(topics)).select_related("link")
    return events.order_by("-link__position")[:limit]


def latest_about(subject: Model) -> Event | None:
    """Return the last thing that happened to a row, None where nothing is known."""
    return (
        Event.objects.filter(subject_kind=subject._meta.label_lower, subject_id=subject.pk)
        .order_by("-pk")
        .first()
    )


def last_position() -> int:
    """Return the position of the latest committed event, 0 when nothing has happened yet."""
    return EventLink.objects.order_by("-position").values_list("position", flat=True).first() or 0


def clock_and_position() -> tuple[datetime, int]:
    """Read the database's clock and the position of the latest committed event in one go."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT clock_timestamp(), coalesce(max(position), 0) FROM events_eventlink")
        now, position = cursor.fetchone()
    return now, position


class Missing(dict[str, str]):
    """Leave a gap readable where old data lacks a key."""

    def __missing__(self, key: str) -> str:
        return "…"


def sentence(event: Event) -> str:
    """Say an event in its kind's sentence."""
    facts = {key: str(value) for key, value in event.data.items()}
    return KINDS.get(event.kind, "{actor}: {subject}").format_map(
        Missing({**facts, "actor": event.actor_label, "subject": event.subject_label})
    )
