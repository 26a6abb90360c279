"""Metrics that are away, empty or wrong, over real rows and a clock that goes where the test sends it.

Nobody gets a version further by what was not measured, and nobody stays on one that is not measured for long.
"""

from datetime import timedelta
from typing import Any

import pytest

from releasetrain.rollouts.actions import tick_one
from releasetrain.rollouts.models import Rollout
from releasetrain.rollouts.rules.guardrails import GuardrailKind
from tests import make
from tests.rollouts.clocks import Clock, run, started
from tests.rollouts.clocks import time as time

pytestmark = pytest.mark.django_db


def ladder(weight: int) -> list[dict[str, Any]]:
    return [{"weight": weight, "bake_seconds": 600}, {"weight": 100, "bake_seconds": 600}]


def pass_by(rollout: Rollout, time: Clock, seconds: int, *, step: int = 20) -> None:
    """Let time pass in which no service reports anything."""
    for _ in range(0, seconds, step):
        tick_one(rollout.pk, time.go(step))
    rollout.refresh_from_db()


def holds(rollout: Rollout) -> list[str]:
    return list(rollout.holds.filter(cleared_at=None).values_list("kind", flat=True))


def test_a_provider_that_is_down_for_60_s_holds_the_bake_and_credits_none_of_it(time: Clock) -> None:
    rollout = started(time, ladder=ladder(10))
    baked = rollout.bake_credit_seconds
    pass_by(rollout, time, 50, step=10)
    assert holds(rollout) == []
    pass_by(rollout, time, 30, step=10)
    assert holds(rollout) == ["metrics_outage"]
    run(rollout, time, 25)
    assert (holds(rollout), rollout.state, rollout.desired_weight) == ([], "baking", 10)
    # Of the 105 s, those are credited in which data were fresh: 60 s before the hold, and those after it.
    assert rollout.bake_credit_seconds - baked < 90


@pytest.mark.parametrize(("weight", "minutes"), [(10, 30), (50, 10)])
def test_a_provider_that_is_down_for_40_min_brings_users_back_by_itself(
    time: Clock, weight: int, minutes: int
) -> None:
    rollout = started(time, ladder=ladder(weight))
    since = time.now
    pass_by(rollout, time, (minutes - 1) * 60, step=60)
    assert (rollout.state, holds(rollout)) == ("baking", ["metrics_outage"])
    pass_by(rollout, time, (40 - minutes + 1) * 60, step=30)
    assert (rollout.state, rollout.desired_weight) == ("rolled_back", 0)
    began = rollout.transitions.get(to_state="rolling_back").at
    assert timedelta(minutes=minutes) <= began - since <= timedelta(minutes=minutes + 2)


def test_empty_metrics_are_no_data_and_never_a_pass(time: Clock) -> None:
    short = [{"weight": weight, "bake_seconds": 60} for weight in (10, 100)]
    rollout = make.rollout(ladder=short, is_accelerated=True)
    make.guardrail(rollout.target)
    run(rollout, time, 12, units=10)
    for _ in range(40):
        now = time.go(10)
        make.readings(rollout.target, now, units=0)
        tick_one(rollout.pk, now)
    rollout.refresh_from_db()
    assert (rollout.state, rollout.stage_index, holds(rollout)) == ("baking", 0, ["inconclusive"])


def test_metrics_that_lie_about_a_healthy_version_only_bring_it_back(time: Clock) -> None:
    rollout = started(time, ladder=ladder(10))
    run(rollout, time, 60, candidate_bad=1000)
    assert (rollout.state, rollout.desired_weight) == ("rolled_back", 0)


def test_metrics_that_count_users_who_cannot_be_there_stop_it(time: Clock) -> None:
    rollout = started(time, ladder=ladder(10))
    make.guardrail(rollout.target, "share", kind=GuardrailKind.SAMPLE_RATIO)
    rollout.target.guardrails.filter(name="Share").update(metric="errors")
    for _ in range(30):
        now = time.go(10)
        make.readings(rollout.target, now, candidate=1000)
        tick_one(rollout.pk, now)
    rollout.refresh_from_db()
    assert (rollout.state, rollout.desired_weight) == ("rolled_back", 0)


def test_metrics_that_come_again_or_late_are_counted_once_and_move_nobody(time: Clock) -> None:
    rollout = started(time, ladder=ladder(10))
    old = time.now
    for number in range(30):
        make.readings(rollout.target, old, seconds=1, source=f"replay {number}")
        tick_one(rollout.pk, time.go(10))
    rollout.refresh_from_db()
    assert (rollout.state, rollout.stage_index, holds(rollout)) == ("baking", 0, ["metrics_outage"])
