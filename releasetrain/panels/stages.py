"""Draw the track: how far a rollout or a departure has come, and how it looks where it stands."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Prefetch, QuerySet

from releasetrain.panels.shapes import Mark, Stage
from releasetrain.rollouts.models import Hold, Rollout
from releasetrain.rollouts.rules.states import MOVING_STATES, WAITING_STATES, RolloutState
from releasetrain.trains.rules.ladder import mirror_of, segment_of, share_words

R = RolloutState
RETURNED = frozenset({R.ROLLING_BACK, R.ROLLED_BACK, R.SUPERSEDED})
# The one that says most about a departure comes first: what is coming back, what moves, what waits.
URGENCY = (
    R.ROLLING_BACK,
    R.ROLLED_BACK,
    *MOVING_STATES,
    *WAITING_STATES,
    R.SUPERSEDED,
    R.CANCELLED,
    R.SUCCEEDED,
)


@dataclass(frozen=True, slots=True)
class Moving:
    """A rollout with its open holds, as the board and the pages need it."""

    rollout: Rollout
    holds: tuple[Hold, ...] = ()

    @property
    def is_held(self) -> bool:
        return bool(self.holds)

    @property
    def state(self) -> RolloutState:
        return R(self.rollout.state)

    @property
    def shown_state(self) -> str:
        """Say held where something holds it on its way forward; a rollback is never held."""
        is_holdable = self.state in MOVING_STATES or self.state in WAITING_STATES
        return "held" if self.is_held and is_holdable else self.state.value

    @property
    def bake_ends_at(self) -> datetime | None:
        """Forecast the end of the bake while it runs: what is left, counted from the last credit."""
        rollout = self.rollout
        if self.is_held or self.state not in {R.BAKING, R.SOAKING} or rollout.last_credit_at is None:
            return None
        return whole_second(rollout.last_credit_at + timedelta(seconds=self.seconds_left))

    @property
    def seconds_left(self) -> float:
        return max(0.0, self.rollout.bake_needed_seconds - self.rollout.bake_credit_seconds)

    @property
    def bake_percent(self) -> int:
        needed = self.rollout.bake_needed_seconds
        is_baking = self.state in {R.BAKING, R.SOAKING} and needed > 0
        return min(100, int(100 * self.rollout.bake_credit_seconds / needed)) if is_baking else 0

    @property
    def next_weight(self) -> int | None:
        ladder, following = self.rollout.ladder, self.rollout.stage_index + 1
        return (
            int(ladder[following]["weight"])
            if self.state in MOVING_STATES and following < len(ladder)
            else None
        )


def moving_of(rollouts: QuerySet[Rollout]) -> list[Moving]:
    """Load rollouts with their targets and open holds, in the order in which they were made."""
    is_open = Hold.objects.filter(cleared_at__isnull=True).select_related("opened_by")
    rows = rollouts.select_related(
        "target__service", "target__environment", "target__standing", "departure__train"
    )
    rows = rows.prefetch_related(Prefetch("holds", is_open, to_attr="open_holds"))
    return [Moving(row, tuple(row.open_holds)) for row in rows.order_by("created_at", "pk")]


def whole_second(instant: datetime) -> datetime:
    """Round to the second, so that equal forecasts are equal."""
    return (instant + timedelta(microseconds=500_000)).replace(microsecond=0)


def pending(ladder: Iterable[Mapping[str, Any]]) -> list[Stage]:
    """Draw a ladder on which nothing has moved."""
    return [Stage(int(stage["weight"]), note=note_of(stage)) for stage in ladder]


def finished(ladder: Iterable[Mapping[str, Any]]) -> list[Stage]:
    """Draw a ladder that was climbed to its end."""
    return [Stage(int(stage["weight"]), "done", note=note_of(stage)) for stage in ladder]


def stages_of(moving: Moving) -> list[Stage]:
    """Draw one rollout's track."""
    state, ladder, at = moving.state, moving.rollout.ladder, moving.rollout.stage_index
    if state is R.SUCCEEDED:
        return finished(ladder)
    if state in WAITING_STATES or state is R.CANCELLED:
        return pending(ladder)
    if state in RETURNED:
        return [
            Stage(int(one["weight"]), "rolled_back" if index <= at else "pending", note=note_of(one))
            for index, one in enumerate(ladder)
        ]
    here: Mark = "held" if moving.is_held else "current"
    return [
        Stage(
            int(one["weight"]),
            "done" if index < at else here if index == at else "pending",
            bake_percent=moving.bake_percent if index == at else 0,
            note=note_of(one),
        )
        for index, one in enumerate(ladder)
    ]


def note_of(stage: Mapping[str, Any]) -> str:
    """Say whom a stage is for where it is not for everybody: a segment, or nobody but a shadow."""
    return share_words(stage) if mirror_of(stage) else segment_of(stage)


def mirror_now(rollout: Rollout) -> int:
    """Return the percentage of requests that are copied to the new version now."""
    at, ladder = rollout.stage_index, rollout.ladder
    is_moving = R(rollout.state) in MOVING_STATES and rollout.kind == "forward"
    return mirror_of(ladder[at]) if is_moving and 0 <= at < len(ladder) else 0


def segment_now(rollout: Rollout) -> str:
    """Return the segment that a rollout's weight is a share of now, "" where it is everybody."""
    at, ladder = rollout.stage_index, rollout.ladder
    return segment_of(ladder[at]) if rollout.desired_weight and 0 <= at < len(ladder) else ""


def leading(rollouts: Sequence[Moving]) -> Moving | None:
    """Pick the rollout that a departure is told by: what comes back, else what has come least far."""
    forward = [one for one in rollouts if one.rollout.kind == "forward"]
    return min(
        forward,
        key=lambda one: (
            URGENCY.index(one.state) if one.state not in MOVING_STATES else 2,
            one.rollout.stage_index,
        ),
        default=None,
    )


def clock_words(seconds: float) -> str:
    """Write a length as a clock does: 07:31, 1 h 22:46."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes:02}:{rest:02}" if hours else f"{minutes:02}:{rest:02}"
