"""Evaluate flags over OFREP, in front of Django and without it (FLAGS sections 1 and 4).

Beside the pages: `beside(get_asgi_application())`. Alone: `uvicorn --factory releasetrain.api.ofrep:alone`.
"""

import asyncio
import hashlib
import logging
import time
from typing import Any, NoReturn

import django
from django.conf import settings

from releasetrain.api.bounds import (
    Application,
    Headers,
    Receive,
    Scope,
    Send,
    announced_length,
    answer,
    bounded,
)
from releasetrain.api.context import LIMIT, BadContext, context_of, targeting_key_of
from releasetrain.flags.rules import ErrorCode
from releasetrain.flags.serving import Serving, serving
from releasetrain.flags.snapshot import House, Snapshot, unready, write
from releasetrain.lib.collector import spare_what_is_loaded

logger = logging.getLogger(__name__)

PREFIX = "/ofrep/"
BULK = "/ofrep/v1/evaluate/flags"
SINGLE = BULK + "/"
FIRST_LOAD_SECONDS = 5.0
# Django refuses what is too large for it in its own words; this is only the end of an endless stream.
MOST_BYTES = 8 * 1024 * 1024


class Denied(Exception):
    """Refuse a request, in the protocol's form."""

    def __init__(
        self, status: int, details: str, *, code: ErrorCode = ErrorCode.GENERAL, headers: Headers = ()
    ) -> None:
        super().__init__(details)
        self.status = status
        self.details = details
        self.code = code
        self.headers = headers

    def body(self, key: str | None) -> bytes:
        named = {} if key is None else {"key": key}
        return write({**named, "errorCode": self.code, "errorDetails": self.details})


class ClientGone(Exception):
    """End a request whose sender has hung up."""


