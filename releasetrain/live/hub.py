"""Stand between the log and everybody who watches through this process.

One layer member, one database connection and one loop serve them all. A hint (or the clock) starts a round:
read the log from the last position on, draw each fragment that it touches once an audience, write the
outgoing bytes once, push them to everybody. What a watcher has missed comes from memory.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

from django.db import Error as DatabaseError
from django.db import connections

from releasetrain.live import parcel as parcels
from releasetrain.live.ears import Ears, Hint
from releasetrain.live.memory import Memory
from releasetrain.live.parcel import Parcel
from releasetrain.live.survey import Found, Order, Place, survey
from releasetrain.live.watcher import Watcher
from releasetrain.panels import registry, words
from releasetrain.panels.tickets import Ticket

logger = logging.getLogger(__name__)

POLL_SECONDS = 1.5
PULSE_SECONDS = 10.0
LINGER_SECONDS = 60.0
MOST_PULSES_STUCK = 3
MOST_FIRSTS = 500
BREATH = 250
"""After so many pushes others get their turn: new sockets, closed ones, renewals."""


class Hub:
    """Serve the watchers of one process."""

    def __init__(self) -> None:
        self.memory = Memory()
        self.watchers: dict[tuple[Place, ...], set[Watcher]] = {}
        self._whole: set[Place] = set()
        self._restless_at: dict[str, float] = {}
        self._unwatched_since: dict[Place, float] = {}
        self._caught: dict[tuple[tuple[Place, ...], int], Parcel | None] = {}
        self._firsts: dict[tuple[tuple[Place, ...], int, datetime | None], Parcel | None] = {}
        self._promises: list[asyncio.Future[None]] = []
        self._tasks: list[asyncio.Task[None]] = []
        self._is_surveying = False
        self._is_blind = False
        self._is_stopped = False
        self._pulse_at = 0.0
        self._read_at = 0.0

    # watchers ---------------------------------------------------------------------------------------------

    async def join(self, watcher: Watcher, position: int, at: datetime | None = None) -> None:
        """Bring a page from what it shows to now, and keep it there from then on.

        :param position: of the log when the page was drawn, −1 where nobody knows
        :param at: when that was, by the database's clock
        """
        self._start()
        self.watchers.setdefault(watcher.places, set()).add(watcher)
        is_new = self.memory.open(watcher.places)
        self._listen()
        is_ahead = position > (self.memory.position or 0)
        if self.memory.position is None or is_ahead or (is_new and self._is_surveying):
            await self._next_round()
        while lacking := self.memory.lacking(watcher.places, position):
            self._whole.update(lacking)
            await self._next_round()
        watcher.version = self.memory.version
        await watcher.serve(self._first(watcher.places, position, at), self._catch_up)

    def leave(self, watcher: Watcher | None) -> None:
        """Forget a watcher, if there is one."""
        if watcher is None:
            return
        room = self.watchers.get(watcher.places, set())
        room.discard(watcher)
        if not room:
            self.watchers.pop(watcher.places, None)
        watcher.forget()

    async def renew(self, watcher: Watcher, ticket: Ticket) -> None:
        """Go on under a fresh ticket; where it shows other things than before, everything is sent anew."""
        places = tuple(sorted(ticket.topics.items()))
        if places == watcher.places:
            watcher.ticket = ticket
            return
        self.leave(watcher)
        watcher.ticket, watcher.places = ticket, places
        watcher.is_busy = True
        await self.join(watcher, -1)

    def clock(self) -> datetime:
        """Tell the database's time without asking it: as last read, and what has passed since."""
        if self.memory.now is None:
            return datetime.now(UTC)
        return self.memory.now + timedelta(seconds=time.monotonic() - self._read_at)

    async def stop(self) -> None:
        """Send everybody away and give everything back."""
        self._is_stopped = True
        for watcher in self._everybody():
            watcher.end("restart")
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for promise in self._promises:
            promise.set_result(None)
        if self._tasks:
            await asyncio.get_running_loop().run_in_executor(self._thread, connections.close_all)
            self._thread.shutdown()

    # the loop ---------------------------------------------------------------------------------------------

    def _start(self) -> None:
        if self._tasks:
            return
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="live-database")
        self._wake, self._urgent = asyncio.Event(), asyncio.Event()
        self._ears = Ears(self._hear)
        self._pulse_at = self._time() + PULSE_SECONDS
        self._tasks = [asyncio.ensure_future(self._drive()), asyncio.ensure_future(self._ears.run())]

    async def _drive(self) -> None:
        """Run a round whenever there is cause, and never so many that nothing else is done."""
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), POLL_SECONDS if self.memory.shelves else None)
            try:
                handed_out_in = await self._round()
                self._pulse()
            except (DatabaseError, OSError) as fault:
                self._complain(fault)
                await asyncio.sleep(POLL_SECONDS)
                continue
            except Exception:
                logger.exception("A round of live news failed.")
                await asyncio.sleep(POLL_SECONDS)
                continue
            # At overload it is better to gather news for as long again as it took to hand out the last ones;
            # only rollbacks and holds do not wait.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._urgent.wait(), handed_out_in)

    async def _round(self) -> float:
        """Find out what happened and hand it out; return how many seconds the handing out took."""
        self._wake.clear()
        self._urgent.clear()
        promises, self._promises = self._promises, []
        order, self._is_surveying = self._order(), True
        try:
            loop = asyncio.get_running_loop()
            found: Found = await loop.run_in_executor(self._thread, survey, order)
        except BaseException:
            self._promises = promises + self._promises
            raise
        finally:
            self._is_surveying = False
        self._read_at = time.monotonic()
        self._whole = (self._whole - found.whole) & set(self.memory.shelves)
        before = self.memory.take(found)
        self._caught.clear()
        self._firsts.clear()
        self._see_again()
        self._send_away(w for w in self._everybody() if w.ticket.person in found.changed_people)
        for promise in promises:
            promise.set_result(None)
        began = self._time()
        await self._fan_out(before)
        return self._time() - began

    def _order(self) -> Order:
        now = self._time()
        topics = {topic for topic, _ in self.memory.shelves}
        restless = {topic for topic in topics if self._restless_at.get(topic, 0) <= now}
        self._restless_at = {topic: self._restless_at.get(topic, 0.0) for topic in topics}
        self._restless_at.update({topic: now + registry.restless_seconds(topic) for topic in restless})
        return Order(
            position=self.memory.position,
            places=frozenset(self.memory.shelves),
            whole=frozenset(self._whole),
            restless=frozenset(restless),
            known=self.memory.known(),
            unseen=frozenset(topics - self.memory.points.keys()),
        )

    async def _fan_out(self, before: int) -> None:
        """Push what the round found: the same bytes to everybody with the same eyes on the same things."""
        pushed = 0
        for places, room in list(self.watchers.items()):
            news = self.memory.since_version(places, before)
            if news.is_empty:
                continue
            parcel = parcels.news(news)
            for watcher in tuple(room):
                self._push(watcher, parcel)
                pushed += 1
                if pushed % BREATH == 0:
                    await asyncio.sleep(0)

    def _push(self, watcher: Watcher, parcel: Parcel) -> None:
        try:
            watcher.push(parcel, self.memory.version, self._catch_up)
        except (OSError, RuntimeError):  # its socket is gone; its consumer hears of it, too
            self.leave(watcher)

    def _first(self, places: tuple[Place, ...], position: int, at: datetime | None) -> Parcel:
        """Compose what a page has missed before it came; thousands may come back from the same moment."""
        key = (places, position, at)
        if key not in self._firsts:
            if len(self._firsts) >= MOST_FIRSTS:
                self._firsts.clear()
            news = self.memory.since_position(*key)
            self._firsts[key] = None if news.is_empty else parcels.news(news)
        return self._firsts[key] or self._pulse_now()

    def _catch_up(self, watcher: Watcher) -> Parcel | None:
        """Compose what a slow watcher has missed; the same bytes for all who missed the same."""
        key = (watcher.places, watcher.version)
        if key not in self._caught:
            news = self.memory.since_version(*key)
            self._caught[key] = None if news.is_empty else parcels.news(news)
        watcher.version = self.memory.version
        return self._caught[key]

    async def _next_round(self) -> None:
        """Wait for a round that begins after now."""
        if not self._promises:
            self._promises.append(asyncio.get_running_loop().create_future())
        promise = self._promises[-1]
        self._wake.set()
        self._urgent.set()
        await asyncio.shield(promise)
        if self._is_stopped:
            raise ConnectionAbortedError("This process stops; another one will serve the page.")

    # hints, heartbeats, housekeeping ------------------------------------------------------------------------

    def _hear(self, hint: Hint) -> None:
        """Take a hint: it only says that it is worth reading now."""
        if int(hint.get("position", 0)) <= (self.memory.position or 0):
            return
        self._wake.set()
        if words.is_urgent(str(hint.get("kind", ""))):
            self._urgent.set()

    def _listen(self) -> None:
        self._ears.want(heard for topic, _ in self.memory.shelves for heard in registry.heard(topic))

    def _pulse(self) -> None:
        """Every few seconds say that all is current, and clear up."""
        now = self._time()
        if now < self._pulse_at:
            return
        self._pulse_at = now + PULSE_SECONDS
        clock = self.clock()
        self._send_away(w for w in self._everybody() if w.ticket.expires_at <= clock)
        self._forget_unwatched(now)
        parcel = self._pulse_now()
        for watcher in self._everybody():
            if not watcher.is_busy:
                self._push(watcher, parcel)
                continue
            watcher.waited += 1
            if watcher.waited >= MOST_PULSES_STUCK:
                self.leave(watcher)
                watcher.transport.abandon()

    def _pulse_now(self) -> Parcel:
        return parcels.pulse(self.memory.position or 0, self.clock())

    def _forget_unwatched(self, now: float) -> None:
        watched = {place for places in self.watchers for place in places}
        idle = [place for place in self.memory.shelves if place not in watched]
        self._unwatched_since = {place: self._unwatched_since.get(place, now) for place in idle}
        self.memory.drop(p for p, since in self._unwatched_since.items() if now - since >= LINGER_SECONDS)
        self._listen()

    def _send_away(self, watchers: Iterable[Watcher]) -> None:
        """Close streams that need a new ticket; whether there is one is decided where tickets are issued."""
        for watcher in list(watchers):
            self.leave(watcher)
            watcher.end("ticket")

    def _everybody(self) -> list[Watcher]:
        return [watcher for room in self.watchers.values() for watcher in room]

    def _complain(self, fault: Exception) -> None:
        if not self._is_blind:
            logger.warning("The database is away (%s); watchers wait.", fault)
        self._is_blind = True

    def _see_again(self) -> None:
        if self._is_blind:
            logger.warning("The database is back; watchers are current.")
        self._is_blind = False

    def _time(self) -> float:
        return asyncio.get_running_loop().time()


running: list[Hub] = []


def the_hub() -> Hub:
    """Return the hub of this process, made when the first page comes."""
    if not running:
        running.append(Hub())
    return running[0]


async def stop_the_hub() -> None:
    """Stop the hub if there is one."""
    while running:
        await running.pop().stop()
