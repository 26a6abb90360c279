"""Know the servers of both arms, which of them live, and what is open on each."""

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import aiohttp
from yarl import URL

logger = logging.getLogger("proxy")

PROBE_SECONDS = 1.0
PROBE_AGAIN_SECONDS = 0.5
PROBE_PATIENCE = 1.0
FAILURES_TO_DIE = 3


class Arm(StrEnum):
    """The two sides between which users move."""

    BASELINE = "baseline"
    CANDIDATE = "candidate"


@dataclass(eq=False, slots=True)
class Attempt:
    """Something that is open on a server; `leave` is set when it had better go elsewhere."""

    server: "Server"
    user: str = ""
    is_sent: bool = False
    is_socket: bool = False
    is_cut: bool = False
    leave: asyncio.Event = field(default_factory=asyncio.Event)

    def cut(self) -> None:
        self.is_cut = True
        self.leave.set()

    async def until_cut(self) -> None:
        while not self.is_cut:
            self.leave.clear()
            await self.leave.wait()


@dataclass(eq=False, slots=True)
class Server:
    """One server of an arm, believed to live until it shows otherwise."""

    address: str
    arm: Arm
    is_up: bool = True
    detail: str = ""
    changed_at: float = field(default_factory=time.time)
    failures: int = 0
    attempts: set[Attempt] = field(default_factory=set)
    ask_now: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> URL:
        return URL(f"http://{self.address}")

    @contextlib.contextmanager
    def attempt(self, user: str = "", *, is_socket: bool = False) -> Iterator[Attempt]:
        """Count something as open for as long as it is."""
        one = Attempt(self, user, is_socket=is_socket)
        self.attempts.add(one)
        try:
            yield one
        finally:
            self.attempts.discard(one)

    def lives(self) -> None:
        """Note an answer."""
        self.failures, self.detail = 0, ""
        if not self.is_up:
            self.is_up, self.changed_at = True, time.time()
            logger.warning("The %s %s answers again.", self.arm, self.address)

    def dies(self, why: str) -> None:
        """Note that it serves nobody, and send away whoever waits for it."""
        self.detail = why
        if self.is_up:
            self.is_up, self.changed_at = False, time.time()
            logger.warning("The %s %s is dead: %s", self.arm, self.address, why)
        for one in self.attempts:
            one.leave.set()

    def to_json(self) -> dict[str, Any]:
        return {
            "address": self.address,
            "arm": self.arm.value,
            "is_up": self.is_up,
            "detail": self.detail,
            "changed_at": self.changed_at,
            "open": len(self.attempts),
        }


class Pool:
    """The servers of one arm, taken in turn."""

    def __init__(self, arm: Arm, addresses: list[str]) -> None:
        self.servers = [Server(address, arm) for address in addresses]
        self._next = 0

    def in_turn(self, *, also_dead: bool = False) -> list[Server]:
        """Return the servers to try, in order: those that live, then, where wanted, the others."""
        self._next += 1
        start = self._next % len(self.servers) if self.servers else 0
        turn = self.servers[start:] + self.servers[:start]
        alive = [one for one in turn if one.is_up]
        return alive + [one for one in turn if not one.is_up] if also_dead else alive

    def attempts(self) -> list[Attempt]:
        return [one for server in self.servers for one in server.attempts]


async def watch(server: Server, session: aiohttp.ClientSession, path: str) -> None:
    """Ask a server again and again whether it lives; any answer will do, an error is for guardrails to see.

    A connection that is refused tells at once; silence is believed the third time.
    """
    patience = aiohttp.ClientTimeout(total=PROBE_PATIENCE)
    while True:
        server.ask_now.clear()
        try:
            async with session.get(server.url.join(URL(path)), timeout=patience, allow_redirects=False):
                server.lives()
        except aiohttp.ClientConnectorError as error:
            server.dies(words_of(error))
        except (aiohttp.ClientError, TimeoutError, ValueError) as error:
            server.failures += 1
            if server.failures >= FAILURES_TO_DIE:
                server.dies(words_of(error))
        pause = PROBE_SECONDS if server.is_up and not server.failures else PROBE_AGAIN_SECONDS
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(server.ask_now.wait(), pause)


def words_of(error: BaseException) -> str:
    """Say in a few words why a server gave no answer."""
    if isinstance(error, aiohttp.ClientConnectorError):
        return "it refuses connections"
    if isinstance(error, TimeoutError):
        return "it does not answer in time"
    return f"it breaks off ({type(error).__name__})"
