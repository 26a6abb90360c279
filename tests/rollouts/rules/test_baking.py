"""Bake credit, holds, drift, outages and doubt: what happens between two shifts."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from releasetrain.rollouts.rules.guardrails import Guardrail, Verdict
from releasetrain.rollouts.rules.snapshot import Hold, IntentAction, Observed, Outcome
from releasetrain.rollouts.rules.states import HoldKind, RolloutState
from tests.rollouts.rules.world import ERRORS, World, at, counts, ladder, rollout, window

FREEZE = window()


def baking(weight: int = 1, **fields: Any) -> World:
    return World(rollout(**fields)).run_to(RolloutState.BAKING, weight)


def hold(kind: HoldKind) -> Hold:
    return Hold(kind=kind, reason="Held by Ada.", opened_at=at(0))


def drifted(world: World, weight: int = 7) -> Observed:
    return Observed(at=world.now, weight=weight, fence=world.target.fence)


def test_each_tick_credits_the_time_since_the_last() -> None:
    world = baking()
    began = world.snapshot.bake_credit_seconds
    credited = [world.wait(10).tick().snapshot.bake_credit_seconds - began for _ in range(3)]
    assert credited == pytest.approx([10, 20, 30])


def test_down_time_of_the_engine_is_not_bake_time() -> None:
    world = baking()
    before = world.tick().snapshot.bake_credit_seconds
    assert world.wait(3600).tick().snapshot.bake_credit_seconds - before == pytest.approx(20)


def test_a_clock_that_steps_back_credits_nothing_and_takes_nothing() -> None:
    world = baking()
    before = world.tick().snapshot.bake_credit_seconds
    world.wait(-5).tick()
    assert world.snapshot.bake_credit_seconds == before
    assert world.wait(5).tick().snapshot.bake_credit_seconds == before


def test_the_same_tick_twice_credits_once() -> None:
    world = baking().wait(10)
    readings = world.readings()
    once = world.tick(observed=readings.observed, counts=readings.counts).snapshot
    twice = world.tick(observed=readings.observed, counts=readings.counts)
    assert twice.snapshot.bake_credit_seconds == once.bake_credit_seconds
    assert (twice.transitions, twice.intents, twice.events) == ((), (), ())


@pytest.mark.parametrize("kind", [HoldKind.OPERATOR, HoldKind.APPROVAL, HoldKind.ERROR, HoldKind.DRIFT])
def test_a_held_rollout_earns_nothing_and_never_goes_on(kind: HoldKind) -> None:
    world = baking()
    world.snapshot = replace(world.snapshot, holds=(hold(kind),), bake_needed_seconds=100)
    before = world.snapshot.bake_credit_seconds
    for _ in range(100):
        world.wait(10).tick()
    assert (world.snapshot.state, world.snapshot.bake_credit_seconds) == (RolloutState.BAKING, before)
    assert world.snapshot.desired_weight == 1


@pytest.mark.parametrize("kind", list(HoldKind))
def test_no_hold_disarms_the_automatic_rollback(kind: HoldKind) -> None:
    world = baking()
    world.snapshot = replace(world.snapshot, holds=(hold(kind),))
    world.ratio = 20
    world.run()
    assert world.snapshot.state is RolloutState.ROLLED_BACK
    assert world.snapshot.holds == ()


def test_a_window_that_opens_and_ends_is_followed_without_anybody() -> None:
    world = baking().wait(10)
    opened = world.tick(windows=(FREEZE,))
    assert [(one.kind, one.opened_at) for one in opened.holds_opened] == [(HoldKind.BLACKOUT, world.now)]
    assert opened.waiting == "Holding at 1 %. “Freeze” stops this: audit."
    ended = world.wait(10).tick()
    assert ended.holds_cleared == (HoldKind.BLACKOUT,)
    assert ended.snapshot.bake_credit_seconds == opened.snapshot.bake_credit_seconds
    assert world.wait(10).tick().snapshot.bake_credit_seconds == opened.snapshot.bake_credit_seconds + 10


def test_a_window_that_is_moved_changes_the_hold_and_not_its_start() -> None:
    world = baking().wait(10)
    opened_at = world.tick(windows=(FREEZE,)).holds_opened[0].opened_at
    moved = world.wait(10).tick(windows=(replace(FREEZE, until=at(5000)),))
    assert [(one.until, one.opened_at) for one in moved.holds_opened] == [(at(5000), opened_at)]
    assert moved.events == ()


def test_without_fresh_data_the_bake_stops_and_somebody_is_paged() -> None:
    world = baking()
    world.measures = False
    world.wait(55).tick()
    assert world.snapshot.holds == ()
    outage = world.wait(10).tick()
    assert [one.kind for one in outage.holds_opened] == [HoldKind.METRICS_OUTAGE]
    assert outage.events[0].pages
    before = outage.snapshot.bake_credit_seconds
    assert world.wait(10).tick().snapshot.bake_credit_seconds == before
    world.measures = True
    assert world.wait(10).tick().holds_cleared == (HoldKind.METRICS_OUTAGE,)


@pytest.mark.parametrize(("weight", "minutes"), [(25, 30), (50, 10)])
def test_after_a_long_outage_it_comes_back(weight: int, minutes: int) -> None:
    world = baking(weight, ladder=ladder(weight, 100))
    world.measures = False
    world.run_to(RolloutState.ROLLING_BACK)
    opened = next(step.holds_opened[0].opened_at for step in world.steps if step.holds_opened)
    assert world.snapshot.state_entered_at - opened == timedelta(minutes=minutes)
    assert world.snapshot.reason == f"Nothing has been measured for {minutes} min at {weight} %."


def test_an_incident_of_the_provider_brings_nothing_back() -> None:
    world = baking()
    world.measures = False
    world.given = {"is_provider_incident": True}
    for _ in range(400):
        world.wait(10).tick()
    assert world.snapshot.state is RolloutState.BAKING
    assert world.holds_told == ["metrics_outage"]


def test_guards_that_need_no_measurements_stay_armed_in_an_outage() -> None:
    world = baking()
    world.measures = False
    world.wait(70).tick()
    assert world.wait(10).tick(candidate_healthy=False).snapshot.state is RolloutState.ROLLING_BACK


def test_r11_drift_is_set_right_once_and_then_held() -> None:
    world = baking()
    assert world.wait(10).tick(observed=drifted(world)).intents == ()
    again = world.wait(1).tick(observed=drifted(world))
    assert [(one.action, one.weight) for one in again.intents] == [(IntentAction.APPLY, 1)]
    held = world.wait(1).tick(observed=drifted(world))
    assert [one.reason for one in held.holds_opened] == [
        "7 % was read back where 1 % is wanted. Something else moves this traffic."
    ]
    assert world.wait(1).tick(observed=drifted(world)).intents == ()


def test_r11_a_single_odd_read_back_changes_nothing_but_the_credit() -> None:
    world = baking()
    before = world.snapshot.bake_credit_seconds
    odd = world.wait(10).tick(observed=drifted(world)).snapshot
    assert (odd.bake_credit_seconds, odd.agreed_at) == (before, None)
    world.wait(1).tick()
    verified = world.wait(1).tick().snapshot
    assert verified.is_verified
    assert not verified.drift_reasserted
    assert verified.holds == ()


def test_r11_drift_is_not_judged_while_the_call_is_on_its_way() -> None:
    world = baking()
    world.wait(10).tick(observed=drifted(world))
    world.wait(1).tick(observed=drifted(world))
    assert world.call is not None
    world.call = replace(world.call, outcome=None)
    assert world.wait(1).tick(observed=drifted(world)).holds_opened == ()


def test_r11_drift_comes_a_second_time_in_a_stage_and_is_held_at_once() -> None:
    world = baking()
    for _ in range(2):
        world.wait(1).tick(observed=drifted(world))
    for _ in range(3):
        world.wait(1).tick()
    assert world.snapshot.is_verified
    for _ in range(2):
        world.wait(1).tick(observed=drifted(world))
    assert [one.kind for one in world.snapshot.holds] == [HoldKind.DRIFT]


def test_a_quiet_service_is_extended_three_times_over_and_then_held() -> None:
    # Ten requests a minute at 1 % say nothing within half an hour.
    world = baking()
    world.snapshot = replace(world.snapshot, guardrail_states={})
    extended = []
    while not world.snapshot.holds:
        world.wait(10)
        step = world.tick(counts={"errors": (counts(world.now, 1, 0.05, rate=0.0),)})
        extended += [event.data["seconds"] for event in step.events if event.kind.name == "BAKE_EXTENDED"]
    assert extended == [900, 1200, 1500, 1800]
    assert world.snapshot.bake_credit_seconds >= 1800
    assert world.snapshot.state is RolloutState.BAKING
    assert world.snapshot.holds[0].kind is HoldKind.INCONCLUSIVE
    assert "needed seen on the new version" in world.snapshot.holds[0].reason


def test_an_inconclusive_hold_ends_once_enough_was_seen() -> None:
    world = baking()
    needed = 1800
    world.snapshot = replace(
        world.snapshot,
        holds=(hold(HoldKind.INCONCLUSIVE),),
        bake_needed_seconds=needed,
        bake_credit_seconds=needed,
    )
    world.run_to(RolloutState.SHIFTING, 5)
    assert world.steps[-1].judgements[0].verdict is Verdict.PASS
    assert [kind for step in world.steps for kind in step.holds_cleared] == [HoldKind.INCONCLUSIVE]


def test_a_suspicion_holds_in_the_middle_of_the_bake() -> None:
    world = baking()
    world.ratio = 8
    step = world.run(lambda one: bool(one.holds)).steps[-1]
    assert step.snapshot.state is RolloutState.BAKING
    assert step.snapshot.bake_credit_seconds < 600
    assert step.holds_opened[0].reason.endswith("not certain enough to roll back.")


def test_without_a_required_guardrail_somebody_has_to_say_go() -> None:
    advisory = Guardrail(name="Errors", metric="errors", is_required=False)
    world = baking(guardrails=(advisory,))
    world.run(lambda one: bool(one.holds))
    assert world.snapshot.bake_credit_seconds >= 600
    assert world.snapshot.bake_needed_seconds == 600
    assert world.snapshot.holds[0].reason == (
        "No required guardrail judges this rollout, so nothing says that it is well."
    )


def test_an_advisory_guardrail_is_shown_and_never_decides() -> None:
    advisory = Guardrail(name="Hints", metric="errors", is_required=False)
    world = baking(guardrails=(ERRORS, replace(ERRORS, name="Hints", is_required=False, ratio=1.0)))
    assert advisory.name in {one.guardrail for one in world.wait(10).tick().judgements}
    states = dict(world.snapshot.guardrail_states)
    states["Hints"] = states["Hints"].changed(failed="Hints: much worse.")
    world.snapshot = replace(world.snapshot, guardrail_states=states)
    step = world.wait(10).tick()
    assert step.snapshot.state is RolloutState.BAKING
    assert {one.guardrail: one.verdict for one in step.judgements}["Hints"] is Verdict.FAIL


def test_a_stage_that_needs_an_approval_waits_for_it_after_its_bake() -> None:
    world = baking(5, ladder=ladder(5, 100, approval=(100,)))
    world.run(lambda one: bool(one.holds))
    assert world.snapshot.bake_credit_seconds >= 600
    assert [one.reason for one in world.snapshot.holds] == ["100 % needs an approval."]


def test_an_approved_stage_is_entered() -> None:
    world = baking(5, ladder=ladder(5, 100, approval=(100,)), approved_stage=1)
    assert world.run().snapshot.state is RolloutState.SUCCEEDED


def test_an_accelerated_bake_is_looked_at_more_often() -> None:
    short = rollout(ladder=ladder(1, 100, bake=40), is_accelerated=True)
    assert short.interval_seconds == 2
    assert replace(short, is_accelerated=False).interval_seconds == 10
    assert rollout(is_accelerated=True).interval_seconds == 10


def test_a_new_stage_starts_with_no_old_evidence_and_no_old_credit() -> None:
    world = baking().run_to(RolloutState.SHIFTING, 5)
    step = world.steps[-1]
    assert (step.snapshot.bake_credit_seconds, step.snapshot.last_credit_at) == (0, None)
    assert step.snapshot.guardrail_states["Errors"].candidate.units == 0
    assert [(one.stage_index, one.verdict) for one in step.judgements] == [
        (0, Verdict.PASS),
        (1, Verdict.NOT_RUN),
    ]


def test_a_refused_re_assertion_ends_in_a_hold() -> None:
    world = baking()
    world.target.answers = Outcome.REFUSED
    for _ in range(3):
        world.wait(1).tick(observed=drifted(world))
    assert [one.kind for one in world.snapshot.holds] == [HoldKind.DRIFT]
