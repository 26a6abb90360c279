"""Take a finished rollout straight back (ENGINE T13), or try one again that did not arrive."""

from datetime import datetime
from functools import partial

from django.db import transaction

from releasetrain.accounts.models import User
from releasetrain.catalog.models import Target
from releasetrain.events.actions import Actor, record
from releasetrain.incidents.actions import open_incident
from releasetrain.lib.errors import Invalid, Refused
from releasetrain.lib.transactions import brief
from releasetrain.lib.unblocked import insist, unblocked
from releasetrain.rollouts.actions.launch import fence_above
from releasetrain.rollouts.actions.tick import tick_one
from releasetrain.rollouts.actions.way import give_up
from releasetrain.rollouts.ladders import observe
from releasetrain.rollouts.models import UNBOUND_STATES, Rollout
from releasetrain.rollouts.rules.ladder import ROLLBACK_LADDER, Ladder, Stage
from releasetrain.rollouts.rules.refusals import why_not_retry, why_not_revert
from releasetrain.rollouts.rules.states import MOVING_STATES, RolloutKind, RolloutState
from releasetrain.rollouts.store import snapshot_of
from releasetrain.rollouts.together import must_return
from releasetrain.trains.rules.states import DepartureState

R = RolloutState


class NotRevertible(Refused):
    """Refuse to take back what is not at hand any more."""

    code = "not_revertible"


class NotRetried(Refused):
    """Refuse a further attempt."""

    code = "not_retried"


def revert(rollout: Rollout, *, reason: str, by: Actor | None, now: datetime) -> Rollout:
    """Take a rollout that has arrived straight back, without stages or a vote, and soak (ENGINE T13).

    Pressed twice it is one way back. No window, lock, hold or measurement is asked.

    :raises NotRevertible: another version came after it, it is too long ago, or its old side is gone
    :raises Invalid: no reason
    """
    words = reason.strip()[:500]
    if not words:
        raise Invalid("Say why it is taken back.", field="reason")
    if (already := way_back_of(rollout)) is not None:
        return already
    if why_not := why_not_at_hand(rollout, now):
        raise NotRevertible(why_not)
    back = insist(partial(_queue_back, rollout.pk, words, by, now))
    # Its target is taken and its driver asked by whoever presses; the beat only goes on with it.
    with unblocked():
        for _ in range(2):
            tick_one(back.pk, now)
    back.refresh_from_db()
    return back


def way_back_of(rollout: Rollout) -> Rollout | None:
    """Return the way back of a rollout that is under way, or that has brought it back."""
    ways = rollout.taken_back_by.exclude(state__in=[R.ROLLED_BACK, R.CANCELLED, R.SUPERSEDED])
    return ways.order_by("-pk").first()


def why_not_at_hand(rollout: Rollout, now: datetime) -> str | None:
    """Return why a rollout cannot be taken back in one click; reads the target."""
    since = arrived_since(rollout)
    why_not = why_not_revert(
        snapshot_of(rollout), now, finished_at=rollout.finished_at or now, versions_since=len(since)
    )
    if why_not is not None:
        return why_not
    if since:
        return f"{since[0].to_version} arrived after it: take that back, or send {rollout.from_version} anew."
    mover = Rollout.objects.filter(target=rollout.target_id, state__in=sorted(MOVING_STATES)).first()
    if mover is not None:
        return f"{mover.to_version} moves {rollout.target} now: roll that back."
    weight = observe(rollout.target).weight
    if weight is not None and weight != rollout.desired_weight:
        return (
            f"{weight} % are on the new side of {rollout.target} where {rollout.desired_weight} % were: "
            f"its old side no longer serves {rollout.from_version or 'the version before'}. "
            "Send that as a rollout."
        )
    return None


def arrived_since(rollout: Rollout) -> list[Rollout]:
    """Return what arrived on a target after a rollout and was not taken back, newest first."""
    if rollout.finished_at is None:
        return []
    later = Rollout.objects.filter(
        target=rollout.target_id,
        kind=RolloutKind.FORWARD,
        state=R.SUCCEEDED,
        finished_at__gt=rollout.finished_at,
    )
    return list(later.exclude(taken_back_by__state=R.SUCCEEDED).order_by("-finished_at"))


