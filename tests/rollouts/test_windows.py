"""Windows over real rollouts: what they hold and take back, and how it goes on (RULES W1 to W9, W12)."""

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.calendars.models import Occurrence, Window
from releasetrain.catalog.models import Target
from releasetrain.events.models import Event
from releasetrain.events.queries import sentence
from releasetrain.incidents.models import Incident
from releasetrain.lib import clock
from releasetrain.rollouts.actions import operate, tick_one
from releasetrain.rollouts.actions.operate import CommandRefused, Order
from releasetrain.rollouts.models import Hold, Rollout
from releasetrain.rollouts.readings import gather
from releasetrain.rollouts.rules.commands import CommandKind
from releasetrain.rollouts.windows import windows_over
from releasetrain.trains.models import Departure, Override
from tests import make
from tests.rollouts.clocks import Clock, run, started
from tests.rollouts.clocks import time as time
from tests.trains import world

pytestmark = pytest.mark.django_db(transaction=True)

HOUR = timedelta(hours=1)
SHORT = [{"weight": weight, "bake_seconds": 20} for weight in (25, 100)]


def held(rollout: Rollout, kind: str = "blackout") -> Hold | None:
    return rollout.holds.filter(kind=kind, cleared_at=None).first()


def ends(window: Window, at: datetime) -> None:
    """Shorten a window, as its owner may."""
    window.occurrences.update(during=DateTimeTZRange(window.starts_at, at))


def press(rollout: Rollout, kind: CommandKind, by: User, now: datetime, reason: str = "Because.") -> Rollout:
    return operate(rollout, Order(kind=kind, id=uuid.uuid4(), reason=reason), by=by, now=now)


def departed(**fields: Any) -> Departure:
    """Make a departure that Rob has let go, with its one service aboard."""
    return world.rolling(make.departure(**fields))


def of(departure: Departure, time: Clock) -> Rollout:
    """Make a rollout of a departure that bakes its first stage."""
    time.now = departure.departs_at
    target = Target.objects.get(service=make.service())
    Target.objects.filter(pk=target.pk).update(driver="simulated", driver_config={})
    target.refresh_from_db()
    return started(time, of=departure, on=target, created_at=time.now, next_due_at=time.now)


# -- W1


def test_w1_a_rollout_holds_at_its_stage_until_the_window_is_over_and_goes_on(time: Clock) -> None:
    rollout = started(time, ladder=SHORT, is_accelerated=True)
    until = time.now + HOUR
    make.window("Year end", starts_at=time.now, ends_at=until)
    run(rollout, time, 60)
    hold = held(rollout)
    assert hold is not None
    assert (rollout.state, rollout.desired_weight, hold.until) == ("baking", 25, until)
    assert hold.reason == "Holding at 25 % until Mon 23 Nov, 13:00 UTC. “Year end” stops this: audit."
    told = Event.objects.filter(kind="rollouts.hold.opened").get()
    assert "Holding at 25 % until Mon 23 Nov, 13:00 UTC" in sentence(told)
    time.now = until - timedelta(seconds=2)
    run(rollout, time, 45)
    assert held(rollout) is None
    assert rollout.desired_weight == 100


@pytest.mark.parametrize(
    ("behaviour", "state", "weight"),
    [
        ("hold", "baking", 25),
        ("finish_stage", "baking", 25),
        ("finish_rollout", "succeeded", 100),
        ("roll_back", "rolled_back", 0),
    ],
)
def test_w1_what_becomes_of_it_is_written_in_the_window(
    time: Clock, behaviour: str, state: str, weight: int
) -> None:
    rollout = started(time, ladder=SHORT, is_accelerated=True)
    make.window(starts_at=time.now, ends_at=time.now + HOUR, behaviour=behaviour)
    run(rollout, time, 70)
    assert (rollout.state, rollout.desired_weight) == (state, weight)
    credit = rollout.bake_credit_seconds
    assert (credit >= 20) is (behaviour in ("finish_stage", "finish_rollout"))
    if behaviour == "roll_back":
        assert rollout.reason == "A window takes back what runs. “Freeze” stops this: audit."
    assert rollout.is_window_return is (behaviour == "roll_back")
    assert not Incident.objects.exists()


