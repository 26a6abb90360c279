"""The engine over real rows: claims, fences, verified weights, and a way back that nothing blocks."""

from datetime import timedelta

import pytest

from releasetrain.catalog.models import Target
from releasetrain.events.models import Event
from releasetrain.health.models import Reading
from releasetrain.rollouts.actions import roll_back, tick_one
from releasetrain.rollouts.due import claim_one
from releasetrain.rollouts.models import Hold, Intent, Rollout, Transition
from releasetrain.rollouts.readings import gather
from releasetrain.rollouts.rules.machine import tick
from releasetrain.rollouts.store import LostClaim, snapshot_of, write
from tests import make
from tests.rollouts.clocks import Clock, run, started
from tests.rollouts.clocks import time as time

pytestmark = pytest.mark.django_db(transaction=True)


def world(target: Target) -> dict[str, int]:
    target.refresh_from_db()
    found: dict[str, int] = target.driver_config.get("world", {"weight": 0, "fence": 0, "calls": 0})
    return found


def states(rollout: Rollout) -> list[tuple[str, int]]:
    return list(Transition.objects.filter(rollout=rollout).values_list("to_state", "weight"))


def test_a_healthy_rollout_climbs_every_stage_and_none_is_skipped(time: Clock) -> None:
    ladder = [{"weight": weight, "bake_seconds": 20} for weight in (1, 50, 100)]
    rollout = started(time, ladder=ladder, is_accelerated=True)
    run(rollout, time, 150)
    assert rollout.state == "succeeded"
    assert states(rollout) == [
        ("preflight", 0),
        ("shifting", 1),
        ("baking", 1),
        ("shifting", 50),
        ("baking", 50),
        ("shifting", 100),
        ("soaking", 100),
        ("succeeded", 100),
    ]
    assert world(rollout.target)["weight"] == 100
    assert rollout.target.stable_version == "v2"
    assert list(Transition.objects.filter(rollout=rollout).values_list("seq", flat=True)) == list(range(1, 9))


def test_r3_an_intent_is_written_before_the_driver_is_asked(time: Clock) -> None:
    rollout = started(time)
    intent = Intent.objects.filter(rollout=rollout).first()
    assert intent is not None
    assert (intent.weight, intent.outcome) == (1, "confirmed")


def test_r1_a_claimed_rollout_is_nobody_elses(time: Clock) -> None:
    rollout = make.rollout()
    assert claim_one(rollout.pk, time.now) is not None
    assert claim_one(rollout.pk, time.now) is None


def test_r1_a_worker_that_was_overtaken_writes_nothing(time: Clock) -> None:
    rollout = make.rollout()
    slow = claim_one(rollout.pk, time.now)
    assert slow is not None
    step = tick(snapshot_of(slow), gather(slow, time.now).readings, time.now)
    later = time.go(20)
    assert claim_one(rollout.pk, later) is not None
    with pytest.raises(LostClaim):
        write(step, slow, actor=None, now=later)
    assert Transition.objects.count() == 0


def test_r1_a_killed_worker_delays_and_loses_nothing(time: Clock) -> None:
    rollout = make.rollout()
    assert claim_one(rollout.pk, time.now) is not None
    assert tick_one(rollout.pk, time.go(1)) is None
    assert tick_one(rollout.pk, time.go(20)) is not None
    assert states(rollout) == [("preflight", 0)]


def test_a_rollback_reaches_the_driver_before_it_returns(time: Clock) -> None:
    rollout = started(time)
    assert world(rollout.target)["weight"] == 1
    roll_back(rollout, reason="It smells.", by=make.user("Ada"), now=time.go(1))
    assert world(rollout.target)["weight"] == 0
    run(rollout, time, 3)
    assert rollout.state == "rolled_back"


def test_a_rollback_opens_an_incident(time: Clock) -> None:
    rollout = started(time)
    roll_back(rollout, reason="It smells.", by=make.user("Ada"), now=time.go(1))
    rollout.refresh_from_db()
    assert rollout.incident is not None
    assert "It smells." in rollout.incident.title


