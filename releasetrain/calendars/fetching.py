"""Fetch a calendar from the web: within a deadline, up to a size, and never from inside our own network."""

import asyncio
import socket
import ssl
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urljoin, urlsplit

import certifi
import httpx
from django.conf import settings

from releasetrain.calendars.ics.lines import MOST_BYTES
from releasetrain.calendars.rules.addresses import host_and_port, why_not_address, why_not_hosts

DEADLINE_SECONDS = 10.0
MOST_REDIRECTS = 3
REDIRECTS = frozenset({301, 302, 303, 307, 308})
ASKS_FOR = {
    "Accept": "text/calendar, */*;q=0.1",
    "Accept-Encoding": "identity",
    "User-Agent": "Release Train",
}


class Unfetched(Exception):
    """Say in a sentence why a calendar could not be fetched."""


def fetch(url: str) -> bytes:
    """Return what an address answers.

    :raises Unfetched: it is refused, does not answer in time, or answers with something else
    """
    try:
        return asyncio.run(_within_the_deadline(url))
    except TimeoutError:
        raise Unfetched(f"It did not answer within {DEADLINE_SECONDS:.0f} seconds.") from None
    except httpx.HTTPError as fault:
        raise Unfetched(f"It cannot be reached ({type(fault).__name__}).") from fault


async def _within_the_deadline(url: str) -> bytes:
    # A pool of its own, which nobody waits for: a name server that is silent must not outlast the deadline.
    pool = ThreadPoolExecutor(1)
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await _follow(url, pool)
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


async def _follow(url: str, pool: ThreadPoolExecutor) -> bytes:
    # Without the proxies of the environment, which would look names up for themselves.
    async with httpx.AsyncClient(trust_env=False, verify=_trusted()) as client:
        for _number in range(MOST_REDIRECTS + 1):
            answer = await _ask(client, url, pool)
            if isinstance(answer, bytes):
                return answer
            if urlsplit(url).scheme == "https" and urlsplit(answer).scheme == "http":
                raise Unfetched("It leads from https to http, where anybody could change it on its way.")
            url = answer
    raise Unfetched(f"It leads on more than {MOST_REDIRECTS} times.")


def _trusted() -> ssl.SSLContext:
    """Trust what this machine trusts, its own authorities included, and the authorities of the web."""
    context = ssl.create_default_context()
    context.load_verify_locations(certifi.where())
    return context


async def _ask(client: httpx.AsyncClient, url: str, pool: ThreadPoolExecutor) -> bytes | str:
    """Ask one address, at the very number that was judged; return its answer, or where it leads to."""
    if why := why_not_address(url):
        raise Unfetched(why)
    host, port = host_and_port(url)
    numbers = await _numbers(host, port, pool)
    if why := why_not_hosts(host, numbers, settings.INTERNAL_HOSTS):
        raise Unfetched(why)
    request = client.build_request(
        "GET",
        httpx.URL(url).copy_with(host=numbers[0]),
        headers={**ASKS_FOR, "Host": urlsplit(url).netloc},
        extensions={"sni_hostname": host, "timeout": httpx.Timeout(DEADLINE_SECONDS).as_dict()},
    )
    answer = await client.send(request, stream=True)
    try:
        if answer.status_code in REDIRECTS and "location" in answer.headers:
            return urljoin(url, answer.headers["location"])
        return await _body(answer)
    finally:
        await answer.aclose()


async def _numbers(host: str, port: int, pool: ThreadPoolExecutor) -> Sequence[str]:
    loop = asyncio.get_running_loop()
    try:
        found = await loop.run_in_executor(pool, _look_up, host, port)
    except (OSError, UnicodeError):
        found = []
    if not found:
        raise Unfetched(f"Nobody knows the host {host}.")
    return found


def _look_up(host: str, port: int) -> list[str]:
    return [str(row[4][0]) for row in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


async def _body(answer: httpx.Response) -> bytes:
    if answer.status_code != httpx.codes.OK:
        raise Unfetched(f"It answers {answer.status_code} instead of a calendar.")
    if answer.headers.get("content-encoding", "identity").lower() != "identity":
        raise Unfetched("It answers compressed, though it was asked not to.")
    body = bytearray()
    async for chunk in answer.aiter_raw():
        body += chunk
        if len(body) > MOST_BYTES:
            raise Unfetched(f"It is larger than {MOST_BYTES // 1024 // 1024} MB.")
    return bytes(body)
