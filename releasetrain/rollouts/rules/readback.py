"""Compare what was read back from a target with what it should be: only that proves a weight."""

from datetime import datetime, timedelta
from enum import StrEnum

from releasetrain.rollouts.rules.draft import Draft
from releasetrain.rollouts.rules.snapshot import Call, Observed, Outcome, Readings, Snapshot

# A forward call may take this long; an intent without an answer is lost afterwards.
CALL_LIMIT = timedelta(seconds=10)


class Seen(StrEnum):
    """What a read-back says of the wanted weight; NOTHING is one that is too old, or not acknowledged yet."""

    AGREES = "agrees"
    DISAGREES = "disagrees"
    UNREADABLE = "unreadable"
    NOTHING = "nothing"


def see(draft: Draft, readings: Readings) -> Seen:
    """Take in a read-back: the first of an unbroken row of agreeing ones is remembered."""
    observed = readings.observed
    if observed is None or observed.weight is None:
        return Seen.UNREADABLE
    rollout = draft.rollout
    if observed.at <= max(rollout.state_entered_at, rollout.observed_at or rollout.state_entered_at):
        return Seen.NOTHING
    seen = _compare(rollout, observed, readings.call)
    agreed_at = rollout.agreed_at
    if seen is Seen.AGREES:
        agreed_at = agreed_at or observed.at
    elif seen is Seen.DISAGREES:
        agreed_at = None
    draft.change(observed_weight=observed.weight, observed_at=observed.at, agreed_at=agreed_at)
    return seen


def _compare(rollout: Snapshot, observed: Observed, call: Call | None) -> Seen:
    if observed.weight != rollout.desired_weight:
        return Seen.DISAGREES
    if observed.mirror is not None and observed.mirror != rollout.mirror:
        return Seen.DISAGREES
    if observed.fence is not None:
        # An older fence is an older decision that happens to look the same; a higher one is somebody else's.
        return Seen.AGREES if rollout.weight_fence <= observed.fence <= rollout.fence else Seen.DISAGREES
    answer = call_of(rollout, call)
    is_acknowledged = answer is not None and answer.outcome in (Outcome.CONFIRMED, Outcome.ACCEPTED)
    return Seen.AGREES if is_acknowledged else Seen.NOTHING


def call_of(rollout: Snapshot, call: Call | None) -> Call | None:
    """Return the newest call if it belongs to the wanted weight, not to an older decision."""
    return call if call is not None and call.fence >= rollout.weight_fence else None


def is_on_its_way(rollout: Snapshot, call: Call, now: datetime) -> bool:
    """Tell whether a call may still take effect by itself."""
    if call.outcome is None:
        return now - call.asked_at < CALL_LIMIT
    patience = timedelta(seconds=rollout.patience_seconds)
    return call.outcome is Outcome.ACCEPTED and now - call.asked_at < patience


def must_ask_again(rollout: Snapshot, call: Call | None, now: datetime) -> bool:
    """Tell whether the wanted weight has to be asked for once more: the call is lost, or nobody knows."""
    if rollout.next_due_at is not None and now < rollout.next_due_at:
        return False
    answer = call_of(rollout, call)
    # Confirmed, but not what is read back: a silent no-op, so it is asked for again too.
    return answer is None or not (answer.outcome is Outcome.REFUSED or is_on_its_way(rollout, answer, now))
