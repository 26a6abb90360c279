"""What arrived is taken straight back, what did not is tried again, and two people agree to what is risky."""

import uuid
from datetime import timedelta

import pytest

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.calendars.models import Window
from releasetrain.catalog.models import Target
from releasetrain.events.models import Event
from releasetrain.flags.models import FlagEnvironment
from releasetrain.incidents.models import Incident
from releasetrain.lib.errors import Invalid, Stale
from releasetrain.rollouts.actions import operate, retry, revert, roll_back, second, settle
from releasetrain.rollouts.actions.again import NotRetried, NotRevertible
from releasetrain.rollouts.actions.operate import CommandRefused, Order, waiting_for_second
from releasetrain.rollouts.audit import faults_of
from releasetrain.rollouts.models import Command, Lock, Rollout, Transition
from releasetrain.rollouts.rules.commands import CommandKind
from tests import make
from tests.rollouts.clocks import Clock, run, started
from tests.rollouts.clocks import time as time

pytestmark = pytest.mark.django_db(transaction=True)

SHORT = [{"weight": weight, "bake_seconds": 20} for weight in (50, 100)]


def weight_of(target: Target) -> int:
    target.refresh_from_db()
    return int(target.driver_config["world"]["weight"])


def arrived(time: Clock, **fields: object) -> Rollout:
    rollout = started(time, ladder=SHORT, is_accelerated=True, **fields)
    run(rollout, time, 70)
    assert rollout.state == "succeeded"
    return rollout


def ada() -> User:
    return make.user(f"Ada {uuid.uuid4().hex[:6]}", Role.RELEASE_MANAGER)


def test_t13_one_click_and_everybody_has_the_version_before(time: Clock) -> None:
    rollout = arrived(time)
    assert weight_of(rollout.target) == 100
    back = revert(rollout, reason="Totals are wrong.", by=ada(), now=time.go(60))
    assert weight_of(rollout.target) == 0, "asked before it returns"
    assert (back.kind, back.state, back.to_version, back.takes_back) == (
        "rollback",
        "shifting",
        "v1",
        rollout,
    )
    run(back, time, 40)
    assert back.state == "succeeded"
    assert list(Transition.objects.filter(rollout=back).values_list("rule", flat=True)) == [
        "T1",
        "T13",
        "T7",
        "T8",
    ]
    rollout.target.refresh_from_db()
    assert rollout.target.stable_version == "v1"
    assert faults_of([rollout, back]) == []


def test_t13_pressed_twice_is_one_way_back_with_one_incident(time: Clock) -> None:
    rollout = arrived(time)
    first = revert(rollout, reason="Totals are wrong.", by=ada(), now=time.go(1))
    assert revert(rollout, reason="Again!", by=ada(), now=time.go(1)) == first
    assert Rollout.objects.filter(kind="rollback").count() == 1
    assert Incident.objects.count() == 1
    assert Event.objects.filter(kind="rollouts.rollout.taken_back").count() == 1


def test_t13_no_window_and_no_lock_of_a_person_stands_in_its_way(time: Clock) -> None:
    rollout = arrived(time)
    make.window(starts_at=time.now - timedelta(hours=1), ends_at=time.now + timedelta(hours=9))
    assert Window.objects.exists()
    Lock.objects.create(
        target=rollout.target,
        fence=99,
        holder_label="Bob",
        reason="Load test.",
        taken_at=time.now,
        expires_at=time.now + timedelta(hours=1),
    )
    revert(rollout, reason="Totals are wrong.", by=ada(), now=time.go(1))
    assert weight_of(rollout.target) == 0


def test_t13_what_only_prepares_makes_way_for_it(time: Clock) -> None:
    rollout = arrived(time)
    following = make.rollout(
        on=rollout.target, to_version="v3", state="preflight", next_due_at=time.now + timedelta(seconds=60)
    )
    revert(rollout, reason="Totals are wrong.", by=ada(), now=time.go(1))
    following.refresh_from_db()
    assert following.state == "queued"
    assert weight_of(rollout.target) == 0


def test_t13_moves_a_flag_back_as_well(time: Clock) -> None:
    state = make.flag_environment()
    rollout = arrived(time, on=make.target())
    state.refresh_from_db()
    assert state.percentage == 100_000
    revert(rollout, reason="Totals are wrong.", by=ada(), now=time.go(1))
    assert FlagEnvironment.objects.get(pk=state.pk).percentage == 0


def test_t13_can_itself_be_taken_back_by_hand(time: Clock) -> None:
    rollout = arrived(time)
    back = revert(rollout, reason="Totals are wrong.", by=ada(), now=time.go(1))
    run(back, time, 5)
    assert back.state == "soaking"
    roll_back(back, reason="It was the cache.", by=ada(), now=time.go(1))
    assert weight_of(rollout.target) == 100
    run(back, time, 5)
    assert back.state == "rolled_back"
    assert revert(rollout, reason="No, it was not.", by=ada(), now=time.go(1)) != back
    assert weight_of(rollout.target) == 0


