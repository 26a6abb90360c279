"""What is due is loaded in bulk and claimed one by one: the same steps, with few questions (ENGINE R1)."""

from datetime import timedelta

import psycopg
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from releasetrain.catalog.models import Target
from releasetrain.rollouts.actions import roll_back, tick_one
from releasetrain.rollouts.actions.tick import claim_loaded, tick_loaded
from releasetrain.rollouts.due import common_at, load
from releasetrain.rollouts.models import Rollout, Transition
from releasetrain.rollouts.tasks import step_due
from tests import make
from tests.rollouts.clocks import Clock, started
from tests.rollouts.clocks import time as time

pytestmark = pytest.mark.django_db(transaction=True)
# Of one that bakes: its instant, claim, read-back, reports, and the write with its judgements.
MOST_EACH = 10


def target(number: int) -> Target:
    return make.target(f"Service {number}", driver="simulated", driver_config={})


def baking(time: Clock, count: int) -> list[Rollout]:
    return [started(time, on=target(number)) for number in range(count)]


def queries_of_a_batch(rollouts: list[Rollout], time: Clock) -> int:
    Rollout.objects.update(next_due_at=time.go(1))
    with CaptureQueriesContext(connection) as captured:
        step_due()
    return len(captured)


def test_r1_what_was_loaded_is_claimed_only_while_nobody_has_decided_anything(time: Clock) -> None:
    rollout = started(time)
    Rollout.objects.update(next_due_at=time.now)
    (mine,), (theirs,) = load([rollout.pk]), load([rollout.pk])
    assert claim_loaded(mine, time.now)
    assert not claim_loaded(theirs, time.go(60))
    (late,) = load([rollout.pk])
    roll_back(rollout, reason="It smells.", by=None, now=time.now)
    assert not claim_loaded(late, time.go(60))


def test_r1_a_frozen_worker_that_holds_a_row_keeps_no_other_waiting(time: Clock) -> None:
    first, second = baking(time, 2)
    Rollout.objects.update(next_due_at=time.go(1))
    fences = dict(Rollout.objects.values_list("pk", "fence"))
    with psycopg.connect(**connection.get_connection_params() | {"cursor_factory": None}) as frozen:
        frozen.execute("SELECT 1 FROM rollouts_rollout WHERE id = %s FOR UPDATE", [first.pk])
        step_due()
    after = dict(Rollout.objects.values_list("pk", "fence"))
    assert after[first.pk] == fences[first.pk]
    assert after[second.pk] > fences[second.pk]


def test_a_batch_takes_the_same_steps_as_one_by_one(time: Clock) -> None:
    alone = make.rollout(on=target(1))
    together = make.rollout(on=target(2))
    for row in (alone, together):
        make.guardrail(row.target)
    for _ in range(60):
        now = time.go(1)
        for row in (alone, together):
            make.readings(row.target, now, seconds=1)
        tick_one(alone.pk, now)
        common = common_at(now)
        for row in load([together.pk]):
            tick_loaded(row, now, common)
    steps = [
        list(Transition.objects.filter(rollout=row).values_list("seq", "to_state", "weight", "at"))
        for row in (alone, together)
    ]
    assert steps[0] == steps[1]
    states = Rollout.objects.order_by("pk").values_list("bake_credit_seconds", "guardrail_states")
    assert states[0] == states[1]


def test_one_more_rollout_costs_a_few_questions_more(time: Clock) -> None:
    few = queries_of_a_batch(baking(time, 1), time)
    rollouts = [started(time, on=target(number)) for number in range(1, 5)]
    many = queries_of_a_batch(rollouts, time)
    assert many - few <= 4 * MOST_EACH


def test_w6_a_window_that_opens_while_a_batch_runs_holds_from_its_own_instant(time: Clock) -> None:
    rollout = started(time)
    begins = time.now + timedelta(seconds=3)
    make.window(starts_at=begins, ends_at=begins + timedelta(hours=1))
    common = common_at(time.now)
    for seconds, is_held in ((1, False), (3, True)):
        Rollout.objects.update(next_due_at=time.now)
        (row,) = load([rollout.pk])
        tick_loaded(row, time.go(seconds), common)
        assert rollout.holds.filter(kind="blackout", cleared_at=None).exists() is is_held


def test_w12_nobody_gets_it_by_windows_that_a_batch_read_before_the_line_was_stopped(time: Clock) -> None:
    ahead, behind = make.rollout(on=target(1)), make.rollout(on=target(2))
    for row in (ahead, behind):
        make.guardrail(row.target)
    while True:
        now = time.go(1)
        for row in (ahead, behind):
            make.readings(row.target, now, seconds=1)
        tick_one(ahead.pk, now)
        ahead.refresh_from_db()
        if ahead.desired_weight:
            break
        tick_one(behind.pk, now)
    (row,), common = load([behind.pk]), common_at(now)
    make.window("Everything", starts_at=now, stops_the_line=True)
    tick_loaded(row, now, common)
    behind.refresh_from_db()
    assert (ahead.desired_weight, behind.desired_weight) == (1, 0)
