"""What copies of requests tell is a guardrail of shadow stages, and of those alone."""

from datetime import timedelta

import pytest

from releasetrain.health.models import Reading
from releasetrain.rollouts.guarding import known_metrics
from releasetrain.rollouts.models import Rollout
from releasetrain.rollouts.rules.shadows import SHADOW_METRIC
from tests import make
from tests.rollouts.clocks import Clock, run
from tests.rollouts.clocks import time as time
from tests.rollouts.test_engine_shadow import LADDER

pytestmark = pytest.mark.django_db(transaction=True)


def shadowed(time: Clock) -> Rollout:
    rollout = make.rollout(ladder=LADDER, is_accelerated=True)
    make.guardrail(rollout.target)
    make.guardrail(rollout.target, SHADOW_METRIC)
    run(rollout, time, 12)
    assert (rollout.state, rollout.stage_index) == ("baking", 0), "nothing is asked of copies before"
    return rollout


def compare(rollout: Rollout, time: Clock, seconds: int, different: int, noise: int) -> None:
    """Let copies be compared, 1,000 pairs a second of each kind."""
    for _ in range(seconds):
        for arm, bad in (("candidate", different), ("baseline", noise)):
            Reading.objects.create(
                target=rollout.target,
                arm=arm,
                metric=SHADOW_METRIC,
                source="shadow",
                units=1000,
                bad=bad,
                starts_at=time.now,
                ends_at=time.now + timedelta(seconds=1),
                received_at=time.now,
            )
        run(rollout, time, 1)


def test_t9_mismatches_beyond_the_noise_of_the_old_version_bring_it_back(time: Clock) -> None:
    rollout = shadowed(time)
    compare(rollout, time, 12, different=150, noise=3)
    assert rollout.state in {"rolling_back", "rolled_back"}
    assert "Shadow" in rollout.reason
    assert rollout.desired_weight == 0


def test_t5_as_much_noise_as_the_old_version_makes_passes_and_later_stages_do_not_ask(time: Clock) -> None:
    rollout = shadowed(time)
    compare(rollout, time, 40, different=150, noise=150)
    assert rollout.stage_index >= 1
    run(rollout, time, 90)
    assert rollout.state == "succeeded"


def test_without_a_comparison_a_shadow_stage_does_not_pass(time: Clock) -> None:
    rollout = shadowed(time)
    run(rollout, time, 40)
    assert (rollout.state, rollout.stage_index) == ("baking", 0)


def test_its_metric_is_known_before_anything_was_copied_where_the_driver_can(time: Clock) -> None:
    assert SHADOW_METRIC in known_metrics(make.target(driver="simulated", driver_config={}), time.now)
    assert SHADOW_METRIC not in known_metrics(make.target("Basket"), time.now)
