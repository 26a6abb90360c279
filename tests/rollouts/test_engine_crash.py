"""The rules of crash safety over real rows (ENGINE section 6), each by its number."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.db import connection

from releasetrain.events.models import Event
from releasetrain.lib import clock
from releasetrain.rollouts import readings, store
from releasetrain.rollouts.actions import carry_out, operate, roll_back, tick_one
from releasetrain.rollouts.actions import tick as ticking
from releasetrain.rollouts.actions.operate import Order
from releasetrain.rollouts.drivers import base
from releasetrain.rollouts.drivers.simulated import SimulatedDriver
from releasetrain.rollouts.ladders import SETTLE_SECONDS, settle_seconds
from releasetrain.rollouts.models import Compensation, Hold, Intent, Rollout, Transition
from releasetrain.rollouts.rules.commands import CommandKind
from tests import make
from tests.rollouts.clocks import Clock, run, started
from tests.rollouts.clocks import time as time
from tests.rollouts.test_engine_again import weight_of
from tests.rollouts.test_engine_together import rolling

pytestmark = pytest.mark.django_db(transaction=True)


def test_r2_no_row_is_locked_while_a_driver_or_its_read_back_is_asked(
    time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[bool] = []

    def note(name: str) -> None:
        own = getattr(SimulatedDriver, name)

        def asked(*args: Any, **call: Any) -> Any:
            held.append(connection.in_atomic_block)
            return own(*args, **call)

        monkeypatch.setattr(SimulatedDriver, name, asked)

    for name in ("apply", "rollback", "observe", "prepare", "health"):
        note(name)
    rollout = started(time)
    roll_back(rollout, reason="It smells.", by=None, now=time.go(1))
    run(rollout, time, 3)
    assert rollout.state == "rolled_back"
    assert len(held) > 10
    assert not any(held)


def test_r4_state_transition_and_event_commit_together_or_not_at_all(
    time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollout = make.rollout()

    def broken(*_: Any, **__: Any) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(store, "record", broken)
        with pytest.raises(OSError, match="full"):
            tick_one(rollout.pk, time.now)
    rollout.refresh_from_db()
    assert (rollout.state, rollout.seq, rollout.failures) == ("queued", 0, 1)
    assert Transition.objects.count() == Event.objects.filter(subject_id=rollout.pk).count() == 0
    run(rollout, time, 2)
    assert (rollout.state, rollout.seq, rollout.failures) == ("preflight", 1, 0)


def test_r5_a_machine_whose_clock_is_wrong_changes_no_instant() -> None:
    before = clock.now()
    rollout = make.rollout(next_due_at=before, state_entered_at=before, created_at=before)
    with time_machine.travel(before + timedelta(hours=1)):
        tick_one(rollout.pk, clock.now())
    written = Transition.objects.values_list("at", flat=True).get()
    assert timedelta() <= written - before < timedelta(minutes=5)
    rollout.refresh_from_db()
    assert rollout.next_due_at is not None
    assert rollout.next_due_at - before < timedelta(minutes=5)


def test_r6_a_target_that_cannot_refuse_late_writes_is_told_0_until_it_has_settled(
    time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollout = started(time)
    unfenced = base.Capabilities(is_sticky=True, is_instant=True, is_fenced=False)
    monkeypatch.setattr(SimulatedDriver, "capabilities", unfenced)
    assert settle_seconds(rollout.target) == SETTLE_SECONDS
    roll_back(rollout, reason="It smells.", by=None, now=time.go(1))
    run(rollout, time, int(SETTLE_SECONDS) - 2)
    assert rollout.state == "rolling_back"
    # What was on its way all the while arrives now: it is overwritten, not believed.
    rollout.target.refresh_from_db()
    rollout.target.driver_config["world"]["weight"] = 1
    rollout.target.save(update_fields=["driver_config"])
    run(rollout, time, 3)
    assert weight_of(rollout.target) == 0
    run(rollout, time, int(SETTLE_SECONDS) + 5)
    assert rollout.state == "rolled_back"
    asked = Intent.objects.filter(rollout=rollout, action="rollback")
    assert asked.count() > 5
    assert set(asked.values_list("weight", flat=True)) == {0}


def test_r8_without_redis_an_operator_still_brings_users_back(
    time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollout = started(time)

    def gone(*_: Any, **__: Any) -> None:
        raise ConnectionError("Redis is gone")

    monkeypatch.setattr("redis.connection.Connection.connect", gone)
    monkeypatch.setattr("celery.app.base.Celery.send_task", gone)
    order = Order(kind=CommandKind.ROLLBACK, id=uuid4(), reason="It smells.")
    operate(rollout, order, by=make.user("Ada"), now=time.go(1))
    assert weight_of(rollout.target) == 0
    run(rollout, time, 3)
    assert rollout.state == "rolled_back"


def poisoned(monkeypatch: pytest.MonkeyPatch, pk: int) -> None:
    own = readings.gather

    def gather(row: Rollout, *more: Any) -> Any:
        if row.pk == pk:
            raise ZeroDivisionError("poison")
        return own(row, *more)

    monkeypatch.setattr(ticking, "gather", gather)


def fail(rollout: Rollout, time: Clock, times: int) -> None:
    for _ in range(times):
        with pytest.raises(ZeroDivisionError):
            tick_one(rollout.pk, time.go(90))
    rollout.refresh_from_db()


def test_r10_a_row_that_fails_five_times_is_held_and_blocks_no_other(
    time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = started(time)
    poisoned(monkeypatch, bad.pk)
    fail(bad, time, 4)
    assert not bad.holds.exists()
    fail(bad, time, 3)
    hold = Hold.objects.get(rollout=bad, cleared_at=None)
    assert (hold.kind, hold.reason) == ("error", "The engine failed on it 5 times: ZeroDivisionError.")
    assert Event.objects.filter(kind="rollouts.hold.opened", subject_id=bad.pk).count() == 1
    good = make.rollout(on=make.target("Cart", driver="simulated", driver_config={}), next_due_at=time.now)
    make.guardrail(good.target)
    run(good, time, 12)
    assert good.state == "baking"


def test_r10_a_row_that_fails_can_still_be_rolled_back_and_is_forgiven(
    time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = started(time)
    with monkeypatch.context() as patch:
        poisoned(patch, bad.pk)
        fail(bad, time, 6)
        roll_back(bad, reason="It smells.", by=None, now=time.go(1))
        assert weight_of(bad.target) == 0
        fail(bad, time, 6)
        assert bad.next_due_at is not None
        assert bad.next_due_at - time.now <= timedelta(seconds=2)
    run(bad, time, 6)
    assert (bad.state, bad.failures) == ("rolled_back", 0)


def test_r11_a_late_answer_on_a_finished_rollout_is_noted_and_changes_nothing(time: Clock) -> None:
    rollout = started(time)
    late = Intent.objects.filter(rollout=rollout, action="apply").latest("fence")
    Intent.objects.filter(pk=late.pk).update(outcome="", answered_at=None)
    roll_back(rollout, reason="It smells.", by=None, now=time.go(1))
    run(rollout, time, 3)
    before = Rollout.objects.filter(pk=rollout.pk).values().get()
    carry_out([late], rollout)
    late.refresh_from_db()
    assert late.outcome == "refused", "its fence is older"
    assert Rollout.objects.filter(pk=rollout.pk).values().get() == before
    assert weight_of(rollout.target) == 0
    assert tick_one(rollout.pk, time.go(60)) is None


def with_fallback(time: Clock) -> Rollout:
    """Make a rollout that a flag moves, on a target that a simulated proxy can shut, too."""
    make.flag_environment()
    config = {"flag": "new-checkout", "fallbacks": [{"driver": "simulated"}, "nonsense"]}
    return started(time, on=make.target(driver_config=config))


def test_t11_a_rollback_that_is_stuck_is_done_by_the_next_driver(
    time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollout = with_fallback(time)

    def broken(*_: Any, **__: Any) -> None:
        raise ConnectionError("gone")

    monkeypatch.setattr("releasetrain.rollouts.drivers.flag.FlagDriver.rollback", broken)
    roll_back(rollout, reason="It smells.", by=None, now=time.go(1))
    run(rollout, time, 8)
    rollout.target.refresh_from_db()
    assert (rollout.state, rollout.stuck_at) == ("rolling_back", None)
    assert "world" not in rollout.target.driver_config
    run(rollout, time, 8)
    rollout.target.refresh_from_db()
    assert rollout.target.driver_config["world"]["weight"] == 0
    assert rollout.state == "rolled_back"
    assert Event.objects.filter(kind="rollouts.rollback.stuck").count() == 1


def aboard_with_flags(time: Clock) -> Rollout:
    _, (rollout,) = rolling("Shop", time=time)
    assert rollout.departure is not None
    manifest = rollout.departure.manifests.get()
    manifest.content["services"][0]["changes"] = [{"id": 1, "flag": "prices"}, {"id": 2, "flag": "search"}]
    manifest.save(update_fields=["content"])
    return rollout


def test_t10_what_was_switched_on_meanwhile_is_set_back_in_reverse_order(time: Clock) -> None:
    prices, search = make.flag_environment("prices", percentage=5_000), make.flag_environment("search")
    rollout = aboard_with_flags(time)
    run(rollout, time, 12)
    assert list(Compensation.objects.order_by("number").values_list("what", "before")) == [
        ("prices", {"percentage": 5_000}),
        ("search", {"percentage": 0}),
    ]
    for state in (prices, search):
        type(state).objects.filter(pk=state.pk).update(percentage=80_000)
    roll_back(rollout, reason="It smells.", by=None, now=time.go(1))
    run(rollout, time, 4)
    prices.refresh_from_db()
    search.refresh_from_db()
    assert (rollout.state, prices.percentage, search.percentage) == ("rolled_back", 5_000, 0)
    moved = Event.objects.filter(kind="flags.percentage.set", subject_id__in=[prices.pk, search.pk])
    assert list(moved.order_by("pk").values_list("subject_id", flat=True)) == [search.pk, prices.pk]


def test_t10_a_compensation_that_fails_is_tried_again_and_never_keeps_traffic_from_coming_back(
    time: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    make.flag_environment("prices")
    rollout = aboard_with_flags(time)
    run(rollout, time, 12)

    def broken(*_: Any, **__: Any) -> None:
        raise ConnectionError("gone")

    monkeypatch.setattr("releasetrain.rollouts.actions.compensate._set_back", broken)
    roll_back(rollout, reason="It smells.", by=None, now=time.go(1))
    assert weight_of(rollout.target) == 0
    run(rollout, time, 3)
    assert rollout.state == "rolling_back"
    run(rollout, time, 15)
    assert rollout.state == "rolled_back"
    one = Compensation.objects.get()
    assert (one.tries, one.answer) == (5, "ConnectionError: gone")
    told = Event.objects.get(kind="rollouts.compensation.failed")
    assert (told.subject_id, told.data["flag"], told.data["pages"]) == (rollout.pk, "prices", True)
