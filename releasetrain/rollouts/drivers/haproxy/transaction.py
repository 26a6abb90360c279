"""Change the map of one HAProxy so that an older decision can never stand over a newer one.

A version of the map is prepared, filled, and committed; HAProxy refuses to commit one that is older than what
stands. Two that are prepared at the same time might still commit in the wrong order: so each fills its own
first and looks at all others then. Whoever sees a newer fence gives up; whoever sees an older fence in a
version after its own prepares again. Of two that overlap, at least one sees the other.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from releasetrain.rollouts.drivers.base import Outcome
from releasetrain.rollouts.drivers.budget import Budget
from releasetrain.rollouts.drivers.haproxy import commands
from releasetrain.rollouts.drivers.haproxy.commands import Unexpected
from releasetrain.rollouts.drivers.haproxy.runtime import Silent, ask
from releasetrain.rollouts.drivers.haproxy.setting import Setting

TRIES = 4
# Versions that were prepared and left; the next commit clears them all away.
MOST_PENDING = 64


@dataclass(frozen=True, slots=True)
class Result:
    """What became of one endpoint; `is_older` says that a newer decision stands there."""

    endpoint: str
    outcome: Outcome
    detail: str = ""
    is_older: bool = False

    @property
    def is_well(self) -> bool:
        return self.outcome is Outcome.CONFIRMED


def look(endpoint: str, path: str, budget: Budget) -> Setting:
    """Read what an endpoint goes by now.

    :raises Silent: it does not answer
    :raises Unexpected: it answers with something else
    """
    return commands.read_map(ask(endpoint, commands.show(path), budget))


def put(endpoint: str, path: str, setting: Setting, budget: Budget) -> Result:
    """Let an endpoint go by a setting, and read it back."""
    say = partial(ask, endpoint, budget=budget)
    result = partial(Result, endpoint)
    try:
        for _ in range(TRIES):
            refused = _try_once(say, path, setting)
            if refused is None:
                break
            if refused:
                return result(Outcome.REFUSED, refused, is_older=True)
        else:
            return result(Outcome.UNKNOWN, f"{endpoint}: others change its map again and again.")
        seen = look(endpoint, path, budget)
    except Unexpected as reply:
        return result(Outcome.REFUSED, f"{endpoint} replied: {reply}")
    except Silent as silence:
        return result(Outcome.REFUSED if silence.is_forbidden else Outcome.UNKNOWN, str(silence))
    if seen == setting:
        return result(Outcome.CONFIRMED)
    if seen.rank > setting.rank:
        return result(Outcome.REFUSED, too_late(seen.rank, setting), is_older=True)
    return result(
        Outcome.REFUSED, f"{endpoint} took the change without a word, and stays at {seen.weight} %."
    )


def rehearse(endpoint: str, path: str, budget: Budget) -> str:
    """Go the whole way of a rollback up to the commit; say what stood in the way, "" where nothing did."""
    try:
        stands = look(endpoint, path, budget)
        version = commands.read_created(ask(endpoint, commands.prepare(path), budget))
        # Its fence is the lowest, so that nobody takes it for a decision.
        trial = Setting(0, 0, stands.salt)
        commands.read_nothing(ask(endpoint, commands.add(path, version, trial), budget))
        seen = commands.read_map(ask(endpoint, commands.show(path, version), budget))
        commands.read_nothing(ask(endpoint, commands.forget(path, version), budget))
    except Unexpected as reply:
        return f"{endpoint} replied: {reply}"
    except Silent as silence:
        return str(silence)
    return "" if seen == trial else f"{endpoint} does not keep what is put into its map."


def _try_once(say: Callable[[str], str], path: str, setting: Setting) -> str | None:
    """Return None once committed, "" to try again, or which newer decision stands.

    Whoever commits clears all earlier versions away: what is then said of ours means nothing.
    """
    version = commands.read_created(say(commands.prepare(path)))
    try:
        return _fill_and_commit(say, path, version, setting)
    except Unexpected:
        if commands.read_versions(say(commands.MAPS), path).current < version:
            raise
        return ""


def _fill_and_commit(say: Callable[[str], str], path: str, version: int, setting: Setting) -> str | None:
    commands.read_nothing(say(commands.add(path, version, setting)))
    again, newest = _others(say, path, version, setting)
    if newest > setting.rank:
        say(commands.forget(path, version))
        return too_late(newest, setting)
    if again:
        say(commands.forget(path, version))
        return ""
    if commands.read_map(say(commands.show(path, version))) != setting:
        raise Unexpected("it does not keep what is put into its map.")
    commands.read_nothing(say(commands.commit(path, version)))
    return None


def _others(say: Callable[[str], str], path: str, own: int, setting: Setting) -> tuple[bool, int]:
    """Return whether an older decision was prepared after ours, and the newest fence besides ours."""
    versions = commands.read_versions(say(commands.MAPS), path)
    newest = commands.read_map(say(commands.show(path))).rank
    again = False
    for version in range(max(versions.current + 1, versions.newest - MOST_PENDING), versions.newest + 1):
        if version == own:
            continue
        pending = commands.read_map(say(commands.show(path, version))).rank
        newest = max(newest, pending)
        again = again or (version > own and 0 < pending < setting.rank)
    return again, newest


def too_late(fence: int, setting: Setting) -> str:
    """Say that a newer decision stands."""
    return f"A newer decision (fence {fence}) stands; this one (fence {setting.rank}) comes too late."
