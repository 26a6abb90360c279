"""Ask the admin interfaces of a fleet of Envoys, all at once; every answer has a deadline for the whole."""

import asyncio
import socket
from collections.abc import Coroutine, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import httpx

MOST_BYTES = 8 * 1024 * 1024
CONNECT_SECONDS = 0.5

T = TypeVar("T")


class Silent(Exception):
    """Say in a few words why an admin interface gave no answer, such as "does not answer within 1 s"."""


def at_once(work: Iterable[Coroutine[Any, Any, T]]) -> list[T]:
    """Run all of it beside one another on a loop of its own, wherever the caller stands."""

    async def all_of_it() -> list[T]:
        return list(await asyncio.gather(*work))

    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, all_of_it()).result()


async def ask(admin: str, path: str, seconds: float, *, method: str = "GET") -> bytes:
    """Return what an admin interface answers.

    :raises Silent: it does not, in time, or not with 200
    """
    if seconds <= 0:
        raise Silent("had no time left to answer")
    try:
        async with asyncio.timeout(seconds):
            return await _ask(admin, path, method)
    except TimeoutError:
        raise Silent(f"does not answer within {seconds:.1f} s") from None
    except (httpx.HTTPError, OSError, UnicodeError, ValueError) as fault:
        why = "refuses the connection" if isinstance(fault, httpx.ConnectError) else type(fault).__name__
        raise Silent(f"cannot be reached ({why})") from fault


async def _ask(admin: str, path: str, method: str) -> bytes:
    host, _, port = admin.rpartition(":")
    number = await _look_up(host.strip("[]"), int(port))
    timeout = httpx.Timeout(None, connect=CONNECT_SECONDS)
    async with httpx.AsyncClient(trust_env=False, verify=False, timeout=timeout) as client:  # noqa: S501 - plain HTTP
        at = f"[{number}]" if ":" in number else number
        request = client.build_request(method, f"http://{at}:{port}{path}", headers={"Host": admin})
        answer = await client.send(request, stream=True)
        try:
            body = bytearray()
            async for chunk in answer.aiter_raw():
                body += chunk
                if len(body) > MOST_BYTES:
                    raise Silent("answers with more than a configuration")
        finally:
            await answer.aclose()
    if answer.status_code != 200:
        raise Silent(f"answers {answer.status_code}: {body[:100].decode(errors='replace').strip()}")
    return bytes(body)


async def _look_up(host: str, port: int) -> str:
    found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return str(found[0][4][0])
