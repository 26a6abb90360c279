"""Hotfixes over real rollouts: what makes way, what comes again, what undoes them (RULES H2, H3, H5)."""

import uuid

import pytest

from releasetrain.accounts.rules import Role
from releasetrain.events.models import Event
from releasetrain.events.queries import sentence
from releasetrain.rollouts.actions import operate, roll_back, take_service, tick_one
from releasetrain.rollouts.actions.launch import queue
from releasetrain.rollouts.actions.operate import CommandRefused, Order
from releasetrain.rollouts.due import claim_one
from releasetrain.rollouts.models import Lock, Rollout, Transition
from releasetrain.rollouts.readings import gather
from releasetrain.rollouts.rules.commands import CommandKind
from releasetrain.rollouts.rules.machine import tick
from releasetrain.rollouts.store import LostClaim, snapshot_of, write
from releasetrain.trains import actions
from releasetrain.trains.models import LiveFix
from tests import make
from tests.rollouts.clocks import Clock
from tests.rollouts.clocks import time as time
from tests.rollouts.hotfixes import held, hotfix, rolling_departure, run, settled, target, train_at_25, weight
from tests.trains.test_parallel import at_once, happened

pytestmark = pytest.mark.django_db(transaction=True)


def press(rollout: Rollout, kind: CommandKind, time: Clock) -> Rollout:
    order = Order(kind=kind, id=uuid.uuid4(), reason="Because.")
    return operate(rollout, order, by=make.user(), now=time.now)


def attests(rollout: Rollout, contains: str, time: Clock) -> None:
    actions.attest(
        service=rollout.target.service,
        version=rollout.to_version,
        contains=contains,
        reason="I read the diff.",
        by=make.user("Ann", Role.SUBMITTER),
        now=time.now,
    )


# -- H2


def test_h2_a_hotfix_takes_the_service_and_the_train_holds_at_its_stage(time: Clock) -> None:
    train = train_at_25(time)
    assert (train.state, weight(train)) == ("baking", 25)
    fix = hotfix(time)
    run(time, 6, fix, train)
    hold = held(train)
    assert hold is not None
    code = fix.departure.code if fix.departure else ""
    assert hold.reason == (
        f"{code}, a hotfix, has Storefront in Production: v1.1. Everybody is on v1 meanwhile; "
        "it comes again at 25 % and bakes anew."
    )
    assert (train.state, train.stage_index, train.makes_way) == ("queued", 0, True)
    assert fix.state in ("preflight", "shifting", "baking")
    lock = Lock.objects.get(ended_at=None)
    assert (lock.rollout_id, lock.holder_label) == (fix.pk, code)
    told = Event.objects.get(kind="rollouts.rollout.made_way")
    assert "makes way at 25 %" in sentence(told)
    assert happened("incidents.incident.opened") == 0


def test_h2_nobody_is_on_the_trains_version_before_the_hotfix_starts(time: Clock) -> None:
    train, fix = train_at_25(time), hotfix(time)
    run(time, 30, fix, train)
    away = train.transitions.get(rule="T14", to_state="queued")
    began = fix.transitions.get(rule="T2")
    assert away.weight == 0
    assert away.at <= began.at


def test_h2_the_train_comes_again_at_its_stage_with_a_fresh_bake(time: Clock) -> None:
    ladder = [{"weight": one, "bake_seconds": 20} for one in (5, 25, 100)]
    train = train_at_25(time, to_version="v2")
    Rollout.objects.filter(pk=train.pk).update(ladder=ladder)
    run(time, 28, train)
    assert (train.desired_weight, train.stage_index) == (25, 1) or weight(train) == 25
    run(time, 6, train)
    assert train.bake_credit_seconds > 0
    fix = hotfix(time)
    run(time, 60, fix, train)
    assert (fix.state, train.state, held(train) is not None) == ("succeeded", "queued", True)
    settled(fix, time)
    attests(train, "v1.1", time)
    run(time, 10, train)
    again = train.transitions.filter(rule="T2").order_by("-seq")[0]
    assert (again.stage_index, again.weight) == (1, 25)
    assert train.makes_way is False
    assert train.bake_credit_seconds < 10
    run(time, 60, train)
    assert (train.state, train.target.stable_version) == ("succeeded", "v2")


