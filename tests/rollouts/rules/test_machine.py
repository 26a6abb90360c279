"""Every transition of ENGINE section 2, by its id, and the exact steps of a whole rollout."""

from dataclasses import replace
from datetime import timedelta
from itertools import pairwise

import pytest

from releasetrain.calendars.rules.windows import Behaviour
from releasetrain.rollouts.rules.machine import tick
from releasetrain.rollouts.rules.rollback import roll_back
from releasetrain.rollouts.rules.snapshot import (
    Block,
    Call,
    Hold,
    IntentAction,
    Observed,
    Outcome,
    Readings,
)
from releasetrain.rollouts.rules.states import TERMINAL_STATES, HoldKind, RolloutKind, RolloutState
from tests.rollouts.rules.world import START, Target, World, at, ladder, rollout, window

PAUSED = Hold(kind=HoldKind.OPERATOR, reason="Paused by Ada.", opened_at=START)


def baking(weight: int = 1, **fields: object) -> World:
    return World(rollout(**fields)).run_to(RolloutState.BAKING, weight)


def test_a_healthy_rollout_takes_exactly_these_steps() -> None:
    world = World(rollout(ladder=ladder(5, 100))).run()
    assert world.log == [
        "T1 queued → preflight 0 %",
        "T2 preflight → shifting 5 %",
        "T3 shifting → baking 5 %",
        "T5 baking → shifting 100 %",
        "T7 shifting → soaking 100 %",
        "T8 soaking → succeeded 100 %",
    ]
    assert world.told == [
        "rollouts.preflight.started",
        "rollouts.shift.started",
        "rollouts.bake.started",
        "rollouts.shift.started",
        "rollouts.soak.started",
        "rollouts.rollout.succeeded",
    ]
    assert [weight for weight, _ in world.target.applied] == [5, 100]
    assert [one.seq for step in world.steps for one in step.transitions] == [1, 2, 3, 4, 5, 6]


def test_the_default_ladder_bakes_its_full_time_at_every_stage() -> None:
    world = World(rollout()).run()
    transitions = [one for step in world.steps for one in step.transitions]
    baked = [one.bake_credit_seconds for one in transitions if one.rule in ("T5", "T8")]
    assert len(baked) == 6
    assert all(600 <= seconds < 620 for seconds in baked)


def test_t1_takes_the_target_once_the_departure_is_go() -> None:
    step = World(rollout(starts_at=START)).tick()
    assert step.snapshot.state is RolloutState.PREFLIGHT
    assert step.snapshot.deadline_at == at(600)
    assert step.snapshot.next_due_at == START


@pytest.mark.parametrize(
    ("readings", "fields", "waiting"),
    [
        ({"is_go": False}, {}, "Waits for the departure to be GO."),
        ({}, {"starts_at": at(90)}, "Starts in 1 min 30 s."),
        ({}, {"holds": (PAUSED,)}, "Held: Paused by Ada."),
        ({"is_target_free": False}, {}, "Waits for another rollout of this target to finish."),
        ({"windows": (window(),)}, {}, "Waiting. “Freeze” stops this: audit."),
        ({"blocks": (Block(kind=HoldKind.BARRIER, reason="Not yet"),)}, {}, "Held: Not yet."),
    ],
)
def test_t1_waits_and_says_for_what(
    readings: dict[str, object], fields: dict[str, object], waiting: str
) -> None:
    step = World(rollout(**fields)).tick(**readings)
    assert step.snapshot.state is RolloutState.QUEUED
    assert step.waiting == waiting
    assert step.next_due_at is not None and step.next_due_at > START


def test_t1_looks_again_exactly_when_the_departure_is_planned() -> None:
    assert World(rollout(starts_at=at(3600))).tick().next_due_at == at(3600)


