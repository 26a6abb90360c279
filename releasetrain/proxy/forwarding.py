"""Carry one request to a server and its answer back, and to the baseline where the candidate fails it."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from releasetrain.proxy.bodies import Body, TooLargeError
from releasetrain.proxy.headers import end_to_end, onward
from releasetrain.proxy.servers import Attempt, Server, words_of

IDEMPOTENT = frozenset({"GET", "HEAD", "OPTIONS", "PUT", "DELETE", "TRACE"})
# An answer up to this size is read before any of it is passed on: its server may die in the middle.
WHOLE_BYTES = 256 * 1024
ANSWER_SECONDS = 60.0

# An answer, and its body where it was read whole.
Fetched = tuple[aiohttp.ClientResponse, bytes | None]


class NotServedError(Exception):
    """A server gave no answer; `may_ask_another` says whether asking another does nothing twice."""

    def __init__(self, why: str, *, may_ask_another: bool, status: int = 502) -> None:
        super().__init__(why)
        self.may_ask_another = may_ask_another
        self.status = status


@dataclass(frozen=True, slots=True)
class Sent:
    """What went back to the user; `digest` and `size` say nothing where the answer flowed."""

    response: web.StreamResponse
    status: int
    size: int | None = None
    body: bytes | None = None


class Client:
    """Speak to servers over kept connections."""

    def __init__(self) -> None:
        tracing: aiohttp.TraceConfig = aiohttp.TraceConfig()
        tracing.on_request_headers_sent.append(_note_sent)
        # Servers close idle connections after five seconds and more: ours must never be the stale one.
        connector = aiohttp.TCPConnector(limit=0, keepalive_timeout=3.0)
        self.session = aiohttp.ClientSession(
            connector=connector,
            auto_decompress=False,
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=0.5),
            trace_configs=[tracing],
            max_line_size=16384,
            max_field_size=16384,
        )

    async def forward(self, request: web.BaseRequest, server: Server, body: Body, user: str) -> Sent:
        """Let a server answer a request.

        :raises NotServedError: it did not, and nothing has gone back to the user
        """
        is_idempotent = request.method in IDEMPOTENT
        with server.attempt(user) as attempt:
            try:
                answer, whole = await self._ask(request, attempt, body, is_idempotent=is_idempotent)
            except (aiohttp.ClientError, TimeoutError, OSError, _LeftError) as error:
                if body.is_too_large:  # the library tells only that it could not send
                    raise TooLargeError from error
                if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
                    server.dies(words_of(error))
                server.ask_now.set()
                raise NotServedError(
                    f"The {server.arm} {server.address} failed: {words_of(error)}.",
                    may_ask_another=body.can_be_sent and (is_idempotent or not attempt.is_sent),
                    status=504 if isinstance(error, TimeoutError) else 502,
                ) from error
            async with _released(answer):
                return await _pass_on(request, answer, whole, attempt)

    async def _ask(
        self, request: web.BaseRequest, attempt: Attempt, body: Body, *, is_idempotent: bool
    ) -> Fetched:
        asking = asyncio.create_task(self._fetch(request, attempt, body, reads_whole=is_idempotent))
        try:
            while not asking.done():
                await _either(asking, attempt)
                may_leave = body.can_be_sent and (is_idempotent or not attempt.is_sent)
                if not asking.done() and (may_leave or attempt.is_cut):
                    raise _LeftError
                attempt.leave.clear()
            return asking.result()
        finally:
            if not asking.done():
                asking.cancel()
                with contextlib.suppress(BaseException):
                    await asking

    async def _fetch(
        self, request: web.BaseRequest, attempt: Attempt, body: Body, *, reads_whole: bool
    ) -> Fetched:
        headers = headers_for(request)
        data = body.to_send()
        if data is not None and body.kept is None and request.content_length is not None:
            headers["Content-Length"] = str(request.content_length)
        async with asyncio.timeout(ANSWER_SECONDS):
            answer = await self.session.request(
                request.method,
                address_of(request, attempt.server),
                headers=headers,
                data=data,
                allow_redirects=False,
                trace_request_ctx=attempt,
            )
            length = answer.content_length
            if reads_whole and length is not None and length <= WHOLE_BYTES:
                return answer, await answer.read()
        return answer, None

    async def close(self) -> None:
        await self.session.close()


async def _either(asking: asyncio.Task[Fetched], attempt: Attempt) -> None:
    """Wait for an answer, or for a reason to go elsewhere."""
    leaving = asyncio.create_task(attempt.leave.wait())
    try:
        await asyncio.wait((asking, leaving), return_when=asyncio.FIRST_COMPLETED)
    finally:
        leaving.cancel()


class _LeftError(Exception):
    """The request went elsewhere before there was an answer."""


def address_of(request: web.BaseRequest, server: Server) -> URL:
    """Return where a server is asked what we were asked, letter by letter."""
    return URL(f"http://{server.address}{request.raw_path}", encoded=True)


def headers_for(request: web.BaseRequest, besides: frozenset[str] = frozenset()) -> CIMultiDict[str]:
    """Return the headers that a request goes on with."""
    headers = onward(request.headers, client=request.remote or "", scheme=request.scheme, besides=besides)
    headers.popall("Content-Length", None)
    return headers


async def _note_sent(session: aiohttp.ClientSession, context: object, params: object) -> None:
    attempt = getattr(context, "trace_request_ctx", None)
    if isinstance(attempt, Attempt):
        attempt.is_sent = True


@contextlib.asynccontextmanager
async def _released(answer: aiohttp.ClientResponse) -> AsyncIterator[None]:
    """Give the connection back, or close it where the answer was not read to its end."""
    try:
        yield
    finally:
        answer.release()


async def _pass_on(
    request: web.BaseRequest, answer: aiohttp.ClientResponse, whole: bytes | None, attempt: Attempt
) -> Sent:
    headers = end_to_end(answer.headers)
    headers.setdefault("Server", "proxy")
    response = web.StreamResponse(status=answer.status, reason=answer.reason, headers=headers)
    await response.prepare(request)
    if whole is not None:
        await response.write(whole) if whole else None
        await response.write_eof()
        return Sent(response, answer.status, len(whole), whole)
    try:
        await _flow(answer, response, attempt)
    except (aiohttp.ClientError, TimeoutError, OSError, _LeftError):
        # Half an answer must not look like a whole one.
        if request.transport is not None:
            request.transport.abort()
        attempt.server.ask_now.set()
        return Sent(response, answer.status)
    await response.write_eof()
    return Sent(response, answer.status)


async def _flow(answer: aiohttp.ClientResponse, response: web.StreamResponse, attempt: Attempt) -> None:
    """Pass an answer on as it comes, for as long as nobody cuts it."""
    leaving = asyncio.create_task(attempt.until_cut())
    flowing = asyncio.create_task(_copy(answer, response))
    try:
        await asyncio.wait((flowing, leaving), return_when=asyncio.FIRST_COMPLETED)
        if not flowing.done():
            raise _LeftError
        flowing.result()
    finally:
        leaving.cancel()
        flowing.cancel()


async def _copy(answer: aiohttp.ClientResponse, response: web.StreamResponse) -> None:
    async for chunk in answer.content.iter_any():
        await response.write(chunk)
