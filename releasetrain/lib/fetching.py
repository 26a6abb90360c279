"""Fetch something from the web: within a deadline, up to a size, and never from inside our own network.

What is asked of a host is what its name stood for when it was judged; the proxies of the environment, which
would look names up for themselves, are left aside.
"""

import asyncio
import socket
import ssl
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from enum import StrEnum
from functools import lru_cache
from typing import NoReturn
from urllib.parse import urljoin, urlsplit

import certifi
import httpx
from django.conf import settings

from releasetrain.lib.addresses import host_and_port, why_not_address, why_not_hosts

REDIRECTS = frozenset({301, 302, 303, 307, 308})


class Why(StrEnum):
    """Why nothing was fetched."""

    ADDRESS = "address"
    UNKNOWN_HOST = "unknown_host"
    UNREACHABLE = "unreachable"
    TIMEOUT = "timeout"
    REDIRECT = "redirect"
    COMPRESSED = "compressed"
    TOO_LARGE = "too_large"


class Unfetched(Exception):
    """Say in a sentence why something could not be fetched."""

    def __init__(self, sentence: str, why: Why = Why.UNREACHABLE) -> None:
        super().__init__(sentence)
        self.why = why


@dataclass(frozen=True, slots=True)
class Wish:
    """What to fetch, and the patience for it: seconds for all, bytes of the answer, redirects.

    `form` or `body` is posted unless `method` says otherwise; `authorities` are certificates (PEM) that are
    trusted instead of those of the web.
    """

    url: str
    seconds: float
    most_bytes: int
    headers: Mapping[str, str] = field(default_factory=dict)
    redirects: int = 0
    form: Mapping[str, str] | None = None
    body: bytes | None = None
    method: str = ""
    authorities: str = ""

    @property
    def verb(self) -> str:
        return self.method or ("GET" if self.form is None and self.body is None else "POST")


@dataclass(frozen=True, slots=True)
class Fetched:
    """What an address answered, whatever its status; `body` is as it came."""

    status: int
    body: bytes
    content_type: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


def fetch(wish: Wish) -> Fetched:
    """Return what an address answers.

    :raises Unfetched: it is refused, does not answer in time, or answers with too much
    """
    return asyncio.run(fetch_async(wish))


async def fetch_async(wish: Wish) -> Fetched:
    """Do what `fetch` does, beside others.

    :raises Unfetched: as `fetch`
    """
    # A pool of its own, which nobody waits for: a name server that is silent must not outlast the deadline.
    pool = ThreadPoolExecutor(1)
    trusted()  # reading the authorities takes its time, once, which is not the host's fault
    try:
        async with asyncio.timeout(wish.seconds):
            return await _follow(wish, pool)
    except TimeoutError:
        sentence = f"It did not answer within {wish.seconds:g} seconds."
        raise Unfetched(sentence, Why.TIMEOUT) from None
    except httpx.HTTPError as fault:
        raise Unfetched(f"It cannot be reached ({type(fault).__name__}).") from fault
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


async def _follow(wish: Wish, pool: ThreadPoolExecutor) -> Fetched:
    url = wish.url
    async with httpx.AsyncClient(trust_env=False, verify=_trust(wish)) as client:
        for _number in range(wish.redirects + 1):
            answer = await _ask(client, wish, url, pool)
            if isinstance(answer, Fetched):
                return answer
            if urlsplit(url).scheme == "https" and urlsplit(answer).scheme == "http":
                _refuse("It leads from https to http, where anybody could change it on its way.")
            url = answer
    most = f"more than {wish.redirects} times" if wish.redirects else "to another address: give that one"
    raise Unfetched(f"It leads on {most}.", Why.REDIRECT)


def _refuse(sentence: str, why: Why = Why.REDIRECT) -> NoReturn:
    raise Unfetched(sentence, why)


@lru_cache(maxsize=1)
def trusted() -> ssl.SSLContext:
    """Trust what this machine trusts, its own authorities included, and the authorities of the web."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


def _trust(wish: Wish) -> ssl.SSLContext:
    if not wish.authorities:
        return trusted()
    try:
        return ssl.create_default_context(cadata=wish.authorities)
    except ssl.SSLError:
        _refuse("The authorities that it names are no certificates.", Why.ADDRESS)


async def _ask(client: httpx.AsyncClient, wish: Wish, url: str, pool: ThreadPoolExecutor) -> Fetched | str:
    """Ask one address, at the very number that was judged; return its answer, or where it leads to."""
    if why := why_not_address(url):
        _refuse(why, Why.ADDRESS)
    host, port = host_and_port(url)
    numbers = await _numbers(host, port, pool)
    if why := why_not_hosts(host, numbers, settings.INTERNAL_HOSTS):
        _refuse(why, Why.ADDRESS)
    request = client.build_request(
        wish.verb,
        httpx.URL(url).copy_with(host=numbers[0]),
        headers={**wish.headers, "Host": urlsplit(url).netloc},
        data=wish.form,
        content=wish.body,
        extensions={"sni_hostname": host, "timeout": httpx.Timeout(wish.seconds).as_dict()},
    )
    answer = await client.send(request, stream=True)
    try:
        if answer.status_code in REDIRECTS and "location" in answer.headers:
            return urljoin(url, answer.headers["location"])
        return await _read(answer, wish.most_bytes)
    finally:
        await answer.aclose()


async def _numbers(host: str, port: int, pool: ThreadPoolExecutor) -> Sequence[str]:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.run_in_executor(pool, _look_up, host, port)
    except (OSError, UnicodeError):
        found = []
    if not found:
        _refuse(f"Nobody knows the host {host}.", Why.UNKNOWN_HOST)
    return found


def _look_up(host: str, port: int) -> list[str]:
    return [str(row[4][0]) for row in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


async def _read(answer: httpx.Response, most: int) -> Fetched:
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        _refuse("It answers compressed, though it was asked not to.", Why.COMPRESSED)
    body = bytearray()
    async for chunk in answer.aiter_raw():
        body += chunk
        if len(body) > most:
            _refuse(f"It is larger than {most // 1024 // 1024} MB.", Why.TOO_LARGE)
    headers = {name.lower(): value for name, value in answer.headers.items()}
    return Fetched(answer.status_code, bytes(body), headers.get("content-type", ""), headers)