def test_t2_asks_for_the_first_weight_under_a_fence_above_the_targets() -> None:
    world = World(rollout(), target=Target(fence=57))
    world.tick()
    step = world.wait(1).tick()
    assert [(one.action, one.weight) for one in step.intents] == [(IntentAction.APPLY, 1)]
    assert step.intents[0].fence == 58
    assert (step.snapshot.state, step.snapshot.desired_weight) == (RolloutState.SHIFTING, 1)
    assert step.snapshot.deadline_at == at(61)


def test_t2_waits_while_something_is_not_known() -> None:
    world = World(rollout(), measures=False)
    world.tick()
    step = world.wait(1).tick(stable_healthy=None, rollback_ready=None)
    assert step.snapshot.state is RolloutState.PREFLIGHT
    assert step.waiting == (
        "The health of the old version is not known. The rollback has not been rehearsed. "
        "Errors: nothing reports “errors” of the old version."
    )


def test_t2_does_not_start_while_held_nor_give_up_for_it() -> None:
    world = World(rollout(), given={"windows": (window(),)})
    world.snapshot = replace(world.snapshot, state=RolloutState.PREFLIGHT, deadline_at=at(600))
    for _ in range(400):
        world.wait(2).tick()
    assert world.snapshot.state is RolloutState.PREFLIGHT
    world.given = {}
    assert world.wait(2).tick().snapshot.state is RolloutState.SHIFTING


def test_t2x_gives_up_after_ten_minutes_and_says_what_was_missing() -> None:
    world = World(rollout(), measures=False).run()
    assert world.snapshot.state is RolloutState.CANCELLED
    assert world.now == at(600)
    assert world.snapshot.reason == (
        "Not ready after 10 min. Errors: nothing reports “errors” of the old version."
    )
    assert world.steps[-1].events[-1].pages


@pytest.mark.parametrize(
    ("readings", "reason"),
    [
        (
            {"stable_healthy": False},
            "The old version is unhealthy, so there would be nothing to come back to.",
        ),
        ({"candidate_healthy": False}, "The new version is unhealthy."),
        ({"rollback_ready": False}, "The rehearsal of the rollback failed."),
        (
            {"observed": Observed(at=at(1), weight=5)},
            "5 % of the users are on a new version already; something else moves this traffic.",
        ),
        ({"must_return": "Another member of its bundle failed."}, "Another member of its bundle failed."),
    ],
)
def test_t2x_cancels_at_once_when_a_check_fails(readings: dict[str, object], reason: str) -> None:
    world = World(rollout())
    world.tick()
    step = world.wait(1).tick(**readings)
    assert (step.snapshot.state, step.snapshot.reason) == (RolloutState.CANCELLED, reason)
    assert step.intents == ()


def test_t2x_cancels_when_the_old_version_is_beyond_the_limit_already() -> None:
    world = World(rollout(), rate=0.3)
    world.tick()
    step = world.wait(5).tick()
    assert step.snapshot.state is RolloutState.CANCELLED
    assert step.snapshot.reason == "Errors: the old version is beyond the limit of 20% already."


def test_t3_needs_two_agreeing_read_backs_a_second_apart() -> None:
    world = World(rollout()).run_to(RolloutState.SHIFTING)
    assert world.wait(0.2).tick().snapshot.agreed_at == world.now
    assert world.wait(0.5).tick().snapshot.state is RolloutState.SHIFTING
    assert world.wait(0.4).tick().snapshot.state is RolloutState.SHIFTING
    assert world.wait(0.1).tick().snapshot.state is RolloutState.BAKING


def test_t3_starts_over_when_a_read_back_contradicts() -> None:
    world = World(rollout()).run_to(RolloutState.SHIFTING)
    world.wait(0.2).tick()
    world.wait(1).tick(observed=Observed(at=world.now, weight=0, fence=world.target.fence))
    assert world.snapshot.agreed_at is None
    assert world.wait(1).tick().snapshot.state is RolloutState.SHIFTING
    assert world.wait(1).tick().snapshot.state is RolloutState.BAKING


def test_t3_does_not_believe_a_weight_set_under_an_older_fence() -> None:
    world = World(rollout()).run_to(RolloutState.SHIFTING)
    old = Observed(at=at(50), weight=1, fence=world.snapshot.weight_fence - 1)
    step = tick(world.snapshot, Readings(observed=old, call=world.call), at(50))
    assert step.snapshot.agreed_at is None


