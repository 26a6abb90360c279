"""Ask the servers of both arms which version they run, all at once and within one deadline.

`baseline` and `candidate` of a configuration are "host:port" each ("https://host:port" where it is wanted);
`version_path` is asked of every one, "" leaves the question out. A version is the header `x-version`, else
`version` of a JSON object, else the text of a short answer.
"""

import asyncio
import json
import socket
from collections.abc import Coroutine, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx

from releasetrain.lib.fetching import trusted
from releasetrain.rollouts.drivers.base import Arm, Server

VERSION_PATH = "/version"
LONGEST_VERSION = 200
MOST_BYTES = 64 * 1024
CONNECT_SECONDS = 0.5

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a server told no version, e.g. "does not answer within 1 s"; a dead one serves nobody."""

    words: str
    is_dead: bool = True


def ask_version(address: str, path: str, deadline: float) -> str | Fault:
    """Ask one server for its version; never longer than `deadline` seconds in all."""
    return _all_at_once([address], path, deadline)[0]


def why_not_version(config: Mapping[str, Any], wanted: str, deadline: float) -> str:
    """Say which candidate servers are away or run another version, "" where all run the wanted one.

    Where `version_path` is "", only a connection to each is asked for.
    """
    addresses = lines_of(config, "candidate")
    if not addresses:
        return "No server of the new version is configured."
    answers = _all_at_once(addresses, path_of(config), deadline)
    found = []
    for address, answer in zip(addresses, answers, strict=True):
        if isinstance(answer, Fault):
            found.append(f"The candidate {address} {answer.words}.")
        elif path_of(config) and answer != wanted:
            found.append(f"The candidate {address} runs {answer or 'an unnamed version'}, not {wanted}.")
    return " ".join(found)


def servers_of(config: Mapping[str, Any], deadline: float) -> tuple[Server, ...]:
    """Return every server of both arms, whether it is up and what it runs."""
    named = [(arm, address) for arm in Arm for address in lines_of(config, arm.value)]
    answers = _all_at_once([address for _, address in named], path_of(config), deadline)
    return tuple(
        Server(address, arm, is_up=not answer.is_dead, detail=answer.words)
        if isinstance(answer, Fault)
        else Server(address, arm, is_up=True, version=answer)
        for (arm, address), answer in zip(named, answers, strict=True)
    )


def lines_of(config: Mapping[str, Any], name: str) -> list[str]:
    """Return the lines of a configuration's field that say anything."""
    lines = config.get(name)
    return [str(line).strip() for line in lines if str(line).strip()] if isinstance(lines, list) else []


def path_of(config: Mapping[str, Any]) -> str:
    """Return what is asked of a server for its version, "" where nothing is."""
    path = config.get("version_path", VERSION_PATH)
    return path if isinstance(path, str) else VERSION_PATH


def version_in(answer: str, headers: Mapping[str, str]) -> str:
    """Find the version in what a server answered, "" where there is none."""
    if named := headers.get("x-version", "").strip():
        return named[:LONGEST_VERSION]
    try:
        document = json.loads(answer)
    except ValueError:
        document = None
    if isinstance(document, dict):
        return str(document.get("version", "")).strip()[:LONGEST_VERSION]
    text = answer.strip()
    return text if len(text) <= LONGEST_VERSION else ""


def _all_at_once(addresses: Sequence[str], path: str, deadline: float) -> list[str | Fault]:
    if not addresses:
        return []

    async def ask_all(names: ThreadPoolExecutor) -> list[str | Fault]:
        trust = trusted() if any("://" in one for one in addresses) else False
        async with httpx.AsyncClient(trust_env=False, verify=trust) as client:
            return await asyncio.gather(*(_ask(client, one, path, deadline, names) for one in addresses))

    # Nobody waits for this pool: a name server that is silent must not outlast the deadline.
    names = ThreadPoolExecutor(min(8, len(addresses)))
    try:
        return _run(ask_all(names))
    finally:
        names.shutdown(wait=False, cancel_futures=True)


def _run(work: Coroutine[Any, Any, T]) -> T:
    """Run it on a loop of its own, wherever the caller stands."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, work).result()


async def _ask(
    client: httpx.AsyncClient, address: str, path: str, deadline: float, names: ThreadPoolExecutor
) -> str | Fault:
    parts = urlsplit(address if "://" in address else f"http://{address}")
    try:
        host, port = parts.hostname or "", parts.port or {"http": 80, "https": 443}[parts.scheme]
    except (ValueError, KeyError):
        return Fault("is no address such as 10.0.0.7:8080")
    try:
        async with asyncio.timeout(deadline):
            number = await asyncio.get_running_loop().run_in_executor(names, _look_up, host, port)
            if not path:
                return await _connect(number, port)
            return await _get(client, parts.scheme, host, (number, port), path)
    except TimeoutError:
        return Fault(f"does not answer within {deadline:g} s")
    except (OSError, UnicodeError):
        return Fault("cannot be reached")
    except httpx.HTTPError as error:
        is_refused = isinstance(error, httpx.ConnectError | httpx.ConnectTimeout)
        return Fault("cannot be reached" if is_refused else f"breaks off ({type(error).__name__})")


def _look_up(host: str, port: int) -> str:
    return str(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0])


async def _connect(number: str, port: int) -> str:
    _, writer = await asyncio.wait_for(asyncio.open_connection(number, port), CONNECT_SECONDS)
    writer.close()
    return ""


async def _get(
    client: httpx.AsyncClient, scheme: str, host: str, at: tuple[str, int], path: str
) -> str | Fault:
    number, port = at
    url = httpx.URL(scheme=scheme, host=number, port=port, raw_path=f"/{path.lstrip('/')}".encode())
    request = client.build_request(
        "GET",
        url,
        headers={"Host": f"{host}:{port}", "Accept-Encoding": "identity"},
        timeout=httpx.Timeout(None, connect=CONNECT_SECONDS),
        extensions={"sni_hostname": host},
    )
    answer = await client.send(request, stream=True)
    try:
        if answer.status_code >= 500:
            return Fault(f"answers {answer.status_code}")
        if answer.status_code != 200:
            return Fault(f"answers {answer.status_code} to GET {path}", is_dead=False)
        body = bytearray()
        async for chunk in answer.aiter_raw():
            body += chunk
            if len(body) > MOST_BYTES:
                return Fault(f"answers GET {path} with more than a version", is_dead=False)
        return version_in(body.decode(errors="replace"), answer.headers)
    finally:
        await answer.aclose()
