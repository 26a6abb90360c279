"""Lock a target, keep it, release it, and take it over from somebody who is gone (RULES H6)."""

from datetime import datetime

from django.db import transaction

from releasetrain.accounts.models import User
from releasetrain.catalog.access import roles_of
from releasetrain.catalog.models import Target
from releasetrain.events.actions import record
from releasetrain.lib.errors import Invalid, NotAllowed, Refused, Stale
from releasetrain.lib.verdict import Reason
from releasetrain.rollouts.access import may_lock
from releasetrain.rollouts.actions.drive import carry_out
from releasetrain.rollouts.actions.way import give_up
from releasetrain.rollouts.locks import EXPIRED, end, next_fence, occupied, open_lock, stands, wake_line
from releasetrain.rollouts.models import Intent, Lock, Rollout
from releasetrain.rollouts.rules.locks import (
    Held,
    why_not_take,
    why_not_take_over,
    why_not_until,
    why_not_write,
)

LONGEST_REASON = 500
STALE = ("stale", "taken_over", "not_locked")


class LockRefused(Refused):
    """Refuse to lock what somebody else has."""

    code = "locked"


@transaction.atomic
def lock_target(target: Target, *, reason: str, until: datetime, by: User, now: datetime) -> Lock:
    """Keep every rollout off a target until a time; a rollback goes through all the same.

    :raises LockRefused: somebody has it
    :raises Invalid: no reason, or a time that has passed or is too far off
    :raises NotAllowed: this person may not command rollouts there
    """
    row = _locked(target, by, "lock it")
    words = _words(reason, "Say why nothing may move there; people will read it.")
    _refuse_until(until, now)
    if why := why_not_take(_held(row, now)):
        raise _refusal(why)
    return _take(row, by=by, reason=words, until=until, now=now, kind="rollouts.lock.taken")


@transaction.atomic
def renew_lock(lock: Lock, *, fence: int, until: datetime, by: User, now: datetime) -> Lock:
    """Keep a lock for longer.

    :param fence: of the lock that the page showed
    :raises Stale: somebody took it over, or it has ended
    :raises Invalid: a time that has passed or is too far off
    """
    row = _locked(lock.target, by, "renew its lock")
    _refuse_write(row, by, fence, now)
    _refuse_until(until, now)
    mine = _standing(row)
    mine.expires_at = until
    mine.save(update_fields=["expires_at"])
    record(kind="rollouts.lock.renewed", subject=mine, actor=by, now=now, until=until.isoformat())
    return mine


@transaction.atomic
def release_lock(lock: Lock, *, fence: int, by: User, now: datetime, reason: str = "") -> Lock:
    """Give a target back before the lock expires; whoever waits for it goes on at once.

    :param fence: of the lock that the page showed
    :raises Stale: somebody took it over, or it has ended
    """
    row = _locked(lock.target, by, "release its lock")
    _refuse_write(row, by, fence, now)
    mine = _standing(row)
    words = reason.strip()[:LONGEST_REASON] or "it is not needed any more"
    end(mine, by=str(by), reason=words, now=now)
    wake_line(row.pk, now)
    record(kind="rollouts.lock.released", subject=mine, actor=by, now=now, reason=words)
    return mine


def take_over(
    target: Target, *, fence: int, reason: str, by: User, now: datetime, until: datetime | None = None
) -> Lock | None:
    """Take a target from whoever has it, with a reason; what the old holder writes is refused from then on.

    A rollout that has it makes way: everybody is back on the last good version, and it queues again behind
    those who wait.

    :param fence: of the lock that the page showed
    :param until: how long this person keeps it; None lets the next one in line go
    :return: the new lock, None where the line goes on
    :raises Stale: somebody else has it by now
    :raises LockRefused: it is this person's already
    :raises Invalid: no reason, or a time that has passed or is too far off
    :raises NotAllowed: this person may not command rollouts there
    """
    new, displaced, intents = _take_over(target, fence, reason, by, now, until)
    if displaced is not None:
        carry_out(intents, displaced)
    return new


