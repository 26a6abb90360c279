"""Each fault of a driver, on the way up and on the way back: traffic arrives, or comes back."""

from typing import Any

import pytest

from releasetrain.catalog.models import Target
from releasetrain.rollouts.actions import roll_back
from releasetrain.rollouts.audit import faults_of, past_of
from releasetrain.rollouts.drivers.simulated.world import Fault
from releasetrain.rollouts.models import Rollout, Transition
from tests import make
from tests.rollouts.clocks import Clock, run, started
from tests.rollouts.clocks import time as time

pytestmark = pytest.mark.django_db(transaction=True)
LADDER = [{"weight": weight, "bake_seconds": 20} for weight in (10, 100)]
# Asking again mends these; a refusal brings it back (T4), a wrong reading before the start ends it (T2x).
MENDED = [fault for fault in Fault if fault not in (Fault.REFUSE, Fault.MISREAD)]


def spoil(target: Target, **faults: Any) -> None:
    target.refresh_from_db()
    target.driver_config["faults"] = {"hang_seconds": 0.01, "late_seconds": 7} | faults
    target.save(update_fields=["driver_config"])


def spoilt_climb(time: Clock, fault: Fault) -> Rollout:
    rollout = make.rollout(ladder=LADDER, is_accelerated=True)
    make.guardrail(rollout.target)
    spoil(rollout.target, **{fault.value: 2})
    run(rollout, time, 150)
    return rollout


def left_over(rollout: Rollout) -> int:
    rollout.target.refresh_from_db()
    faults: dict[str, int] = rollout.target.driver_config["faults"]
    return sum(faults.get(fault.value, 0) for fault in Fault)


@pytest.mark.parametrize("fault", MENDED)
def test_t3_t7_whatever_the_driver_does_a_weight_counts_only_once_it_is_read_back(
    time: Clock, fault: Fault
) -> None:
    rollout = spoilt_climb(time, fault)
    assert left_over(rollout) == 0
    assert rollout.state == "succeeded"
    assert faults_of([rollout]) == []


def test_t4_a_driver_that_refuses_sends_nobody_further(time: Clock) -> None:
    rollout = spoilt_climb(time, Fault.REFUSE)
    assert rollout.state == "rolled_back"
    assert faults_of([rollout]) == []


def test_t2_nobody_is_sent_where_the_weight_before_the_start_reads_wrong(time: Clock) -> None:
    rollout = spoilt_climb(time, Fault.MISREAD)
    assert rollout.state == "cancelled"
    assert rollout_journal(rollout) == []
    assert faults_of([rollout]) == []


def test_drift_that_was_only_a_wrong_reading_harms_nobody(time: Clock) -> None:
    rollout = started(time, ladder=LADDER, is_accelerated=True)
    spoil(rollout.target, misread=1)
    run(rollout, time, 100)
    assert rollout.state == "succeeded"
    assert faults_of([rollout]) == []


@pytest.mark.parametrize("fault", Fault)
def test_t10_t11_whatever_the_driver_does_users_come_back(time: Clock, fault: Fault) -> None:
    rollout = started(time, ladder=LADDER, is_accelerated=True)
    spoil(rollout.target, **{fault.value: 4})
    roll_back(rollout, reason="It smells.", by=None, now=time.go(1))
    run(rollout, time, 40)
    assert rollout.state == "rolled_back"
    rollout.target.refresh_from_db()
    assert rollout.target.driver_config["world"]["weight"] == 0
    assert faults_of([rollout]) == []


def test_t11_a_proxy_that_comes_back_late_finds_the_rollback_waiting(time: Clock) -> None:
    rollout = started(time, ladder=LADDER, is_accelerated=True)
    spoil(rollout.target, unreachable=True, lose_request=100)
    roll_back(rollout, reason="It smells.", by=None, now=time.go(1))
    run(rollout, time, 60)
    assert (rollout.state, rollout.stuck_at is not None) == ("rolling_back", True)
    spoil(rollout.target)
    run(rollout, time, 10)
    assert rollout.state == "rolled_back"
    assert faults_of([rollout]) == []


def test_r11_an_order_that_arrives_after_the_rollback_is_kept_out_by_its_fence(time: Clock) -> None:
    rollout = make.rollout(ladder=LADDER, is_accelerated=True)
    make.guardrail(rollout.target)
    spoil(rollout.target, late=1, late_seconds=20)
    run(rollout, time, 8)
    assert rollout.state in ("shifting", "baking")
    roll_back(rollout, reason="It smells.", by=None, now=time.go(1))
    run(rollout, time, 40)
    assert rollout.state == "rolled_back"
    assert faults_of([rollout]) == []  # reads the target back, so that what is late arrives
    late = [one for one in rollout_journal(rollout) if one["fault"] == Fault.LATE]
    assert [one["taken"] for one in late] == [False, False]  # as it was sent, and as it arrived


def rollout_journal(rollout: Rollout) -> list[dict[str, Any]]:
    rollout.target.refresh_from_db()
    journal: list[dict[str, Any]] = rollout.target.driver_config.get("world", {}).get("asked", [])
    return journal


def test_r4_the_audit_sees_a_lost_transition_and_a_weight_nobody_intended(time: Clock) -> None:
    rollout = started(time, ladder=LADDER, is_accelerated=True)
    assert faults_of([rollout]) == []
    Transition.objects.filter(rollout=rollout, seq=2).delete()
    rollout.target.refresh_from_db()
    journal = rollout.target.driver_config["world"]["asked"]
    journal.append({**journal[-1], "fence": 99_999, "weight": 77})
    rollout.target.save(update_fields=["driver_config"])
    said = " ".join(faults_of([rollout]))
    assert "not one by one" in said
    assert "77 %" in said


def test_the_audit_judges_the_target_only_while_nobody_else_has_moved_it(time: Clock) -> None:
    first = started(time, ladder=LADDER, is_accelerated=True)
    roll_back(first, reason="It smells.", by=None, now=time.go(1))
    run(first, time, 5)
    second = make.rollout(on=first.target, ladder=LADDER, is_accelerated=True, fence=100, weight_fence=100)
    run(second, time, 12)
    assert second.desired_weight == 10
    assert past_of(first).target_weight is None
    assert faults_of([first, second]) == []
