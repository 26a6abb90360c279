"""Look at every endpoint of a target, and say in one word how they stand to each other and to their file."""

from dataclasses import dataclass
from pathlib import Path

from releasetrain.rollouts.drivers.base import Observed, Sync
from releasetrain.rollouts.drivers.budget import Budget
from releasetrain.rollouts.drivers.fleet import at_once
from releasetrain.rollouts.drivers.haproxy.commands import Unexpected
from releasetrain.rollouts.drivers.haproxy.config import Config
from releasetrain.rollouts.drivers.haproxy.mapfile import read_file
from releasetrain.rollouts.drivers.haproxy.runtime import Silent
from releasetrain.rollouts.drivers.haproxy.setting import Setting
from releasetrain.rollouts.drivers.haproxy.transaction import look

SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class Sight:
    """What an endpoint goes by, or why nobody knows; `is_refusal` says that asking again would not help."""

    endpoint: str
    setting: Setting | None = None
    detail: str = ""
    is_refusal: bool = False

    @property
    def rank(self) -> int:
        return self.setting.rank if self.setting else 0


def look_at_all(config: Config, budget: Budget) -> list[Sight]:
    """Look at every endpoint at the same time."""
    return at_once(lambda endpoint: _sight_of(endpoint, config.map_file, budget), config.endpoints)


def _sight_of(endpoint: str, path: str, budget: Budget) -> Sight:
    try:
        return Sight(endpoint, look(endpoint, path, budget.part(SECONDS)))
    except Silent as silence:
        return Sight(endpoint, detail=str(silence), is_refusal=silence.is_forbidden)
    except Unexpected as reply:
        return Sight(endpoint, detail=f"{endpoint} replied: {reply}", is_refusal=True)


def observed(sights: list[Sight], file: Path | None) -> Observed:
    """Say what the whole target is: by the endpoint with most users on the candidate, and the oldest fence.

    :param file: the map file, None where it is out of reach
    """
    seen = [one.setting for one in sights if one.setting is not None]
    lost = [one for one in sights if one.setting is None]
    words = " ".join(one.detail for one in lost)
    if not seen:
        return Observed(Sync.UNREACHABLE, detail=words)
    weights = [one.weight for one in seen if one.weight is not None]
    weight = max(weights) if len(weights) == len(seen) else None
    fence = min(one.rank for one in seen)
    missing = tuple(one.endpoint for one in lost) + _apart(sights)
    if missing:
        # What one of them goes by, nobody has proven for the others.
        weight = None if lost else weight
        return Observed(Sync.PARTIAL, weight, fence, detail=words or _said(sights), missing=missing)
    state, why = _against_file(seen[0], file)
    return Observed(state, weight, fence, detail=why)


def _apart(sights: list[Sight]) -> tuple[str, ...]:
    """Return the endpoints that do not go by the newest decision that any of them goes by."""
    read = [one for one in sights if one.setting is not None]
    newest = max(read, key=lambda one: one.rank)
    return tuple(one.endpoint for one in read if one.setting != newest.setting)


def _said(sights: list[Sight]) -> str:
    return ", ".join(f"{one.endpoint} is at {one.setting.weight} %" for one in sights if one.setting)


def _against_file(runtime: Setting, file: Path | None) -> tuple[Sync, str]:
    """Compare what answers with what a restart would bring back."""
    if runtime.weight is None or runtime.fence is None:
        return Sync.DRIFTED, "Its map says something that is no whole percentage."
    if file is None:
        return Sync.SYNCED, ""
    try:
        kept = read_file(file)
    except OSError as error:
        return Sync.DRIFTED, f"The map file {file} cannot be read: {error.strerror}."
    if kept is None:
        return Sync.DRIFTED, f"The map file {file} is gone: HAProxy would not start again."
    if kept == runtime:
        return Sync.SYNCED, ""
    words = f"HAProxy is at {runtime.weight} %, its map file at {kept.weight} %"
    if kept.rank > runtime.rank:
        return Sync.CONVERGING, f"{words}: the change is on its way."
    return Sync.DRIFTED, f"{words}: somebody else has changed one of them."