def test_t3_needs_the_acknowledgement_of_a_target_that_keeps_no_fence() -> None:
    world = World(rollout()).run_to(RolloutState.SHIFTING)
    fence = world.snapshot.weight_fence
    for answer, agrees in ((None, False), (Outcome.UNKNOWN, False), (Outcome.ACCEPTED, True)):
        readings = Readings(
            observed=Observed(at=at(3), weight=1), call=Call(fence=fence, asked_at=at(2), outcome=answer)
        )
        assert (tick(world.snapshot, readings, at(3)).snapshot.agreed_at is not None) is agrees


def test_t3_goes_on_while_held_because_the_weight_was_decided_before() -> None:
    world = World(rollout()).run_to(RolloutState.SHIFTING)
    world.snapshot = replace(world.snapshot, holds=(PAUSED,))
    world.wait(0.2).tick()
    assert world.wait(1).tick().snapshot.state is RolloutState.BAKING


def test_a_shift_asks_again_when_its_call_was_lost() -> None:
    world = World(rollout(), target=Target(answers=Outcome.UNKNOWN)).run_to(RolloutState.SHIFTING)
    first = world.snapshot.weight_fence
    world.target.answers = None
    again = world.wait(0.2).tick()
    assert [one.weight for one in again.intents] == [1]
    assert again.intents[0].fence > first
    assert world.run_to(RolloutState.BAKING).target.weight == 1


def test_a_shift_waits_for_a_call_that_is_on_its_way_before_it_asks_again() -> None:
    world = World(rollout()).run_to(RolloutState.SHIFTING)
    asked = Call(fence=world.snapshot.weight_fence, asked_at=world.now)
    away = Observed(at=world.now + timedelta(seconds=9), weight=0, fence=0)
    assert tick(world.snapshot, Readings(observed=away, call=asked), away.at).intents == ()
    late = replace(away, at=world.now + timedelta(seconds=10))
    assert len(tick(world.snapshot, Readings(observed=late, call=asked), late.at).intents) == 1


def test_t4_comes_back_after_sixty_seconds() -> None:
    world = World(rollout(), target=Target(answers=Outcome.UNKNOWN)).run_to(RolloutState.ROLLING_BACK)
    assert world.log[-1] == "T4 shifting → rolling_back 0 %"
    started = next(one.at for step in world.steps for one in step.transitions if one.rule == "T2")
    assert world.steps[-1].transitions[0].at - started == timedelta(seconds=60)
    assert world.snapshot.reason == "1 % was not verified in time; 0 % was read back last."


def test_t4_comes_back_at_once_when_the_driver_refuses() -> None:
    world = World(rollout(), target=Target(answers=Outcome.REFUSED)).run_to(RolloutState.SHIFTING)
    step = world.wait(0.2).tick()
    assert step.transitions[0].rule == "T4"
    assert step.snapshot.reason == "The driver refused 1 %."
    assert [(one.action, one.weight) for one in step.intents] == [(IntentAction.ROLLBACK, 0)]


def test_t5_needs_the_whole_bake() -> None:
    world = baking()
    entered = world.snapshot.state_entered_at
    world.run_to(RolloutState.SHIFTING, 5)
    assert world.snapshot.state_entered_at - entered >= timedelta(seconds=600)


@pytest.mark.parametrize("kind", [HoldKind.DEPENDENCY, HoldKind.BARRIER])
def test_t5_waits_for_a_dependency_and_the_barrier(kind: HoldKind) -> None:
    world = baking()
    world.given = {"blocks": (Block(kind=kind, reason="Not now.", until=at(9000)),)}
    for _ in range(80):
        world.wait(10).tick()
    assert world.snapshot.state is RolloutState.BAKING
    assert [(one.kind, one.until) for one in world.snapshot.holds] == [(kind, at(9000))]
    # The barrier stands at the end of a bake and costs none of it; a dependency stands in its way.
    assert world.snapshot.bake_credit_seconds == (600 if kind is HoldKind.BARRIER else 0)
    world.given = {}
    world.run_to(RolloutState.SHIFTING, 5)
    assert world.snapshot.holds == ()