@pytest.mark.parametrize(("bundle", "is_held"), [("Prices", True), ("", False)])
def test_h2_only_that_service_holds_unless_its_bundle_binds_another(
    time: Clock, bundle: str, is_held: bool
) -> None:
    departure = rolling_departure("train")
    departure.manifests.create(
        revision=1,
        digest="d",
        sealed_at=time.now,
        content={
            "services": [
                {"id": make.service(name).pk, "changes": [{"bundle": bundle}]}
                for name in ("Storefront", "Search")
            ]
        },
    )
    train = train_at_25(time, of=departure)
    mate = train_at_25(time, of=departure, on=target("Search"))
    fix = hotfix(time)
    run(time, 6, fix, train, mate)
    assert (mate.state, weight(mate)) == ("baking", 25)
    assert (held(mate) is not None) is is_held
    if is_held:
        credit = mate.bake_credit_seconds
        run(time, 30, fix, train, mate)
        assert mate.bake_credit_seconds == credit
        roll_back(fix, reason="It is worse.", by=None, now=time.now)
        run(time, 12, fix, train, mate)
        press(train, CommandKind.RESUME, time)
        run(time, 12, train, mate)
        assert held(mate) is None
        assert mate.bake_credit_seconds < 12
    else:
        run(time, 60, mate)
        assert mate.state == "succeeded"


def test_h2_twenty_ticks_take_the_service_once(time: Clock) -> None:
    train, fix = train_at_25(time), hotfix(time)
    at_once(*[lambda: take_service(fix, time.now)] * 20)
    train.refresh_from_db()
    assert train.yielded_to_id == fix.pk
    assert happened("rollouts.rollout.made_way") == 1
    assert train.transitions.filter(rule="T14").count() == 1


def test_h2_a_worker_that_was_overtaken_by_the_hotfix_writes_nothing(time: Clock) -> None:
    train, fix = train_at_25(time), hotfix(time)
    train.next_due_at = time.now
    train.save(update_fields=["next_due_at"])
    slow = claim_one(train.pk, time.now)
    assert slow is not None
    step = tick(snapshot_of(slow), gather(slow, time.now).readings, time.now)
    take_service(fix, time.now)
    with pytest.raises(LostClaim):
        write(step, slow, actor=None, now=time.now)
    assert weight(train) == 0


def test_h2_a_train_that_makes_way_can_still_be_rolled_back_for_good(time: Clock) -> None:
    train, fix = train_at_25(time), hotfix(time)
    take_service(fix, time.now)
    press(train, CommandKind.ROLLBACK, time)
    run(time, 5, train)
    assert (train.state, train.makes_way, weight(train)) == ("rolled_back", False, 0)
    assert happened("incidents.incident.opened") == 1


def test_h2_a_train_that_waits_for_the_hotfix_can_be_cancelled(time: Clock) -> None:
    train, fix = train_at_25(time), hotfix(time)
    run(time, 8, fix, train)
    roll_back(train, reason="Not needed.", by=None, now=time.now)
    train.refresh_from_db()
    assert train.state == "cancelled"


def test_h2_the_rest_of_the_train_does_not_come_back_because_one_makes_way(time: Clock) -> None:
    departure = rolling_departure("train")
    train = train_at_25(time, of=departure)
    mate = train_at_25(time, of=departure, on=target("Search"))
    take_service(hotfix(time), time.now)
    tick_one(mate.pk, time.go(10))
    mate.refresh_from_db()
    assert mate.state == "baking"
    assert train.pk != mate.pk


def test_h2_one_hotfix_waits_for_another(time: Clock) -> None:
    first, second = hotfix(time), hotfix(time, "v1.2")
    make.guardrail(first.target)
    run(time, 10, first, second)
    assert (first.state, second.state, second.makes_way) == ("baking", "queued", False)
    assert take_service(second, time.now) is None


def test_h2_a_hotfix_starts_although_the_old_version_is_broken(time: Clock) -> None:
    fix = hotfix(time)
    make.guardrail(fix.target)
    run(time, 40, fix, bad=500, candidate_bad=0)
    assert fix.state in ("baking", "shifting", "soaking", "succeeded")
    assert weight(fix) > 0


