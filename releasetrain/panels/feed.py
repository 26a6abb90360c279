"""Tell what happened, newest first."""

from releasetrain.events import queries
from releasetrain.events.models import Event
from releasetrain.panels import links
from releasetrain.panels.audience import Audience
from releasetrain.panels.shapes import Feed, FeedItem
from releasetrain.panels.words import is_public, look_of, say
from releasetrain.trains.models import Change

SHOWN = 25


def feed_of(topic: str, audience: Audience) -> Feed:
    """Gather the newest events of one topic; departure:12 makes departure-12-feed."""
    events = queries.newest([topic], SHOWN)
    entries = [item_of(event, audience) for event in events if audience.sees_people or is_public(event.kind)]
    key = topic.replace(":", "-")
    return Feed(key, entries, links.audit(_code(topic)) if audience.sees_people else "")


def change_feed(change: Change) -> Feed:
    """Gather what happened to one change, aboard a departure or not yet."""
    events = Event.objects.filter(
        link__isnull=False, subject_kind="trains.change", subject_id=change.pk
    ).select_related("link")
    aboard = Event.objects.filter(
        link__isnull=False, kind__startswith="trains.change.", data__change=change.pk
    ).select_related("link")
    found = {event.pk: event for event in (*events[:SHOWN], *aboard[:SHOWN])}
    newest = sorted(found.values(), key=lambda event: -event.link.position)[:SHOWN]
    return Feed(f"change-{change.pk}", [item_of(event, Audience.MEMBER) for event in newest])


def item_of(event: Event, audience: Audience) -> FeedItem:
    """Say one event as a line."""
    icon, tone = look_of(event.kind)
    return FeedItem(event.link.position, event.at, say(event, audience), icon, tone)


def _code(topic: str) -> str:
    noun, _, number = topic.partition(":")
    return f"RT-{number}" if noun == "departure" else ""
