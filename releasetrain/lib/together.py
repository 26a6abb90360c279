"""Do what many ask for in one go: a thread takes whatever waits, and each who asked gets its own answer."""

import asyncio
import contextlib
import logging
import threading
from collections.abc import Callable, Sequence
from queue import Empty, SimpleQueue
from typing import Generic, TypeVar

from django.db import InterfaceError, OperationalError, connection

logger = logging.getLogger(__name__)

Asked = TypeVar("Asked")
Answer = TypeVar("Answer")


class Together(Generic[Asked, Answer]):
    """Run one function over all that wait, in a thread with a database connection of its own.

    Nothing waits for company: who comes while the thread is at rest is served alone and at once.
    """

    def __init__(
        self, name: str, work: Callable[[Sequence[Asked]], Sequence[Answer | None]], most: int
    ) -> None:
        self._name = name
        self._work = work
        self._most = most
        self._waiting: SimpleQueue[_Waiter[Asked, Answer] | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    async def ask(self, asked: Asked) -> Answer | None:
        """Hand something in and wait for its answer; None where there is none, as after a fault."""
        self._start()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[Answer | None] = loop.create_future()
        self._waiting.put(_Waiter(asked, loop, answer))
        return await answer

    def stop(self) -> None:
        """Serve who waits, and end the thread and its connection."""
        with self._lock:
            thread, self._thread = self._thread, None
        if thread is not None:
            self._waiting.put(None)
            thread.join(timeout=5)

    def _start(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            with self._lock:
                if self._thread is None or not self._thread.is_alive():
                    self._thread = threading.Thread(target=self._run, name=self._name, daemon=True)
                    self._thread.start()

    def _run(self) -> None:
        try:
            while (first := self._waiting.get()) is not None:
                waiters, is_last = self._gather(first)
                answers = self._answers([one.asked for one in waiters])
                _tell(waiters, answers)
                if is_last:
                    return
        finally:
            connection.close()

    def _gather(self, first: "_Waiter[Asked, Answer]") -> tuple[list["_Waiter[Asked, Answer]"], bool]:
        """Return who waits, the first one included, and whether the end was asked for behind them."""
        waiters = [first]
        while len(waiters) < self._most:
            try:
                one = self._waiting.get_nowait()
            except Empty:
                break
            if one is None:
                return waiters, True
            waiters.append(one)
        return waiters, False

    def _answers(self, asked: Sequence[Asked]) -> Sequence[Answer | None]:
        try:
            return self._work(asked)
        except (OperationalError, InterfaceError) as fault:
            words = (str(fault).splitlines() or [type(fault).__name__])[0]
            logger.warning("%s: the database did not take %s at once: %s", self._name, len(asked), words)
        except Exception:
            logger.exception("%s: %s at once failed.", self._name, len(asked))
        connection.close()
        return [None] * len(asked)


class _Waiter(Generic[Asked, Answer]):
    """Somebody who waits in an event loop."""

    __slots__ = ("answer", "asked", "loop")

    def __init__(
        self, asked: Asked, loop: asyncio.AbstractEventLoop, answer: "asyncio.Future[Answer | None]"
    ) -> None:
        self.asked = asked
        self.loop = loop
        self.answer = answer


def _tell(waiters: Sequence[_Waiter[Asked, Answer]], answers: Sequence[Answer | None]) -> None:
    """Wake each loop once for all its waiters."""
    by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Answer | None], Answer | None]]] = {}
    for waiter, answer in zip(waiters, answers, strict=True):
        by_loop.setdefault(waiter.loop, []).append((waiter.answer, answer))
    for loop, told in by_loop.items():
        with contextlib.suppress(RuntimeError):  # a loop that was closed has nobody left to tell
            loop.call_soon_threadsafe(_resolve, told)


def _resolve(told: Sequence[tuple["asyncio.Future[Answer | None]", Answer | None]]) -> None:
    for future, answer in told:
        if not future.done():
            future.set_result(answer)
