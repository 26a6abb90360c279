"""Copy requests to the candidate and compare its answers; users never wait for that nor see it."""

import asyncio
import random
import time
from collections import Counter
from dataclasses import dataclass, field

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from releasetrain.proxy.bodies import Body
from releasetrain.proxy.forwarding import Sent, address_of, headers_for
from releasetrain.proxy.headers import SHADOW_HEADER
from releasetrain.proxy.servers import Pool

MOST_AT_ONCE = 32
PATIENCE_SECONDS = 5.0
# An answer is slower where it takes more than twice as long and this much longer.
SLOWER_SECONDS = 0.1


@dataclass(frozen=True, slots=True)
class Copy:
    """What a mirrored request needs, taken while the user's own is still there."""

    method: str
    url: URL
    headers: CIMultiDict[str]
    body: bytes


@dataclass(slots=True)
class Shadow:
    """Mirror a share of what the baseline answers, never more than a few at once."""

    session: aiohttp.ClientSession
    candidates: Pool
    methods: frozenset[str]
    compares_bodies: bool = False
    counts: Counter[str] = field(default_factory=Counter)
    _running: set[asyncio.Task[None]] = field(default_factory=set)

    def copy(self, request: web.BaseRequest, body: Body, percent: int) -> Copy | None:
        """Take a copy of a request where it is one of the share; None where it is not."""
        if not percent or random.random() * 100 >= percent:  # noqa: S311 - a sample, no secret
            return None
        servers = self.candidates.in_turn(also_dead=True)
        if request.method not in self.methods or body.kept is None or not servers:
            self.counts["left_out"] += 1
            return None
        headers = headers_for(request)
        headers[SHADOW_HEADER] = "1"
        return Copy(request.method, address_of(request, servers[0]), headers, body.kept)

    def send(self, copy: Copy, sent: Sent, seconds: float) -> None:
        """Ask the candidate the same, beside everything else, and compare with what the user got."""
        if len(self._running) >= MOST_AT_ONCE:
            self.counts["dropped"] += 1
            return
        self.counts["sent"] += 1
        task = asyncio.create_task(self._compare(copy, sent, seconds))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    async def _compare(self, copy: Copy, sent: Sent, seconds: float) -> None:
        began = time.monotonic()
        try:
            async with self.session.request(
                copy.method,
                copy.url,
                headers=copy.headers,
                data=copy.body or None,
                allow_redirects=False,
                timeout=aiohttp.ClientTimeout(total=PATIENCE_SECONDS, sock_connect=0.5),
            ) as answer:
                body = await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError):
            self.counts["unanswered"] += 1
            self.counts["mismatched"] += 1
            return
        self._note(answer.status, body, time.monotonic() - began, sent, seconds)

    def _note(self, status: int, body: bytes, took: float, sent: Sent, seconds: float) -> None:
        differences = {
            "status": status != sent.status,
            "size": sent.size is not None and len(body) != sent.size,
            "body": self.compares_bodies and sent.body is not None and body != sent.body,
        }
        self.counts["answered"] += 1
        self.counts["failed"] += status >= 500
        self.counts["slower"] += took > 2 * seconds and took - seconds > SLOWER_SECONDS
        for name, differs in differences.items():
            self.counts[f"other_{name}"] += differs
        self.counts["mismatched"] += differences["status"] or differences["body"]

    def close(self) -> None:
        for task in self._running:
            task.cancel()
