"""Guardrails over error lines, over real rows: what services send, what the engine makes of it."""

import uuid
from datetime import timedelta
from typing import Any

import pytest

from releasetrain.health.error_lines import Batch, take_error_lines
from releasetrain.health.rules.reports import Complaint
from releasetrain.rollouts.models import Rollout
from releasetrain.rollouts.new_lines import new_errors_of
from tests import make
from tests.rollouts.clocks import Clock, run, started
from tests.rollouts.clocks import time as time

pytestmark = pytest.mark.django_db(transaction=True)


def complain(rollout: Rollout, time: Clock, message: str, count: int = 1, arm: str = "candidate") -> None:
    line = Complaint(arm, message, count, time.now)
    take_error_lines(target=rollout.target, batch=Batch(uuid.uuid4(), [line]), now=time.now)


def watched(time: Clock, **fields: Any) -> Rollout:
    """Make a rollout that bakes its first stage under a guardrail over error lines."""
    target = make.target(driver="simulated", driver_config={})
    make.guardrail(target, kind="new_errors", absolute_minimum=3, **fields)
    take_error_lines(target=target, batch=Batch(uuid.uuid4(), ()), now=time.now)
    rollout = make.rollout(on=target)
    run(rollout, time, 12, units=9_900, candidate=100)
    assert rollout.state == "baking", rollout.reason
    return rollout


def test_t9_a_line_that_only_the_canary_writes_brings_users_back(time: Clock) -> None:
    rollout = watched(time)
    complain(rollout, time, "KeyError: 'tax' for order 17", 2)
    complain(rollout, time, "KeyError: 'vat' for order 18", 2)
    run(rollout, time, 15, units=9_900, candidate=100)
    assert rollout.state == "rolled_back"
    assert "“KeyError: 'tax' for order 17” came 4 times from the new version" in rollout.reason


def test_a_line_that_both_write_is_no_evidence(time: Clock) -> None:
    rollout = watched(time)
    complain(rollout, time, "Timeout", 500)
    complain(rollout, time, "Timeout", 1, arm="baseline")
    run(rollout, time, 15, units=9_900, candidate=100)
    assert rollout.state == "baking"


def test_a_line_milder_than_asked_is_no_evidence(time: Clock) -> None:
    rollout = watched(time, least_severity=30)
    complain(rollout, time, "KeyError: 'tax'", 500)
    run(rollout, time, 15, units=9_900, candidate=100)
    assert rollout.state == "baking"
    complain(rollout, time, "panic: nil map", 3)
    run(rollout, time, 15, units=9_900, candidate=100)
    assert rollout.state == "rolled_back"


def test_lines_are_gathered_only_where_a_guardrail_minds_them(
    time: Clock, django_assert_num_queries: object
) -> None:
    rollout = Rollout.objects.select_related("target").get(pk=started(time).pk)
    with django_assert_num_queries(1):  # type: ignore[operator]
        assert new_errors_of(rollout) is None


def test_without_requests_the_weight_is_the_share(time: Clock) -> None:
    target = make.target(driver="simulated", driver_config={})
    make.guardrail(target, kind="new_errors")
    rollout = make.rollout(on=target, desired_weight=10)
    assert new_errors_of(rollout) is None
    time.go(timedelta(minutes=1).total_seconds())
    complain(rollout, time, "KeyError", 2)
    (found,) = new_errors_of(rollout) or ()
    assert found.count == 2
    assert found.chance == pytest.approx(0.01)
