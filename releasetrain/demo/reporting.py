"""Tell the house once a second what was counted, and tell it again where it did not hear."""

import asyncio
import json
import logging
import os
from collections import deque
from collections.abc import Callable
from datetime import datetime
from typing import Any

from releasetrain.demo.shop import Version
from releasetrain.demo.tally import ARMS, Report, Tally, utc_now
from releasetrain.demo.wire import Answer, NoAnswerError, Wire

logger = logging.getLogger("storefront")

PATH = "/api/v1/metrics"
TIMEOUT_SECONDS = 3
MOST_WAITING = 300
SLOWEST_SECONDS = 5.0
# The house will never take these, however often they are sent.
HOPELESS = frozenset({400, 413, 422})


def body_of(
    report: Report,
    *,
    service: str,
    environment: str,
    source: str,
    versions: tuple[Version, ...] = tuple(Version),
) -> bytes:
    """Write a report as the house's metrics endpoint reads it; of versions that run elsewhere say nothing."""
    ends_at = report.ends_at.isoformat()
    readings = [
        {"metric": metric, "arm": ARMS[version], "units": units, "bad": bad}
        for version, count in report.counts.items()
        if version in versions
        for metric, (units, bad) in count.metrics().items()
    ]
    errors = [
        {"arm": ARMS[version], "message": line, "count": count, "at": ends_at}
        for (version, line), count in report.lines.items()
    ]
    return json.dumps(
        {
            "service": service,
            "environment": environment,
            "source": source,
            "starts_at": report.starts_at.isoformat(),
            "ends_at": ends_at,
            "readings": readings,
            "errors": errors,
        }
    ).encode()


class Reporter:
    """Close a span every second and see to it that the house hears of each, once, in their order.

    A report keeps its span however often it is sent; by that the house knows one that it has already counted.
    """

    def __init__(
        self,
        tally: Tally,
        address: str,
        token: Callable[[], str],
        *,
        service: str,
        environment: str,
        versions: tuple[Version, ...] = tuple(Version),
    ) -> None:
        self.lost = 0
        self.last_sent_at: datetime | None = None
        self.last_error = ""
        self._tally = tally
        self._token = token
        self._place = {"service": service, "environment": environment, "source": f"pid-{os.getpid()}"}
        self._versions = versions
        self._wire = Wire(address, TIMEOUT_SECONDS)
        self._waiting: deque[Report] = deque()
        self._news = asyncio.Event()
        self._is_closing = False

    async def count(self) -> None:
        """Close spans for as long as the process lives."""
        while True:
            await asyncio.sleep(1)
            self.take()

    async def send(self) -> None:
        """Send what waits, oldest first, until closed; after a failure wait a little longer each time."""
        pause = 0.0
        while not self._is_closing or self._waiting:
            await self._news.wait()
            is_settled = await asyncio.to_thread(self.send_oldest)
            if self._is_closing and not is_settled:
                break
            pause = 0.0 if is_settled else min(SLOWEST_SECONDS, pause * 2 or 0.5)
            await asyncio.sleep(pause)
        self.close()

    def finish(self) -> None:
        """Close the last span, and let `send` end once it is told."""
        self._is_closing = True
        self.take()
        self._news.set()

    def close(self) -> None:
        """Let the connection to the house go."""
        self._wire.close()

    def take(self) -> None:
        """Close the open span and put its report in the queue; the oldest falls out of one that is full."""
        report = self._tally.close_span(utc_now())
        if report is None:
            return
        self._waiting.append(report)
        if len(self._waiting) > MOST_WAITING:
            self._waiting.popleft()
            self.lost += 1
        self._news.set()

    def send_oldest(self) -> bool:
        """Send the oldest report and tell whether it is settled: heard, or refused for good."""
        if not self._waiting:
            return True
        report = self._waiting[0]
        try:
            answer = self._post(report)
        except NoAnswerError as error:
            return self._failed(str(error))
        if answer.status >= 300 and answer.status not in HOPELESS:
            return self._failed(f"The house answered {answer.status}: {_words(answer)}")
        self._settle(report, answer)
        return True

    def to_json(self) -> dict[str, Any]:
        """Tell how reporting goes."""
        return {
            "waiting": len(self._waiting),
            "lost": self.lost,
            "last_sent_at": self.last_sent_at.isoformat() if self.last_sent_at else None,
            "last_error": self.last_error,
        }

    def _post(self, report: Report) -> Answer:
        body = body_of(report, **self._place, versions=self._versions)
        headers = {"Authorization": f"Bearer {self._token()}", "Content-Type": "application/json"}
        return self._wire.ask("POST", PATH, body, headers)

    def _settle(self, report: Report, answer: Answer) -> None:
        """Take a report off the queue; meanwhile a full queue may have dropped it already."""
        if self._waiting and self._waiting[0] is report:
            self._waiting.popleft()
        if not self._waiting and not self._is_closing:
            self._news.clear()
        if answer.status in HOPELESS:
            self.lost += 1
            self.last_error = f"The house refuses a report ({answer.status}): {_words(answer)}"
            logger.error("%s", self.last_error)
        else:
            self.last_sent_at, self.last_error = utc_now(), ""

    def _failed(self, why: str) -> bool:
        if why != self.last_error:
            logger.warning("A report waits: %s", why)
        self.last_error = why
        return False


def _words(answer: Answer) -> str:
    return answer.body[:300].decode(errors="replace")