def test_t5_waits_while_the_driver_is_unhealthy() -> None:
    world = baking(ladder=ladder(1, 100, bake=10, approval=()))
    world.ratio = 1
    world.given = {"driver_healthy": False}
    world.snapshot = replace(world.snapshot, ladder=ladder(1, 100), bake_needed_seconds=200)
    for _ in range(40):
        step = world.wait(10).tick()
    assert step.waiting == "The driver is unhealthy, so nothing is promoted."
    world.given = {}
    assert world.wait(10).tick().snapshot.desired_weight == 100


def test_t7_soaks_at_100_percent() -> None:
    world = World(rollout(ladder=ladder(50, 100))).run_to(RolloutState.SOAKING)
    assert world.log[-1] == "T7 shifting → soaking 100 %"
    assert world.target.weight == 100


def test_t8_succeeds_after_the_soak_and_is_never_due_again() -> None:
    world = World(rollout(ladder=ladder(50, 100))).run_to(RolloutState.SOAKING)
    entered = world.snapshot.state_entered_at
    world.run()
    assert world.snapshot.state is RolloutState.SUCCEEDED
    assert world.snapshot.state_entered_at - entered >= timedelta(seconds=600)
    assert world.snapshot.next_due_at is None


def test_t8_has_only_the_absolute_limit_and_it_holds() -> None:
    world = World(rollout(ladder=ladder(50, 100))).run_to(RolloutState.SOAKING)
    world.rate = 0.25
    world.run()
    assert world.log[-2:] == ["T9 soaking → rolling_back 0 %", "T10 rolling_back → rolled_back 0 %"]
    assert "above the limit of 20%" in world.snapshot.reason


def test_t9_comes_back_when_a_guardrail_fails() -> None:
    world = baking()
    world.ratio = 20
    world.run()
    assert world.log[-2:] == ["T9 baking → rolling_back 0 %", "T10 rolling_back → rolled_back 0 %"]
    assert world.target.weight == 0
    assert world.snapshot.reason.startswith("Errors: ")


@pytest.mark.parametrize(
    ("readings", "reason"),
    [
        ({"must_return": "Payments failed, which rides in the same bundle."}, "Payments failed"),
        ({"candidate_healthy": False}, "The new version is unhealthy."),
    ],
)
def test_t9_comes_back_for_what_others_find(readings: dict[str, object], reason: str) -> None:
    step = baking().wait(10).tick(**readings)
    assert step.snapshot.state is RolloutState.ROLLING_BACK
    assert step.snapshot.reason.startswith(reason)


def test_t9_comes_back_at_the_overall_deadline() -> None:
    world = baking(overall_deadline_at=at(300))
    world.run()
    assert world.snapshot.reason == "The overall deadline of this rollout has passed."
    assert world.snapshot.state is RolloutState.ROLLED_BACK


def test_t9_comes_back_when_the_driver_cannot_be_read_for_a_minute() -> None:
    world = baking()
    world.target.is_reachable = False
    world.wait(1).tick()
    began = world.now
    world.run_to(RolloutState.ROLLING_BACK)
    assert world.steps[-1].transitions[0].at - began == timedelta(seconds=60)
    assert world.snapshot.reason == "The driver could not read the weight for 1 min."


def test_t9_forgives_a_driver_that_can_be_read_again() -> None:
    world = baking()
    world.target.is_reachable = False
    for _ in range(5):
        world.wait(10).tick()
    world.target.is_reachable = True
    world.wait(10).tick()
    world.target.is_reachable = False
    for _ in range(5):
        world.wait(10).tick()
    assert world.snapshot.state is RolloutState.BAKING


