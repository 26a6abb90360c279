"""Say who waits for a target, at which place, and by when it is probably free (RULES H1)."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from releasetrain.lib.moments import moment

ORDINALS = ("First", "Second", "Third", "Fourth", "Fifth")


@dataclass(frozen=True, slots=True)
class Turn:
    """Somebody who has a target or comes before: its name, what it does, and how long that still takes.

    `left` is None where nobody knows: it is held without a known end.
    """

    name: str
    doing: str
    left: timedelta | None


def time_left(
    ladder: Sequence[dict[str, Any]],
    *,
    stage_index: int,
    credit_seconds: float = 0.0,
    needed_seconds: float | None = None,
) -> timedelta:
    """Return how much bake a rollout still has before it, from its stage on."""
    own = [float(stage["bake_seconds"]) for stage in ladder[stage_index:]]
    if needed_seconds is not None and own:
        own[0] = max(needed_seconds - credit_seconds, 0.0)
    return timedelta(seconds=sum(own))


def free_at(turns: Iterable[Turn], now: datetime) -> datetime | None:
    """Return when all of them are done, one after the other; None where one has no known end."""
    at = now
    for one in turns:
        if one.left is None:
            return None
        at += one.left
    return at


def place_words(turns: Sequence[Turn], *, target: str, zone: str, now: datetime) -> str:
    """Say a place in the line with its forecast.

    First in line for Shop in production, after RT-5 (at 25 %); probably free by Mon 23 Nov, 16:00 Berlin.

    :param turns: whoever has the target, then who stands before, in their order
    """
    if not turns:
        return f"Next for {target}."
    place = len(turns)
    ordinal = ORDINALS[place - 1] if place <= len(ORDINALS) else f"Number {place}"
    before = ", ".join(f"{one.name} ({one.doing})" for one in turns)
    at = free_at(turns, now)
    if at is None:
        stuck = next(one.name for one in turns if one.left is None)
        when = f"{stuck} is held without a known end, so nobody can say when"
    else:
        when = f"probably free by {moment(at, zone)}"
    return f"{ordinal} in line for {target}, after {before}; {when}."
