"""Move the traffic of all HAProxys of a target, first in the file, then at all runtimes at once."""

import time
from functools import partial

from releasetrain.rollouts.drivers.base import Ack, Outcome
from releasetrain.rollouts.drivers.budget import Budget
from releasetrain.rollouts.drivers.files import why_unusable
from releasetrain.rollouts.drivers.fleet import at_once
from releasetrain.rollouts.drivers.haproxy.config import Config
from releasetrain.rollouts.drivers.haproxy.mapfile import Overtaken, read_file, write_file
from releasetrain.rollouts.drivers.haproxy.seeing import Sight, look_at_all
from releasetrain.rollouts.drivers.haproxy.setting import Setting
from releasetrain.rollouts.drivers.haproxy.transaction import Result, put, rehearse, too_late
from releasetrain.rollouts.drivers.salts import NO_SALT

ROLLBACK_SECONDS = 1.0
ROLLBACK_TRIES = 3
PAUSE_SECONDS = 0.1


def rehearsed(config: Config, budget: Budget) -> Ack:
    """Go the whole way of a rollback up to its commit, on every endpoint and in the folder of the file."""
    stuck = at_once(lambda one: rehearse(one, config.map_file, budget.part(budget.left)), config.endpoints)
    if config.file is not None:
        stuck.append(why_unusable(config.file.parent))
    why = " ".join(filter(None, stuck))
    return Ack(Outcome.REFUSED if why else Outcome.CONFIRMED, why)


def forward(config: Config, setting: Setting, budget: Budget) -> Ack:
    """Set a weight everywhere, or leave everything as it was.

    Nothing begins while an endpoint is silent; where one fails in the middle the others are put back.
    """
    before = look_at_all(config, budget)
    if lost := [one for one in before if one.setting is None]:
        outcome = Outcome.REFUSED if any(one.is_refusal for one in lost) else Outcome.UNKNOWN
        return Ack(outcome, " ".join(one.detail for one in lost) + " Nothing was changed.")
    newest = max(one.rank for one in before)
    if newest > setting.rank:
        return Ack(Outcome.REFUSED, too_late(newest, setting))
    try:
        stood = _keep(config, setting)
    except (Overtaken, OSError) as refusal:
        return Ack(Outcome.REFUSED, _in_words(config, refusal))
    results = at_once(partial(_put, config, setting, budget, budget.left), config.endpoints)
    if all(one.is_well for one in results):
        return Ack(Outcome.CONFIRMED)
    return _taken_back(config, setting, stood, before, results)


def back(config: Config, fence: int, budget: Budget) -> Ack:
    """Bring the weight to 0 wherever that can be done, and into the file for those that are away.

    Each endpoint is asked up to three times; those that did not obey are named.
    """
    setting, unkept = Setting(0, fence, NO_SALT), ""
    try:
        _keep(config, setting)
    except Overtaken as refusal:
        return Ack(Outcome.REFUSED, str(refusal))
    except OSError as error:
        unkept = f"{_in_words(config, error)} A restarted HAProxy would bring back what stands there."
    results = _put_until_gone(config, setting, budget)
    missing = [one.detail for one in results if not one.is_well]
    if missing and all(one.is_older for one in results):
        return Ack(Outcome.REFUSED, missing[0])
    outcome = Outcome.UNKNOWN if missing else Outcome.CONFIRMED
    return Ack(outcome, " ".join(filter(None, [*missing, unkept])))


def _put(config: Config, setting: Setting, budget: Budget, seconds: float, endpoint: str) -> Result:
    return put(endpoint, config.map_file, setting, budget.part(seconds))


def _put_until_gone(config: Config, setting: Setting, budget: Budget) -> list[Result]:
    results: dict[str, Result] = {}
    for attempt in range(ROLLBACK_TRIES):
        if attempt:
            time.sleep(min(PAUSE_SECONDS, budget.left))
        left = [one for one in config.endpoints if one not in results or not results[one].is_well]
        ask = partial(_put, config, setting, budget, ROLLBACK_SECONDS)
        results |= {one.endpoint: one for one in at_once(ask, left)}
        if budget.is_spent or all(one.is_well or one.is_older for one in results.values()):
            break
    return [results[one] for one in config.endpoints]


def _taken_back(
    config: Config, setting: Setting, stood: Setting | None, before: list[Sight], results: list[Result]
) -> Ack:
    """Put back those that took the change although others did not, under the same fence.

    Where nobody knows whether the only endpoint took it, the file goes on saying what was wanted.
    """
    said = [one.detail for one in results if not one.is_well]
    is_refused = any(one.outcome is Outcome.REFUSED for one in results)
    took_it = [
        (one.endpoint, earlier.setting)
        for one, earlier in zip(results, before, strict=True)
        if one.is_well and earlier.setting is not None
    ]
    if took_it:
        came_back = at_once(partial(_put_back, config, setting.rank), took_it)
        said.append("The others were put back." if all(came_back) else "Not all of the others came back.")
    if took_it or is_refused:
        said.append(_file_back(config, stood or Setting(), setting.rank))
    return Ack(Outcome.REFUSED if is_refused else Outcome.UNKNOWN, " ".join(filter(None, said)))


def _put_back(config: Config, fence: int, place: tuple[str, Setting]) -> bool:
    endpoint, earlier = place
    again = Setting(earlier.weight, fence, earlier.salt)
    return put(endpoint, config.map_file, again, Budget(ROLLBACK_SECONDS)).is_well


def _file_back(config: Config, stood: Setting, fence: int) -> str:
    if config.file is None:
        return ""
    try:
        write_file(config.file, Setting(stood.weight, fence, stood.salt))
    except (Overtaken, OSError) as error:
        return _in_words(config, error)
    return ""


def _keep(config: Config, setting: Setting) -> Setting | None:
    """Write the map file where it is ours to write; return what stood there.

    :raises Overtaken: a newer decision stands there
    :raises OSError: it cannot be written
    """
    if config.file is None:
        return None
    stood = read_file(config.file)
    write_file(config.file, setting)
    return stood


def _in_words(config: Config, error: Exception) -> str:
    if isinstance(error, OSError):
        return f"The map file {config.map_file} cannot be written: {error.strerror}."
    return str(error)