def test_t9_takes_a_fence_above_the_one_that_somebody_else_has_set() -> None:
    world = baking()
    world.target.fence = 900
    world.ratio = 20
    world.run_to(RolloutState.ROLLING_BACK)
    assert world.target.weight == 0
    assert world.target.fence > 900


def test_t9_makes_older_intents_obsolete() -> None:
    world = World(rollout()).run_to(RolloutState.SHIFTING)
    late = world.steps[-1].intents[0]
    world.commit(roll_back(world.snapshot, "Rolled back by Ada.", world.now))
    assert world.target.apply(late.weight, late.fence) is Outcome.REFUSED
    assert world.target.weight == 0


def test_t9_by_a_newer_version_ends_as_superseded() -> None:
    world = baking()
    world.snapshot = replace(world.snapshot, is_superseded=True)
    world.run()
    assert world.snapshot.state is RolloutState.SUPERSEDED


def test_a_failing_guardrail_comes_before_being_superseded() -> None:
    world = baking()
    world.snapshot = replace(world.snapshot, is_superseded=True)
    world.wait(10).tick(must_return="The bundle failed.")
    assert world.snapshot.reason == "The bundle failed."
    assert world.run().snapshot.state is RolloutState.ROLLED_BACK


def test_a_superseded_rollout_that_has_moved_nothing_is_cancelled() -> None:
    world = World(rollout(is_superseded=True)).run()
    assert (world.snapshot.state, world.target.applied) == (RolloutState.CANCELLED, [])


def test_t10_needs_zero_twice_under_the_new_fence() -> None:
    world = baking()
    world.commit(roll_back(world.snapshot, "Rolled back.", world.now))
    world.wait(0.1).tick()
    assert world.snapshot.state is RolloutState.ROLLING_BACK
    world.wait(1).tick()
    assert world.log[-1] == "T10 rolling_back → rolled_back 0 %"
    assert world.snapshot.next_due_at is None


def test_t10_does_not_believe_a_zero_from_before_the_rollback() -> None:
    world = World(rollout()).run_to(RolloutState.SHIFTING)
    before = world.target.fence - 1
    step = roll_back(world.snapshot, "Rolled back.", world.now)
    for seconds in (1, 3):
        now = world.now + timedelta(seconds=seconds)
        step = tick(step.snapshot, Readings(observed=Observed(at=now, weight=0, fence=before)), now)
    assert step.snapshot.state is RolloutState.ROLLING_BACK


def test_t10_keeps_saying_zero_while_an_unfenced_target_settles() -> None:
    world = baking(settle_seconds=10)
    world.commit(roll_back(world.snapshot, "Rolled back.", world.now))
    began, calls = world.now, len(world.target.applied)
    world.run()
    assert world.now - began >= timedelta(seconds=10)
    assert len(world.target.applied) > calls + 2
    assert world.snapshot.state is RolloutState.ROLLED_BACK


def test_t11_tries_again_quickly_and_then_every_two_seconds_for_ever() -> None:
    world = baking()
    world.target.answers = Outcome.UNKNOWN
    world.commit(roll_back(world.snapshot, "Rolled back.", world.now))
    asked = [world.now]
    for _ in range(12):
        world.now = world.snapshot.next_due_at or world.now
        assert len(world.tick().intents) == 1
        asked.append(world.now)
    waits = [(after - before).total_seconds() for before, after in pairwise(asked)]
    assert waits[:6] == pytest.approx([0.1, 0.2, 0.5, 1.0, 2.0, 2.0])
    assert waits[6:] == pytest.approx([2.0] * 6)


def test_t11_is_stuck_after_ten_seconds_pages_once_and_reaches_further_down() -> None:
    world = baking()
    world.target.answers = Outcome.UNKNOWN
    world.commit(roll_back(world.snapshot, "Rolled back.", world.now))
    began = world.now
    world.run(lambda one: world.now - began > timedelta(seconds=34))
    stuck_at = world.snapshot.stuck_at
    assert stuck_at is not None
    assert timedelta(seconds=10) <= stuck_at - began < timedelta(seconds=12)
    assert world.told.count("rollouts.rollback.stuck") == 1
    assert {intent.rung for step in world.steps for intent in step.intents} == {0, 1, 2, 3}


