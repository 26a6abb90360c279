"""Let whoever holds the secret read and set the state, and cut what is left on the candidate."""

import asyncio
import hmac
import json
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from aiohttp import web

from releasetrain.proxy.servers import Arm
from releasetrain.proxy.state import OldFenceError, UnreadableError, changed

if TYPE_CHECKING:
    from releasetrain.proxy.running import Proxy

logger = logging.getLogger("proxy")

MOST_BYTES = 16 * 1024
STARTED_AT = time.time()
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def admin_of(proxy: "Proxy", token: str) -> web.Application:
    """Build the admin's application."""
    desk = Desk(proxy)
    app = web.Application(client_max_size=MOST_BYTES, middlewares=[_guard(token)])
    app.router.add_get("/state", desk.show)
    app.router.add_put("/state", desk.change)
    app.router.add_post("/cut", desk.cut)
    return app


def _guard(token: str) -> Any:
    wanted = f"Bearer {token}".encode()

    @web.middleware
    async def only_with_the_secret(request: web.Request, handler: Handler) -> web.StreamResponse:
        given = request.headers.get("Authorization", "").encode(errors="replace")
        if not hmac.compare_digest(given, wanted):
            return web.json_response({"error": "The secret is missing or wrong."}, status=401)
        return await handler(request)

    return only_with_the_secret


class Desk:
    """Answer the admin; one change at a time."""

    def __init__(self, proxy: "Proxy") -> None:
        self._proxy = proxy
        self._lock = asyncio.Lock()

    async def show(self, request: web.Request) -> web.StreamResponse:
        """Tell everything."""
        return web.json_response(self._facts())

    async def change(self, request: web.Request) -> web.StreamResponse:
        """Set the state; one that sends fewer users to the candidate holds even where no disk keeps it."""
        try:
            wanted = json.loads(await request.read())
        except web.HTTPRequestEntityTooLarge:
            return _error(413, f"A state has at most {MOST_BYTES} bytes.")
        except ValueError:
            return _error(400, "That is no JSON.")
        async with self._lock:
            try:
                state = changed(self._proxy.state, wanted)
            except OldFenceError as refusal:
                return _error(409, str(refusal))
            except UnreadableError as refusal:
                return _error(400, str(refusal))
            before = self._proxy.state
            is_less = state.weight <= before.weight and state.mirror <= before.mirror
            if is_less:
                await self._proxy.take(state)
            try:
                if state != before:
                    await asyncio.to_thread(self._proxy.keeper.write, state)
            except OSError as error:
                logger.error("The state is not kept: %s", error)  # noqa: TRY400
                if not is_less:
                    return _error(507, f"The state cannot be written: {error.strerror}.")
                return web.json_response({**self._facts(), "is_kept": False})
            await self._proxy.take(state)
        return web.json_response({**self._facts(), "is_kept": True})

    async def cut(self, request: web.Request) -> web.StreamResponse:
        """Close what is open on the candidate for those who are not in any more."""
        count = self._proxy.cut()
        return web.json_response({**self._facts(), "cut": count})

    def _facts(self) -> dict[str, Any]:
        proxy = self._proxy
        return {
            **asdict(proxy.state),
            "started_at": STARTED_AT,
            "user_header": proxy.options.user_header,
            "open": {arm.value: len(proxy.pools[arm].attempts()) for arm in Arm},
            "servers": [server.to_json() for server in proxy.servers],
            "counts": dict(proxy.counts),
            "shadow": dict(proxy.shadow.counts),
        }


def _error(status: int, sentence: str) -> web.Response:
    return web.json_response({"error": sentence}, status=status)
