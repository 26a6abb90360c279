"""Decide what to do where a target is not what it should be, outside of a rollout's own ticks."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

# After a rollback 0 % is set again for so long, whatever somebody else does.
REASSERT = timedelta(seconds=60)


class Do(StrEnum):
    """What follows from a look: WAKE the engine, SET what it should be, or ASK somebody."""

    NOTHING = "nothing"
    WAKE = "wake"
    SET = "set"
    ASK = "ask"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What a target should be: by the rollout that moves it, else as the last one left it.

    :param is_return: the last action brought users back, at `since`
    :param settled_fence: under which somebody may have settled it to 0 % since
    """

    weight: int
    fence: int
    mirror: int = 0
    is_moving: bool = False
    is_return: bool = False
    since: datetime | None = None
    settled_fence: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """What was read back, and what the driver is able to keep."""

    weight: int | None
    fence: int | None = None
    mirror: int = 0
    is_partial: bool = False
    is_converging: bool = False
    is_fenced: bool = True
    is_persistent: bool = True


def what_to_do(wanted: Wanted | None, look: Look, now: datetime) -> Do:
    """Return what follows: a target that has forgotten is set again, one that somebody moved is asked about.

    What cannot be read is nobody's doing yet; health says so.
    """
    if wanted is None or (look.weight is None and not look.is_partial):
        return Do.NOTHING
    is_right = agrees(wanted, look)
    if wanted.is_moving:
        return Do.NOTHING if is_right or look.is_converging else Do.WAKE
    if wanted.is_return and wanted.since is not None and now - wanted.since < REASSERT:
        return Do.NOTHING if is_right and look.is_fenced else Do.SET
    if is_right or look.is_converging:
        return Do.NOTHING
    return Do.SET if look.is_partial or _has_forgotten(wanted, look) else Do.ASK


def agrees(wanted: Wanted, look: Look) -> bool:
    """Tell whether a target is as it should be, or was settled to 0 % by somebody's word."""
    if look.is_partial:
        return False
    if not wanted.is_moving and look.weight == 0 and wanted.weight:
        return wanted.settled_fence <= (look.fence if look.fence is not None else wanted.settled_fence)
    is_old = look.fence is not None and look.fence < wanted.fence
    return (look.weight, look.mirror) == (wanted.weight, wanted.mirror) and not is_old


def _has_forgotten(wanted: Wanted, look: Look) -> bool:
    """Tell a restart from somebody's hand: where nothing is kept, all is as before the first call."""
    return not look.is_persistent and not look.weight and (look.fence or 0) < wanted.fence