@brief()
def _queue_back(pk: int, reason: str, by: Actor | None, now: datetime) -> Rollout:
    """Write the way back down, and let whoever only prepares on the target make way for it."""
    rows = Rollout.objects.select_related("target__service", "target__environment", "departure__train")
    row = rows.get(pk=pk)
    Target.objects.select_for_update(no_key=True).get(pk=row.target_id)
    if (already := way_back_of(row)) is not None:
        return already
    _clear_the_target(row, reason, by, now)
    fence = fence_above(row.target)
    ladder = _ladder_back(row)
    ways = Rollout.objects.filter(departure=row.departure, target=row.target, kind=RolloutKind.ROLLBACK)
    back = Rollout.objects.create(
        departure=row.departure,
        target=row.target,
        kind=RolloutKind.ROLLBACK,
        attempt=ways.count() + 1,
        takes_back=row,
        from_version=row.to_version,
        to_version=row.from_version,
        ladder=ladder.to_json(),
        is_accelerated=row.is_accelerated,
        fence=fence,
        weight_fence=fence,
        state_entered_at=now,
        next_due_at=now,
        created_at=now,
        reason=reason,
    )
    service = row.target.service
    title = f"{service}: {row.to_version} was taken back. {reason}"
    back.incident = open_incident(service=service, title=title[:200], by=by, now=now)
    back.save(update_fields=["incident"])
    record(
        kind="rollouts.rollout.taken_back",
        subject=back,
        actor=by,
        now=now,
        service=service.name,
        version=row.to_version,
        reason=reason,
    )
    return back


def _clear_the_target(row: Rollout, reason: str, by: Actor | None, now: datetime) -> None:
    others = Rollout.objects.select_for_update(no_key=True, of=("self",)).filter(target=row.target)
    rows = others.select_related("target__service", "target__environment", "departure__train")
    for one in rows.filter(state=R.PREFLIGHT).exclude(state__in=UNBOUND_STATES):
        give_up(one, f"{row.to_version} is taken back first: {reason}"[:500], by=by, now=now)


def _ladder_back(row: Rollout) -> Ladder:
    """Return the one stage of a way back; an accelerated rollout soaks as short as it did."""
    if not row.is_accelerated:
        return ROLLBACK_LADDER
    return Ladder((Stage(100, Ladder.from_json(row.ladder).stages[-1].bake_seconds),))


def retry(rollout: Rollout, *, by: User, now: datetime) -> Rollout:
    """Try a rollout again that did not arrive: from its first stage, by no measurement of before.

    :raises NotRetried: it has arrived, is tried already, or its departure is over
    """
    with transaction.atomic():
        rows = Rollout.objects.select_for_update(no_key=True, of=("self",))
        row = rows.select_related("target__service", "target__environment", "departure__train").get(
            pk=rollout.pk
        )
        if why_not := why_not_again(row, now):
            raise NotRetried(why_not)
        return _queue_again(row, by, now)


def why_not_again(row: Rollout, now: datetime) -> str | None:
    """Return why a rollout cannot be tried again."""
    if (why_not := why_not_retry(snapshot_of(row), now)) is not None:
        return why_not
    if row.kind == RolloutKind.ROLLBACK:
        return "This was a way back: take the rollout itself back once more."
    departure = row.departure
    if departure is None:
        return None
    if departure.state != DepartureState.ROLLING:
        return f"{departure.code} is over: what came back goes again with a later departure."
    tries = Rollout.objects.filter(departure=departure, target=row.target, kind=row.kind)
    if (later := tries.filter(attempt__gt=row.attempt).order_by("-attempt").first()) is not None:
        return f"It is tried again already: attempt {later.attempt}."
    demanded, _ = must_return(row)
    return demanded or None


def _queue_again(row: Rollout, by: User, now: datetime) -> Rollout:
    fence = fence_above(row.target)
    again = Rollout.objects.create(
        departure=row.departure,
        target=row.target,
        attempt=row.attempt + 1,
        place=row.place,
        bundle=row.bundle,
        from_version=row.target.stable_version,
        to_version=row.to_version,
        ladder=row.ladder,
        is_accelerated=row.is_accelerated,
        fence=fence,
        weight_fence=fence,
        state_entered_at=now,
        starts_at=now,
        overall_deadline_at=now + Ladder.from_json(row.ladder).patience,
        next_due_at=now,
        created_at=now,
    )
    record(kind="rollouts.rollout.retried", subject=again, actor=by, now=now)
    return again