def test_w1_a_version_that_fails_while_a_window_is_open_has_an_incident_all_the_same(time: Clock) -> None:
    rollout = frozen(time)
    run(rollout, time, 30, candidate=100, candidate_bad=50)
    assert (rollout.state, rollout.is_window_return) == ("rolled_back", False)
    assert Incident.objects.count() == 1


def test_w1_what_comes_back_with_it_for_a_window_is_no_failure_either(time: Clock) -> None:
    departure = world.rolling()
    make.rollout(departure, make.target("Ledger"), state="rolled_back", is_window_return=True)
    other = make.rollout(departure, make.target("Search"), state="baking", desired_weight=25)
    for_window = gather(other, time.now).readings
    assert for_window.must_return == "Ledger, aboard the same departure, was rolled back."
    assert for_window.must_return_for_window
    make.rollout(departure, make.target("Catalog"), state="rolled_back")
    failed = gather(other, time.now).readings
    assert failed.must_return == "Catalog, aboard the same departure, was rolled back."
    assert not failed.must_return_for_window


def test_w1_maintenance_that_closes_holds_what_runs(time: Clock) -> None:
    rollout = started(time, ladder=SHORT, is_accelerated=True)
    again = time.now + timedelta(days=1)
    window = make.window("Maintenance", effect="allow", starts_at=time.now - HOUR, ends_at=again + HOUR)
    ends(window, time.now)
    Occurrence.objects.create(window=window, during=DateTimeTZRange(again, again + HOUR))
    run(rollout, time, 40)
    hold = held(rollout)
    assert hold is not None
    assert (rollout.desired_weight, hold.until) == (25, again)
    assert "moves only inside “Maintenance”" in hold.reason


def test_w6_a_window_that_is_still_to_come_holds_nothing_now(time: Clock) -> None:
    rollout = started(time, ladder=SHORT, is_accelerated=True)
    make.window(starts_at=time.now + timedelta(seconds=50), ends_at=time.now + HOUR)
    run(rollout, time, 40)
    assert rollout.desired_weight == 100
    assert held(rollout) is None


def test_w1_a_notice_holds_nothing(time: Clock) -> None:
    rollout = make.rollout()
    make.window(level="notice")
    assert windows_over(rollout, time.now) == ()


@pytest.mark.parametrize(("lanes", "is_held"), [((), True), (("train",), True), (("hotfix", "flags"), False)])
def test_w1_only_windows_of_its_lane_stand_over_a_rollout(
    time: Clock, lanes: tuple[str, ...], is_held: bool
) -> None:
    make.window(lanes=lanes)
    assert bool(windows_over(make.rollout(make.departure()), time.now)) is is_held
    hotfix = make.rollout(make.departure(make.train(lane="hotfix")), on=other_target())
    assert bool(windows_over(hotfix, time.now)) is (not lanes or "hotfix" in lanes)


def other_target() -> Target:
    return make.target("Search", driver="simulated", driver_config={})


# -- W2, W3


def test_w2_rollouts_that_one_end_sets_free_go_on_in_their_order_thirty_seconds_apart(time: Clock) -> None:
    names = ["Alpha", "Beta", "Gamma"]
    rollouts = [
        make.rollout(
            on=make.target(name, driver="simulated", driver_config={}),
            ladder=SHORT,
            created_at=make.NOW + timedelta(seconds=place),
        )
        for place, name in enumerate(names)
    ]
    began, until = time.now, time.now + timedelta(seconds=100)
    make.window(starts_at=began, ends_at=until)
    went_on: dict[int, datetime] = {}
    for _ in range(200):
        now = time.go(1)
        # Whoever was queued last is asked first.
        for rollout in reversed(rollouts):
            tick_one(rollout.pk, now)
            if rollout.pk not in went_on and now > began + timedelta(seconds=10):
                if held(rollout) is None:
                    went_on[rollout.pk] = now
                elif now == until + timedelta(seconds=2) and rollout is rollouts[2]:
                    assert "it is this one’s turn on Mon 23 Nov, 12:02:40 UTC" in str(held(rollout))
    gaps = [(went_on[one.pk] - until).total_seconds() for one in rollouts]
    assert gaps == [0, 30, 60]


