"""What open windows make of a rollout, and how it goes on when they are over (W1 to W3, W9, W12, T6)."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise, permutations
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from releasetrain.calendars.rules.windows import Behaviour
from releasetrain.rollouts.rules.commands import Command, CommandKind, Refusal, command, reason_wanted
from releasetrain.rollouts.rules.machine import tick
from releasetrain.rollouts.rules.snapshot import EventKind, Hold, Step
from releasetrain.rollouts.rules.states import MOVING_STATES, HoldKind, RolloutKind, RolloutState
from releasetrain.rollouts.rules.windows import GAP, InLine, OpenWindow, latest_end, strictest, turn_of
from tests.rollouts.rules.world import START, World, at, ladder, rollout, window

HOUR = timedelta(hours=1)
ADVANCING = (CommandKind.PROMOTE, CommandKind.SKIP_BAKE, CommandKind.PROMOTE_FULL)


def baking(weight: int = 25, **fields: Any) -> World:
    fields.setdefault("ladder", ladder(25, 50, 100))
    return World(rollout(**fields)).run_to(RolloutState.BAKING, weight)


def open_over(world: World, *windows: OpenWindow) -> World:
    world.given = {**world.given, "windows": windows}
    return world


def over(world: World, **readings: Any) -> World:
    world.given = {**world.given, "windows": (), **readings}
    return world


def hold_of(world: World) -> Hold:
    held = world.snapshot.hold(HoldKind.BLACKOUT)
    assert held is not None
    return held


def ask(world: World, kind: CommandKind, **fields: Any) -> Step | Refusal:
    fields.setdefault("reason", "Because.")
    answer = command(world.snapshot, Command(kind=kind, by="Ada", second="Bob", **fields), world.now)
    if isinstance(answer, Step):
        world.commit(answer)
    return answer


# -- W1: what becomes of a rollout that runs


def test_w1_it_holds_where_it_is_and_says_until_when_on_the_trains_clocks() -> None:
    world = baking(zone="Europe/Berlin").wait(10)
    credit = world.tick().snapshot.bake_credit_seconds
    until = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
    open_over(world, window(until=until))
    for _ in range(100):
        world.wait(10).tick()
    assert (world.snapshot.state, world.snapshot.desired_weight) == (RolloutState.BAKING, 25)
    assert world.snapshot.bake_credit_seconds == credit
    assert hold_of(world).until == until
    assert hold_of(world).reason == (
        "Holding at 25 % until Mon 2 Mar, 18:00 Berlin (UTC+1). “Freeze” stops this: audit."
    )
    assert world.steps[-1].waiting == hold_of(world).reason


def test_w1_the_weight_under_way_is_verified_and_then_held() -> None:
    world = World(rollout(ladder=ladder(25, 100))).run_to(RolloutState.SHIFTING)
    open_over(world, window())
    world.wait(0.2).tick()
    assert world.wait(1).tick().snapshot.state is RolloutState.BAKING
    for _ in range(100):
        world.wait(10).tick()
    assert (world.snapshot.desired_weight, world.snapshot.bake_credit_seconds) == (25, 0)


@pytest.mark.parametrize("behaviour", list(Behaviour))
@pytest.mark.parametrize("state", [RolloutState.QUEUED, RolloutState.PREFLIGHT])
def test_w1_what_no_user_sees_yet_waits_whatever_the_window_says(
    behaviour: Behaviour, state: RolloutState
) -> None:
    world = open_over(World(rollout(state=state)), window(behaviour=behaviour, until=at(3600)))
    for _ in range(300):
        world.wait(10).tick()
    assert world.snapshot.state is state
    assert hold_of(world).reason.startswith("Waiting until Mon 2 Mar, 10:00 UTC. “Freeze”")
    over(world).run_to(RolloutState.BAKING)


def test_w1_finish_stage_lets_the_bake_end_and_holds_before_the_next_weight() -> None:
    world = open_over(baking(), window(behaviour=Behaviour.FINISH_STAGE, until=at(9000)))
    world.wait(10).tick()
    assert world.snapshot.holds == ()
    world.run(lambda one: one.hold(HoldKind.BLACKOUT) is not None)
    assert (world.snapshot.state, world.snapshot.desired_weight) == (RolloutState.BAKING, 25)
    assert world.snapshot.bake_credit_seconds >= 600
    assert hold_of(world).reason.startswith("Holding at 25 % until")
    for _ in range(60):
        world.wait(10).tick()
    assert world.snapshot.desired_weight == 25
    over(world).wait(10).tick()
    assert world.snapshot.desired_weight == 50


def test_w1_finish_stage_verifies_a_shift_and_bakes_it() -> None:
    world = World(rollout(ladder=ladder(25, 100))).run_to(RolloutState.SHIFTING)
    open_over(world, window(behaviour=Behaviour.FINISH_STAGE))
    world.run(lambda one: one.hold(HoldKind.BLACKOUT) is not None)
    assert (world.snapshot.state, world.snapshot.desired_weight) == (RolloutState.BAKING, 25)
    assert world.snapshot.bake_credit_seconds >= 600


def test_w1_finish_stage_ends_the_soak_because_no_weight_comes_after_it() -> None:
    world = World(rollout(ladder=ladder(50, 100))).run_to(RolloutState.SOAKING)
    open_over(world, window(behaviour=Behaviour.FINISH_STAGE))
    assert world.run().snapshot.state is RolloutState.SUCCEEDED


def test_w1_finish_rollout_lets_go_on_what_users_see() -> None:
    world = open_over(baking(), window(behaviour=Behaviour.FINISH_ROLLOUT, until=at(90000)))
    assert world.run().snapshot.state is RolloutState.SUCCEEDED
    assert "blackout" not in world.holds_told


def test_w1_roll_back_brings_it_back_by_itself_with_the_window_as_its_reason() -> None:
    world = open_over(baking(), window(behaviour=Behaviour.ROLL_BACK))
    step = world.wait(1).tick()
    assert [(one.rule, one.to_state) for one in step.transitions] == [("T9", RolloutState.ROLLING_BACK)]
    assert step.snapshot.reason == "A window takes back what runs. “Freeze” stops this: audit."
    assert world.run().snapshot.state is RolloutState.ROLLED_BACK


def test_w1_roll_back_never_sends_users_to_a_broken_old_version() -> None:
    world = open_over(baking(), window(behaviour=Behaviour.ROLL_BACK))
    step = world.wait(1).tick(stable_healthy=False)
    assert step.snapshot.state is RolloutState.BAKING
    assert {one.kind for one in step.snapshot.holds} == {HoldKind.ERROR, HoldKind.BLACKOUT}


def test_w1_the_reason_of_a_failing_guardrail_comes_before_the_windows() -> None:
    world = open_over(baking(), window(behaviour=Behaviour.ROLL_BACK))
    step = world.wait(1).tick(candidate_healthy=False)
    assert step.snapshot.reason == "The new version is unhealthy."


@pytest.mark.parametrize("order", list(permutations(Behaviour)))
def test_w1_w5_the_strictest_of_several_windows_counts(order: tuple[Behaviour, ...]) -> None:
    strict = [Behaviour.ROLL_BACK, Behaviour.HOLD, Behaviour.FINISH_STAGE, Behaviour.FINISH_ROLLOUT]
    for one in strict:
        windows = [window(behaviour=other) for other in order if strict.index(other) >= strict.index(one)]
        assert strictest(windows) is one


def test_w5_every_reason_and_the_latest_end_are_shown() -> None:
    world = open_over(
        baking(),
        window(id=1, reason="“Audit” stops this: audit.", until=at(7200)),
        window(id=2, reason="“Sale” stops this: sale.", until=at(10800), behaviour=Behaviour.FINISH_STAGE),
    )
    world.wait(10).tick()
    assert (hold_of(world).until, world.snapshot.bake_credit_seconds) == (at(10800), 0)
    assert "“Audit” stops this: audit. “Sale” stops this: sale." in hold_of(world).reason


def test_w5_an_end_that_nobody_knows_is_the_latest() -> None:
    assert latest_end([window(until=at(1)), window(until=None)]) is None
    assert latest_end([window(until=at(1)), window(until=at(2))]) == at(2)


@settings(deadline=None)
@given(
    behaviours=st.lists(st.tuples(st.sampled_from(Behaviour), st.integers(1, 40)), max_size=12),
    bake=st.sampled_from([60, 300]),
)
def test_w1_w9_random_windows_never_advance_what_they_hold_and_never_stop_a_rollback(
    behaviours: list[tuple[Behaviour, int]], bake: int
) -> None:
    world = World(rollout(ladder=ladder(10, 50, 100, bake=bake)))
    for behaviour, ticks in behaviours:
        open_over(world, window(behaviour=behaviour, until=world.now + HOUR))
        for _ in range(ticks):
            before = world.snapshot
            after = world.wait(10).tick().snapshot
            if behaviour is not Behaviour.FINISH_ROLLOUT or before.state not in MOVING_STATES:
                assert after.desired_weight <= before.desired_weight
            if after.state in MOVING_STATES:
                back = command(after, Command(kind=CommandKind.ROLLBACK, by="Ada"), world.now)
                assert isinstance(back, Step)
                assert back.snapshot.desired_weight == 0
        over(world).wait(10).tick()


# -- W2: the window is over


def test_w2_it_goes_on_where_it_was_with_the_bake_that_was_left() -> None:
    world = baking().wait(10)
    credit = world.tick().snapshot.bake_credit_seconds
    open_over(world, window(until=at(7200)))
    world.wait(10).tick()
    over(world).run(lambda one: one.hold(HoldKind.BLACKOUT) is None)
    assert world.snapshot.bake_credit_seconds == pytest.approx(credit, abs=20)
    cleared = [event for event in world.steps[-1].events if event.kind is EventKind.HOLD_CLEARED]
    assert cleared[0].data["reason"] == "The window is over. Health, votes and target were checked again."
    assert world.run().snapshot.state is RolloutState.SUCCEEDED


@pytest.mark.parametrize(
    ("readings", "problem"),
    [
        ({"driver_healthy": False}, "The driver is unhealthy."),
        ({"stable_healthy": False}, "The old version is unhealthy."),
        ({"is_target_free": False}, "Another rollout has its target."),
    ],
)
def test_w2_what_is_not_well_keeps_it_until_it_is(readings: dict[str, Any], problem: str) -> None:
    world = open_over(baking(), window(until=at(1200)))
    world.wait(10).tick()
    over(world)
    for _ in range(20):
        world.wait(10).tick(**readings)
    assert hold_of(world).reason == f"The window is over. Before it goes on: {problem}"
    assert hold_of(world).until is None
    world.wait(10).tick()
    assert world.snapshot.hold(HoldKind.BLACKOUT) is None


def test_w2_it_waits_for_fresh_measurements() -> None:
    world = open_over(baking(), window(until=at(1200)))
    world.measures = False
    for _ in range(12):
        world.wait(10).tick()
    over(world).wait(10).tick()
    assert "No fresh measurements have arrived." in hold_of(world).reason
    world.measures = True
    world.wait(10).tick()
    assert world.snapshot.holds == ()


def test_w2_a_decision_that_no_longer_stands_needs_a_person() -> None:
    world = open_over(baking(), window(until=at(1200)))
    world.wait(10).tick()
    over(world, undecided="Needs a go from 1 release manager: Rob.").wait(10).tick()
    assert [one.kind for one in world.snapshot.holds] == [HoldKind.OPERATOR]
    assert "The decision to go no longer stands" in world.snapshot.holds[0].reason
    assert "Needs a go from 1 release manager: Rob." in world.snapshot.holds[0].reason
    assert isinstance(ask(world, CommandKind.RESUME), Step)
    assert world.snapshot.holds == ()


@pytest.mark.parametrize(("hours", "kinds"), [(24, []), (24.01, [HoldKind.OPERATOR])])
def test_w2_held_for_longer_than_a_day_a_person_says_go(hours: float, kinds: list[HoldKind]) -> None:
    world = open_over(baking(), window(until=at(10**6)))
    world.wait(10).tick()
    over(world).wait(hours * 3600).tick()
    # The first look after so long finds no fresh measurements yet; the window itself is done.
    world.wait(10).tick()
    assert [one.kind for one in world.snapshot.holds] == kinds
    if kinds:
        held = world.snapshot.holds[0]
        assert held.reason.startswith("A window held it for 1 d, longer than 24 h: a person has to look")
        for _ in range(90):
            world.wait(10).tick()
        assert world.snapshot.desired_weight == 25
        assert isinstance(ask(world, CommandKind.RESUME), Step)
        assert world.run().snapshot.state is RolloutState.SUCCEEDED


def test_w2_a_hold_that_will_need_a_person_says_so_from_the_start() -> None:
    world = open_over(baking(), window(until=START + timedelta(hours=60)))
    world.wait(10).tick()
    assert hold_of(world).reason.endswith("It is held for more than 24 h then, so a person has to resume it.")


def test_w2_somebodys_own_pause_stays_theirs() -> None:
    world = baking()
    ask(world, CommandKind.PAUSE, reason="Looking")
    open_over(world, window(until=at(10**6))).wait(10).tick()
    over(world).wait(30 * 3600).tick()
    held = world.snapshot.hold(HoldKind.OPERATOR)
    assert held is not None
    assert (held.reason, held.opened_by) == ("Looking (Ada)", "Ada")


def test_w2_it_waits_for_its_turn_and_says_when_that_is() -> None:
    world = open_over(baking(zone="Europe/Berlin"), window(until=at(1200)))
    world.wait(10).tick()
    over(world, turn_at=at(1260))
    world.now = at(1201)
    world.tick()
    assert (hold_of(world).until, hold_of(world).resumes_at) == (at(1260), at(1260))
    assert hold_of(world).reason == (
        "The window is over. What it held goes on one after the other; "
        "it is this one’s turn on Mon 2 Mar, 10:21:00 Berlin (UTC+1)."
    )
    assert isinstance(ask(world, CommandKind.PROMOTE), Refusal)
    world.run(lambda one: one.hold(HoldKind.BLACKOUT) is None)
    assert world.now == at(1260)


def test_w2_a_turn_is_kept_whoever_comes_into_the_line_later() -> None:
    world = open_over(baking(), window(until=at(1200)))
    world.wait(10).tick()
    over(world, turn_at=at(1260))
    world.now = at(1201)
    world.tick()
    over(world, turn_at=at(1290))
    world.wait(5).tick()
    assert hold_of(world).resumes_at == at(1260)


def test_w2_a_window_that_opens_again_takes_the_turn_away() -> None:
    world = open_over(baking(), window(until=at(1200)))
    world.wait(10).tick()
    over(world, turn_at=at(1260))
    world.now = at(1201)
    world.tick()
    open_over(world, window(until=at(9000))).wait(1).tick()
    assert (hold_of(world).until, hold_of(world).resumes_at) == (at(9000), None)


def test_w2_the_engine_looks_again_at_the_very_end_of_the_window() -> None:
    world = open_over(baking(), window(until=at(1205)))
    world.now = at(1200)
    assert world.tick().next_due_at == at(1205)


def test_w2_the_overall_deadline_stands_still_while_a_window_holds() -> None:
    world = open_over(baking(overall_deadline_at=at(3600)), window(until=at(10**6)))
    world.wait(10).tick()
    held_at = world.now
    for _ in range(7):
        world.wait(3600).tick()
    assert world.snapshot.state is RolloutState.BAKING
    over(world).run(lambda one: one.holds == ())
    assert world.snapshot.overall_deadline_at == at(3600) + (world.now - held_at)
    assert world.run().snapshot.state is RolloutState.SUCCEEDED


def test_w2_a_queued_rollout_outlives_a_long_window_too() -> None:
    world = open_over(World(rollout(overall_deadline_at=at(3600))), window(until=at(10**6)))
    for _ in range(5):
        world.tick()
        world.wait(3600)
    over(world).run_to(RolloutState.BAKING)


LINES = st.lists(
    st.tuples(st.integers(0, 3), st.integers(1, 99)), min_size=1, max_size=8, unique_by=lambda one: one[1]
)


@settings(deadline=None)
@given(queued=LINES, order=st.randoms(use_true_random=False), late=st.integers(0, 20))
def test_w2_w3_turns_follow_the_queue_thirty_seconds_apart_in_whatever_order_they_are_asked(
    queued: list[tuple[int, int]], order: Any, late: int
) -> None:
    line = [InLine(at(minutes * 60), pk) for minutes, pk in queued]
    asked = list(line)
    order.shuffle(asked)
    for ends_at in (at(5000), at(99999)):
        known: dict[int, datetime] = {}
        for step, one in enumerate(asked):
            now = at(5000) + timedelta(seconds=late * step / len(asked))
            others = [replace(other, goes_on_at=known.get(other.id)) for other in line if other != one]
            known[one.id] = turn_of(one, others, ends_at=ends_at, now=now)
        turns = [known[one.id] for one in sorted(line, key=lambda one: (one.queued_at, one.id))]
        assert [later - earlier for earlier, later in pairwise(turns)] == [GAP] * (len(turns) - 1)
        if ends_at == at(5000):
            assert turns[0] == ends_at


# -- W3: shortened, or gone


@pytest.mark.parametrize("early", [1, 3599])
def test_w3_a_window_that_is_gone_before_its_end_has_ended(early: int) -> None:
    world = open_over(baking(), window(until=at(7200)))
    world.wait(10).tick()
    over(world).wait(early).tick()
    world.wait(10).tick()
    assert world.snapshot.hold(HoldKind.BLACKOUT) is None


def test_w3_a_window_that_is_shortened_says_its_new_end() -> None:
    world = open_over(baking(), window(until=at(7200)))
    world.wait(10).tick()
    open_over(world, window(until=at(3600))).wait(10).tick()
    assert hold_of(world).until == at(3600)


# -- W9, W12: commands while windows are open

LINE_STOPPED = window(
    reason="“Stop the line: everything” stops this: outage.",
    until=at(7200),
    stops_the_line=True,
    who="a release manager or an administrator",
)


@pytest.mark.parametrize("kind", [*ADVANCING, CommandKind.APPROVE])
def test_w12_promotions_are_refused_while_the_line_is_stopped_saying_until_when_and_who(
    kind: CommandKind,
) -> None:
    world = baking(ladder=ladder(25, 100, approval=(100,) if kind is CommandKind.APPROVE else ()))
    # Not even the next tick has to come first.
    world.snapshot = replace(world.snapshot, windows=(LINE_STOPPED,), bake_credit_seconds=600)
    assert ask(world, kind) == Refusal(
        "Not before Mon 2 Mar, 11:00 UTC. “Stop the line: everything” stops this: outage.",
        until=at(7200),
        who="a release manager or an administrator",
    )


@pytest.mark.parametrize("behaviour", [Behaviour.HOLD, Behaviour.FINISH_STAGE, Behaviour.ROLL_BACK])
@pytest.mark.parametrize("kind", ADVANCING)
def test_w1_nobody_promotes_past_a_window_that_keeps_the_rollout(
    kind: CommandKind, behaviour: Behaviour
) -> None:
    world = baking()
    world.snapshot = replace(world.snapshot, windows=(window(behaviour=behaviour),), bake_credit_seconds=600)
    answer = ask(world, kind)
    assert isinstance(answer, Refusal)
    assert answer.sentence == "Not now. “Freeze” stops this: audit."


def test_w1_a_window_that_lets_the_rollout_finish_lets_people_help_it() -> None:
    world = baking()
    world.snapshot = replace(world.snapshot, windows=(window(behaviour=Behaviour.FINISH_ROLLOUT),))
    assert isinstance(ask(world, CommandKind.SKIP_BAKE), Step)


@pytest.mark.parametrize("kind", [CommandKind.ROLLBACK, CommandKind.PAUSE, CommandKind.REJECT])
def test_w9_no_window_stands_in_the_way_of_what_stops_or_brings_back(kind: CommandKind) -> None:
    world = baking(ladder=ladder(25, 100, approval=(100,)))
    world.snapshot = replace(world.snapshot, windows=(LINE_STOPPED, window()))
    assert isinstance(ask(world, kind), Step)


@pytest.mark.parametrize("state", [RolloutState.QUEUED, RolloutState.PREFLIGHT, RolloutState.SHIFTING])
def test_w9_a_way_back_of_its_own_stands_in_no_window(state: RolloutState) -> None:
    back = rollout(kind=RolloutKind.ROLLBACK, ladder=ladder(100))
    world = World(back).run_to(state) if state is not RolloutState.QUEUED else World(back)
    open_over(world, window(behaviour=Behaviour.HOLD), window(behaviour=Behaviour.ROLL_BACK))
    assert world.run().snapshot.state is RolloutState.SUCCEEDED
    assert "blackout" not in world.holds_told


def test_w9_a_guardrail_brings_back_what_a_window_holds() -> None:
    world = open_over(baking(), window())
    world.wait(10).tick()
    world.ratio = 20
    assert world.run().snapshot.state is RolloutState.ROLLED_BACK


def test_a_soft_window_is_acknowledged_by_resuming_with_a_reason() -> None:
    world = open_over(baking(), window(id=7, is_soft=True, until=at(9000)))
    world.wait(10).tick()
    assert reason_wanted(world.snapshot, CommandKind.RESUME, world.now) is not None
    assert isinstance(ask(world, CommandKind.RESUME, reason=" "), Refusal)
    assert isinstance(ask(world, CommandKind.RESUME, reason="Support knows"), Step)
    assert (world.snapshot.acknowledged_windows, world.snapshot.holds) == ((7,), ())


def test_a_hard_window_beside_it_cannot_be_acknowledged() -> None:
    world = open_over(baking(), window(id=7, is_soft=True), window(id=8))
    world.wait(10).tick()
    assert isinstance(ask(world, CommandKind.RESUME), Refusal)


# -- T6


def test_t6_bake_time_across_a_clock_change_is_elapsed_time() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    for change in (datetime(2026, 10, 25, 1, 0, tzinfo=UTC), datetime(2026, 3, 29, 1, 0, tzinfo=UTC)):
        world = World(rollout(ladder=ladder(25, 100), state_entered_at=change), now=change)
        world.counted_at = change
        world.run_to(RolloutState.BAKING, 25)
        began = world.snapshot
        world.snapshot = replace(
            began,
            last_credit_at=(change - timedelta(seconds=5)).astimezone(berlin),
            observed_at=(change - timedelta(seconds=5)).astimezone(berlin),
            agreed_at=(change - timedelta(seconds=9)).astimezone(berlin),
            data_fresh_at=(change - timedelta(seconds=5)).astimezone(berlin),
            state_entered_at=(change - timedelta(seconds=60)).astimezone(berlin),
            bake_credit_seconds=0.0,
        )
        now = (change + timedelta(seconds=5)).astimezone(berlin)
        readings = replace(world.readings(), observed=None, counts={})
        step = tick(world.snapshot, readings, now)
        assert step.snapshot.bake_credit_seconds == 10
