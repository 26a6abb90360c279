"""Move a whole fleet of Envoys: write every route file, then wait until every Envoy says that it has it."""

import asyncio
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from releasetrain.rollouts.drivers.base import Ack, Outcome
from releasetrain.rollouts.drivers.envoy import files
from releasetrain.rollouts.drivers.envoy.admin import Silent, ask, at_once
from releasetrain.rollouts.drivers.envoy.files import Busy, Unwritable
from releasetrain.rollouts.drivers.envoy.routes import Generation, Seen, document, seen_in
from releasetrain.rollouts.drivers.envoy.setting import Endpoint, Setting

ROUTES = "/config_dump?resource=dynamic_route_configs"
FIRST_PAUSE, LONGEST_PAUSE = 0.005, 0.1
SHORTEST_LOOK = 0.25
NOTHING = Generation(0, 0)


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one Envoy: `detail` is a part of a sentence that begins with its name."""

    endpoint: Endpoint
    outcome: Outcome
    detail: str = ""
    before: Generation | None = None
    is_written: bool = False

    def __str__(self) -> str:
        return f"{self.endpoint}: {self.detail}"


def move(setting: Setting, wanted: Generation, seconds: float, *, is_return: bool = False) -> list[Result]:
    """Ask every Envoy for a generation, and read back whether it has it."""
    until = time.monotonic() + seconds
    with ThreadPoolExecutor(len(setting.endpoints)) as pool:
        written = list(
            pool.map(lambda one: _write(setting, one, wanted, until, is_return=is_return), setting.endpoints)
        )
    return at_once(_confirm(setting, one, wanted, until) for one in written)


def put_back(setting: Setting, results: Sequence[Result], wanted: Generation, seconds: float) -> None:
    """Give those that were written what they had before; under the new fence, so that it is not refused."""
    for one in results:
        if not one.is_written:
            continue
        had = one.before or NOTHING
        again = Generation(had.weight, wanted.fence, had.version, had.mirror)
        _write(setting, one.endpoint, again, time.monotonic() + seconds, is_return=True)


def ack_of(results: Sequence[Result]) -> Ack:
    """Put the results of a fleet together: it is confirmed only where all are."""
    missing = [one for one in results if one.outcome is not Outcome.CONFIRMED]
    if not missing:
        return Ack(Outcome.CONFIRMED)
    is_refused = all(one.outcome is Outcome.REFUSED for one in missing)
    told = "; ".join(map(str, missing))
    return Ack(Outcome.REFUSED if is_refused else Outcome.UNKNOWN, told)


def _write(
    setting: Setting, endpoint: Endpoint, wanted: Generation, until: float, *, is_return: bool
) -> Result:
    path = setting.file(endpoint)
    try:
        before = files.replace(path, document(setting, wanted), wanted, until=until, needs_lock=not is_return)
    except Unwritable as why:
        return Result(endpoint, Outcome.REFUSED, str(why))
    except Busy as why:
        return Result(endpoint, Outcome.UNKNOWN, str(why))
    return Result(endpoint, Outcome.UNKNOWN, "is not read back yet", before.generation, is_written=True)


async def _confirm(setting: Setting, written: Result, wanted: Generation, until: float) -> Result:
    """Wait until an Envoy tells the generation by itself; its file alone proves nothing."""
    if not written.is_written:
        return written
    pause, told = FIRST_PAUSE, ""
    while True:
        left = until - time.monotonic()
        try:
            seen = await look(setting, written.endpoint, left)
            if seen is not None and seen.told == wanted and seen.is_ours:
                return Result(written.endpoint, Outcome.CONFIRMED, "", before=written.before, is_written=True)
        except Silent as why:
            # Cut short by the end, a look only says so; what an earlier one met says more.
            if left >= SHORTEST_LOOK or not told:
                told = f"{why}; its route file is written for when it does"
        if time.monotonic() + pause >= until:
            told = told or "has not taken its route file yet"
            return Result(written.endpoint, Outcome.UNKNOWN, told, before=written.before, is_written=True)
        await asyncio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE)


async def look(setting: Setting, endpoint: Endpoint, seconds: float) -> Seen | None:
    """Read which routes an Envoy has; None where it has none of this name.

    :raises Silent: it does not answer, or not with a dump
    """
    dump = await ask(endpoint.admin, ROUTES, seconds)
    try:
        return seen_in(dump, setting)
    except (ValueError, TypeError, AttributeError, KeyError) as fault:
        raise Silent(
            f"answers with something that is no dump of its routes ({type(fault).__name__})"
        ) from fault


@dataclass(frozen=True, slots=True)
class Look:
    """What one Envoy tells when it is read; `silent` says why it does not."""

    endpoint: Endpoint
    seen: Seen | None = None
    on_disk: Generation | None = None
    silent: str = ""


def look_at_all(setting: Setting, seconds: float) -> list[Look]:
    """Read every Envoy of a fleet, and its route file."""

    async def one(endpoint: Endpoint) -> Look:
        on_disk = files.read(setting.file(endpoint))
        try:
            return Look(endpoint, await look(setting, endpoint, seconds), on_disk)
        except Silent as why:
            return Look(endpoint, on_disk=on_disk, silent=str(why))

    return at_once(one(endpoint) for endpoint in setting.endpoints)
