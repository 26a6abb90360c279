"""Run the proxy: choose an arm for each request, and stop without losing any."""

import asyncio
import contextlib
import logging
import signal
import time
from collections import Counter

from aiohttp import web

from releasetrain.proxy import sockets
from releasetrain.proxy.admin import admin_of
from releasetrain.proxy.bodies import Body, TooLargeError, take_in
from releasetrain.proxy.forwarding import Client, NotServedError
from releasetrain.proxy.options import Options
from releasetrain.proxy.servers import Arm, Pool, Server, watch
from releasetrain.proxy.shadow import Shadow
from releasetrain.proxy.state import Keeper, State, UnreadableError

logger = logging.getLogger("proxy")

LONGEST_USER = 200
REROUTE_SECONDS = 0.5


class Proxy:
    """Everything that one process of the proxy knows."""

    def __init__(self, options: Options) -> None:
        self.options = options
        self.keeper = Keeper(options.state)
        self.state = self._kept()
        self.pools = {
            Arm.BASELINE: Pool(Arm.BASELINE, options.baseline),
            Arm.CANDIDATE: Pool(Arm.CANDIDATE, options.candidate),
        }
        self.client = Client()
        self.shadow = Shadow(
            self.client.session,
            self.pools[Arm.CANDIDATE],
            options.mirror_methods,
            compares_bodies=options.compares_bodies,
        )
        self.counts: Counter[str] = Counter()

    def _kept(self) -> State:
        try:
            return self.keeper.read()
        except UnreadableError as error:
            logger.error("Everybody gets the baseline: %s", error)  # noqa: TRY400
            return State()

    @property
    def servers(self) -> list[Server]:
        return [server for pool in self.pools.values() for server in pool.servers]

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request of a user."""
        self.counts["requests"] += 1
        user = request.headers.get(self.options.user_header, "").strip()
        if len(user) > LONGEST_USER or len(request.headers.getall(self.options.user_header, ())) > 1:
            user = ""
        try:
            if sockets.wants_socket(request):
                return await self._open_socket(request, user)
            body = await take_in(request, self.options.most_body_bytes)
            return await self._answer(request, body, user)
        except TooLargeError:
            return _refusal(413, "The body is larger than this proxy lets through.")
        except asyncio.IncompleteReadError:
            return _refusal(400, "The body ended before it was complete.")
        except NotServedError as error:
            self.counts["failed"] += 1
            logger.warning("%s", error)
            return _refusal(error.status, "No server answered.")

    async def _answer(self, request: web.BaseRequest, body: Body, user: str) -> web.StreamResponse:
        if self.state.includes(user):
            for server in self.pools[Arm.CANDIDATE].in_turn():
                if not self.state.includes(user):
                    break
                try:
                    return (await self.client.forward(request, server, body, user)).response
                except NotServedError as error:
                    if not error.may_ask_another:
                        raise
            self.counts["fell_over"] += 1
        return await self._from_baseline(request, body)

    async def _from_baseline(self, request: web.BaseRequest, body: Body) -> web.StreamResponse:
        copy = self.shadow.copy(request, body, self.state.mirror)
        began = time.monotonic()
        for server in self.pools[Arm.BASELINE].in_turn(also_dead=True):
            try:
                sent = await self.client.forward(request, server, body, "")
            except NotServedError as error:
                if not error.may_ask_another:
                    raise
            else:
                if copy is not None:
                    self.shadow.send(copy, sent, time.monotonic() - began)
                return sent.response
        raise NotServedError("No server of the baseline answers.", may_ask_another=False)

    async def _open_socket(self, request: web.BaseRequest, user: str) -> web.StreamResponse:
        wanted = self.pools[Arm.CANDIDATE].in_turn() if self.state.includes(user) else []
        for server in [*wanted, *self.pools[Arm.BASELINE].in_turn(also_dead=True)]:
            with contextlib.suppress(NotServedError):
                return await sockets.pass_through(request, server, self.client.session, user)
        raise NotServedError("No server opens a WebSocket.", may_ask_another=False)

    async def take(self, state: State) -> None:
        """Do as a state says from now on: when this returns, nobody outside it is sent to the candidate.

        Requests of those who are no longer in and that were not yet sent go to the baseline.
        """
        self.state = state
        until = time.monotonic() + REROUTE_SECONDS
        while unsent := [
            one
            for one in self.pools[Arm.CANDIDATE].attempts()
            if not one.is_sent and not one.is_socket and not state.includes(one.user)
        ]:
            for one in unsent:
                one.leave.set()
            if time.monotonic() > until:
                return
            await asyncio.sleep(0.001)

    def cut(self) -> int:
        """Close what is open on the candidate for users who are not in; return how many that was."""
        open_now = [one for one in self.pools[Arm.CANDIDATE].attempts() if not self.state.includes(one.user)]
        for one in open_now:
            one.cut()
        return len(open_now)


def _refusal(status: int, sentence: str) -> web.Response:
    return web.Response(status=status, text=f"{sentence}\n", headers={"Server": "proxy"})


async def serve(options: Options, token: str) -> None:
    """Serve until told to stop; then let open requests finish."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    proxy = Proxy(options)
    users = web.ServerRunner(
        web.Server(
            proxy.handle,
            handler_cancellation=True,
            access_log=None,
            keepalive_timeout=75,
            max_line_size=16384,
            max_field_size=16384,
            auto_decompress=False,
        ),
        shutdown_timeout=max(0.1, options.stop_seconds),
    )
    admin = web.AppRunner(admin_of(proxy, token), access_log=None, shutdown_timeout=1)
    watching = [
        asyncio.create_task(watch(server, proxy.client.session, options.version_path))
        for server in proxy.servers
    ]
    try:
        await users.setup()
        await admin.setup()
        await _listen(admin, options.admin)
        await _listen(users, options.listen)
        logger.info("Users come in at %s.", options.listen)
        await stop.wait()
    finally:
        for task in watching:
            task.cancel()
        for server in proxy.servers:
            for one in server.attempts:
                if one.is_socket:
                    one.cut()
        await users.cleanup()
        await admin.cleanup()
        proxy.shadow.close()
        await proxy.client.close()


async def _listen(runner: web.ServerRunner | web.AppRunner, place: str) -> None:
    if place.startswith("unix:"):
        await web.UnixSite(runner, place.removeprefix("unix:")).start()
        return
    host, _, port = place.rpartition(":")
    await web.TCPSite(runner, host.strip("[]"), int(port), backlog=1024, reuse_address=True).start()
