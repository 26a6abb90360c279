"""Go shopping: real HTTP requests at a steady rate from many users, who remember which checkout they got.

The rate does not drop when the shop gets slow: a shopper does not wait for the others. It never gives up
while the shop is away.
"""

import logging
import os
import random
import signal
import sys
import threading
import time
from collections import Counter
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from types import FrameType

from releasetrain.demo import kept
from releasetrain.demo.diary import NAME as BOOK
from releasetrain.demo.diary import NAMES, Book, Seen
from releasetrain.demo.wire import NoAnswerError, Wire

logger = logging.getLogger("shoppers")

OBJECTIVE_SECONDS = 1.0
PATIENCE_SECONDS = 3
PERIOD_SECONDS = 10
CROWD = 64
STACK_BYTES = 256 * 1024


@dataclass(frozen=True, slots=True)
class Plan:
    """How many requests a second, from how many users, to which shop."""

    address: str
    rate: float
    users: int

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> "Plan":
        """Read the plan from the environment.

        :raises ValueError: with the name of the variable that is no usable number
        """
        address = environ.get("RELEASETRAIN_STOREFRONT_URL", "http://127.0.0.1:8002").rstrip("/")
        rate = _number(environ, "RELEASETRAIN_DEMO_RATE", 30, most=2000)
        users = _number(environ, "RELEASETRAIN_DEMO_USERS", 5000, most=1_000_000)
        return cls(address, rate, int(users))


def _number(environ: Mapping[str, str], name: str, default: float, *, most: float) -> float:
    given = environ.get(name, "")
    try:
        value = float(given or default)
    except ValueError:
        value = 0.0
    if not 0 < value <= most:
        raise ValueError(f"{name} must be a number above 0 and at most {most:g}, not “{given}”.")
    return value


@dataclass(slots=True)
class Diary:
    """What the shoppers saw since the last line, and which version each of them had last."""

    counts: Counter[str] = field(default_factory=Counter)
    total: Counter[str] = field(default_factory=Counter)
    has_opened: bool = False
    versions: dict[int, str] = field(default_factory=dict)
    moves: Counter[int] = field(default_factory=Counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, user: int, *, version: str, status: int, seconds: float) -> None:
        """Write down one answer."""
        with self._lock:
            self.has_opened |= status < 500
            self._count(asked=1, failed=status >= 500, slow=seconds > OBJECTIVE_SECONDS)
            self.counts[f"got {version}"] += 1
            self.counts["refused"] += 400 <= status < 500
            before = self.versions.get(user, version)
            self.versions[user] = version
            if before != version:
                self.moves[user] += 1
                self.counts[f"to {version}"] += 1

    def note_silence(self) -> None:
        """Write down that nobody answered."""
        with self._lock:
            self._count(asked=1, unanswered=1)

    def _count(self, **counts: int) -> None:
        """Count for the line, and for good once the shop has opened."""
        self.counts.update(counts)
        if self.has_opened:
            self.total.update(counts)

    def go_on_from(self, before: Seen | None) -> None:
        """Count on from where the shoppers before these had come to."""
        if before is not None:
            self.total.update({name: getattr(before, name) for name in NAMES})

    def note_skipped(self) -> None:
        """Write down a shopper who could not even get in: all the others are still waiting."""
        with self._lock:
            self.counts["skipped"] += 1

    def line(self) -> str:
        """Say how the period was, and begin the next one.

        Whoever changed versions twice within one period was flipped back and forth: sticky means that this is
        0 unless the percentage itself went up and down.
        """
        with self._lock:
            seen = self.counts.copy()
            flipped = sum(1 for moves in self.moves.values() if moves > 1)
            self.counts.clear()
            self.moves.clear()
        return (
            f"{seen['asked']} asked · {seen['got new']} got new, {seen['got old']} old · "
            f"{seen['failed']} failed, {seen['slow']} slow, {seen['unanswered']} unanswered, "
            f"{seen['refused']} refused, {seen['skipped']} skipped · "
            f"{seen['to new']} moved to new, {seen['to old']} back, {flipped} flipped twice"
        )


class Crowd:
    """Send shoppers into the shop, each on a thread that keeps its connection."""

    def __init__(self, plan: Plan) -> None:
        self.diary = Diary()
        self._plan = plan
        self._threads = ThreadPoolExecutor(CROWD, thread_name_prefix="shopper")
        self._own = threading.local()
        self._wires: list[Wire] = []
        self._inside = threading.Semaphore(CROWD)
        self._dice = random.Random()  # noqa: S311 - which shopper comes next is no secret

    def send_one(self) -> None:
        """Send a shopper in, without waiting for what comes of it."""
        user = self._dice.randrange(self._plan.users)
        if self._inside.acquire(blocking=False):
            self._threads.submit(self._shop, user)
        else:
            self.diary.note_skipped()

    def close(self) -> None:
        """Send everybody home, once they have paid."""
        self._threads.shutdown(cancel_futures=True)
        for wire in self._wires:
            wire.close()

    def _shop(self, user: int) -> None:
        try:
            self._check_out(user)
        except Exception:
            logger.exception("A shopper was lost.")
        finally:
            self._inside.release()

    def _check_out(self, user: int) -> None:
        wire: Wire | None = getattr(self._own, "wire", None)
        if wire is None:
            wire = self._own.wire = Wire(self._plan.address, PATIENCE_SECONDS)
            self._wires.append(wire)
        began = time.monotonic()
        try:
            key = f"shopper-{user:04d}"
            answer = wire.ask("GET", f"/checkout?user={key}", headers={"X-User-Id": key})
        except NoAnswerError:
            self.diary.note_silence()
            return
        seconds = time.monotonic() - began
        version = answer.headers.get("x-version", "unknown")
        self.diary.note(user, version=version, status=answer.status, seconds=seconds)


def shop_until(stop: threading.Event, crowd: Crowd, plan: Plan, book: Book) -> None:
    """Keep the rate until told to stop; what a pause of this process missed is not made up for."""
    pace = 1 / plan.rate
    due = told_at = noted_at = time.monotonic()
    crowd.diary.go_on_from(book.newest())
    while not stop.wait(max(0.0, due - time.monotonic())):
        crowd.send_one()
        now = time.monotonic()
        due = max(due + pace, now - 1)
        if now - noted_at >= 1:
            noted_at = now
            book.write(int(time.time()), crowd.diary.total)
        if now - told_at >= PERIOD_SECONDS:
            told_at = now
            sys.stdout.write(f"{crowd.diary.line()}\n")
            sys.stdout.flush()


def main() -> None:
    """Shop until told to stop."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(name)s %(message)s")
    stop = threading.Event()

    def leave(number: int, frame: FrameType | None) -> None:
        stop.set()

    signal.signal(signal.SIGTERM, leave)
    signal.signal(signal.SIGINT, leave)
    threading.stack_size(STACK_BYTES)
    try:
        plan = Plan.read(os.environ)
    except ValueError as error:
        sys.exit(str(error))
    crowd = Crowd(plan)
    shop_until(stop, crowd, plan, Book(kept.data_folder(os.environ) / BOOK))
    crowd.close()


if __name__ == "__main__":
    main()