def test_l7_pressed_twice_is_one_rollback(time: Clock) -> None:
    rollout = started(time)
    for _ in range(2):
        roll_back(rollout, reason="It smells.", by=None, now=time.go(1))
    assert [state for state, _ in states(rollout)].count("rolling_back") == 1
    assert Event.objects.filter(kind="rollouts.rollback.started").count() == 1


@pytest.mark.parametrize("fault", ["lose_request", "lose_answer", "refuse"])
def test_t11_a_rollback_goes_on_until_it_is_read_back(time: Clock, fault: str) -> None:
    rollout = started(time)
    rollout.target.refresh_from_db()
    rollout.target.driver_config["faults"] = {fault: 3}
    rollout.target.save(update_fields=["driver_config"])
    roll_back(rollout, reason="It smells.", by=None, now=time.go(1))
    run(rollout, time, 12)
    assert rollout.state == "rolled_back"
    assert world(rollout.target)["weight"] == 0


def test_t9_a_failing_candidate_comes_back_by_itself(time: Clock) -> None:
    rollout = started(time)
    run(rollout, time, 30, candidate=100, candidate_bad=50)
    assert rollout.state == "rolled_back"
    assert world(rollout.target)["weight"] == 0
    assert "Errors" in rollout.reason


def test_without_fresh_metrics_it_holds_and_bakes_no_more(time: Clock) -> None:
    rollout = started(time)
    run(rollout, time, 30)
    for _ in range(90):
        tick_one(rollout.pk, time.go(1))
    rollout.refresh_from_db()
    credit = rollout.bake_credit_seconds
    assert Hold.objects.filter(rollout=rollout, kind="metrics_outage", cleared_at=None).exists()
    for _ in range(30):
        tick_one(rollout.pk, time.go(1))
    rollout.refresh_from_db()
    assert rollout.bake_credit_seconds == credit
    run(rollout, time, 15)
    assert not Hold.objects.filter(rollout=rollout, kind="metrics_outage", cleared_at=None).exists()


def test_downtime_of_the_engine_never_counts_as_bake(time: Clock) -> None:
    rollout = started(time)
    run(rollout, time, 30)
    before = rollout.bake_credit_seconds
    time.go(3600)
    run(rollout, time, 1)
    assert rollout.bake_credit_seconds <= before + 20


def test_h1_one_active_rollout_on_a_target(time: Clock) -> None:
    first = started(time)
    second = make.rollout(on=first.target, next_due_at=time.now)
    run(second, time, 10)
    assert second.state == "queued"
    roll_back(first, reason="Make way.", by=None, now=time.now)
    run(first, time, 5)
    run(second, time, 10)
    assert second.state != "queued"


def test_a_late_report_counts_once_and_is_not_lost(time: Clock) -> None:
    rollout = started(time)
    before, mark = units_seen(rollout), rollout.counted_reading
    run(rollout, time, 5)
    make.readings(rollout.target, time.now - timedelta(seconds=8), seconds=1, source="another process")
    run(rollout, time, 25)
    assert units_seen(rollout) > before
    counted = Reading.objects.filter(arm="candidate", pk__gt=mark, pk__lte=rollout.counted_reading)
    assert counted.filter(source="another process").exists()
    assert units_seen(rollout) - before == sum(one.units for one in counted)


def units_seen(rollout: Rollout) -> float:
    rollout.refresh_from_db()
    return float(rollout.guardrail_states["Errors"]["candidate"][0])


def test_preflight_learns_from_the_last_minutes(time: Clock) -> None:
    target = make.target(driver="simulated", driver_config={})
    for ago in range(600, 0, -10):
        make.readings(target, time.now - timedelta(seconds=ago), bad=ago % 7)
    rollout = make.rollout(on=target)
    make.guardrail(target)
    counts = gather(rollout, time.now).readings.counts
    assert len(counts["errors"]) >= 59
