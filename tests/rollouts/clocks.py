"""Drive rollouts over real rows: a database clock that stands still, and a tick a second."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from releasetrain.lib import clock
from releasetrain.rollouts.actions import tick_one
from releasetrain.rollouts.models import Rollout
from tests import make


class Clock:
    """A database clock that goes only where the test sends it."""

    def __init__(self) -> None:
        self.now = make.NOW

    def __call__(self) -> datetime:
        return self.now

    def go(self, seconds: float) -> datetime:
        self.now += timedelta(seconds=seconds)
        return self.now


@pytest.fixture
def time(monkeypatch: pytest.MonkeyPatch) -> Clock:
    fake = Clock()
    monkeypatch.setattr(clock, "now", fake)
    return fake


def run(rollout: Rollout, time: Clock, seconds: float, **readings: Any) -> None:
    """Let a second pass at a time, with a report of metrics each second, as beat and service do."""
    for _ in range(int(seconds)):
        now = time.go(1)
        make.readings(rollout.target, now, seconds=1, **readings)
        tick_one(rollout.pk, now)
    rollout.refresh_from_db()


def started(time: Clock, **fields: Any) -> Rollout:
    """Make a rollout that bakes its first stage."""
    rollout = make.rollout(**fields)
    make.guardrail(rollout.target)
    run(rollout, time, 12)
    return rollout
