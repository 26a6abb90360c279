"""Hold the values that go into the machine and come out of it; they mirror the rows, and hide nothing."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from releasetrain.rollouts.rules.guardrails import (
    Counts,
    Guardrail,
    GuardrailKind,
    GuardrailState,
    Judgement,
)
from releasetrain.rollouts.rules.ladder import Ladder, Stage
from releasetrain.rollouts.rules.new_errors import NewError
from releasetrain.rollouts.rules.states import MOVING_STATES, HoldKind, RolloutKind, RolloutState
from releasetrain.rollouts.rules.windows import OpenWindow

INTERVAL_SECONDS = 10.0
WARM_UP_SECONDS = 30.0
MOST_OF_A_SEGMENT = 50
# Two agreeing read-backs must lie this far apart before a weight counts as verified.
VERIFIED_AFTER = timedelta(seconds=1)
# A share of users may take this long to arrive, unless the driver says that it needs longer.
PATIENCE_SECONDS = 60.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Say what stops a rollout from advancing, since when, until when, and by whom.

    `resumes_at` is when it is its turn to go on, once the window that held it is over.
    """

    kind: HoldKind
    reason: str
    opened_at: datetime
    until: datetime | None = None
    opened_by: str = ""
    resumes_at: datetime | None = None

    @property
    def stops_the_clock(self) -> bool:
        """Tell whether the overall deadline stands still: others are waited for, this rollout is not late."""
        is_outside = self.kind in (HoldKind.BLACKOUT, HoldKind.HOTFIX, HoldKind.BARRIER)
        return is_outside or (self.kind is HoldKind.OPERATOR and not self.opened_by)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """One rollout as it stands: what traffic should be, what it was last seen to be, and the evidence.

    `weight_fence` is the fence under which `desired_weight` was decided; a read-back under an older one
    proves nothing. `agreed_at` is the first of the read-backs that agree without a break. `deadline_at` is
    when this state gives up: preflight and shifting have one from the start, later states while the driver
    cannot be read. `bake_needed_seconds` starts as the stage's bake time and grows when the bake is extended.
    `approved_stage` is the highest stage that somebody approved. `settle_seconds` is how long 0 is
    re-asserted after a rollback on targets that cannot refuse a late write (unfenced drivers),
    `patience_seconds` how long a weight may take to arrive. `windows` are
    those that are open over it now, `acknowledged_windows` the ids of soft ones that somebody has accepted
    for it on its way; `zone` is the one whose clocks its sentences use. `is_window_return` says that a window
    took it back: no failure of its version. `makes_way` says that it gave up its target for something more
    urgent and comes again at the same stage; `is_hotfix` that it is that urgent.
    """

    id: int
    state: RolloutState
    state_entered_at: datetime
    ladder: Ladder
    kind: RolloutKind = RolloutKind.FORWARD
    is_accelerated: bool = False
    is_superseded: bool = False
    makes_way: bool = False
    is_hotfix: bool = False
    stage_index: int = 0
    approved_stage: int = -1
    desired_weight: int = 0
    observed_weight: int | None = None
    observed_at: datetime | None = None
    agreed_at: datetime | None = None
    weight_fence: int = 0
    fence: int = 0
    seq: int = 0
    bake_credit_seconds: float = 0.0
    bake_needed_seconds: float = 0.0
    last_credit_at: datetime | None = None
    starts_at: datetime | None = None
    deadline_at: datetime | None = None
    overall_deadline_at: datetime | None = None
    next_due_at: datetime | None = None
    data_fresh_at: datetime | None = None
    holds: tuple[Hold, ...] = ()
    drift_reasserted: bool = False
    rollback_attempts: int = 0
    stuck_at: datetime | None = None
    settle_seconds: float = 0.0
    patience_seconds: float = PATIENCE_SECONDS
    reason: str = ""
    guardrails: tuple[Guardrail, ...] = ()
    guardrail_states: Mapping[str, GuardrailState] = field(default_factory=dict)
    windows: tuple[OpenWindow, ...] = ()
    acknowledged_windows: tuple[int, ...] = ()
    is_window_return: bool = False
    zone: str = "UTC"

    @property
    def stage(self) -> Stage:
        return self.ladder.stage(self.stage_index)

    @property
    def mirror(self) -> int:
        """Return the percentage of requests that should be copied to the new version now."""
        is_moving = self.state in MOVING_STATES and self.kind is RolloutKind.FORWARD
        return self.stage.mirror if is_moving else 0

    def decides(self, guardrail: Guardrail) -> bool:
        """Tell whether a guardrail counts now; what copies tell counts while there are copies.

        A share of copies is no share of users, and a service may leave out what is marked as a copy.
        """
        if guardrail.is_of_copies and not self.mirror:
            return False
        if self.mirror and guardrail.kind is GuardrailKind.SAMPLE_RATIO:
            return False
        return guardrail.decides_at(self.judged_weight)

    @property
    def is_last_stage(self) -> bool:
        return self.stage_index >= self.ladder.last_index

    @property
    def judged_weight(self) -> int:
        """Return the weight that guardrails judge by: beside a segment there are always other users.

        A shadow's share is that of the copies among all requests that either version answers.
        """
        if mirror := self.mirror:
            return max(1, round(100 * mirror / (100 + mirror)))
        return min(self.desired_weight, MOST_OF_A_SEGMENT) if self.stage.segment else self.desired_weight

    @property
    def interval_seconds(self) -> float:
        """Return how often a stage is looked at; an accelerated bake is looked at more often."""
        if not self.is_accelerated:
            return INTERVAL_SECONDS
        return min(INTERVAL_SECONDS, max(1.0, self.stage.bake_seconds / 20))

    @property
    def warm_up_seconds(self) -> float:
        """Return how long plain thresholds look away after a shift; never more than a part of the bake."""
        return WARM_UP_SECONDS if not self.is_accelerated else min(WARM_UP_SECONDS, self.interval_seconds)

    @property
    def is_verified(self) -> bool:
        """Tell whether the wanted weight was read back twice, far enough apart, and never contradicted."""
        if self.agreed_at is None or self.observed_at is None:
            return False
        return self.observed_at - self.agreed_at >= VERIFIED_AFTER

    def hold(self, kind: HoldKind) -> Hold | None:
        """Return the open hold of a kind."""
        return next((hold for hold in self.holds if hold.kind is kind), None)

    def state_of(self, guardrail: Guardrail) -> GuardrailState:
        return self.guardrail_states.get(guardrail.name, GuardrailState())