@transaction.atomic
def _take_over(
    target: Target, fence: int, reason: str, by: User, now: datetime, until: datetime | None
) -> tuple[Lock | None, Rollout | None, list[Intent]]:
    displaced = _mover(target)
    row = _locked(target, by, "take it over")
    words = _words(reason, "Say why you take it over; whoever had it will read it.")
    if until is not None:
        _refuse_until(until, now)
    if why := why_not_take_over(_held(row, now), person=by.pk, fence=fence):
        raise _refusal(why)
    old = _standing(row)
    end(old, by=str(by), reason=f"Taken over: {words}", now=now)
    intents = []
    if displaced is not None:
        said = f"{by} took {row} over: {words}"
        intents = give_up(displaced, said, by=by, now=now)
    facts = {"before": old.holder_label}
    if until is not None:
        kind = "rollouts.lock.taken_over"
        return _take(row, by=by, reason=words, until=until, now=now, kind=kind, **facts), displaced, intents
    wake_line(row.pk, now)
    record(kind="rollouts.lock.taken_over", subject=old, actor=by, now=now, reason=words, **facts)
    return None, displaced, intents


def _mover(target: Target) -> Rollout | None:
    """Lock the rollout that has a target, before the target itself: the order in which the engine locks."""
    lock = open_lock(target.pk)
    if lock is None or lock.rollout_id is None:
        return None
    rows = Rollout.objects.select_for_update(no_key=True, of=("self",))
    rows = rows.select_related("target__service", "target__environment", "departure__train__environment")
    return rows.filter(pk=lock.rollout_id).first()


def _locked(target: Target, by: User, what: str) -> Target:
    """Lock the target's row: those who ask at the same moment ask one after the other."""
    rows = Target.objects.select_for_update(no_key=True, of=("self",)).select_related(
        "service__team", "environment"
    )
    row = rows.get(pk=target.pk)
    if not may_lock(roles_of(by), row):
        raise NotAllowed(
            f"To {what} one must be on call, a release manager or an administrator for {row.service}.",
            who="an administrator",
        )
    return row


def _held(target: Target, now: datetime) -> Held | None:
    """Return who has a target; a lock that has expired is closed on the way."""
    lock = open_lock(target.pk)
    if lock is not None and not stands(lock, now):
        end(lock, by="Release Train", reason=EXPIRED, now=now)
        lock = None
    if lock is not None:
        return Held(lock.holder_label, lock.reason, lock.fence, lock.holder_id, lock.expires_at)
    if occupied(target.pk, besides=0):
        return Held("A rollout", "it is still making way.", fence=0)
    return None


def _standing(target: Target) -> Lock:
    return Lock.objects.select_related("target__service", "rollout").get(target=target, ended_at__isnull=True)


def _take(
    target: Target, *, by: User, reason: str, until: datetime, now: datetime, kind: str, **facts: object
) -> Lock:
    lock = Lock.objects.create(
        target=target,
        fence=next_fence(target.pk),
        holder=by,
        holder_label=str(by)[:200],
        reason=reason,
        taken_at=now,
        expires_at=until,
    )
    record(kind=kind, subject=lock, actor=by, now=now, reason=reason, until=until.isoformat(), **facts)
    return lock


def _refuse_write(target: Target, by: User, fence: int, now: datetime) -> None:
    if why := why_not_write(_held(target, now), person=by.pk, fence=fence):
        raise _refusal(why)


def _refusal(why: Reason) -> Refused:
    kind = Stale if why.code in STALE else LockRefused
    return kind(why.text, code=why.code, until=why.until, who=why.who)


def _refuse_until(until: datetime, now: datetime) -> None:
    if why := why_not_until(until, now):
        raise Invalid(why, field="until")


def _words(reason: str, missing: str) -> str:
    words = reason.strip()
    if not words:
        raise Invalid(missing, field="reason")
    if len(words) > LONGEST_REASON:
        raise Invalid(f"A reason has at most {LONGEST_REASON} characters.", field="reason")
    return words
