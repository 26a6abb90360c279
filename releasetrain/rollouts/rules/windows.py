"""Say what open windows ask of a rollout, and whose turn it is when they are over (RULES W1, W2, W5)."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from releasetrain.calendars.rules.windows import Behaviour
from releasetrain.lib.moments import day_and_time, moment, where

# Rollouts that the same end sets free go on one after the other.
GAP = timedelta(seconds=30)
STRICTNESS = (Behaviour.FINISH_ROLLOUT, Behaviour.FINISH_STAGE, Behaviour.HOLD, Behaviour.ROLL_BACK)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenWindow:
    """A window that is open over a rollout now, and that nobody has acknowledged or overridden for it.

    `until` is None where nobody knows when it is over.
    """

    id: int
    behaviour: Behaviour
    reason: str
    until: datetime | None = None
    is_soft: bool = False
    stops_the_line: bool = False
    who: str = ""


def keeping(windows: Iterable[OpenWindow], *, is_seen: bool) -> tuple[OpenWindow, ...]:
    """Return the windows that keep a rollout from advancing, now or at the end of its stage.

    One that lets a running rollout finish keeps only what no user sees yet.
    """
    return tuple(one for one in windows if not (is_seen and one.behaviour is Behaviour.FINISH_ROLLOUT))


def strictest(windows: Collection[OpenWindow]) -> Behaviour | None:
    """Return the behaviour that counts where several windows are open."""
    return max((one.behaviour for one in windows), key=STRICTNESS.index, default=None)


def latest_end(windows: Collection[OpenWindow]) -> datetime | None:
    """Return when all of them are over, or None where one has no known end."""
    ends = [one.until for one in windows if one.until is not None]
    return max(ends) if ends and len(ends) == len(windows) else None


def stands_sentence(doing: str, windows: Collection[OpenWindow], zone: str) -> str:
    """Say what a rollout does until when, and why: Holding at 25 % until Mon 30 Nov, 06:00 Berlin (UTC+1)."""
    end = latest_end(windows)
    until = f" until {moment(end, zone)}" if end is not None else ""
    return " ".join([f"{doing}{until}.", *(one.reason for one in windows)])


def to_the_second(at: datetime, zone: str) -> str:
    """Say an instant with its seconds: Mon 30 Nov, 06:00:30 Berlin (UTC+1)."""
    return f"{day_and_time(at, zone)}:{at:%S} {where(at, zone)}"


@dataclass(frozen=True, slots=True)
class InLine:
    """One rollout that windows held: its place in the queue, and when it went or goes on, once known."""

    queued_at: datetime
    id: int
    goes_on_at: datetime | None = None


def turn_of(mine: InLine, others: Iterable[InLine], *, ends_at: datetime | None, now: datetime) -> datetime:
    """Return when it is a rollout's turn to go on: in the order of queueing, a gap after the one before.

    :param others: those that the same end sets free, and those that have just been set free
    :param ends_at: the end that was announced; a window may be over earlier (RULES W3)
    """
    line = sorted([mine, *others], key=lambda one: (one.queued_at, one.id))
    first = _first_turn(line, ends_at, now)
    return first + GAP * line.index(mine)


def _first_turn(line: Sequence[InLine], ends_at: datetime | None, now: datetime) -> datetime:
    for place, one in enumerate(line):
        if one.goes_on_at is not None:
            return one.goes_on_at - GAP * place
    return ends_at if ends_at is not None and ends_at <= now < ends_at + GAP else now