class Meter:
    """Count what each token asks within a second; 0 means without limit."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self._second = 0
        self._counts: dict[str, int] = {}

    def check(self, digest: str) -> None:
        if not self.limit:
            return
        second = int(time.monotonic())
        if second != self._second:
            self._second, self._counts = second, {}
        asked = self._counts[digest] = self._counts.get(digest, 0) + 1
        if asked > self.limit:
            raise Denied(
                429,
                f"This token may ask {self.limit} times a second, and has. Ask again in a second; "
                "an administrator can raise RELEASETRAIN_OFREP_RATE.",
                headers=((b"retry-after", b"1"),),
            )


class Ofrep:
    """Answer the two requests of the protocol from the snapshot in memory."""

    def __init__(self, source: Serving, limit: int) -> None:
        self.source = source
        self.meter = Meter(limit)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        path = path_of(scope)
        key = path.removeprefix(SINGLE) if path.startswith(SINGLE) else None
        try:
            status, headers, body = await self._answer(path, key, scope, receive)
        except Denied as refusal:
            status, headers, body = refusal.status, refusal.headers, refusal.body(key)
        except ClientGone:
            return
        except Exception:
            logger.exception("An evaluation failed.")
            body = write(
                {"errorCode": ErrorCode.GENERAL, "errorDetails": "The evaluation failed; it was logged."}
            )
            status, headers = 500, ()
        await answer(send, status, body, headers)

    async def _answer(
        self, path: str, key: str | None, scope: Scope, receive: Receive
    ) -> tuple[int, Headers, bytes]:
        if not key and path != BULK:
            raise Denied(404, f"There is nothing at {path[:200]}; flags are evaluated at {BULK}.")
        if scope["method"] != "POST":
            raise Denied(405, "Flags are evaluated by POST.", headers=((b"allow", b"POST"),))
        token, known_etags = read_headers(scope)
        if announced_length(scope) > LIMIT:
            refuse_large()
        house = self.source.house
        if not house.is_loaded:
            house = await self._first_load()
        snapshot = self._snapshot(house, token)
        body = await read_body(receive)
        try:
            if key is not None:
                context = context_of(body)
                status, body = snapshot.single(key, targeting_key_of(context), context)
                return status, (), body
            return bulk(snapshot, body, known_etags)
        except BadContext as bad:
            raise Denied(400, bad.details, code=bad.code) from bad
        except RecursionError as bad:
            raise Denied(400, "The context is nested too deeply.", code=ErrorCode.INVALID_CONTEXT) from bad

    def _snapshot(self, house: House, token: bytes) -> Snapshot:
        """Find the one environment that the token opens."""
        if not token:
            raise Denied(
                401,
                "Send a token, as “Authorization: Bearer …” or as “X-API-Key: …”.",
                headers=((b"www-authenticate", b"Bearer"),),
            )
        digest = hashlib.sha256(token).hexdigest()
        slugs = house.tokens.get(digest)
        if slugs is None:
            raise Denied(
                401, "This token is unknown or was revoked.", headers=((b"www-authenticate", b"Bearer"),)
            )
        if len(slugs) != 1:
            raise Denied(
                403,
                "This token may not evaluate flags: it needs exactly one scope “ofrep:<environment>”, "
                f"and has {len(slugs) or 'none'}.",
            )
        snapshot = house.snapshots.get(slugs[0])
        if snapshot is None:
            raise Denied(403, f"This token is for the environment “{slugs[0]}”, which does not exist.")
        self.meter.check(digest)
        return snapshot

    async def _first_load(self) -> House:
        """Start on the first request where the server runs no lifespan."""
        self.source.start()
        await asyncio.to_thread(self.source.wait, FIRST_LOAD_SECONDS)
        house = self.source.house
        if not house.is_loaded:
            raise Denied(503, unready().details, headers=((b"retry-after", b"1"),))
        return house


def bulk(snapshot: Snapshot, request: bytes, known_etags: bytes) -> tuple[int, Headers, bytes]:
    """Answer for every flag, from the cache where the same bytes were asked at this revision."""
    etag, body = snapshot.cache.entries.get(request, (b"", b""))
    context: dict[str, Any] = {}
    if not body:
        context = context_of(request)
        targeting_key_of(context)
        etag = etag or snapshot.etag(context)
    if known_etags and (etag in known_etags or known_etags == b"*"):
        if not body:
            snapshot.cache.keep(request, etag, b"")
        return 304, ((b"etag", etag),), b""
    if not body:
        body = snapshot.bulk(targeting_key_of(context), context)
        snapshot.cache.keep(request, etag, body)
    return 200, ((b"etag", etag),), body


def path_of(scope: Scope) -> str:
    """Return the path below the place where a server may have mounted us."""
    path: str = scope["path"]
    root: str = scope.get("root_path", "")
    return path.removeprefix(root) if root else path


def read_headers(scope: Scope) -> tuple[bytes, bytes]:
    """Return the token and the If-None-Match."""
    token = known_etags = b""
    for name, value in scope["headers"]:
        if name == b"authorization":
            scheme, _, secret = value.partition(b" ")
            if scheme.lower() == b"bearer":
                token = secret.strip()
        elif name == b"x-api-key":
            token = token or value.strip()
        elif name == b"if-none-match":
            known_etags = value.strip()
    return token, known_etags


async def read_body(receive: Receive) -> bytes:
    """Read a whole body, giving up as soon as it is too large."""
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body") and message["type"] == "http.request" and len(body) <= LIMIT:
        return body
    chunks, size = [body], len(body)
    while message.get("more_body") and size <= LIMIT:
        message = await receive()
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
    if message["type"] == "http.disconnect":
        raise ClientGone
    if size > LIMIT:
        refuse_large()
    return b"".join(chunks)


def refuse_large() -> NoReturn:
    """Refuse a body that is too large to be a context."""
    raise Denied(413, f"A context may have {LIMIT // 1024} KiB; this one is larger. Send fewer attributes.")


async def follow_lifespan(source: Serving, receive: Receive, send: Send) -> None:
    """Start and stop the listener with the server; Django's own handler knows no lifespan."""
    while True:
        message = await receive()
        if message["type"] == "lifespan.startup":
            source.start()
            await asyncio.to_thread(source.wait, FIRST_LOAD_SECONDS)
            spare_what_is_loaded()
            await send({"type": "lifespan.startup.complete"})
        elif message["type"] == "lifespan.shutdown":
            await asyncio.to_thread(source.stop)
            await send({"type": "lifespan.shutdown.complete"})
            return


def beside(pages: Application, source: Serving | None = None, limit: int | None = None) -> Application:
    """Serve `/ofrep/` here and everything else by another application.

    :param limit: evaluations a second for each token and process, 0 for any number; the setting where None
    """
    followed = source or serving()
    bounded_pages = bounded(pages, MOST_BYTES)
    ofrep = Ofrep(followed, settings.OFREP_RATE if limit is None else limit)

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            if path_of(scope).startswith(PREFIX):
                await ofrep(scope, receive, send)
            else:
                await bounded_pages(scope, receive, send)
        elif scope["type"] == "lifespan":
            await follow_lifespan(followed, receive, send)
        else:  # sockets are the stream process's business
            await receive()
            await send({"type": "websocket.close", "code": 1000})

    return application


async def nothing_else(scope: Scope, receive: Receive, send: Send) -> None:
    """Say that this process only evaluates flags."""
    sentence = f"This process only evaluates flags, at {BULK}."
    await answer(send, 404, write({"error": "not_found", "message": sentence}))


def alone() -> Application:
    """Build the application of a process that does nothing but evaluate flags."""
    django.setup()
    return beside(nothing_else)
