"""Call the admin of every proxy at once, each within one deadline for all of the call."""

import asyncio
import json
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx

from releasetrain.rollouts.drivers.embedded.replies import Reply, read

CONNECT_SECONDS = 0.5
MOST_BYTES = 64 * 1024


def call_all(
    endpoints: Sequence[str],
    token: str,
    method: str,
    path: str,
    deadline: float,
    body: Mapping[str, Any] | None = None,
) -> list[Reply]:
    """Ask every proxy the same thing; never longer than `deadline` seconds in all."""

    async def all_of_them() -> list[Reply]:
        calls = (_call(endpoint, token, method, path, deadline, body) for endpoint in endpoints)
        return await asyncio.gather(*calls)

    # A loop of its own: the caller may stand in one already.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, all_of_them()).result()


async def _call(
    endpoint: str, token: str, method: str, path: str, deadline: float, body: Mapping[str, Any] | None
) -> Reply:
    try:
        async with asyncio.timeout(deadline):
            return await _ask(endpoint, token, method, path, body)
    except TimeoutError:
        return Reply(endpoint, why=f"{endpoint} did not answer within {deadline:g} s.")
    except (httpx.ConnectError, httpx.ConnectTimeout):
        return Reply(endpoint, why=f"{endpoint} cannot be reached.")
    except (httpx.HTTPError, httpx.InvalidURL, OSError, ValueError) as error:
        return Reply(endpoint, why=f"{endpoint} broke off ({type(error).__name__}).")


async def _ask(endpoint: str, token: str, method: str, path: str, body: Mapping[str, Any] | None) -> Reply:
    is_socket = endpoint.startswith("unix:")
    transport = httpx.AsyncHTTPTransport(uds=endpoint.removeprefix("unix:") if is_socket else None)
    host = "proxy" if is_socket else endpoint
    timeout = httpx.Timeout(None, connect=CONNECT_SECONDS)
    async with httpx.AsyncClient(transport=transport, trust_env=False, timeout=timeout) as client:
        content = json.dumps(body).encode() if body is not None else None
        headers = {"Authorization": f"Bearer {token}", "Accept-Encoding": "identity"}
        url = f"http://{host}{path}"
        async with client.stream(method, url, headers=headers, content=content) as answer:
            seen = bytearray()
            async for chunk in answer.aiter_raw():
                seen += chunk
                if len(seen) > MOST_BYTES:
                    return Reply(endpoint, why=f"{endpoint} answered with more than a state.")
            return read(endpoint, answer.status_code, bytes(seen))
