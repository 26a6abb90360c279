"""Move the traffic of all nginxes of a target: change their folders, and read back through each of them."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from releasetrain.rollouts.drivers.base import Ack, Outcome
from releasetrain.rollouts.drivers.budget import Budget
from releasetrain.rollouts.drivers.fleet import at_once
from releasetrain.rollouts.drivers.nginx import folder
from releasetrain.rollouts.drivers.nginx.config import Config, Endpoint
from releasetrain.rollouts.drivers.nginx.folder import Overtaken, too_late, why_not_over
from releasetrain.rollouts.drivers.nginx.seeing import Sight, look_at_all, sight_of
from releasetrain.rollouts.drivers.nginx.setting import Setting

POLL_SECONDS = 0.02
ROLLBACK_SECONDS = 1.0
ROLLBACK_TRIES = 3


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one nginx; `is_written`: its folder was changed; `is_older`: this came too late."""

    endpoint: Endpoint
    outcome: Outcome
    detail: str = ""
    is_written: bool = False
    is_older: bool = False

    @property
    def is_well(self) -> bool:
        return self.outcome is Outcome.CONFIRMED


def forward(config: Config, setting: Setting, budget: Budget) -> Ack:
    """Set a weight everywhere, or leave everything as it was.

    Nothing begins while an nginx is silent; where one fails in the middle the others are put back.
    """
    before = look_at_all(config, budget)
    if lost := [one for one in before if not one.is_whole]:
        is_gone = any(one.stands is None for one in lost)
        said = " ".join(one.detail for one in lost) + " Nothing was changed."
        return Ack(Outcome.REFUSED if is_gone else Outcome.UNKNOWN, said)
    for one in before:
        if one.stands and (why := why_not_over(one.stands, setting)):
            return Ack(Outcome.REFUSED, why)
    results = at_once(partial(_change, folder.put, setting, budget), config.endpoints)
    if all(one.is_well for one in results):
        return Ack(Outcome.CONFIRMED)
    return _taken_back(setting, before, results)


def back(config: Config, fence: int, budget: Budget) -> Ack:
    """Let nobody in any more wherever that can be done; those that did not obey are named.

    Folders are written also for an nginx that is down: it comes back with what lies there.
    """
    setting = Setting(0, fence)
    results: dict[Endpoint, Result] = {}
    for _ in range(ROLLBACK_TRIES):
        left = [one for one in config.endpoints if one not in results or not results[one].is_well]
        part = budget.part(ROLLBACK_SECONDS)
        results |= {one.endpoint: one for one in at_once(partial(_change, folder.kill, setting, part), left)}
        if budget.is_spent or all(one.is_well or one.is_older for one in results.values()):
            break
    missing = [one for one in results.values() if not one.is_well]
    if missing and all(one.is_older for one in missing):
        return Ack(Outcome.REFUSED, missing[0].detail)
    outcome = Outcome.UNKNOWN if missing else Outcome.CONFIRMED
    return Ack(outcome, " ".join(one.detail for one in missing))


def _change(
    step: Callable[[Path, Setting], None], setting: Setting, budget: Budget, endpoint: Endpoint
) -> Result:
    try:
        step(endpoint.folder, setting)
    except Overtaken as refusal:
        return Result(endpoint, Outcome.REFUSED, str(refusal), is_older=True)
    except OSError as error:
        said = f"The folder {endpoint.folder} cannot be written: {error.strerror}."
        return Result(endpoint, Outcome.REFUSED, said)
    return _read_back(setting, budget, endpoint)


def _read_back(setting: Setting, budget: Budget, endpoint: Endpoint) -> Result:
    """Ask nginx until it goes by the setting: a folder on a shared mount may be seen a little later."""
    while True:
        sight = sight_of(endpoint, budget.part(ROLLBACK_SECONDS))
        if sight.agrees and sight.weight == setting.weight and sight.fence == setting.fence:
            return Result(endpoint, Outcome.CONFIRMED, is_written=True)
        if sight.fence > setting.fence:
            said = too_late(sight.fence, setting)
            return Result(endpoint, Outcome.REFUSED, said, is_written=True, is_older=True)
        if budget.is_spent or not sight.is_whole:
            said = sight.detail or f"nginx at {endpoint} does not go by its folder yet."
            return Result(endpoint, Outcome.UNKNOWN, said, is_written=True)
        time.sleep(min(POLL_SECONDS, budget.left))


def _taken_back(setting: Setting, before: list[Sight], results: list[Result]) -> Ack:
    """Put back those that were changed although others were not, under the same fence."""
    said = [one.detail for one in results if not one.is_well]
    is_refused = any(one.outcome is Outcome.REFUSED for one in results)
    pairs = list(zip(results, before, strict=True))
    changed = [pair for pair in pairs if pair[0].is_written and not pair[0].is_older]
    if len(results) > 1 and changed:
        came_back = at_once(partial(_put_back, setting.fence), [earlier for _, earlier in changed])
        said.append("The others were put back." if all(came_back) else "Not all of the others came back.")
    return Ack(Outcome.REFUSED if is_refused else Outcome.UNKNOWN, " ".join(said))


def _put_back(fence: int, earlier: Sight) -> bool:
    stood = earlier.stands.setting if earlier.stands else None
    weight = earlier.weight or 0
    again = Setting(weight, fence, stood.salt) if stood and weight else Setting(0, fence)
    return _change(folder.put, again, Budget(ROLLBACK_SECONDS), earlier.endpoint).is_well