class Outcome(StrEnum):
    """How a driver answered; UNKNOWN is a timeout, a reset or a 5xx, and proves nothing either way."""

    CONFIRMED = "confirmed"
    ACCEPTED = "accepted"
    REFUSED = "refused"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Observed:
    """Say what was read back from the target; no weight means that it could not be read.

    `fence` is the highest fence the target has stored, or None where it stores none; `mirror` is the
    percentage of requests that it copies, None where it cannot.
    """

    at: datetime
    weight: int | None
    fence: int | None = None
    mirror: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """Say what became of the newest intent: no outcome yet means on its way, or lost with its worker."""

    fence: int
    asked_at: datetime
    outcome: Outcome | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """Say that another service or the rest of the bundle forbids advancing now."""

    kind: HoldKind
    reason: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Detour:
    """Say what a hotfix asks of a rollout: to stand aside, or to contain it (RULES H2, H3).

    One that has failed asks for a person, who decides whether the rollout comes again.
    """

    reason: str
    has_failed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """Everything one tick learns from outside; a None is "not known" and never good news.

    `counts` are the points per metric since the last tick (in preflight: the last minutes of the baseline),
    `new_errors` the error lines that only the candidate has had, None where nobody sends any.
    `must_return` is a sentence when something else demands this rollout back (a member of its group failed,
    or `must_return_for_window` was taken back by a window alone).
    `is_provider_incident` says that many rollouts lost the same source of measurements at once, and
    `provider_outage` which. `turn_at` is
    when it is this rollout's turn after a window, `undecided` says why the decision to go no longer stands.
    `is_target_free` is false while somebody else has the target or stands before it in the line, `waits_for`
    says whom for; `may_take` that whoever has it makes way for this one. `undrivable` says what of the ladder
    the driver cannot do, `compensating` what has to be set back besides traffic before a rollback is over.
    """

    observed: Observed | None = None
    call: Call | None = None
    counts: Mapping[str, Sequence[Counts]] = field(default_factory=dict)
    new_errors: tuple[NewError, ...] | None = None
    stable_healthy: bool | None = None
    candidate_healthy: bool | None = None
    driver_healthy: bool | None = None
    rollback_ready: bool | None = None
    is_go: bool = False
    is_target_free: bool = True
    waits_for: str = ""
    may_take: bool = False
    detour: Detour | None = None
    blocks: tuple[Block, ...] = ()
    must_return: str = ""
    must_return_for_window: bool = False
    is_provider_incident: bool = False
    provider_outage: str = ""
    windows: tuple[OpenWindow, ...] = ()
    turn_at: datetime | None = None
    undecided: str = ""
    undrivable: str = ""
    compensating: str = ""


