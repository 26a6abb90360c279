"""Who has a target, who waits, who takes over, and that no lock stops a rollback (RULES H1, H6)."""

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.events.models import Event
from releasetrain.events.queries import sentence
from releasetrain.lib.errors import Invalid, NotAllowed, Refused, Stale
from releasetrain.rollouts.actions import lock_target, release_lock, renew_lock, roll_back, take_over
from releasetrain.rollouts.actions.locks import LockRefused
from releasetrain.rollouts.actions.tick import tick_one
from releasetrain.rollouts.due import claim_one
from releasetrain.rollouts.line import place_in_line
from releasetrain.rollouts.models import Lock, Rollout
from releasetrain.rollouts.readings import gather
from releasetrain.rollouts.rules.machine import tick
from releasetrain.rollouts.rules.snapshot import Readings
from releasetrain.rollouts.store import LostClaim, snapshot_of, write
from tests import make
from tests.rollouts.clocks import Clock
from tests.rollouts.clocks import time as time
from tests.rollouts.hotfixes import hotfix, rolling_departure, run, target, train_at_25, weight
from tests.trains.test_parallel import MANY, at_once, happened, refusals

pytestmark = pytest.mark.django_db(transaction=True)
HOUR = timedelta(hours=1)


def on_call(name: str = "Olu") -> User:
    return User.objects.filter(name=name).first() or make.user(name, Role.ON_CALL)


def taken(lock: Lock, by: str, time: Clock, reason: str = "Gone.") -> Lock | None:
    """Take a target over from the holder that a page showed, for an hour."""
    return take_over(
        lock.target, fence=lock.fence, reason=reason, until=time.now + HOUR, by=on_call(by), now=time.now
    )


def waiting(time: Clock, **fields: object) -> Rollout:
    return make.rollout(
        of=rolling_departure("train"), on=target(), next_due_at=time.now, created_at=time.now, **fields
    )


# -- H1


def test_h1_twenty_departures_want_one_service_and_one_has_it(time: Clock) -> None:
    rollouts = [waiting(time) for _ in range(MANY)]
    free = Readings(is_go=True)

    def start(row: Rollout) -> None:
        mine = claim_one(row.pk, time.now)
        assert mine is not None
        step = tick(snapshot_of(mine), free, time.now)
        with transaction.atomic():
            write(step, mine, actor=None, now=time.now)

    results = at_once(*(lambda row=row: start(row) for row in rollouts))
    lost = refusals(results)
    assert len(lost) == MANY - 1
    assert {type(one) for one in lost} == {LostClaim}
    assert Rollout.objects.filter(state="preflight").count() == 1
    lock = Lock.objects.get()
    assert lock.rollout_id == Rollout.objects.get(state="preflight").pk
    assert happened("rollouts.preflight.started") == 1


def test_h1_twenty_ticks_at_once_start_the_first_in_line(time: Clock) -> None:
    rollouts = [waiting(time) for _ in range(MANY)]
    at_once(*(lambda row=row: tick_one(row.pk, time.now) for row in rollouts))
    assert list(Rollout.objects.exclude(state="queued").values_list("pk", flat=True)) == [rollouts[0].pk]


def test_h1_the_database_itself_lets_one_hold_a_target(time: Clock) -> None:
    first, second = waiting(time), waiting(time)
    facts = {"target": first.target, "holder_label": "x", "reason": "r", "taken_at": time.now}
    Lock.objects.create(rollout=first, fence=1, **facts)
    with pytest.raises(IntegrityError, match="lock_one_holder_of_a_target"):
        Lock.objects.create(rollout=second, fence=2, **facts)


def test_h1_the_other_waits_with_its_position_and_forecast(time: Clock) -> None:
    first = train_at_25(time)
    second, third = waiting(time), waiting(time)
    time.now += timedelta(seconds=1)
    code = first.departure.code if first.departure else ""
    left = 20 - first.bake_credit_seconds + 20
    place = place_in_line(second, time.now)
    assert place.words.startswith(f"First in line for Storefront in Production, after {code} (at 25 %); ")
    assert place.words.endswith("probably free by Mon 23 Nov, 13:00 Berlin (UTC+1).")
    assert place.free_at == time.now + timedelta(seconds=left)
    behind = place_in_line(third, time.now)
    assert behind.words.startswith("Second in line for Storefront in Production, after ")
    assert behind.free_at is not None
    assert place.free_at is not None
    assert behind.free_at > place.free_at
    assert gather(second, time.now).readings.waits_for == place.words


def test_h1_nobody_knows_when_where_the_holder_is_held_without_an_end(time: Clock) -> None:
    first, second = train_at_25(time), waiting(time)
    first.holds.create(kind="operator", reason="Lunch.", opened_at=time.now)
    place = place_in_line(second, time.now)
    assert place.free_at is None
    assert "is held without a known end, so nobody can say when." in place.words


