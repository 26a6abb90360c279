"""Write what goes out over the wire, once for everybody who gets it; `panels.news` says what it means."""

import json
from collections.abc import Mapping
from datetime import datetime
from functools import cached_property
from typing import Any

from releasetrain.live.lane import text_frame
from releasetrain.panels.news import News, message_of, pulse_of


class Parcel:
    """Hold one message in each transport's own envelope, each made at most once."""

    def __init__(self, content: Mapping[str, Any]) -> None:
        self.text = json.dumps(content, separators=(",", ":"), ensure_ascii=False)

    @cached_property
    def for_socket(self) -> dict[str, Any]:
        """Wrap it as a WebSocket text message; the same object goes to every watcher."""
        return {"type": "websocket.send", "text": self.text}

    @cached_property
    def frame(self) -> bytes:
        """Frame it for the socket itself."""
        return text_frame(self.text.encode())

    @cached_property
    def for_stream(self) -> dict[str, Any]:
        """Wrap it as a server-sent event; the JSON has no line break of its own."""
        return {"type": "http.response.body", "body": f"data: {self.text}\n\n".encode(), "more_body": True}


def news(content: News) -> Parcel:
    """Write news for a page."""
    return Parcel(message_of(content))


def pulse(position: int, at: datetime) -> Parcel:
    """Say that nothing happened."""
    return Parcel(pulse_of(position, at))


def bye(why: str) -> Parcel:
    """Say why the stream ends."""
    return Parcel({"type": "bye", "why": why})
