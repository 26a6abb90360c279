"""Say what is wrong with the past of a rollout: the promises of ENGINE section 6, read from its log.

The log of transitions says what was decided, the intents what was about to be asked, and the driver's own
journal what reached the target. All three must tell one story, whatever was killed meanwhile.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from releasetrain.rollouts.rules.ladder import Ladder
from releasetrain.rollouts.rules.snapshot import EventKind
from releasetrain.rollouts.rules.states import (
    MOVING_STATES,
    TERMINAL_STATES,
    TRANSITIONS,
    RolloutKind,
    RolloutState,
)

R = RolloutState
# Both ends of a bake are read from the same clock, but written in different microseconds.
TOLERANCE = timedelta(milliseconds=50)
BAKES = frozenset({R.BAKING, R.SOAKING})
# An event per transition into these states; others are told only sometimes.
TOLD: Mapping[RolloutState, EventKind] = {
    R.SHIFTING: EventKind.SHIFT_STARTED,
    R.BAKING: EventKind.BAKE_STARTED,
    R.SOAKING: EventKind.SOAK_STARTED,
    R.SUCCEEDED: EventKind.ROLLOUT_SUCCEEDED,
    R.CANCELLED: EventKind.ROLLOUT_CANCELLED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Passage:
    """One transition as it stands in the log."""

    seq: int
    rule: str
    from_state: RolloutState
    to_state: RolloutState
    stage_index: int
    weight: int
    fence: int
    bake_credit_seconds: float
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One intent: what was about to be asked of the driver, and since when it was written down."""

    weight: int
    fence: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Set:
    """One call as the target saw it; `is_taken` says that it had its effect."""

    weight: int
    fence: int
    at: datetime
    is_taken: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """Everything that is known of a rollout.

    `sets` are the calls under its own fences, in the order of their arrival, or None where the driver keeps
    no journal. `target_weight` is what the target has now, None where another rollout has moved it since, or
    nobody can read it. `told` counts its events by kind. `is_cut_short` says that somebody shortened a bake.
    """

    name: str
    kind: RolloutKind
    state: RolloutState
    seq: int
    fence: int
    ladder: Ladder
    is_due: bool
    open_holds: int
    is_cut_short: bool
    passages: Sequence[Passage]
    asked: Sequence[Asked]
    sets: Sequence[Set] | None
    target_weight: int | None
    told: Mapping[str, int]


def what_is_wrong(past: Past) -> list[str]:
    """Return a sentence for each promise that this past breaks; none means that all were kept."""
    return [f"{past.name}: {sentence}" for check in CHECKS for sentence in check(past)]


def _log_is_whole(past: Past) -> Iterator[str]:
    """R4: no transition is lost or doubled, and the row stands where its log ends."""
    numbers = [one.seq for one in past.passages]
    if numbers != list(range(1, len(numbers) + 1)):
        yield f"its transitions are numbered {numbers}, not one by one."
    if past.seq != len(numbers):
        yield f"it counts {past.seq} transitions, and its log has {len(numbers)}."
    last = past.passages[-1].to_state if past.passages else R.QUEUED
    if last is not past.state:
        yield f"it is {past.state}, and its log ends with {last}."


def _steps_follow(past: Past) -> Iterator[str]:
    """Section 2: every step is one of the table, and begins where the one before it ended."""
    here = R.QUEUED
    for one in past.passages:
        if one.from_state is not here:
            yield f"transition {one.seq} begins at {one.from_state}, and the one before ended at {here}."
        if one.to_state not in TRANSITIONS[one.from_state]:
            yield f"transition {one.seq} goes from {one.from_state} to {one.to_state}, which no rule allows."
        here = one.to_state


def _fences_rise(past: Past) -> Iterator[str]:
    """R1: what was decided later carries a higher fence, and nothing a higher one than the row."""
    for before, after in pairwise(past.passages):
        if after.fence < before.fence:
            yield f"transition {after.seq} has fence {after.fence}, the one before it had {before.fence}."
    highest = max((one.fence for one in past.asked), default=0)
    if highest > past.fence:
        yield f"an intent has fence {highest}, and the rollout only {past.fence}."


def _stages_in_order(past: Past) -> Iterator[str]:
    """T5: no stage is skipped or repeated, and each has the weight that the plan gives it."""
    shifts = [one for one in past.passages if one.to_state is R.SHIFTING]
    for one in shifts:
        if one.weight != past.ladder.stage(one.stage_index).weight:
            yield f"stage {one.stage_index} was entered with {one.weight} %."
    if past.is_cut_short:
        return
    for one in past.passages:
        if one.from_state is R.BAKING and one.to_state is R.SHIFTING and not _is_next(past, one):
            yield f"transition {one.seq} enters stage {one.stage_index}, which is not the next one."