def test_w2_votes_are_asked_again_and_a_person_resumes_what_is_no_longer_decided(time: Clock) -> None:
    rollout = of(departed(), time)
    until = time.now + timedelta(minutes=5)
    make.window(starts_at=time.now, ends_at=until)
    run(rollout, time, 12)
    assert held(rollout) is not None
    world.manager().memberships.all().delete()
    time.now = until
    run(rollout, time, 3)
    hold = held(rollout, "operator")
    assert hold is not None
    assert (held(rollout), hold.opened_by) == (None, None)
    assert "The decision to go no longer stands, so a person has to resume it. Needs a go" in hold.reason
    press(rollout, CommandKind.RESUME, make.user("Olga", Role.RELEASE_MANAGER), time.now)
    run(rollout, time, 2)
    assert not rollout.holds.filter(cleared_at=None).exists()


def test_w2_a_decision_that_stands_lets_it_go_on_by_itself(time: Clock) -> None:
    rollout = of(departed(), time)
    until = time.now + timedelta(minutes=5)
    make.window(starts_at=time.now, ends_at=until)
    run(rollout, time, 12)
    time.now = until
    run(rollout, time, 3)
    assert not rollout.holds.filter(cleared_at=None).exists()


def test_w2_held_for_longer_than_a_day_it_waits_for_a_person(time: Clock) -> None:
    rollout = started(time, ladder=SHORT, is_accelerated=True, overall_deadline_at=time.now + 4 * HOUR)
    until = time.now + timedelta(hours=60)
    make.window(starts_at=time.now, ends_at=until)
    run(rollout, time, 3)
    hold = held(rollout)
    assert hold is not None
    assert hold.reason.endswith("It is held for more than 24 h then, so a person has to resume it.")
    time.now = until
    run(rollout, time, 60)
    assert (rollout.state, rollout.desired_weight) == ("baking", 25)
    waits = held(rollout, "operator")
    assert waits is not None
    assert waits.reason.startswith("A window held it for 2 d")
    press(rollout, CommandKind.RESUME, make.user("Olga", Role.RELEASE_MANAGER), time.now)
    run(rollout, time, 60)
    assert rollout.state == "succeeded"


@pytest.mark.parametrize("how", ["shortened", "deleted"])
def test_w3_a_window_that_is_shortened_or_deleted_is_over(time: Clock, how: str) -> None:
    rollout = started(time, ladder=SHORT, is_accelerated=True)
    window = make.window(starts_at=time.now, ends_at=time.now + HOUR)
    run(rollout, time, 12)
    assert held(rollout) is not None
    if how == "shortened":
        ends(window, time.now)
    else:
        Window.objects.filter(pk=window.pk).update(deleted_at=time.now)
    run(rollout, time, 12)
    assert held(rollout) is None
    run(rollout, time, 60)
    assert rollout.state == "succeeded"


# -- W7, W8, W9, W12


def test_w7_an_override_lets_through_its_services_and_windows_until_it_expires(time: Clock) -> None:
    departure = make.departure()
    rollout, other = make.rollout(departure), make.rollout(departure, on=other_target())
    window = make.window(ends_at=time.now + 9 * HOUR)
    override = Override.objects.create(
        departure=departure,
        reason="The audit knows",
        requested_by=make.user("Ada"),
        requested_by_label="Ada",
        requested_at=time.now,
        expires_at=time.now + HOUR,
    )
    override.windows.add(window)
    override.services.add(rollout.target.service)
    assert windows_over(rollout, time.now) != ()
    Override.objects.filter(pk=override.pk).update(approved_by=make.user("Bob"), approved_at=time.now)
    assert windows_over(rollout, time.now) == ()
    assert windows_over(other, time.now) != ()
    assert windows_over(rollout, time.now + HOUR) != ()


def test_w8_only_the_frozen_environments_target_waits(time: Clock) -> None:
    staging = Target.objects.create(
        service=make.service(), environment=make.environment("staging"), driver="simulated"
    )
    waits = make.rollout(ladder=SHORT, is_accelerated=True)
    goes = make.rollout(on=staging, ladder=SHORT, is_accelerated=True)
    for one in (waits, goes):
        make.guardrail(one.target)
    make.window(environment=make.environment(), ends_at=time.now + HOUR)
    for _ in range(70):
        now = time.go(1)
        for one in (waits, goes):
            make.readings(one.target, now, seconds=1)
            tick_one(one.pk, now)
    waits.refresh_from_db()
    goes.refresh_from_db()
    assert (waits.state, goes.state) == ("queued", "succeeded")