class IntentAction(StrEnum):
    """What is asked of a driver."""

    APPLY = "apply"
    ROLLBACK = "rollback"


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """Ask for a weight, written down before the driver is called.

    `rung` is how far down the ladder of drivers (flag, proxy, command) a stuck rollback has to reach: every
    driver up to it is tried.
    """

    action: IntentAction
    weight: int
    fence: int
    rung: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One step from state to state, numbered without gaps, with the rule of ENGINE that it follows."""

    seq: int
    rule: str
    from_state: RolloutState
    to_state: RolloutState
    stage_index: int
    weight: int
    fence: int
    bake_credit_seconds: float
    reason: str
    at: datetime


class EventKind(StrEnum):
    """What people and logs are told; the values are the kinds of `events`."""

    PREFLIGHT_STARTED = "rollouts.preflight.started"
    SHIFT_STARTED = "rollouts.shift.started"
    BAKE_STARTED = "rollouts.bake.started"
    BAKE_EXTENDED = "rollouts.bake.extended"
    BAKE_SKIPPED = "rollouts.bake.skipped"
    SOAK_STARTED = "rollouts.soak.started"
    ROLLOUT_SUCCEEDED = "rollouts.rollout.succeeded"
    ROLLOUT_CANCELLED = "rollouts.rollout.cancelled"
    WAY_MADE = "rollouts.rollout.made_way"
    ROLLBACK_STARTED = "rollouts.rollback.started"
    ROLLBACK_STUCK = "rollouts.rollback.stuck"
    ROLLBACK_FINISHED = "rollouts.rollback.finished"
    WEIGHT_REASSERTED = "rollouts.weight.reasserted"
    HOLD_OPENED = "rollouts.hold.opened"
    HOLD_CLEARED = "rollouts.hold.cleared"
    STAGE_APPROVED = "rollouts.stage.approved"
    GUARDRAIL_DISMISSED = "rollouts.guardrail.dismissed"


@dataclass(frozen=True, slots=True, kw_only=True)
class StepEvent:
    """Tell what happened; `pages` asks for somebody on call."""

    kind: EventKind
    data: Mapping[str, str | int | float]
    pages: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What one decision changes: the rollout after it, and what must be written and asked because of it.

    Snapshot, transitions, holds, events, intents and judgements commit together; drivers are called
    afterwards. `waiting` is a sentence that says why nothing advances now; `takes_target` asks whoever has
    the target to make way.
    """

    before: Snapshot
    snapshot: Snapshot
    transitions: tuple[Transition, ...] = ()
    intents: tuple[Intent, ...] = ()
    events: tuple[StepEvent, ...] = ()
    judgements: tuple[Judgement, ...] = ()
    waiting: str = ""
    takes_target: bool = False

    @property
    def next_due_at(self) -> datetime | None:
        return self.snapshot.next_due_at

    @property
    def holds_opened(self) -> tuple[Hold, ...]:
        """Return the holds that are new, or whose reason or end changed."""
        return tuple(hold for hold in self.snapshot.holds if hold not in self.before.holds)

    @property
    def holds_cleared(self) -> tuple[HoldKind, ...]:
        return tuple(hold.kind for hold in self.before.holds if self.snapshot.hold(hold.kind) is None)