# -- H3


def test_h3_a_held_train_resumes_only_once_its_version_contains_the_fix(time: Clock) -> None:
    train, fix = train_at_25(time), hotfix(time)
    run(time, 60, fix, train)
    assert fix.state == "succeeded"
    with pytest.raises(CommandRefused) as refused:
        press(train, CommandKind.RESUME, time)
    assert "v2 is not known to contain the hotfix v1.1" in refused.value.message
    assert "attest" in refused.value.message
    run(time, 60, train)
    assert train.state == "queued"
    settled(fix, time)
    attests(train, "v1.1", time)
    run(time, 8, train)
    assert held(train) is None
    assert train.state in ("preflight", "shifting", "baking")


def test_h3_a_version_that_contains_it_through_another_one_needs_no_word(time: Clock) -> None:
    train, fix = train_at_25(time), hotfix(time)
    by = make.user("Ann", Role.SUBMITTER)
    for version, contains in (("v2", "v1.5"), ("v1.5", "v1.1")):
        actions.attest(
            service=train.target.service, version=version, contains=contains, reason="r", by=by, now=time.now
        )
    run(time, 60, fix, train)
    assert held(train) is None
    assert gather(train, time.now).readings.waits_for.startswith("Everybody still gets v1.1 by the new side")
    settled(fix, time)
    run(time, 10, train)
    assert weight(train) == 25


def test_h3_what_was_queued_before_the_fix_went_live_waits_too(time: Clock) -> None:
    fix = hotfix(time)
    make.guardrail(fix.target)
    run(time, 60, fix)
    late = make.rollout(of=rolling_departure("train"), on=fix.target, next_due_at=time.now)
    run(time, 10, late)
    assert late.state == "queued"
    assert held(late) is not None


# -- H5


def test_h5_a_failed_hotfix_leads_back_to_the_last_good_version(time: Clock) -> None:
    train, fix = train_at_25(time), hotfix(time)
    run(time, 12, fix, train)
    assert (fix.from_version, weight(fix)) == ("v1", 25)
    run(time, 30, fix, train, candidate=100, candidate_bad=50)
    assert (fix.state, weight(fix)) == ("rolled_back", 0)
    assert fix.target.stable_version == "v1"
    run(time, 60, train)
    assert (train.state, weight(train)) == ("queued", 0)
    hold = held(train, "operator")
    assert hold is not None
    assert "did not arrive" in hold.reason
    assert held(train) is None
    assert not LiveFix.objects.exists()
    press(train, CommandKind.RESUME, time)
    run(time, 10, train)
    assert weight(train) == 25


def test_h5_a_hotfix_behind_a_half_rolled_train_goes_back_to_the_good_version(
    time: Clock,
) -> None:
    train = train_at_25(time)
    assert (train.to_version, train.target.stable_version) == ("v2", "v1")
    fix = queue(train.target, "v1.1", departure=rolling_departure("hotfix", "v1.1"), now=time.now)
    assert fix.from_version == "v1"


def test_h5_two_hotfixes_keep_the_one_before(time: Clock) -> None:
    first = hotfix(time)
    make.guardrail(first.target)
    run(time, 60, first)
    second = hotfix(time, "v1.2")
    run(time, 10, second)
    assert held(second) is not None
    attests(second, "v1.1", time)
    settled(first, time)
    run(time, 60, second)
    assert second.target.stable_version == "v1.2"
    assert list(LiveFix.objects.filter(ended_at=None).values_list("version", flat=True)) == ["v1.2"]


def test_a_version_that_contains_the_fix_ends_the_guard(time: Clock) -> None:
    fix = hotfix(time)
    make.guardrail(fix.target)
    run(time, 60, fix)
    train = make.rollout(
        of=rolling_departure("train"),
        on=fix.target,
        ladder=[{"weight": 100, "bake_seconds": 5}],
        is_accelerated=True,
        next_due_at=time.now,
    )
    attests(train, "v1.1", time)
    settled(fix, time)
    run(time, 60, train)
    assert train.state == "succeeded"
    assert not LiveFix.objects.filter(ended_at=None).exists()
    assert Transition.objects.filter(rollout=train, rule="T8").exists()