def _is_next(past: Past, entered: Passage) -> bool:
    earlier = [one.stage_index for one in past.passages if one.seq < entered.seq and one.to_state is R.BAKING]
    return bool(earlier) and entered.stage_index == earlier[-1] + 1


def _bakes_last(past: Past) -> Iterator[str]:
    """Section 4: no bake is shorter than its time, nor credited more than has passed."""
    began: datetime | None = None
    for one in past.passages:
        if one.to_state in BAKES:
            began = one.at
            continue
        went_on = one.from_state in BAKES and one.to_state in (R.SHIFTING, R.SUCCEEDED)
        if not went_on or began is None or past.kind is RolloutKind.ROLLBACK:
            continue
        stage = one.stage_index - (one.to_state is R.SHIFTING)
        lasted, needed = one.at - began, past.ladder.stage(stage).bake_seconds
        credited = timedelta(seconds=one.bake_credit_seconds)
        if credited > lasted + TOLERANCE:
            yield f"stage {stage} was credited {credited}, and lasted {lasted}."
        if not past.is_cut_short and credited < timedelta(seconds=needed) - TOLERANCE:
            yield f"stage {stage} was left after {credited} of baking, and needs {needed:g} s."


def _asked_before_set(past: Past) -> Iterator[str]:
    """R3: whatever reached the target stands in the log as an intent, written before."""
    asked = {one.fence: one for one in past.asked}
    for one in past.sets or ():
        intent = asked.get(one.fence)
        if intent is None:
            yield f"its target was asked for {one.weight} % under fence {one.fence}, which nobody intended."
        elif intent.weight != one.weight:
            yield f"its target was asked for {one.weight} % under fence {one.fence}, not {intent.weight} %."
        elif intent.at > one.at:
            yield f"its target was asked for {one.weight} % before that was written down."


def _fence_keeps_out(past: Past) -> Iterator[str]:
    """R6: a target never goes back to an older decision."""
    taken = [one for one in past.sets or () if one.is_taken]
    for before, after in pairwise(taken):
        if after.fence < before.fence:
            yield f"its target took fence {after.fence} after {before.fence}."


def _nothing_after_rollback(past: Past) -> Iterator[str]:
    """T9: once it was taken back no user gets the new version again, however late a call arrives."""
    back: int | None = None
    spans: list[tuple[int, int | None]] = []
    for one in past.passages:
        if one.to_state is R.ROLLING_BACK:
            back = one.fence
        elif one.to_state is R.QUEUED and back is not None:
            spans.append((back, one.fence))
            back = None
    spans += [(back, None)] if back is not None else []
    for first, last in spans:
        under = [one for one in past.asked if one.fence >= first and (last is None or one.fence <= last)]
        if any(one.weight for one in under):
            yield f"a weight was intended under the fences of its rollback, from {first} on."
        taken = [one for one in past.sets or () if one.is_taken]
        reached = next((at for at, one in enumerate(taken) if one.fence >= first), len(taken))
        for late in taken[reached:]:
            if late.weight and (last is None or late.fence <= last):
                yield f"its target took {late.weight} % under fence {late.fence} after its rollback."


def _end_is_an_end(past: Past) -> Iterator[str]:
    """R11: what is over holds nothing, waits for nothing, and left the target as it says."""
    if past.state not in TERMINAL_STATES:
        if past.state in MOVING_STATES and not past.is_due:
            yield "users see it, and nothing will ever look at it again."
        return
    if past.is_due:
        yield f"it is {past.state}, and still due."
    if past.open_holds:
        yield f"it is {past.state}, and still held."
    moved = any(one.to_state is R.SHIFTING for one in past.passages)
    meant = past.ladder.stage(past.ladder.last_index).weight if past.state is R.SUCCEEDED else 0
    if moved and past.target_weight is not None and past.target_weight != meant:
        yield f"it is {past.state}, and its target has {past.target_weight} %."


def _told_once(past: Past) -> Iterator[str]:
    """R4: whatever happened was told exactly once."""
    for state, kind in TOLD.items():
        happened = sum(one.to_state is state for one in past.passages)
        told = past.told.get(kind.value, 0)
        if told != happened:
            yield f"it went {happened} times to {state}, and {kind} was told {told} times."
    started = sum(one.to_state is R.ROLLING_BACK for one in past.passages)
    if started and past.told.get(EventKind.ROLLBACK_STARTED.value, 0) == 0:
        yield "it was rolled back, and nobody was told."


CHECKS: Sequence[Callable[[Past], Iterator[str]]] = (
    _log_is_whole,
    _steps_follow,
    _fences_rise,
    _stages_in_order,
    _bakes_last,
    _asked_before_set,
    _fence_keeps_out,
    _nothing_after_rollback,
    _end_is_an_end,
    _told_once,
)
