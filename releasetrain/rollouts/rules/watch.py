"""Watch a rollout that users see: what it measures, what brings it back, and what holds it."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from releasetrain.calendars.rules.windows import Behaviour
from releasetrain.lib.spans import in_words
from releasetrain.rollouts.rules.draft import Draft
from releasetrain.rollouts.rules.guardrails import Guardrail, GuardrailKind, Judgement, Measurement
from releasetrain.rollouts.rules.judging import judge
from releasetrain.rollouts.rules.measuring import STALE_AFTER, absorb
from releasetrain.rollouts.rules.moves import look_at, start_rollback
from releasetrain.rollouts.rules.new_errors import look_at_lines
from releasetrain.rollouts.rules.snapshot import Hold, Readings, Snapshot
from releasetrain.rollouts.rules.states import HoldKind, RolloutKind, RolloutState

OUTAGE_LIMIT = timedelta(minutes=30)
# More users see the candidate above this weight: flying blind is allowed for a shorter time.
OUTAGE_HIGH_WEIGHT = 25
OUTAGE_LIMIT_AT_HIGH_WEIGHT = timedelta(minutes=10)
OUTSIDE_HOLDS = (HoldKind.DEPENDENCY, HoldKind.BARRIER)


def take_in(draft: Draft, readings: Readings) -> None:
    """Feed what was counted to every guardrail."""
    look = look_at(draft)
    states = {
        guardrail.name: absorb(
            guardrail,
            draft.rollout.state_of(guardrail),
            readings.counts.get(guardrail.metric, ()),
            look,
        )
        for guardrail in draft.rollout.guardrails
    }
    for guardrail in draft.rollout.guardrails:
        if guardrail.kind is GuardrailKind.NEW_ERRORS:
            states[guardrail.name] = look_at_lines(
                guardrail, states[guardrail.name], readings.new_errors, look
            )
    fresh = [states[guardrail.name].fresh_at for guardrail in deciding(draft.rollout)]
    known = [instant for instant in fresh if instant is not None]
    data_fresh_at = min(known) if known and len(known) == len(fresh) else None
    draft.change(guardrail_states=states, data_fresh_at=data_fresh_at)


def judge_all(draft: Draft, *, is_bake_done: bool = False) -> list[Judgement]:
    """Judge every guardrail by what it has seen, and keep the judgements for the page."""
    look = look_at(draft, is_bake_done=is_bake_done)
    rollout = draft.rollout
    judgements = [judge(guardrail, rollout.state_of(guardrail), look) for guardrail in rollout.guardrails]
    draft.record(judgements)
    return judgements


def deciding(rollout: Snapshot) -> tuple[Guardrail, ...]:
    """Return the guardrails that count at the present weight; a way back needs no measurements.

    What somebody has dismissed neither passes nor keeps anything back, until it finds something worse.
    """
    if rollout.kind is RolloutKind.ROLLBACK:
        return ()
    return tuple(
        guardrail
        for guardrail in rollout.guardrails
        if rollout.decides(guardrail) and rollout.state_of(guardrail).dismissal is None
    )


def are_data_fresh(rollout: Snapshot, now: datetime) -> bool:
    """Tell whether every guardrail that decides has fresh data; true where none does."""
    if not deciding(rollout):
        return True
    return rollout.data_fresh_at is not None and now - rollout.data_fresh_at <= STALE_AFTER


class Abort(NamedTuple):
    """Why a rollout must come back; `is_window` where a window asks for it, and its version did not fail."""

    reason: str
    is_window: bool = False


def why_abort(draft: Draft, readings: Readings) -> Abort | None:
    """Return why this rollout must come back now, worst first; no hold changes that (T9)."""
    rollout, now = draft.rollout, draft.now
    if failed := _first_failure(rollout):
        return Abort(failed)
    if readings.candidate_healthy is False:
        return Abort("The new version is unhealthy.")
    if readings.must_return and rollout.kind is RolloutKind.FORWARD:
        return Abort(readings.must_return, readings.must_return_for_window)
    if is_overdue(rollout, now):
        return Abort("The overall deadline of this rollout has passed.")
    if taken_back := _window_reason(rollout):
        return Abort(taken_back, is_window=True)
    return Abort(blind) if (blind := _blind_reason(rollout, readings, now)) else None


def is_overdue(rollout: Snapshot, now: datetime) -> bool:
    """Tell whether the overall deadline has passed; it stands still while a window holds the rollout."""
    if rollout.overall_deadline_at is None or any(hold.stops_the_clock for hold in rollout.holds):
        return False
    return now >= rollout.overall_deadline_at


def _window_reason(rollout: Snapshot) -> str | None:
    """Return the words of the windows that take back what users see already (RULES W1)."""
    returning = [one.reason for one in rollout.windows if one.behaviour is Behaviour.ROLL_BACK]
    if not returning or rollout.kind is RolloutKind.ROLLBACK:
        return None
    return " ".join(["A window takes back what runs.", *returning])


def _first_failure(rollout: Snapshot) -> str | None:
    failures = (
        rollout.state_of(guardrail).failed for guardrail in rollout.guardrails if rollout.decides(guardrail)
    )
    return next((failed for failed in failures if failed), None)


def outage_limit(weight: int) -> timedelta:
    """Return for how long users may be on a version that nobody measures."""
    return OUTAGE_LIMIT_AT_HIGH_WEIGHT if weight > OUTAGE_HIGH_WEIGHT else OUTAGE_LIMIT


def comes_back_at(
    hold: Hold, holds: Iterable[Hold], *, weight: int, overall_deadline_at: datetime | None
) -> datetime | None:
    """Return when users are taken back by themselves, should a hold stay; None where they never are."""
    ends = []
    if hold.kind is HoldKind.METRICS_OUTAGE:
        ends.append(hold.opened_at + outage_limit(weight))
    if overall_deadline_at is not None and not any(one.stops_the_clock for one in holds):
        ends.append(overall_deadline_at)
    return min(ends, default=None)


def _blind_reason(rollout: Snapshot, readings: Readings, now: datetime) -> str | None:
    outage = rollout.hold(HoldKind.METRICS_OUTAGE)
    if outage is None or readings.is_provider_incident or are_data_fresh(rollout, now):
        return None
    limit = outage_limit(rollout.desired_weight)
    if now - outage.opened_at < limit:
        return None
    return f"Nothing has been measured for {in_words(limit)} at {rollout.desired_weight} %."


def abort(draft: Draft, readings: Readings, rule: str, reason: str, *, is_window: bool = False) -> bool:
    """Bring users back by itself, unless that would send them to the side that is broken (T12).

    Returns whether users are on their way back; otherwise the rollout is held and somebody is paged.
    """
    if why_not := _why_not_back(draft.rollout, readings):
        draft.open_hold(HoldKind.ERROR, f"{reason} {why_not}", pages=True)
        return False
    above = readings.observed.fence if readings.observed else None
    start_rollback(draft, rule, reason, above=above)
    draft.change(is_window_return=is_window)
    return True


def _why_not_back(rollout: Snapshot, readings: Readings) -> str | None:
    if rollout.kind is RolloutKind.ROLLBACK:
        return "It is not brought back by itself: that would return the version it takes away."
    if is_stable_broken(rollout, readings) and _is_candidate_fine(rollout, readings):
        return "The old version is the unhealthy one, so users stay on the new one until somebody decides."
    return None


def is_stable_broken(rollout: Snapshot, readings: Readings) -> bool:
    """Tell whether the old version itself fails, by its probe or by what was measured of it."""
    return readings.stable_healthy is False or Measurement.BAD in _limits(rollout, of_candidate=False)


def _is_candidate_fine(rollout: Snapshot, readings: Readings) -> bool:
    measured = _limits(rollout, of_candidate=True)
    if readings.candidate_healthy is False or Measurement.BAD in measured:
        return False
    return readings.candidate_healthy is True or Measurement.OK in measured


def _limits(rollout: Snapshot, *, of_candidate: bool) -> set[Measurement]:
    states = [rollout.state_of(guardrail) for guardrail in rollout.guardrails if guardrail.is_required]
    return {state.limit_candidate if of_candidate else state.limit_baseline for state in states}


def follow_blocks(draft: Draft, readings: Readings) -> None:
    """Hold while another service or the bundle forbids to advance; a way back never waits."""
    if draft.rollout.kind is RolloutKind.ROLLBACK:
        return
    blocks = {block.kind: block for block in readings.blocks}
    if _still_bakes(draft.rollout):  # the barrier stands at the end of a bake, and costs none of it
        blocks.pop(HoldKind.BARRIER, None)
    for kind in OUTSIDE_HOLDS:
        if (block := blocks.get(kind)) is not None:
            draft.open_hold(kind, block.reason, until=block.until)
        else:
            draft.clear_hold(kind, "It no longer applies.")


def _still_bakes(rollout: Snapshot) -> bool:
    is_baking = rollout.state in (RolloutState.BAKING, RolloutState.SOAKING)
    return is_baking and rollout.bake_credit_seconds < rollout.bake_needed_seconds


def follow_outage(draft: Draft, readings: Readings) -> None:
    """Hold while the measurements that decide are missing, or their provider has an incident of its own.

    An incident is told once for all that it holds, not by each of them.
    """
    if readings.is_provider_incident and deciding(draft.rollout):
        label = readings.provider_outage or "The provider of measurements"
        draft.open_hold(HoldKind.METRICS_OUTAGE, f"{label} gives none: one incident of many rollouts.")
        return
    if are_data_fresh(draft.rollout, draft.now):
        draft.clear_hold(HoldKind.METRICS_OUTAGE, "Fresh measurements arrive again.")
        return
    newest = draft.rollout.data_fresh_at
    silent = f" for {in_words(draft.now - newest)}" if newest is not None else ""
    draft.open_hold(HoldKind.METRICS_OUTAGE, f"No fresh measurements{silent}.", pages=True)


def needs_approval(rollout: Snapshot, index: int) -> bool:
    """Tell whether a stage asks a person before it is entered, and nobody has approved it."""
    return rollout.ladder.stage(index).needs_approval and rollout.approved_stage < index


def follow_approval(draft: Draft, index: int) -> None:
    """Hold before a stage that waits for an approval."""
    if needs_approval(draft.rollout, index):
        stage = draft.rollout.ladder.stage(index)
        share = stage.words if stage.mirror else f"{stage.weight} %"
        draft.open_hold(HoldKind.APPROVAL, f"{share} needs an approval.", pages=True)


def held_sentence(rollout: Snapshot) -> str:
    """Say in one line what holds a rollout."""
    return sentences(
        hold.reason if hold.kind is HoldKind.BLACKOUT else f"Held: {hold.reason}" for hold in rollout.holds
    )


def sentences(parts: Iterable[str]) -> str:
    return " ".join(part if part.endswith(".") else f"{part}." for part in parts)