def test_t11_ends_as_soon_as_the_driver_works_again() -> None:
    world = baking()
    world.target.answers = Outcome.UNKNOWN
    world.commit(roll_back(world.snapshot, "Rolled back.", world.now))
    began = world.now
    world.run(lambda one: world.now - began > timedelta(hours=1))
    world.target.answers = None
    assert world.run().snapshot.state is RolloutState.ROLLED_BACK


def test_t11_does_not_hurry_when_it_is_woken_early() -> None:
    world = baking()
    world.target.answers = Outcome.UNKNOWN
    world.commit(roll_back(world.snapshot, "Rolled back.", world.now))
    assert world.wait(0.05).tick().intents == ()


def test_t12_never_sends_users_to_a_broken_old_version() -> None:
    world = baking()
    world.ratio = 20
    for _ in range(30):
        world.wait(10).tick(stable_healthy=False)
    assert world.snapshot.state is RolloutState.BAKING
    hold = world.snapshot.hold(HoldKind.ERROR)
    assert hold is not None
    assert hold.reason.endswith("users stay on the new one until somebody decides.")
    assert world.holds_told.count("error") == 1


def test_t12_rolls_back_as_soon_as_the_old_version_is_well_again() -> None:
    world = baking()
    world.ratio = 20
    for _ in range(30):
        world.wait(10).tick(stable_healthy=False)
    assert world.wait(10).tick().snapshot.state is RolloutState.ROLLING_BACK


def test_t12_does_not_stay_on_a_candidate_that_is_broken_too() -> None:
    step = baking().wait(10).tick(stable_healthy=False, candidate_healthy=False)
    assert step.snapshot.state is RolloutState.ROLLING_BACK


def test_t12_does_not_bind_a_person() -> None:
    world = baking()
    world.wait(10).tick(stable_healthy=False)
    step = roll_back(world.snapshot, "Rolled back by Ada.", world.now)
    assert step.snapshot.state is RolloutState.ROLLING_BACK


def test_t12_finds_a_broken_old_version_by_what_is_measured() -> None:
    world = baking(weight=50, ladder=ladder(50, 100))
    world.rate, world.ratio = 0.4, 0.01
    step = world.wait(10).tick()
    assert step.snapshot.state is RolloutState.BAKING
    assert [hold.reason for hold in step.holds_opened] == ["The old version itself is unhealthy."]


def test_t13_goes_straight_back_without_stages_departure_or_measurements() -> None:
    world = World(
        rollout(kind=RolloutKind.ROLLBACK, ladder=ladder(100)),
        measures=False,
        given={"is_go": False, "windows": (window(behaviour=Behaviour.ROLL_BACK),)},
    ).run()
    assert world.log == [
        "T1 queued → preflight 0 %",
        "T13 preflight → shifting 100 %",
        "T7 shifting → soaking 100 %",
        "T8 soaking → succeeded 100 %",
    ]
    assert world.now < at(610)


def test_t13_is_not_undone_by_itself() -> None:
    world = World(rollout(kind=RolloutKind.ROLLBACK, ladder=ladder(100))).run_to(RolloutState.SOAKING)
    step = world.wait(10).tick(candidate_healthy=False)
    assert step.snapshot.state is RolloutState.SOAKING
    assert step.holds_opened[0].kind is HoldKind.ERROR
    assert step.events[0].pages


@pytest.mark.parametrize("state", sorted(TERMINAL_STATES))
def test_terminal_states_absorb(state: RolloutState) -> None:
    before = rollout(state=state, desired_weight=5, fence=9)
    bad = Readings(observed=Observed(at=at(5), weight=50, fence=8), must_return="Come back.")
    step = tick(before, bad, at(10))
    assert step.snapshot == before
    assert (step.transitions, step.intents, step.events) == ((), (), ())
    assert roll_back(before, "Rolled back.", at(10)).snapshot == before
