"""Take in what a user sends: small bodies are kept, so that they can be sent once more, large ones flow."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

from aiohttp import web

KEPT_BYTES = 64 * 1024


class TooLargeError(Exception):
    """The body is larger than the proxy lets through."""


@dataclass(slots=True)
class Body:
    """The body of one request; `kept` is None where it flows and can be sent only once."""

    request: web.BaseRequest
    most_bytes: int
    kept: bytes | None = None
    was_touched: bool = False
    is_too_large: bool = False

    @property
    def can_be_sent(self) -> bool:
        return self.kept is not None or not self.was_touched

    def to_send(self) -> bytes | AsyncIterator[bytes] | None:
        """Return what an HTTP client sends; None where there is no body at all."""
        return self._flow() if self.kept is None else self.kept or None

    async def _flow(self) -> AsyncIterator[bytes]:
        self.was_touched = True
        seen = 0
        async for chunk in self.request.content.iter_any():
            seen += len(chunk)
            if seen > self.most_bytes:
                self.is_too_large = True
                raise TooLargeError
            yield chunk


async def take_in(request: web.BaseRequest, most_bytes: int) -> Body:
    """Read a small body of known length whole, and leave any other to flow.

    :raises TooLargeError: it says that it is too large
    """
    if not request.body_exists:
        return Body(request, most_bytes, kept=b"")
    length = request.content_length
    if length is not None and length > most_bytes:
        raise TooLargeError
    if length is not None and length <= KEPT_BYTES:
        return Body(request, most_bytes, kept=await request.content.readexactly(length))
    return Body(request, most_bytes)
