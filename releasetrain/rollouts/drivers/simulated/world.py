"""Keep the world of a simulated proxy as plain values: weight, fence, what was asked, what goes wrong.

The shape, kept in a target's `driver_config`:
{"world": {"weight": percent, "fence": number, "mirror": percent, "calls": number,
           "asked": [rows], "late": [rows]},
 "faults": {"<fault>": how many calls it still spoils, "unreachable": bool, "hang_seconds": seconds,
            "late_seconds": seconds}}
A row of "asked" is {"at": ISO instant, "weight", "fence", "taken": bool, "fault": its name or ""}.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from releasetrain.rollouts.rules.snapshot import Outcome

# Older rows of what was asked are forgotten; a rollout asks a few dozen times.
KEPT = 400
LATE_SECONDS = 5.0
NO_ANSWER = "No answer within the deadline."


class Fault(StrEnum):
    """What goes wrong with a call that sets a weight, first come first served; MISREAD spoils read-backs.

    LOSE_REQUEST never arrives; LOSE_ANSWER is taken and not answered; REFUSE is answered with a no; PARTIAL
    moves half of the weight; HANG keeps the caller until its deadline; WRONG is confirmed and not done; LATE
    takes effect long after everybody gave it up.
    """

    LOSE_REQUEST = "lose_request"
    LOSE_ANSWER = "lose_answer"
    REFUSE = "refuse"
    PARTIAL = "partial"
    HANG = "hang"
    WRONG = "wrong"
    LATE = "late"
    MISREAD = "misread"


OF_CALLS = tuple(fault for fault in Fault if fault is not Fault.MISREAD)
# These reach the proxy at once.
ARRIVE = (None, Fault.LOSE_ANSWER, Fault.PARTIAL)


@dataclass(frozen=True, slots=True)
class Answer:
    """What the caller hears, and for how long it is kept waiting for that."""

    outcome: Outcome
    detail: str = ""
    hangs_seconds: float = 0.0


def world_of(config: dict[str, Any]) -> dict[str, Any]:
    """Return the world of a configuration, made where there is none yet."""
    world: dict[str, Any] = config.setdefault("world", {"weight": 0, "fence": 0, "calls": 0})
    return world


def take_fault(config: dict[str, Any], among: tuple[Fault, ...] = OF_CALLS) -> Fault | None:
    """Take one off the first fault that has any left."""
    faults = config.get("faults", {})
    for fault in among:
        if faults.get(fault.value, 0) > 0:
            faults[fault.value] -= 1
            return fault
    return None


def ask(config: dict[str, Any], weight: int, fence: int, now: datetime, mirror: int = 0) -> Answer:
    """Ask the proxy for a weight under a fence, with whatever goes wrong next."""
    land(config, now)
    world = world_of(config)
    world["calls"] = world.get("calls", 0) + 1
    fault = take_fault(config)
    if fault is Fault.LATE:
        seconds = config["faults"].get("late_seconds", LATE_SECONDS)
        late = {"at": (now + timedelta(seconds=seconds)).isoformat(), "weight": weight, "fence": fence}
        late["mirror"] = mirror
        world["late"] = [*world.get("late", []), late]
    is_taken = False
    if fault in ARRIVE:
        share = weight // 2 if fault is Fault.PARTIAL else weight
        is_taken = _arrive(world, share, weight, fence, now, fault, mirror)
    else:
        _note(world, weight, fence, now, fault, is_taken=False)
    return _answer(config, fault, fence, is_taken=is_taken)


def land(config: dict[str, Any], now: datetime) -> bool:
    """Let the late calls arrive whose time has come; the fence keeps out those that are obsolete."""
    world = world_of(config)
    due = [one for one in world.get("late", []) if datetime.fromisoformat(one["at"]) <= now]
    for one in due:
        _arrive(world, one["weight"], one["weight"], one["fence"], now, Fault.LATE, one.get("mirror", 0))
        world["late"].remove(one)
    return bool(due)


def _arrive(
    world: dict[str, Any],
    share: int,
    weight: int,
    fence: int,
    now: datetime,
    fault: Fault | None,
    mirror: int,
) -> bool:
    is_taken: bool = fence >= world["fence"]
    if is_taken:
        world.update(weight=share, fence=fence, mirror=mirror)
    _note(world, weight, fence, now, fault, is_taken=is_taken)
    return is_taken


def _note(
    world: dict[str, Any], weight: int, fence: int, now: datetime, fault: Fault | None, *, is_taken: bool
) -> None:
    row = {"at": now.isoformat(), "weight": weight, "fence": fence, "taken": is_taken, "fault": fault or ""}
    world["asked"] = [*world.get("asked", []), row][-KEPT:]


def _answer(config: dict[str, Any], fault: Fault | None, fence: int, *, is_taken: bool) -> Answer:
    match fault:
        case Fault.REFUSE:
            return Answer(Outcome.REFUSED, "The simulated proxy refuses, as told.")
        case Fault.HANG:
            seconds = float(config["faults"].get("hang_seconds", 60))
            return Answer(Outcome.UNKNOWN, NO_ANSWER, hangs_seconds=seconds)
        case Fault.PARTIAL:
            return Answer(Outcome.UNKNOWN, "Only a part of the simulated proxies has answered.")
        case Fault.LOSE_REQUEST | Fault.LOSE_ANSWER | Fault.LATE:
            return Answer(Outcome.UNKNOWN, NO_ANSWER)
    if fault is None and not is_taken:
        return Answer(Outcome.REFUSED, f"Fence {fence} is older than {config['world']['fence']}.")
    return Answer(Outcome.CONFIRMED)
