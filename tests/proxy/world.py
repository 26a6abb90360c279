"""A real proxy between a user agent and two servers that misbehave as told."""

import asyncio
import contextlib
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from aiohttp import WSMsgType, web

from tests.running import ROOT, until

TOKEN = "a-secret-of-the-tests"
PATIENCE = 30


def free_address() -> str:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return f"127.0.0.1:{server.getsockname()[1]}"


@dataclass
class Shelf:
    """One server with a version, on a loop of its own; it can die in the middle of everything."""

    version: str
    address: str = field(default_factory=free_address)
    asked: list[tuple[str, str, dict[str, str], int]] = field(default_factory=list)
    held: threading.Event = field(default_factory=threading.Event)
    _loop: asyncio.AbstractEventLoop | None = None
    _thread: threading.Thread | None = None
    _transports: set[asyncio.BaseTransport] = field(default_factory=set)

    def start(self) -> None:
        up = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(self._run(up)), daemon=True)
        self._thread.start()
        assert up.wait(PATIENCE)

    def die(self) -> None:
        """Break every connection and listen no more, as a killed process does."""
        if self._loop and self._thread and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
            self._thread.join(PATIENCE)

    def paths(self) -> list[str]:
        return [path for _, path, _, _ in self.asked]

    async def _run(self, up: threading.Event) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        runner = web.ServerRunner(web.Server(self._answer, access_log=None), shutdown_timeout=0.01)
        await runner.setup()
        host, _, port = self.address.partition(":")
        await web.TCPSite(runner, host, int(port), reuse_address=True).start()
        up.set()
        await self._stop.wait()
        for transport in list(self._transports):
            if isinstance(transport, asyncio.Transport):
                transport.abort()
        await runner.cleanup()

    async def _answer(self, request: web.BaseRequest) -> web.StreamResponse:
        if request.transport:
            self._transports.add(request.transport)
        headers = {"x-version": self.version}
        if request.path == "/version":
            return web.Response(headers=headers)
        if request.headers.get("Upgrade"):
            return await self._talk(request)
        size = 0
        async for chunk in request.content.iter_any():
            size += len(chunk)
        self.asked.append((request.method, request.raw_path, dict(request.headers), size))
        return await self._say(request, size, headers)

    async def _say(self, request: web.BaseRequest, size: int, headers: dict[str, str]) -> web.StreamResponse:
        if request.path == "/held":
            await self._until_let_go()
        if request.path == "/fails":
            return web.Response(status=500, headers=headers)
        if request.path in {"/half", "/flow"}:
            response = web.StreamResponse(headers=headers)
            if request.path == "/half":
                response.content_length = 2000
            await response.prepare(request)
            await response.write(b"." * 1000)
            await self._until_let_go()
            await response.write(b"." * 1000)
            await response.write_eof()
            return response
        return web.Response(text=f"{self.version} {size}", headers=headers)

    async def _until_let_go(self) -> None:
        while not self.held.is_set():  # noqa: ASYNC110 - it is set from another thread
            await asyncio.sleep(0.01)

    async def _talk(self, request: web.BaseRequest) -> web.StreamResponse:
        talk = web.WebSocketResponse(protocols=["chat"])
        await talk.prepare(request)
        async for message in talk:
            if message.type is WSMsgType.TEXT:
                await talk.send_str(f"{self.version}: {message.data}")
            elif message.type is WSMsgType.BINARY:
                await talk.send_bytes(message.data)
        return talk


class World:
    """Both servers and the proxy before them, a process of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.old, self.new = Shelf("v1"), Shelf("v2")
        self.address, self.admin = free_address(), free_address()
        self.process: subprocess.Popen[bytes] | None = None
        self.fence = 0
        (folder / "token").write_text(TOKEN)

    @property
    def state_file(self) -> Path:
        return self.folder / "state" / "state.json"

    def start(self) -> None:
        self.state_file.parent.mkdir(exist_ok=True)
        self.old.start()
        self.new.start()
        self.launch()

    def launch(self, *more: str) -> None:
        argv = [
            *(sys.executable, "-m", "releasetrain.proxy", "--listen", self.address, "--admin", self.admin),
            *("--state", str(self.state_file), "--token-file", str(self.folder / "token")),
            *("--baseline", self.old.address, "--candidate", self.new.address),
            *("--most-body-megabytes", "1", *more),
        ]
        with (self.folder / "said").open("ab") as said:
            self.process = subprocess.Popen(argv, cwd=ROOT, stdout=said, stderr=said)
        until(self._is_up, "the proxy does not come up")

    def _is_up(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.said()
        with contextlib.suppress(OSError):
            host, _, port = self.address.partition(":")
            socket.create_connection((host, int(port)), 1).close()
            return True
        return False

    def said(self) -> str:
        return (self.folder / "said").read_text()

    def end(self, number: signal.Signals = signal.SIGKILL) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(PATIENCE)

    def stop(self) -> None:
        self.end()
        self.old.held.set()
        self.new.held.set()
        self.old.die()
        self.new.die()

    def call(self, method: str, path: str, token: str = TOKEN, **more: Any) -> httpx.Response:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return httpx.request(method, f"http://{self.admin}{path}", headers=headers, timeout=PATIENCE, **more)

    def facts(self) -> dict[str, Any]:
        told: dict[str, Any] = self.call("GET", "/state").json()
        return told

    def put(self, weight: int, **more: Any) -> dict[str, Any]:
        self.fence += 1
        wanted = {"weight": weight, "fence": self.fence, "version": "v2", "mirror": 0} | more
        answer = self.call("PUT", "/state", json=wanted)
        assert answer.status_code == 200, answer.text
        told: dict[str, Any] = answer.json()
        return told

    def ask(self, path: str = "/", method: str = "GET", user: str = "ana", **more: Any) -> httpx.Response:
        headers = {"x-user-id": user} if user else {}
        return httpx.request(
            method,
            f"http://{self.address}{path}",
            headers=headers | more.pop("headers", {}),
            timeout=PATIENCE,
            **more,
        )

    def beside(self, work: Callable[[], Any]) -> "Beside":
        return Beside(work)


class Beside:
    """Do something on a thread, and give what it returned or raised."""

    def __init__(self, work: Callable[[], Any]) -> None:
        self._result: list[Any] = []

        def do() -> None:
            try:
                self._result.append(work())
            except Exception as error:  # noqa: BLE001 - whoever asks for the result gets it
                self._result.append(error)

        self._thread = threading.Thread(target=do, daemon=True)
        self._thread.start()

    def result(self) -> Any:
        self._thread.join(PATIENCE)
        assert self._result, "it has not ended"
        if isinstance(self._result[0], Exception):
            raise self._result[0]
        return self._result[0]


def worlds(folder: Path) -> Iterator[World]:
    world = World(folder)
    world.start()
    try:
        yield world
    finally:
        world.stop()
