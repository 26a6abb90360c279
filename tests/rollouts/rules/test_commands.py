"""What an operator can ask, and the sentence that says why not."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from releasetrain.rollouts.rules.commands import (
    PRECEDENCE,
    WHY_NOT,
    Command,
    CommandKind,
    Refusal,
    command,
    in_order,
    reason_wanted,
)
from releasetrain.rollouts.rules.refusals import why_not_retry, why_not_revert
from releasetrain.rollouts.rules.snapshot import Hold, IntentAction, Observed, Outcome, Step
from releasetrain.rollouts.rules.states import TERMINAL_STATES, HoldKind, RolloutKind, RolloutState
from tests.rollouts.rules.world import ERRORS, World, at, ladder, rollout


def baking(weight: int = 1, **fields: Any) -> World:
    return World(rollout(**fields)).run_to(RolloutState.BAKING, weight)


def ask(world: World, kind: CommandKind, **fields: Any) -> Step | Refusal:
    answer = command(world.snapshot, Command(kind=kind, by="Ada", **fields), world.now)
    if isinstance(answer, Step):
        world.commit(answer)
    return answer


def done(world: World, kind: CommandKind, **fields: Any) -> Step:
    answer = ask(world, kind, **fields)
    assert isinstance(answer, Step), answer
    return answer


def refused(world: World, kind: CommandKind, **fields: Any) -> str:
    answer = ask(world, kind, **fields)
    assert isinstance(answer, Refusal), answer
    return answer.sentence


def held(world: World, kind: HoldKind) -> World:
    hold = Hold(kind=kind, reason="Something is the matter.", opened_at=world.now)
    world.snapshot = replace(world.snapshot, holds=(*world.snapshot.holds, hold))
    return world


def baked(world: World) -> World:
    """Let the bake be over at the same instant, with whatever the guardrails have found."""
    needed = world.snapshot.bake_needed_seconds
    world.snapshot = replace(world.snapshot, bake_credit_seconds=needed)
    return world


def test_pause_holds_and_resume_goes_on_with_the_bake_that_was_left() -> None:
    world = baking().wait(10)
    credit = world.tick().snapshot.bake_credit_seconds
    paused = done(world, CommandKind.PAUSE, reason="Looking at a log line")
    assert [(one.kind, one.reason, one.opened_by) for one in paused.holds_opened] == [
        (HoldKind.OPERATOR, "Looking at a log line (Ada)", "Ada")
    ]
    world.wait(500).tick()
    resumed = done(world, CommandKind.RESUME)
    assert resumed.holds_cleared == (HoldKind.OPERATOR,)
    assert resumed.next_due_at == world.now
    assert world.wait(10).tick().snapshot.bake_credit_seconds == pytest.approx(credit + 10)


def test_a_command_makes_the_decision_of_a_worker_before_it_void() -> None:
    world = baking()
    fence = world.snapshot.fence
    assert done(world, CommandKind.PAUSE).snapshot.fence > fence


def test_pause_twice_is_refused_in_words() -> None:
    world = baking()
    done(world, CommandKind.PAUSE)
    assert refused(world, CommandKind.PAUSE) == "It is paused already."


def test_resume_sets_a_drifted_weight_again() -> None:
    world = held(baking(), HoldKind.DRIFT)
    step = done(world, CommandKind.RESUME)
    assert [(one.action, one.weight) for one in step.intents] == [(IntentAction.APPLY, 1)]
    assert not step.snapshot.drift_reasserted


def test_resume_says_how_a_hold_ends_that_nobody_can_lift() -> None:
    assert refused(held(baking(), HoldKind.METRICS_OUTAGE), CommandKind.RESUME) == (
        "Held: Something is the matter. It ends by itself as soon as fresh measurements arrive."
    )
    assert refused(baking(), CommandKind.RESUME) == "Nothing holds it."


def test_approve_opens_the_next_stage_once() -> None:
    world = baking(5, ladder=ladder(5, 100, approval=(100,)))
    assert done(world, CommandKind.APPROVE).snapshot.approved_stage == 1
    assert refused(world, CommandKind.APPROVE) == "100 % is approved already."
    assert world.run().snapshot.state is RolloutState.SUCCEEDED


def test_approve_lifts_the_hold_that_waits_for_it() -> None:
    world = baking(5, ladder=ladder(5, 100, approval=(100,))).run(lambda one: bool(one.holds))
    assert done(world, CommandKind.APPROVE).holds_cleared == (HoldKind.APPROVAL,)
    assert world.tick().snapshot.desired_weight == 100


def test_the_first_stage_can_need_an_approval_too() -> None:
    world = World(rollout(ladder=ladder(5, 100, approval=(5,)))).run(lambda one: bool(one.holds))
    assert world.snapshot.state is RolloutState.PREFLIGHT
    done(world, CommandKind.APPROVE)
    assert world.wait(1).tick().snapshot.state is RolloutState.SHIFTING


def test_reject_brings_users_back_and_needs_a_reason() -> None:
    world = baking(5, ladder=ladder(5, 100, approval=(100,)))
    assert refused(world, CommandKind.REJECT) == "Say why the next stage is rejected."
    step = done(world, CommandKind.REJECT, reason="Too many complaints")
    assert step.snapshot.state is RolloutState.ROLLING_BACK
    assert step.snapshot.reason == "Too many complaints (Ada)"


def test_promote_goes_on_when_the_bake_is_done() -> None:
    world = baking()
    for _ in range(20):
        world.wait(10).tick()
    step = done(baked(world), CommandKind.PROMOTE)
    assert (step.snapshot.state, step.snapshot.desired_weight) == (RolloutState.SHIFTING, 5)
    assert (step.transitions[0].rule, step.snapshot.reason) == ("T5", "Promoted by Ada")


def test_promote_is_refused_before_the_bake_is_done() -> None:
    world = baking()
    world.snapshot = replace(world.snapshot, bake_credit_seconds=0)
    assert refused(world, CommandKind.PROMOTE) == (
        "It has to bake for another 10 min; cutting that short needs a reason."
    )


def test_promote_past_an_inconclusive_guardrail_needs_a_reason() -> None:
    world = held(baked(baking()), HoldKind.INCONCLUSIVE)
    assert refused(world, CommandKind.PROMOTE) == (
        "The guardrails do not pass: say why it may go on all the same."
    )
    step = done(world, CommandKind.PROMOTE, reason="Checked by hand")
    assert step.holds_cleared == (HoldKind.INCONCLUSIVE,)
    assert step.snapshot.desired_weight == 5


@pytest.mark.parametrize("kind", sorted(set(HoldKind) - {HoldKind.INCONCLUSIVE}))
def test_promote_passes_no_other_hold(kind: HoldKind) -> None:
    world = held(baked(baking()), kind)
    assert refused(world, CommandKind.PROMOTE, reason="Go").startswith("Held: Something is the matter.")


def test_promote_and_skip_are_refused_while_the_weight_is_being_set() -> None:
    world = World(rollout()).run_to(RolloutState.SHIFTING)
    for kind in (CommandKind.PROMOTE, CommandKind.SKIP_BAKE, CommandKind.PROMOTE_FULL):
        assert refused(world, kind, reason="Go", second="Bob") == "The weight is still being set."


def test_promote_and_skip_are_refused_where_the_weight_was_contradicted() -> None:
    world = baking().wait(1)
    world.tick(observed=Observed(at=world.now, weight=3, fence=world.target.fence))
    baked(world)
    for kind in (CommandKind.PROMOTE, CommandKind.SKIP_BAKE):
        assert refused(world, kind, reason="Go") == "1 % is not what was read back last."


def test_promote_is_refused_while_the_next_stage_needs_an_approval() -> None:
    world = baked(baking(5, ladder=ladder(5, 100, approval=(100,))))
    assert refused(world, CommandKind.PROMOTE, reason="Go") == "100 % needs an approval first."


def test_skip_bake_cuts_it_short_with_a_reason() -> None:
    world = baking()
    assert refused(world, CommandKind.SKIP_BAKE) == "Say why the bake may be cut short."
    step = done(world, CommandKind.SKIP_BAKE, reason="Hotfix for an outage")
    assert step.snapshot.desired_weight == 5
    assert "rollouts.bake.skipped" in [event.kind for event in step.events]


def test_skip_bake_does_not_pass_a_failing_guardrail() -> None:
    world = baking()
    states = {"Errors": world.snapshot.guardrail_states["Errors"].changed(failed="Errors: 9 of 10.")}
    world.snapshot = replace(world.snapshot, guardrail_states=states)
    for kind in (CommandKind.SKIP_BAKE, CommandKind.PROMOTE_FULL):
        assert refused(world, kind, reason="Go", second="Bob") == "A guardrail fails. Errors: 9 of 10."


def test_skip_bake_ends_the_soak() -> None:
    world = World(rollout(ladder=ladder(50, 100))).run_to(RolloutState.SOAKING)
    assert done(world, CommandKind.SKIP_BAKE, reason="Enough").snapshot.state is RolloutState.SUCCEEDED


def test_extend_bake_adds_half_each_time_without_limit() -> None:
    world = held(baking(), HoldKind.INCONCLUSIVE)
    needed = [done(world, CommandKind.EXTEND_BAKE).snapshot.bake_needed_seconds for _ in range(6)]
    assert needed == [900, 1200, 1500, 1800, 2100, 2400]
    assert world.snapshot.holds == ()


def test_promote_full_needs_a_reason_and_a_second_person_and_stays_armed() -> None:
    world = baking()
    wanted = "Going straight to 100 % needs a second person, who is not the one who asks."
    assert refused(world, CommandKind.PROMOTE_FULL, reason="Outage", second="Ada") == wanted
    assert refused(world, CommandKind.PROMOTE_FULL, reason="Outage") == wanted
    assert refused(world, CommandKind.PROMOTE_FULL, second="Bob").startswith("Say why all users")
    step = done(world, CommandKind.PROMOTE_FULL, reason="Outage", second="Bob")
    assert (step.snapshot.desired_weight, step.snapshot.stage_index) == (100, 5)
    assert step.snapshot.reason == "Outage (Ada), with Bob"
    world.rate = 0.5
    assert world.run().snapshot.state is RolloutState.ROLLED_BACK


def test_promote_full_is_the_way_forward_when_the_old_version_is_broken() -> None:
    world = baking()
    world.wait(10).tick(stable_healthy=False)
    assert refused(world, CommandKind.SKIP_BAKE, reason="Go").startswith("Held: ")
    step = done(world, CommandKind.PROMOTE_FULL, reason="The old version is down", second="Bob")
    assert step.snapshot.holds == ()
    world.given = {"stable_healthy": False}
    assert world.run().snapshot.state is RolloutState.SUCCEEDED


@pytest.mark.parametrize("kind", [None, *HoldKind])
def test_rollback_is_never_refused_while_users_are_on_the_new_version(kind: HoldKind | None) -> None:
    world = baking() if kind is None else held(baking(), kind)
    step = done(world, CommandKind.ROLLBACK, expected_seq=world.snapshot.seq)
    assert step.snapshot.state is RolloutState.ROLLING_BACK
    assert step.snapshot.reason == "Rolled back by Ada"
    assert [(one.action, one.weight, one.fence) for one in step.intents] == [
        (IntentAction.ROLLBACK, 0, step.snapshot.fence)
    ]
    assert world.target.weight == 0


def test_rollback_pressed_twice_is_one_rollback() -> None:
    world = baking()
    seq = world.snapshot.seq
    first = done(world, CommandKind.ROLLBACK, expected_seq=seq).snapshot
    second = done(world, CommandKind.ROLLBACK, expected_seq=seq)
    assert second.snapshot == first
    assert (second.transitions, second.intents, second.events) == ((), (), ())


def test_rollback_before_anything_has_moved_cancels() -> None:
    step = done(World(rollout()), CommandKind.ROLLBACK)
    assert (step.snapshot.state, step.intents) == (RolloutState.CANCELLED, ())


def test_cancel_is_for_what_has_moved_nothing() -> None:
    assert done(World(rollout()), CommandKind.CANCEL).snapshot.state is RolloutState.CANCELLED
    assert refused(baking(), CommandKind.CANCEL) == ("Users are on the new version: roll it back instead.")


def test_mark_resolved_is_for_a_stuck_rollback_and_needs_evidence() -> None:
    world = baking()
    world.target.answers = Outcome.UNKNOWN
    done(world, CommandKind.ROLLBACK)
    assert refused(world, CommandKind.MARK_RESOLVED, reason="Seen") == (
        "It is not stuck: the weight is still being read back."
    )
    world.run(lambda one: one.stuck_at is not None)
    assert refused(world, CommandKind.MARK_RESOLVED).startswith("Say how you know")
    step = done(world, CommandKind.MARK_RESOLVED, reason="Proxy was taken down")
    assert step.snapshot.state is RolloutState.ROLLED_BACK
    assert step.snapshot.reason == "Proxy was taken down (Ada)"


def test_a_stale_page_is_told_where_the_rollout_stands() -> None:
    world = held(baking(), HoldKind.OPERATOR)
    answer = ask(world, CommandKind.PROMOTE, expected_seq=world.snapshot.seq - 1)
    assert answer == Refusal(
        "The page was out of date: this rollout is baking at 1 %. Held: Something is the matter.",
        is_stale=True,
    )


@pytest.mark.parametrize("state", sorted(TERMINAL_STATES))
@pytest.mark.parametrize("kind", list(CommandKind))
def test_nothing_can_be_asked_of_a_rollout_that_is_over(state: RolloutState, kind: CommandKind) -> None:
    sentence = refused(World(rollout(state=state)), kind, reason="Go", second="Bob")
    assert sentence.endswith(".")


@pytest.mark.parametrize("kind", list(CommandKind))
def test_a_button_is_off_exactly_when_its_command_is_refused(kind: CommandKind) -> None:
    worlds = [
        World(rollout()),
        World(rollout()).run_to(RolloutState.SHIFTING),
        baking(),
        baked(baking()),
        held(baking(), HoldKind.OPERATOR),
        baking(5, ladder=ladder(5, 100, approval=(100,))),
        World(rollout(ladder=ladder(50, 100))).run_to(RolloutState.SOAKING),
    ]
    for world in worlds:
        why_not = WHY_NOT[kind](world.snapshot, world.now)
        answer = ask(world, kind, reason="Go", second="Bob")
        assert (answer.sentence if isinstance(answer, Refusal) else None) == why_not


def test_a_reason_is_asked_for_only_where_one_is_needed() -> None:
    world = baking()
    assert reason_wanted(world.snapshot, CommandKind.ROLLBACK, world.now) is None
    assert reason_wanted(world.snapshot, CommandKind.PAUSE, world.now) is None
    assert reason_wanted(world.snapshot, CommandKind.SKIP_BAKE, world.now) is not None


def test_rollback_comes_before_pause_and_pause_before_promote() -> None:
    asked = [
        Command(kind=kind, by="Ada")
        for kind in (CommandKind.PROMOTE, CommandKind.PAUSE, CommandKind.ROLLBACK)
    ]
    assert [one.kind for one in in_order(asked)] == [
        CommandKind.ROLLBACK,
        CommandKind.PAUSE,
        CommandKind.PROMOTE,
    ]
    assert set(PRECEDENCE) == set(CommandKind)


def test_retry_is_for_an_attempt_that_came_back() -> None:
    assert why_not_retry(baking().snapshot, at(0)) == "This attempt is not over yet."
    assert why_not_retry(rollout(state=RolloutState.SUCCEEDED), at(0)) == "It has arrived already."
    assert why_not_retry(rollout(state=RolloutState.ROLLED_BACK), at(0)) is None


def test_t13_is_open_for_a_day_and_three_versions() -> None:
    arrived = rollout(state=RolloutState.SUCCEEDED)
    day = timedelta(hours=24)
    assert why_not_revert(arrived, at(0) + day, finished_at=at(0), versions_since=2) is None
    assert why_not_revert(arrived, at(1) + day, finished_at=at(0), versions_since=0) == (
        "It arrived more than 1 d ago: send the old version as a rollout."
    )
    assert why_not_revert(arrived, at(0), finished_at=at(0), versions_since=3) == (
        "3 versions came after it: send the old version as a rollout."
    )
    back = replace(arrived, kind=RolloutKind.ROLLBACK)
    assert why_not_revert(back, at(0), finished_at=at(0), versions_since=0) == (
        "This was the way back itself."
    )
    assert why_not_revert(baking().snapshot, at(0), finished_at=at(0), versions_since=0) is not None


@pytest.mark.parametrize("kind", [CommandKind.PROMOTE, CommandKind.SKIP_BAKE, CommandKind.PROMOTE_FULL])
def test_nobody_promotes_past_a_critical_guardrail_that_does_not_pass(kind: CommandKind) -> None:
    world = baking()
    world.run(lambda one: one.bake_credit_seconds > 30)
    critical = replace(world.snapshot, guardrails=(replace(ERRORS, is_critical=True, tolerated_rate=1e-6),))
    quiet = replace(critical, guardrail_states={}, bake_credit_seconds=600)
    said = WHY_NOT[kind](quiet, world.now)
    assert said == "Errors is critical and does not pass, so nobody promotes past it."
    assert WHY_NOT[kind](replace(quiet, guardrails=(ERRORS,)), world.now) is None


def suspected(weight: int = 1) -> World:
    """Let the required guardrail suspect the new version, at a weight."""
    world = baking(weight, ladder=ladder(*{weight, 100}))
    states = {**world.snapshot.guardrail_states}
    states["Errors"] = replace(states["Errors"], is_suspected=True)
    world.snapshot = replace(world.snapshot, guardrail_states=states)
    return world


def test_dismiss_passes_over_a_finding_for_a_while_and_says_who_why_and_how_long() -> None:
    world = suspected()
    step = done(world, CommandKind.DISMISS, reason="A known bot.", guardrail="Errors", minutes=30)
    given = world.snapshot.guardrail_states["Errors"].dismissal
    assert given is not None
    assert (given.by, given.reason, given.until) == ("Ada", "A known bot.", world.now + timedelta(minutes=30))
    [event] = step.events
    assert (event.kind, event.data["guardrail"]) == ("rollouts.guardrail.dismissed", "Errors")


def test_dismiss_is_refused_in_words() -> None:
    world = suspected()
    ask_for = {"guardrail": "Errors", "minutes": 30}
    assert (
        refused(world, CommandKind.DISMISS, **ask_for)
        == "Say why what the guardrail found may be passed over."
    )
    assert "No guardrail" in refused(world, CommandKind.DISMISS, reason="x", guardrail="Typo", minutes=30)
    assert "minutes" in refused(world, CommandKind.DISMISS, reason="x", guardrail="Errors", minutes=0)
    fine = baking()
    assert "has found nothing" in refused(fine, CommandKind.DISMISS, reason="x", **ask_for)


def test_dismiss_above_ten_percent_needs_a_second_person() -> None:
    world = suspected(25)
    given = {"reason": "A known bot.", "guardrail": "Errors", "minutes": 30}
    answer = ask(world, CommandKind.DISMISS, **given)
    assert isinstance(answer, Refusal)
    assert answer.needs_second
    done(world, CommandKind.DISMISS, second="Bob", **given)
    dismissal = world.snapshot.guardrail_states["Errors"].dismissal
    assert dismissal is not None
    assert dismissal.by == "Ada and Bob"
