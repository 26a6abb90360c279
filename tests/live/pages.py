"""Open pages on the stream by hand: its loop runs in a thread of its own, and there is no server between."""

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, TypeVar

from releasetrain.lib import clock
from releasetrain.live.hub import Hub, stop_the_hub, the_hub
from releasetrain.live.routing import stream
from releasetrain.panels import tickets
from releasetrain.panels.audience import Audience

T = TypeVar("T")
ORIGIN = "http://127.0.0.1:8000"
PATIENCE = 20
Message = dict[str, Any]


def ticket(*topics: str, audience: Audience = Audience.MEMBER, person: int | None = None, **more: Any) -> str:
    """Issue a ticket for these topics, or for the board where none is named."""
    more.setdefault("now", clock.now())
    return tickets.issue(dict.fromkeys(topics or ("board",), audience), person=person, **more)


class Stream:
    """A streaming process, as far as a page can tell."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self.pages: list[Page] = []
        self._thread = threading.Thread(target=self.loop.run_forever, name="stream")
        self._thread.start()

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run something in the stream's loop and wait for it."""
        return asyncio.run_coroutine_threadsafe(coroutine, self.loop).result(PATIENCE)

    @property
    def hub(self) -> Hub:
        return the_hub()

    def page(self, words: str = "", position: int | None = None, *, origin: str = ORIGIN) -> "Page":
        """Open a page on a WebSocket and let it show its ticket, if it has one."""
        page = Page(self, origin)
        if words:
            page.greet(words, position)
        return page

    def settle(self, *pages: "Page") -> None:
        """Wait until the hub has served these pages with all that it knows of."""
        self.call(self._settle(len(pages)))

    async def _settle(self, pages: int) -> None:
        while True:
            watchers = [one for room in self.hub.watchers.values() for one in room]
            if len(watchers) >= pages and not any(one.is_busy for one in watchers):
                return
            await asyncio.sleep(0.01)

    def stop(self) -> None:
        """Close every page, stop the hub, end the loop; no connection stays behind."""
        for page in self.pages:
            page.leave()
        self.call(stop_the_hub())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(PATIENCE)
        self.loop.close()


class Page:
    """A browser page: what it was sent is in `messages`, how it ended in `code`."""

    path = "/live/socket"
    kind = "websocket"

    def __init__(self, of: Stream, origin: str = ORIGIN, **scope: Any) -> None:
        self.messages: list[Message] = []
        self.is_open = False
        self.code: int | None = None
        self._stream = of
        self._news = threading.Condition()
        self._in: asyncio.Queue[Message] = asyncio.Queue()
        self._reads = asyncio.Event()
        self._reads.set()
        headers = [(b"origin", origin.encode())] if origin else []
        self.scope = {"type": self.kind, "path": self.path, "headers": headers, **scope}
        of.pages.append(self)
        self._begin()
        self._running = asyncio.run_coroutine_threadsafe(self._run(), of.loop)
        self.until(lambda: self.is_open or self.code is not None)

    def _begin(self) -> None:
        self._put({"type": "websocket.connect"})

    async def _run(self) -> None:
        await stream(self.scope, self._in.get, self._take)  # type: ignore[arg-type]

    def _put(self, message: Message) -> None:
        self._stream.loop.call_soon_threadsafe(self._in.put_nowait, message)

    async def _take(self, message: Mapping[str, Any]) -> None:
        """Be the network: a page that does not read blocks whoever sends to it."""
        await self._reads.wait()
        with self._news:
            self._note(message)
            self._news.notify_all()

    def _note(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "websocket.accept":
            self.is_open = True
        elif message["type"] == "websocket.close":
            self.code = message.get("code", 1000)
            self._in.put_nowait({"type": "websocket.disconnect", "code": self.code})
        else:
            self.messages.append(json.loads(message["text"]))

    def greet(self, words: str, position: int | None = None, **more: Any) -> None:
        """Show a ticket, and say which position the page is at."""
        self.say(
            json.dumps({"ticket": words, **({} if position is None else {"position": position}), **more})
        )

    def say(self, text: str) -> None:
        self._put({"type": "websocket.receive", "text": text})

    def stop_reading(self) -> None:
        self._stream.loop.call_soon_threadsafe(self._reads.clear)

    def read_on(self) -> None:
        self._stream.loop.call_soon_threadsafe(self._reads.set)

    def until(self, is_so: Callable[[], object]) -> None:
        """Wait for messages until something is so."""
        with self._news:
            assert self._news.wait_for(is_so, PATIENCE), f"It never came; there was {self.messages}"

    @property
    def news(self) -> list[Message]:
        return [message for message in self.messages if message["type"] == "news"]

    @property
    def fragments(self) -> dict[str, str]:
        """What the page shows after everything that came."""
        return {one["id"]: one["html"] for message in self.news for one in message["fragments"]}

    @property
    def events(self) -> list[Message]:
        """All events that came, in the order in which they came."""
        return [event for message in self.news for event in message["events"]]

    @property
    def heard(self) -> list[int]:
        return [event["position"] for event in self.events]

    def until_heard(self, position: int) -> None:
        """Wait until the page knows of an event."""
        self.until(lambda: any(message["position"] >= position for message in self.news))

    def leave(self) -> None:
        """Close the page."""
        self.read_on()
        self._put({"type": "websocket.disconnect", "code": 1001})
        self._running.result(PATIENCE)


class EventsPage(Page):
    """A browser page that reads server-sent events, where sockets do not get through."""

    path = "/live/events"
    kind = "http"

    def __init__(
        self, of: Stream, greeting: Mapping[str, Any], *, origin: str = ORIGIN, method: str = "POST"
    ) -> None:
        self.greeting = greeting
        self.status: int | None = None
        self.headers: dict[bytes, bytes] = {}
        self.text = ""
        self.is_over = False
        super().__init__(of, origin, method=method)

    def _begin(self) -> None:
        self._put({"type": "http.request", "body": json.dumps(self.greeting).encode()})

    def _note(self, message: Mapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            self.is_open = True
            self.status, self.headers = message["status"], dict(message["headers"])
            return
        text = message["body"].decode()
        self.text += text
        self.is_over = not message.get("more_body")
        if text.startswith("data: "):
            self.messages.append(json.loads(text.removeprefix("data: ")))

    def leave(self) -> None:
        self.read_on()
        self._put({"type": "http.disconnect"})
        self._running.result(PATIENCE)
