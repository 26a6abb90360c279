"""What a test does to a driver, in the words of the test: move users, bring them back, look."""

import pytest

from releasetrain.rollouts.drivers.base import Ack, Desired, Observed, Outcome, Sync
from tests.drivers.rig import FENCES, NEW, Rig, until

TAKEN = (Outcome.CONFIRMED, Outcome.ACCEPTED)


def need(rig: Rig, *methods: str) -> None:
    """Skip where a rig says that something makes no sense for it."""
    for name in methods:
        if name in rig.lacks:
            pytest.skip(f"{rig.kind}: {rig.lacks[name]}")


def can(rig: Rig, capability: str) -> None:
    """Skip what a driver does not claim to do."""
    if not getattr(rig.driver.capabilities, capability):
        pytest.skip(f"{rig.kind} does not claim “{capability}”")


def key(rig: Rig, fence: int, action: str) -> str:
    return f"{rig.target.pk}:{fence}:{action}"


def apply(rig: Rig, weight: int, fence: int, *, mirror: int = 0, deadline: float = 10) -> Ack:
    desired = Desired(rig.target, weight, fence, NEW, mirror=mirror)
    return rig.driver.apply(desired, key=key(rig, fence, "apply"), deadline=deadline)


def look(rig: Rig) -> Observed:
    return rig.driver.observe(rig.target, deadline=5)


def move(rig: Rig, weight: int, *, mirror: int = 0) -> int:
    """Move users until it is read back; a confirmed answer was read back already."""
    fence = next(FENCES)
    ack = apply(rig, weight, fence, mirror=mirror)
    assert ack.outcome in TAKEN, ack
    if ack.outcome is Outcome.CONFIRMED:
        assert look(rig).weight == weight
    arrived(rig, weight, fence)
    return fence


def back(rig: Rig) -> int:
    fence = next(FENCES)
    ack = rig.driver.rollback(rig.target, fence=fence, key=key(rig, fence, "rollback"), deadline=5)
    assert ack.outcome in TAKEN, ack
    arrived(rig, 0, fence)
    return fence


def arrived(rig: Rig, weight: int, fence: int) -> None:
    def is_there() -> bool:
        seen = look(rig)
        is_mine = seen.fence == fence or not rig.driver.capabilities.is_fenced
        return seen.weight == weight and seen.state is Sync.SYNCED and is_mine

    until(is_there, f"{weight} % under fence {fence} does not arrive", lambda: str(look(rig)))
