"""Order the process of watchers about: connect, begin, tell what was published, sum up."""

import contextlib
import json
import select
import subprocess
import time
from collections.abc import Iterator, Mapping
from typing import Any

from releasetrain.bench.errors import CannotMeasure
from releasetrain.bench.house import helper
from releasetrain.bench.serving import HOST

SECONDS_TO_ANSWER = 120


class Crowd:
    """So many connected watchers, in a process of their own."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process
        self._rest = b""

    def connect(self, order: Mapping[str, Any], port: int, watchers: int) -> float:
        """Connect everybody and return how many seconds that took.

        :raises CannotMeasure: not everybody got in
        """
        self._say({**order, "host": HOST, "port": port, "watchers": watchers})
        answer = self._hear()
        if "refused" in answer:
            raise CannotMeasure(f"{watchers:,} watchers could not connect: {answer['refused']}.")
        return float(answer["seconds"])

    def begin(self) -> None:
        """Forget what arrived so far."""
        self._say({})
        self._hear()

    def finish(self, published: Mapping[int, float], patience: float) -> dict[str, Any]:
        """Wait until everybody is current, or as long as patience lasts, and sum up."""
        self._say({"published": published, "patience": patience})
        return self._hear()

    def _say(self, order: Mapping[str, Any]) -> None:
        if self._process.stdin is None:
            raise RuntimeError("The watchers have no input.")
        self._process.stdin.write(json.dumps(order).encode() + b"\n")
        self._process.stdin.flush()

    def _hear(self) -> dict[str, Any]:
        until = time.monotonic() + SECONDS_TO_ANSWER
        while b"\n" not in self._rest:
            self._rest += self._read(until - time.monotonic())
        line, _, self._rest = self._rest.partition(b"\n")
        heard: dict[str, Any] = json.loads(line)
        return heard

    def _read(self, seconds: float) -> bytes:
        output = self._process.stdout
        if output is None or not select.select([output], [], [], max(seconds, 0))[0]:
            raise CannotMeasure(f"The watchers did not answer within {SECONDS_TO_ANSWER} s.")
        if not (data := output.read1(65536)):  # type: ignore[attr-defined] # it is buffered
            raise CannotMeasure("The process of the watchers ended; see above why.")
        return bytes(data)


@contextlib.contextmanager
def crowd(env: Mapping[str, str], core: int | None) -> Iterator[Crowd]:
    """Run the process of watchers for as long as the block lasts."""
    with helper("releasetrain.bench.watchers", env, core) as process:
        yield Crowd(process)
