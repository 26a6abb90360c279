"""Stop bodies without end before they fill the disk; Django reads a whole one before it looks at it."""

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from releasetrain.flags.snapshot import write

Scope = Any
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Any], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]
Headers = tuple[tuple[bytes, bytes], ...]

JSON: Headers = ((b"content-type", b"application/json"), (b"x-content-type-options", b"nosniff"))


async def answer(send: Send, status: int, body: bytes, headers: Headers = ()) -> None:
    """Send a whole JSON answer; a 304 has none and no length."""
    length = ((b"content-length", b"%d" % len(body)),) if status != 304 else ()
    await send({"type": "http.response.start", "status": status, "headers": [*JSON, *length, *headers]})
    await send({"type": "http.response.body", "body": body})


def announced_length(scope: Scope) -> int:
    """Return how long the body says it is; 0 where it does not say."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit():
            return int(value[:18])
    return 0


def bounded(pages: Application, limit: int) -> Application:
    """Serve an application that never sees more than so many bytes of a body."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if announced_length(scope) > limit:
            await refuse(send)
            return
        seen, is_answered = 0, False

        async def count() -> Message:
            nonlocal seen
            if seen > limit:
                return {"type": "http.disconnect"}
            message = await receive()
            seen += len(message.get("body", b""))
            return message if seen <= limit else {"type": "http.disconnect"}

        async def note(message: Message) -> None:
            nonlocal is_answered
            is_answered = True
            await send(message)

        await pages(scope, count, note)
        if seen > limit and not is_answered:
            await refuse(send)

    async def refuse(send: Send) -> None:
        sentence = f"A body may have {limit // 1024} KiB; this one is larger. Send it in parts."
        await answer(send, 413, write({"error": "too_large", "message": sentence}))

    return application