def frozen(time: Clock) -> Rollout:
    """Make a rollout at its first stage, in a hard window, with the line stopped and no vote anywhere."""
    rollout = started(time)
    make.window(starts_at=time.now, ends_at=time.now + HOUR)
    make.window("everything", starts_at=time.now, ends_at=time.now + 2 * HOUR, stops_the_line=True)
    run(rollout, time, 12)
    assert held(rollout) is not None
    return rollout


def weight(rollout: Rollout) -> int:
    rollout.target.refresh_from_db()
    found: int = rollout.target.driver_config["world"]["weight"]
    return found


def test_w9_a_button_rolls_back_inside_windows(time: Clock) -> None:
    rollout = frozen(time)
    press(rollout, CommandKind.ROLLBACK, make.user("Olga", Role.ON_CALL), time.now, reason="")
    assert weight(rollout) == 0


def test_w9_a_way_back_that_is_a_rollout_of_its_own_is_asked_about_no_window(time: Clock) -> None:
    make.window(starts_at=time.now, ends_at=time.now + HOUR)
    make.window("everything", starts_at=time.now, ends_at=time.now + HOUR, stops_the_line=True)
    rollout = started(time, kind="rollback", ladder=[{"weight": 100, "bake_seconds": 20}])
    assert windows_over(rollout, time.now) == ()
    run(rollout, time, 12)
    assert held(rollout) is None
    assert rollout.desired_weight == 100


def test_w9_a_guardrail_rolls_back_inside_windows(time: Clock) -> None:
    rollout = frozen(time)
    run(rollout, time, 30, candidate=100, candidate_bad=50)
    assert (rollout.state, weight(rollout)) == ("rolled_back", 0)


def test_w9_the_shell_rolls_back_inside_windows(time: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    rollout = frozen(time)
    monkeypatch.setattr(clock, "now", lambda: time.go(1))  # it waits until 0 % was read back twice
    call_command("rollback", all=True)
    assert weight(rollout) == 0


@pytest.mark.parametrize(
    "kind", [CommandKind.PROMOTE, CommandKind.SKIP_BAKE, CommandKind.PROMOTE_FULL, CommandKind.APPROVE]
)
def test_w12_promotions_are_refused_from_the_instant_at_which_the_line_is_stopped(
    time: Clock, kind: CommandKind
) -> None:
    approval = [{**stage, "approval": kind is CommandKind.APPROVE} for stage in SHORT]
    rollout = started(time, ladder=[{**SHORT[0]}, approval[1]], is_accelerated=True)
    stop = make.window(
        "everything", starts_at=time.now, ends_at=time.now + HOUR, stops_the_line=True, reason="outage"
    )
    with pytest.raises(CommandRefused, match=r"Stop the line: everything.*outage") as refused:
        press(rollout, kind, make.user("Olga", Role.RELEASE_MANAGER), time.now)
    assert refused.value.until == stop.ends_at
    assert "a release manager or an administrator" in refused.value.who
    assert weight(rollout) == 25


def test_a_soft_window_goes_on_for_who_acknowledges_it(time: Clock) -> None:
    rollout = started(time, ladder=SHORT, is_accelerated=True)
    window = make.window(level="soft", starts_at=time.now, ends_at=time.now + HOUR)
    run(rollout, time, 12)
    assert held(rollout) is not None
    press(rollout, CommandKind.RESUME, make.user("Olga", Role.RELEASE_MANAGER), time.now)
    run(rollout, time, 60)
    assert (rollout.acknowledged_windows, rollout.state) == ([window.pk], "succeeded")


def test_a_soft_window_that_the_departure_has_acknowledged_holds_nothing(time: Clock) -> None:
    window = make.window(level="soft")
    departure = make.departure(acknowledged_windows=[window.pk])
    assert windows_over(make.rollout(departure), time.now) == ()
    assert windows_over(make.rollout(on=other_target()), time.now) != ()