def test_t13_is_refused_in_words_where_the_old_side_is_gone(time: Clock) -> None:
    rollout = arrived(time)
    rollout.target.refresh_from_db()
    rollout.target.driver_config["world"]["weight"] = 0
    rollout.target.save(update_fields=["driver_config"])
    with pytest.raises(NotRevertible, match=r"no longer serves v1\. Send that as a rollout"):
        revert(rollout, reason="Totals are wrong.", by=ada(), now=time.go(1))


def test_t13_is_refused_after_a_day_and_needs_a_reason(time: Clock) -> None:
    rollout = arrived(time)
    with pytest.raises(Invalid, match="Say why"):
        revert(rollout, reason="  ", by=ada(), now=time.go(1))
    with pytest.raises(NotRevertible, match="more than 1 d ago"):
        revert(rollout, reason="Totals are wrong.", by=ada(), now=time.go(25 * 3600))


def test_t13_a_departure_that_had_arrived_ends_as_rolled_back(time: Clock) -> None:
    departure = make.departure(state="rolling")
    rollout = arrived(time, of=departure)
    assert settle(departure, time.now)
    back = revert(rollout, reason="Totals are wrong.", by=ada(), now=time.go(1))
    run(back, time, 40)
    departure.refresh_from_db()
    assert (back.state, departure.state) == ("succeeded", "rolled_back")
    assert departure.outcome == "v2 of Storefront was taken back after it had arrived."


def test_retry_starts_at_the_first_stage_with_no_old_evidence(time: Clock) -> None:
    departure = make.departure(state="rolling")
    rollout = started(time, of=departure, ladder=SHORT, is_accelerated=True)
    roll_back(rollout, reason="It smells.", by=None, now=time.go(1))
    run(rollout, time, 5)
    again = retry(rollout, by=ada(), now=time.go(1))
    assert (again.attempt, again.state, again.stage_index, again.guardrail_states) == (2, "queued", 0, {})
    assert not settle(departure, time.now), "the last attempt counts"
    run(again, time, 80)
    assert again.state == "succeeded"
    assert settle(departure, time.now)
    departure.refresh_from_db()
    assert departure.state == "arrived"


def test_retry_is_refused_in_words(time: Clock) -> None:
    departure = make.departure(state="rolling")
    rollout = started(time, of=departure)
    with pytest.raises(NotRetried, match="not over yet"):
        retry(rollout, by=ada(), now=time.now)
    roll_back(rollout, reason="It smells.", by=None, now=time.go(1))
    run(rollout, time, 5)
    retry(rollout, by=ada(), now=time.now)
    with pytest.raises(NotRetried, match="tried again already: attempt 2"):
        retry(rollout, by=ada(), now=time.now)
    Rollout.objects.filter(attempt=2).delete()
    assert settle(departure, time.now)
    rollout.refresh_from_db()
    with pytest.raises(NotRetried, match="is over: what came back goes again with a later departure"):
        retry(Rollout.objects.get(pk=rollout.pk), by=ada(), now=time.now)


def ask(
    rollout: Rollout, kind: CommandKind, by: User, time: Clock, reason: str = "It burns."
) -> Command | None:
    order = Order(kind=kind, id=uuid.uuid4(), expected_seq=rollout.seq, reason=reason)
    operate(rollout, order, by=by, now=time.now)
    return next(iter(waiting_for_second(rollout.pk, time.now)), None)


def test_promote_full_waits_for_a_second_person_and_then_goes(time: Clock) -> None:
    rollout = started(time)
    first, other = ada(), ada()
    waiting = ask(rollout, CommandKind.PROMOTE_FULL, first, time)
    assert waiting is not None
    assert weight_of(rollout.target) == 1
    with pytest.raises(CommandRefused, match="second person"):
        second(waiting, by=first, now=time.now)
    second(waiting, by=other, now=time.go(1))
    assert weight_of(rollout.target) == 100
    rollout.refresh_from_db()
    assert f"({first}), with {other}" in rollout.reason
    assert waiting_for_second(rollout.pk, time.now) == []
    with pytest.raises(CommandRefused, match="no longer waits"):
        second(waiting, by=other, now=time.now)


def test_what_waits_for_a_second_person_is_asked_anew_after_a_while(time: Clock) -> None:
    rollout = started(time)
    waiting = ask(rollout, CommandKind.PROMOTE_FULL, ada(), time)
    assert waiting is not None
    with pytest.raises(CommandRefused, match="too long ago"):
        second(waiting, by=ada(), now=time.go(16 * 60))


def test_a_second_person_agrees_to_what_was_seen_and_not_to_what_came_after(time: Clock) -> None:
    rollout = started(time)
    waiting = ask(rollout, CommandKind.PROMOTE_FULL, ada(), time)
    assert waiting is not None
    roll_back(rollout, reason="It smells.", by=None, now=time.go(1))
    with pytest.raises(Stale):
        second(waiting, by=ada(), now=time.go(1))
    assert weight_of(rollout.target) == 0