def test_h1_what_is_held_lets_others_pass(time: Clock) -> None:
    first, second = waiting(time), waiting(time)
    first.holds.create(kind="operator", reason="Lunch.", opened_at=time.now)
    run(time, 3, first, second)
    assert (first.state, second.state != "queued") == ("queued", True)


def test_h1_the_next_one_starts_once_the_target_is_given_back(time: Clock) -> None:
    first, second = train_at_25(time), waiting(time)
    run(time, 2, second)
    assert second.state == "queued"
    roll_back(first, reason="Make way.", by=None, now=time.now)
    run(time, 4, first, second)
    assert second.state != "queued"
    assert Lock.objects.get(ended_at=None).rollout_id == second.pk


def test_h1_waiting_in_line_uses_up_no_deadline(time: Clock) -> None:
    first = train_at_25(time)
    second = waiting(time, overall_deadline_at=time.now + timedelta(minutes=1))
    run(time, 70, second)
    assert second.state == "queued"
    roll_back(first, reason="Make way.", by=None, now=time.now)
    run(time, 4, first, second)
    assert second.state != "cancelled"
    assert second.overall_deadline_at is not None
    assert second.overall_deadline_at > time.now + timedelta(seconds=50)


# -- H6


def test_h6_a_lock_says_who_why_since_when_and_until_when(time: Clock) -> None:
    lock = lock_target(
        target(), reason="Moving the database.", until=time.now + HOUR, by=on_call(), now=time.now
    )
    assert (lock.holder_label, lock.reason) == ("Olu", "Moving the database.")
    assert (lock.taken_at, lock.expires_at) == (time.now, time.now + HOUR)
    told = Event.objects.get(kind="rollouts.lock.taken")
    assert sentence(told).startswith("Olu locked Storefront in Production")


def test_h6_a_lock_keeps_rollouts_off_until_it_expires(time: Clock) -> None:
    until = time.now + timedelta(seconds=60)
    lock_target(target(), reason="Database.", until=until, by=on_call(), now=time.now)
    rollout = waiting(time)
    run(time, 55, rollout)
    assert rollout.state == "queued"
    assert "after Olu (by hand)" in place_in_line(rollout, time.now).words
    run(time, 12, rollout)
    assert rollout.state != "queued"
    old = Lock.objects.get(holder__name="Olu")
    assert old.ended_reason == "It was not renewed in time."


def test_h6_somebody_else_takes_over_with_a_reason_and_the_old_holder_writes_nothing(time: Clock) -> None:
    old = lock_target(target(), reason="Database.", until=time.now + HOUR, by=on_call(), now=time.now)
    with pytest.raises(Invalid, match="Say why you take it over"):
        taken(old, "Zoe", time, " ")
    new = taken(old, "Zoe", time, "Olu is asleep.")
    assert new is not None
    assert (new.holder_label, new.fence) == ("Zoe", old.fence + 1)
    with pytest.raises(Stale, match=r"Zoe has it now: Olu is asleep\."):
        renew_lock(old, fence=old.fence, until=time.now + 2 * HOUR, by=on_call(), now=time.now)
    with pytest.raises(Stale, match=r"Zoe has it now: Olu is asleep\."):
        release_lock(old, fence=old.fence, by=on_call(), now=time.now)
    new.refresh_from_db()
    assert new.ended_at is None
    told = sentence(Event.objects.get(kind="rollouts.lock.taken_over"))
    assert told.startswith("Zoe took Storefront in Production over from Olu: Olu is asleep")


def test_h6_twenty_people_take_over_at_once_and_one_has_it(time: Clock) -> None:
    old = lock_target(target(), reason="Database.", until=time.now + HOUR, by=on_call(), now=time.now)
    people = [on_call(f"Person {number}") for number in range(MANY)]
    results = at_once(
        *(
            lambda one=one: take_over(
                old.target, fence=old.fence, reason="Gone.", until=time.now + HOUR, by=one, now=time.now
            )
            for one in people
        )
    )
    assert len(refusals(results)) == MANY - 1
    assert all(isinstance(one, Stale) for one in refusals(results))
    assert Lock.objects.filter(ended_at=None).count() == 1
    assert happened("rollouts.lock.taken_over") == 1


def test_h6_twenty_people_lock_at_once_and_one_has_it(time: Clock) -> None:
    on = target()
    people = [on_call(f"Person {number}") for number in range(MANY)]
    results = at_once(
        *(
            lambda one=one: lock_target(on, reason="Mine.", until=time.now + HOUR, by=one, now=time.now)
            for one in people
        )
    )
    assert len(refusals(results)) == MANY - 1
    assert Lock.objects.count() == happened("rollouts.lock.taken") == 1


