"""Pass WebSockets through, message by message, and close both ends when either does or when cut."""

import asyncio
import contextlib
from collections.abc import Iterable

import aiohttp
from aiohttp import WSMsgType, web
from yarl import URL

from releasetrain.proxy.forwarding import NotServedError, address_of, headers_for
from releasetrain.proxy.headers import OF_SOCKETS
from releasetrain.proxy.servers import Attempt, Server, words_of

LARGEST_MESSAGE = 16 * 1024 * 1024
GOING_AWAY = 1001
# These are said by the library itself and must not be sent.
NOT_TO_BE_SENT = frozenset({1005, 1006, 1015})
OPENING_SECONDS = 10.0


def wants_socket(request: web.BaseRequest) -> bool:
    """Tell whether a request opens a WebSocket."""
    return request.headers.get("Upgrade", "").lower() == "websocket"


async def pass_through(
    request: web.BaseRequest, server: Server, session: aiohttp.ClientSession, user: str
) -> web.StreamResponse:
    """Connect a user with a server until one of them leaves.

    :raises NotServedError: the server does not open one, and nothing has gone back to the user
    """
    with server.attempt(user, is_socket=True) as attempt:
        try:
            behind = await _open(request, attempt, session)
        except aiohttp.WSServerHandshakeError as refusal:
            attempt.server.lives()
            return web.Response(status=refusal.status, text=refusal.message)
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            if isinstance(error, aiohttp.ClientConnectorError):
                server.dies(words_of(error))
            raise NotServedError(
                f"The {server.arm} {server.address} opens no WebSocket: {words_of(error)}.",
                may_ask_another=True,
            ) from error
        async with behind:
            front = web.WebSocketResponse(
                autoping=False,
                autoclose=False,
                compress=False,
                max_msg_size=LARGEST_MESSAGE,
                protocols=[behind.protocol] if behind.protocol else [],
            )
            await front.prepare(request)
            await _connect(front, behind, attempt)
            return front


async def _open(
    request: web.BaseRequest, attempt: Attempt, session: aiohttp.ClientSession
) -> aiohttp.ClientWebSocketResponse:
    wanted = request.headers.get("Sec-WebSocket-Protocol", "")
    url: URL = address_of(request, attempt.server)
    async with asyncio.timeout(OPENING_SECONDS):
        return await session.ws_connect(
            url,
            protocols=[word.strip() for word in wanted.split(",") if word.strip()],
            headers=headers_for(request, OF_SOCKETS),
            autoping=False,
            autoclose=False,
            max_msg_size=LARGEST_MESSAGE,
        )


async def _connect(
    front: web.WebSocketResponse, behind: aiohttp.ClientWebSocketResponse, attempt: Attempt
) -> None:
    ways: list[asyncio.Task[int | None]] = [
        asyncio.create_task(_copy(front, behind)),
        asyncio.create_task(_copy(behind, front)),
        asyncio.create_task(attempt.until_cut()),
    ]
    code: int | None = None
    try:
        done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        code = next((way.result() for way in done if not way.exception()), None)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
        await _close_all((front, behind), GOING_AWAY if code in NOT_TO_BE_SENT else code or GOING_AWAY)


async def _close_all(
    ends: Iterable[web.WebSocketResponse | aiohttp.ClientWebSocketResponse], code: int
) -> None:
    for end in ends:
        with contextlib.suppress(Exception):
            async with asyncio.timeout(1):
                await end.close(code=code)


async def _copy(
    one: web.WebSocketResponse | aiohttp.ClientWebSocketResponse,
    other: web.WebSocketResponse | aiohttp.ClientWebSocketResponse,
) -> int | None:
    """Pass messages on until one end closes; return the code that it closed with."""
    while True:
        message = await one.receive()
        if message.type is WSMsgType.TEXT:
            await other.send_str(message.data)
        elif message.type is WSMsgType.BINARY:
            await other.send_bytes(message.data)
        elif message.type is WSMsgType.PING:
            await other.ping(message.data)
        elif message.type is WSMsgType.PONG:
            await other.pong(message.data)
        else:
            return message.data if message.type is WSMsgType.CLOSE else None
