"""Whatever happens between two effects, and in whatever order: what must never be, never is.

Workers claim, read, decide, commit and call in steps that crash, stall, overtake each other or arrive late;
operators press buttons; the target, the probes and the measurements do as they please.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from enum import Enum

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    initialize,
    invariant,
    precondition,
    rule,
)

from releasetrain.calendars.rules.windows import Behaviour
from releasetrain.rollouts.rules.commands import Command, CommandKind, command
from releasetrain.rollouts.rules.guardrails import Counts
from releasetrain.rollouts.rules.machine import tick
from releasetrain.rollouts.rules.rollback import roll_back
from releasetrain.rollouts.rules.snapshot import (
    Block,
    Call,
    Intent,
    Observed,
    Outcome,
    Readings,
    Snapshot,
    Step,
)
from releasetrain.rollouts.rules.states import (
    MOVING_STATES,
    TERMINAL_STATES,
    TRANSITIONS,
    HoldKind,
    RolloutState,
)
from releasetrain.rollouts.rules.windows import OpenWindow
from tests.rollouts.rules.world import START, Target, counts, ladder, rollout

HEALTH = st.sampled_from([True, True, True, True, None, False])
ENDINGS = {CommandKind.ROLLBACK, CommandKind.CANCEL, CommandKind.REJECT}
WEIGHTS = (1, 10, 50, 100)
# Asking for the end of it all too often would keep histories short.
ASKED = st.sampled_from([*CommandKind, *(sorted(set(CommandKind) - ENDINGS) * 3)])
OUTSIDE = st.sampled_from([None, None, None, HoldKind.BARRIER])
WINDOWS = st.lists(
    st.builds(
        OpenWindow,
        id=st.integers(1, 3),
        behaviour=st.sampled_from([*Behaviour, Behaviour.HOLD]),
        reason=st.just("“Freeze” stops this: audit."),
        until=st.sampled_from([None, START + timedelta(hours=1), START + timedelta(hours=40)]),
        is_soft=st.booleans(),
        stops_the_line=st.booleans(),
    ),
    max_size=2,
)


class Fate(Enum):
    """Say how far a worker gets; calls are made after the commit."""

    ANSWERED = "answered"
    ANSWER_LOST = "answer lost"
    CALLS_LATE = "calls late"
    CALLS_LOST = "calls lost"
    CRASHES_BEFORE_COMMIT = "crashes before commit"


class Histories(RuleBasedStateMachine):
    """Interleave workers, operators and faults over one row and one fenced target."""

    stalled = Bundle("stalled")
    calls = Bundle("calls")

    @initialize(
        bake=st.sampled_from([600, 900]),
        approval=st.sampled_from([(), (50,)]),
        ticks=st.sampled_from([0, 1, 2, 3, 4, 30, 100, 200, 280]),
    )
    def begin(self, bake: int, approval: tuple[int, ...], ticks: int) -> None:
        self.row = rollout(ladder=ladder(*WEIGHTS, bake=bake, approval=approval))
        self.now = START
        self.target = Target()
        self.call: Call | None = None
        self.counted_at = START
        self.ratio = 1.0
        self.transitions: list[tuple[RolloutState, RolloutState]] = []
        self.baked_from: datetime | None = None
        self.was_cut_short = False
        self.rolled_back_fence: int | None = None
        self.windows: tuple[OpenWindow, ...] = ()
        self.turn_at: datetime | None = None
        self.undecided = ""
        self.must_return = ""
        self.compensating = ""
        self.go_on(ticks)

    # -- time and the world

    @rule(seconds=st.sampled_from([0, 0.05, 0.2, 1, 2, 10, 10, 10, 30, 120, 3600]))
    def time_passes(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    @rule()
    def time_passes_until_it_is_due(self) -> None:
        if self.row.next_due_at is not None:
            self.now = max(self.now, self.row.next_due_at)

    @rule(ratio=st.sampled_from([1.0, 1.0, 30.0]))
    def the_candidate_changes(self, ratio: float) -> None:
        self.ratio = ratio

    @rule(weight=st.sampled_from([0, 3, 100]))
    def somebody_else_moves_traffic(self, weight: int) -> None:
        self.target.weight = weight

    @rule(answers=st.sampled_from([None, None, Outcome.UNKNOWN]), is_reachable=st.booleans())
    def the_driver_changes(self, answers: Outcome | None, *, is_reachable: bool) -> None:
        self.target.answers, self.target.is_reachable = answers, is_reachable

    @rule(windows=WINDOWS)
    def windows_open_and_end(self, windows: list[OpenWindow]) -> None:
        self.windows = tuple(windows)

    @rule()
    def every_window_ends(self) -> None:
        self.windows = ()

    @rule(seconds=st.sampled_from([None, 0, 30, 60]), undecided=st.sampled_from(["", "", "Needs a go."]))
    def the_line_and_the_decision_change(self, seconds: int | None, undecided: str) -> None:
        self.turn_at = None if seconds is None else self.now + timedelta(seconds=seconds)
        self.undecided = undecided

    @rule(reason=st.sampled_from(["", "", "Ledger, aboard the same departure, was rolled back."]))
    def the_rest_of_the_departure_changes(self, reason: str) -> None:
        self.must_return = reason

    @rule(left=st.sampled_from(["", "", "A flag has to be set back first."]))
    def what_has_to_be_set_back_changes(self, left: str) -> None:
        self.compensating = left

    @rule()
    def a_newer_version_takes_its_place(self) -> None:
        """As launching the newer one writes it: under a higher fence, so that a claim before it is lost."""
        if self.row.state not in TERMINAL_STATES:
            self.row = replace(self.row, is_superseded=True, fence=self.row.fence + 1, next_due_at=self.now)

    # -- workers

    @rule(
        target=calls,
        fate=st.sampled_from(list(Fate)),
        measures=st.sampled_from([True, True, True, False]),
        stable=HEALTH,
        candidate=HEALTH,
        outside=OUTSIDE,
    )
    def a_worker_ticks(
        self,
        *,
        fate: Fate,
        measures: bool,
        stable: bool | None,
        candidate: bool | None,
        outside: HoldKind | None,
    ) -> tuple[Intent, ...]:
        """Claim, read, decide, commit and call, and die somewhere in between."""
        self.time_passes_until_it_is_due()
        claimed = self.claim()
        blocks = (Block(kind=outside, reason="Not now."),) if outside else ()
        readings = replace(
            self.read(measures=measures), stable_healthy=stable, candidate_healthy=candidate, blocks=blocks
        )
        step = self.decide(claimed, readings)
        if fate is Fate.CRASHES_BEFORE_COMMIT:
            return ()
        intents = self.commit(step)
        if fate is Fate.CALLS_LATE:
            return intents
        if fate is not Fate.CALLS_LOST:
            self.deliver(intents, is_answered=fate is Fate.ANSWERED)
        return ()

    @rule(ticks=st.integers(1, 70))
    def workers_go_on_undisturbed(self, ticks: int) -> None:
        self.go_on(ticks)

    @rule(target=stalled)
    def a_worker_decides_and_is_stopped(self) -> Step:
        return self.decide(self.claim(), self.read())

    @rule(target=calls, step=consumes(stalled))
    def the_stopped_worker_wakes_up(self, step: Step) -> tuple[Intent, ...]:
        """Its write carries its fence: it finds no row once anybody else has claimed or decided."""
        before = step.before
        is_mine = (before.fence, before.seq, before.state) == (self.row.fence, self.row.seq, self.row.state)
        if not is_mine:
            return ()
        assert not self.row.holds or step.snapshot.desired_weight <= self.row.desired_weight
        return self.commit(step)

    @rule(target=calls, kind=ASKED)
    def somebody_asks_between_decision_and_commit(self, kind: CommandKind) -> tuple[Intent, ...]:
        self.time_passes_until_it_is_due()
        decided = self.decide(self.claim(), self.read())
        intents = self.ask(kind, self.row.seq)
        if intents is None:
            return self.commit(decided)
        unseen = replace(self.row, windows=decided.before.windows)
        assert decided.before.fence < self.row.fence or unseen == decided.before
        return intents

    @rule(intents=consumes(calls))
    def late_calls_arrive(self, intents: tuple[Intent, ...]) -> None:
        self.deliver(intents)

    def go_on(self, ticks: int) -> None:
        for _ in range(ticks):
            self.time_passes_until_it_is_due()
            self.deliver(self.commit(self.decide(self.claim(), self.read())))

    def claim(self) -> Snapshot:
        self.row = replace(self.row, fence=self.row.fence + 1)
        return self.row

    def read(self, *, measures: bool = True) -> Readings:
        return Readings(
            observed=self.read_back(self.now),
            call=self.call,
            counts={"errors": self.count()} if measures else {},
            stable_healthy=True,
            candidate_healthy=True,
            driver_healthy=True,
            rollback_ready=True,
            is_go=True,
            windows=self.windows,
            turn_at=self.turn_at,
            undecided=self.undecided,
            must_return=self.must_return,
            compensating=self.compensating,
        )

    def decide(self, claimed: Snapshot, readings: Readings) -> Step:
        step = tick(claimed, readings, self.now)
        self.check(step)
        self.check_demands(step)
        self.check_windows(step, readings.windows)
        self.check_repeated(step, tick(step.snapshot, readings, self.now))
        return step

    def deliver(self, intents: tuple[Intent, ...], *, is_answered: bool = True) -> None:
        for intent in intents:
            outcome = self.target.apply(intent.weight, intent.fence)
            if is_answered and self.call is not None and self.call.fence == intent.fence:
                self.call = replace(self.call, outcome=outcome)

    # -- people

    @rule(target=calls, kind=ASKED, is_stale=st.sampled_from([False, False, True]))
    def somebody_asks(self, kind: CommandKind, *, is_stale: bool) -> tuple[Intent, ...]:
        return self.ask(kind, self.row.seq - is_stale) or ()

    def ask(self, kind: CommandKind, seq: int) -> tuple[Intent, ...] | None:
        """Give a command; None where it is refused."""
        asked = Command(kind=kind, by="Ada", reason="Because.", expected_seq=seq, second="Bob")
        answer = command(replace(self.row, windows=self.windows), asked, self.now)
        if not isinstance(answer, Step):
            return None
        self.check_windows(answer, self.windows)
        if answer.transitions and kind in (
            CommandKind.SKIP_BAKE,
            CommandKind.PROMOTE_FULL,
            CommandKind.PROMOTE,
        ):
            self.was_cut_short = kind is not CommandKind.PROMOTE
        return self.commit(answer)

    @precondition(lambda self: self.row.state in MOVING_STATES)
    @rule(target=calls, is_meant=st.sampled_from([False, False, False, True]))
    def somebody_rolls_back_inline(self, *, is_meant: bool) -> tuple[Intent, ...]:
        before = self.row
        step = roll_back(before, "Rolled back.", self.now)
        assert step.snapshot.state is RolloutState.ROLLING_BACK
        assert step.snapshot.desired_weight == 0
        assert step.intents[0].fence > before.fence
        return self.commit(step) if is_meant else ()

    # -- what the world does by itself

    def read_back(self, when: datetime) -> Observed:
        if not self.target.is_reachable:
            return Observed(at=when, weight=None)
        return Observed(at=when, weight=self.target.weight, fence=self.target.fence)

    def count(self) -> tuple[Counts, ...]:
        seconds = (self.now - self.counted_at).total_seconds()
        if seconds <= 0:
            return ()
        self.counted_at = self.now
        return (counts(self.now, self.target.weight, seconds, ratio=self.ratio),)

    def commit(self, step: Step) -> tuple[Intent, ...]:
        self.check_commit(step)
        self.row = step.snapshot
        for intent in step.intents:
            self.call = Call(fence=intent.fence, asked_at=self.now)
        return step.intents

    # -- what must never be

    def check(self, step: Step) -> None:
        before, after = step.before, step.snapshot
        assert after.fence >= before.fence
        assert after.bake_credit_seconds >= (0 if step.transitions else before.bake_credit_seconds)
        fences = [intent.fence for intent in step.intents]
        assert all(fence > before.fence for fence in fences)
        assert all(intent.weight == after.desired_weight for intent in step.intents)
        assert {0, after.ladder.stage(after.stage_index).weight} >= {after.desired_weight}
        assert len({hold.kind for hold in after.holds}) == len(after.holds)
        if after.desired_weight > before.desired_weight:
            assert after.holds == (), "advanced while held"
        if before.state in TERMINAL_STATES:
            assert (after.state, step.intents, step.transitions) == (before.state, (), ())
        if after.state in TERMINAL_STATES:
            assert after.next_due_at is None
        elif after.state is not RolloutState.QUEUED:
            assert after.next_due_at is not None

    def check_demands(self, step: Step) -> None:
        """T9, T10: what is demanded back gets nobody more, and nothing ends before all is set back."""
        before, after = step.before, step.snapshot
        if self.must_return or before.is_superseded:
            assert after.desired_weight <= before.desired_weight, "advanced although it must come back"
        is_over = before.state is RolloutState.ROLLING_BACK and after.state in TERMINAL_STATES
        if is_over:
            assert not self.compensating, "ended before all was set back"
            assert self.target.weight == 0

    def check_windows(self, step: Step, windows: tuple[OpenWindow, ...]) -> None:
        """W1, W12: no user more while a window is open, but for one that lets a running rollout finish."""
        if step.snapshot.desired_weight > step.before.desired_weight:
            assert all(one.behaviour is Behaviour.FINISH_ROLLOUT for one in windows), "advanced in a window"
            assert step.before.state in MOVING_STATES or not windows, "started in a window"
        if step.snapshot.bake_credit_seconds > step.before.bake_credit_seconds:
            lets_bake = (Behaviour.FINISH_STAGE, Behaviour.FINISH_ROLLOUT)
            assert all(one.behaviour in lets_bake for one in windows), "baked in a window"

    def check_repeated(self, once: Step, again: Step) -> None:
        """A tick that is repeated at the same instant with the same readings adds nothing."""
        if once.transitions:
            # The next state may have something to do at once; it has been reached only once.
            return
        assert again.snapshot.state is once.snapshot.state
        assert again.snapshot.bake_credit_seconds == once.snapshot.bake_credit_seconds
        assert again.snapshot.guardrail_states == once.snapshot.guardrail_states
        assert again.intents == ()

    def check_commit(self, step: Step) -> None:
        for one in step.transitions:
            assert one.to_state in TRANSITIONS[one.from_state]
            assert one.seq == step.before.seq + 1
            self.transitions.append((one.from_state, one.to_state))
            self.check_bake(step, one.to_state)

    def check_bake(self, step: Step, to_state: RolloutState) -> None:
        if to_state in (RolloutState.BAKING, RolloutState.SOAKING):
            self.baked_from = step.snapshot.state_entered_at
        went_on = to_state in (RolloutState.SHIFTING, RolloutState.SUCCEEDED)
        if went_on and self.baked_from is not None:
            lasted = (step.snapshot.state_entered_at - self.baked_from).total_seconds()
            needed = step.before.stage.bake_seconds
            assert self.was_cut_short or lasted >= needed
            assert self.was_cut_short or step.before.bake_credit_seconds + 20 >= needed
            self.was_cut_short = False
        if to_state is RolloutState.ROLLING_BACK:
            self.rolled_back_fence = step.snapshot.weight_fence

    @invariant()
    def a_rollback_is_always_possible(self) -> None:
        if self.row.state in MOVING_STATES:
            assert roll_back(self.row, "Now.", self.now).snapshot.state is RolloutState.ROLLING_BACK

    @invariant()
    def no_weight_is_set_after_a_rollback(self) -> None:
        fence = self.rolled_back_fence
        if fence is not None:
            assert all(weight == 0 for weight, under in self.target.applied if under >= fence)

    @invariant()
    def the_target_knows_no_fence_that_the_row_does_not(self) -> None:
        assert self.target.fence <= self.row.fence

    @invariant()
    def what_is_over_stays_over(self) -> None:
        assert not any(before in TERMINAL_STATES for before, _ in self.transitions)
        if self.row.state in TERMINAL_STATES:
            assert self.row.holds == ()
            assert self.row.next_due_at is None

    @invariant()
    def a_verified_rollback_left_nobody_behind(self) -> None:
        asked = [weight for weight, under in self.target.applied if under <= self.row.fence]
        if self.row.state is RolloutState.ROLLED_BACK and self.row.stuck_at is None:
            assert asked[-1] == 0


TestHistories = Histories.TestCase
TestHistories.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)