def test_h6_taking_over_from_a_rollout_sends_its_users_back_and_lets_the_next_one_go(time: Clock) -> None:
    stuck, following = train_at_25(time), waiting(time)
    stuck.holds.create(kind="operator", reason="Rob is on holiday.", opened_at=time.now)
    run(time, 2, following)
    lock = Lock.objects.get(ended_at=None)
    taken = take_over(stuck.target, fence=lock.fence, reason="Rob is gone.", by=on_call(), now=time.now)
    assert taken is None
    assert weight(stuck) == 0
    run(time, 5, stuck, following)
    assert (stuck.state, following.state != "queued") == ("queued", True)
    assert Lock.objects.get(ended_at=None).rollout_id == following.pk
    assert "Olu took Storefront in Production over: Rob is gone." in stuck.reason


def test_h6_a_rollout_that_was_taken_over_goes_behind_those_who_wait(time: Clock) -> None:
    first, second = train_at_25(time), waiting(time)
    lock = Lock.objects.get(ended_at=None)
    run(time, 1, second)
    take_over(first.target, fence=lock.fence, reason="Second first.", by=on_call(), now=time.now)
    run(time, 5, first, second)
    assert (first.state, second.state != "queued") == ("queued", True)
    assert place_in_line(first, time.now).words.startswith("First in line")


def test_h6_the_old_worker_of_a_rollout_that_was_taken_over_is_refused(time: Clock) -> None:
    train = train_at_25(time)
    Rollout.objects.filter(pk=train.pk).update(next_due_at=time.now)
    slow = claim_one(train.pk, time.now)
    assert slow is not None
    step = tick(snapshot_of(slow), gather(slow, time.now).readings, time.now)
    lock = Lock.objects.get(ended_at=None)
    taken(lock, "Olu", time, "Gone.")
    with pytest.raises(LostClaim):
        write(step, slow, actor=None, now=time.now)


def test_h6_a_page_that_showed_another_holder_takes_nothing_over(time: Clock) -> None:
    old = lock_target(target(), reason="Database.", until=time.now + HOUR, by=on_call(), now=time.now)
    taken(old, "Zoe", time, "Gone.")
    with pytest.raises(Stale, match="The page was out of date: Zoe has it now"):
        taken(old, "Yan", time, "Gone.")


@pytest.mark.parametrize("hours", [0, -1, 25])
def test_h6_a_lock_ends_within_a_day(time: Clock, hours: int) -> None:
    with pytest.raises(Invalid) as refused:
        lock_target(target(), reason="r", until=time.now + hours * HOUR, by=on_call(), now=time.now)
    assert refused.value.field == "until"


def test_h6_who_may_not_command_there_may_not_lock_either(time: Clock) -> None:
    with pytest.raises(NotAllowed):
        lock_target(
            target(), reason="r", until=time.now + HOUR, by=make.user("Sue", Role.SUBMITTER), now=time.now
        )
    with pytest.raises(LockRefused) as refused:
        for name in ("Olu", "Zoe"):
            lock_target(target(), reason="r", until=time.now + HOUR, by=on_call(name), now=time.now)
    assert refused.value.message == "Olu has it: r Take it over with a reason, or wait."


def test_h6_no_lock_stops_a_rollback(time: Clock) -> None:
    train = train_at_25(time)
    lock = Lock.objects.get(ended_at=None)
    taken(lock, "Olu", time, "Mine.")
    assert weight(train) == 0
    roll_back(train, reason="For good.", by=None, now=time.now)
    run(time, 5, train)
    assert train.state == "rolled_back"
    back = make.rollout(on=train.target, kind="rollback", next_due_at=time.now)
    run(time, 3, back)
    assert back.state != "queued"


def test_h6_a_lock_that_is_released_lets_the_line_go(time: Clock) -> None:
    lock = lock_target(target(), reason="Database.", until=time.now + HOUR, by=on_call(), now=time.now)
    rollout = waiting(time)
    run(time, 2, rollout)
    release_lock(lock, fence=lock.fence, by=on_call(), now=time.now)
    run(time, 1, rollout)
    assert rollout.state == "preflight"
    with pytest.raises(Refused):
        release_lock(lock, fence=lock.fence, by=on_call(), now=time.now)


def test_h6_a_hotfix_waits_for_a_lock_by_hand(time: Clock) -> None:
    lock_target(target(), reason="Database.", until=time.now + HOUR, by=on_call(), now=time.now)
    fix = hotfix(time)
    run(time, 8, fix)
    assert fix.state == "queued"
