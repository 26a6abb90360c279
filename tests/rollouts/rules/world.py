"""A small world for the machine: a clock, a fenced target, counted traffic, and the row that is claimed."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from releasetrain.calendars.rules.windows import Behaviour
from releasetrain.rollouts.rules.guardrails import Counts, Guardrail
from releasetrain.rollouts.rules.ladder import DEFAULT_LADDER, Ladder, Stage
from releasetrain.rollouts.rules.machine import tick
from releasetrain.rollouts.rules.snapshot import Call, EventKind, Observed, Outcome, Readings, Snapshot, Step
from releasetrain.rollouts.rules.states import TERMINAL_STATES, RolloutState
from releasetrain.rollouts.rules.windows import OpenWindow

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ERRORS = Guardrail(name="Errors", metric="errors")
REQUESTS_PER_SECOND = 100.0
BAD_RATE = 0.005


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def window(**fields: Any) -> OpenWindow:
    """Make a window that is open, by default one that holds without a known end."""
    fields.setdefault("behaviour", Behaviour.HOLD)
    fields.setdefault("reason", "“Freeze” stops this: audit.")
    return OpenWindow(**{"id": 1, **fields})


def ladder(*weights: int, bake: float = 600, approval: tuple[int, ...] = ()) -> Ladder:
    return Ladder(tuple(Stage(weight, bake, weight in approval) for weight in weights))


def rollout(**fields: Any) -> Snapshot:
    """Make a rollout that waits in the queue, with one required guardrail."""
    fields.setdefault("state", RolloutState.QUEUED)
    fields.setdefault("state_entered_at", START)
    fields.setdefault("ladder", DEFAULT_LADDER)
    fields.setdefault("guardrails", (ERRORS,))
    return Snapshot(id=1, **fields)


def counts(
    when: datetime, weight: float, seconds: float = 10, *, ratio: float = 1.0, rate: float = BAD_RATE
) -> Counts:
    """Count steady traffic, split by weight; the candidate is `ratio` times as bad."""
    units = REQUESTS_PER_SECOND * seconds
    mine, others = units * weight / 100, units * (100 - weight) / 100
    return Counts(
        at=when,
        candidate_units=mine,
        candidate_bad=min(mine, mine * rate * ratio),
        baseline_units=others,
        baseline_bad=others * rate,
    )


@dataclass
class Target:
    """What users get; like the flag and proxy drivers it refuses an older fence."""

    weight: int = 0
    fence: int = 0
    is_reachable: bool = True
    answers: Outcome | None = None
    applied: list[tuple[int, int]] = field(default_factory=list)

    def apply(self, weight: int, fence: int) -> Outcome:
        if self.answers is not None:
            return self.answers
        if fence < self.fence:
            return Outcome.REFUSED
        self.weight, self.fence = weight, fence
        self.applied.append((weight, fence))
        return Outcome.CONFIRMED


@dataclass
class World:
    """Drive one rollout tick by tick, as a worker would: claim, read, decide, commit, call."""

    snapshot: Snapshot
    now: datetime = START
    target: Target = field(default_factory=Target)
    call: Call | None = None
    ratio: float = 1.0
    rate: float = BAD_RATE
    measures: bool = True
    given: dict[str, Any] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    counted_at: datetime = START

    def readings(self, **changes: Any) -> Readings:
        target = self.target
        readings = Readings(
            observed=Observed(
                at=self.now,
                weight=target.weight if target.is_reachable else None,
                fence=target.fence if target.is_reachable else None,
            ),
            call=self.call,
            counts={"errors": self.count()},
            stable_healthy=True,
            candidate_healthy=True,
            driver_healthy=True,
            rollback_ready=True,
            is_go=True,
        )
        return replace(readings, **(self.given | changes))

    def count(self) -> tuple[Counts, ...]:
        seconds = (self.now - self.counted_at).total_seconds()
        if seconds <= 0 or not self.measures:
            return ()
        self.counted_at = self.now
        return (counts(self.now, self.target.weight, seconds, ratio=self.ratio, rate=self.rate),)

    def tick(self, **changes: Any) -> Step:
        """Claim (a higher fence), decide, commit, and call the driver."""
        claimed = replace(self.snapshot, fence=self.snapshot.fence + 1)
        return self.commit(tick(claimed, self.readings(**changes), self.now))

    def commit(self, step: Step) -> Step:
        self.snapshot = step.snapshot
        self.steps.append(step)
        for intent in step.intents:
            outcome = self.target.apply(intent.weight, intent.fence)
            self.call = Call(fence=intent.fence, asked_at=self.now, outcome=outcome)
        return step

    def wait(self, seconds: float) -> "World":
        self.now += timedelta(seconds=seconds)
        return self

    def run(self, until: Callable[[Snapshot], bool] | None = None, *, limit: int = 2000) -> "World":
        """Tick whenever due, until a condition or the end holds."""
        until = until or (lambda snapshot: snapshot.state in TERMINAL_STATES)
        for _ in range(limit):
            if until(self.snapshot):
                return self
            if self.steps and self.snapshot.next_due_at is not None:
                self.now = max(self.now, self.snapshot.next_due_at)
            self.tick()
        raise AssertionError(f"still {self.snapshot.state} after {limit} ticks: {self.steps[-1].waiting}")

    def run_to(self, state: RolloutState, weight: int | None = None) -> "World":
        return self.run(lambda one: one.state is state and (weight is None or one.desired_weight == weight))

    @property
    def log(self) -> list[str]:
        """Return each transition as "T5 baking → shifting 5 %"."""
        return [
            f"{one.rule} {one.from_state} → {one.to_state} {one.weight} %"
            for step in self.steps
            for one in step.transitions
        ]

    @property
    def holds_told(self) -> list[object]:
        """Return the kind of each hold that was told when it opened."""
        return [
            event.data["hold"]
            for step in self.steps
            for event in step.events
            if event.kind is EventKind.HOLD_OPENED
        ]

    @property
    def told(self) -> list[str]:
        return [event.kind.value for step in self.steps for event in step.events]
