"""Let a page watch: what to open, with which ticket, and from which position on."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.conf import settings

from releasetrain.panels import tickets
from releasetrain.panels.audience import Audience
from releasetrain.web.request import Request

SOCKET_PATH = "/live/socket"


def watching(request: Request, topics: Sequence[str], now: datetime, *, position: int) -> dict[str, Any]:
    """Return what js/live.js needs; the position was read before the page, so that nothing falls between."""
    admitted = tickets.admit(topics, user=request.user, roles=request.roles)
    return {
        "stream_url": f"{settings.STREAM_SOCKET_URL}{SOCKET_PATH}",
        "ticket": tickets.issue(admitted, person=request.user.pk, now=now),
        "topics": list(topics),
        "position": position,
        "poll_url": "/live/news/",
        "ticket_url": "/live/ticket/",
    }


def audience_for(request: Request, topic: str) -> Audience:
    """Say with whose eyes this person sees a topic.

    :raises NotAllowed: with nobody's
    """
    return tickets.admit([topic], user=request.user, roles=request.roles)[topic]
