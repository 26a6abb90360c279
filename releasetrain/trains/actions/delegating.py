"""Let somebody vote in one's place for a time (RULES D14)."""

from datetime import datetime, timedelta

from django.db import transaction

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.catalog.access import roles_of
from releasetrain.events.actions import record
from releasetrain.lib.errors import Invalid, NotAllowed
from releasetrain.lib.spans import in_words
from releasetrain.trains.actions.refusals import VoteRefused
from releasetrain.trains.models import Delegation
from releasetrain.trains.queries import By

LONGEST = timedelta(days=60)
LONGEST_REASON = 300


@transaction.atomic
def delegate(
    *,
    taker: User,
    starts_at: datetime,
    ends_at: datetime,
    reason: str,
    by: By,
    now: datetime,
    role: Role | None = None,
) -> Delegation:
    """Let somebody vote in one's place, for a time and for one role or all that one holds.

    They vote only where one may oneself: one hop, and never about what either of both wrote.

    :raises Invalid: a time, the reason or the person cannot be used
    :raises NotAllowed: no person, or the role is not held
    """
    if not isinstance(by, User):
        raise NotAllowed("Only people let others vote in their place; tokens and system accounts cannot.")
    if why := _why_not(by, taker, starts_at, ends_at, now):
        raise Invalid(why[1], field=why[0])
    words = reason.strip()
    if not words or len(words) > LONGEST_REASON:
        raise Invalid(f"Say why, in at most {LONGEST_REASON} characters; they read it.", field="reason")
    if role is not None and not _holds(by, role):
        raise NotAllowed(f"You do not hold the role {role.label} yourself.", who="an administrator")
    given = Delegation.objects.create(
        giver=by,
        taker=taker,
        role=role.value if role else "",
        starts_at=starts_at,
        ends_at=ends_at,
        reason=words,
        given_at=now,
    )
    record(
        kind="trains.delegation.given",
        subject=given,
        actor=by,
        now=now,
        taker=str(taker),
        role=role.label if role else "everything that they are",
        until=ends_at.isoformat(),
        reason=words,
        people_ids=[taker.pk],
    )
    return given


def _why_not(
    giver: User, taker: User, starts_at: datetime, ends_at: datetime, now: datetime
) -> tuple[str, str] | None:
    if taker == giver:
        return "taker", "One votes in one’s own place anyway; choose somebody else."
    if not taker.is_active:
        return "taker", f"{taker} is not here any more."
    if ends_at <= starts_at:
        return "ends_at", "It ends before it starts."
    if ends_at <= now:
        return "ends_at", "It has ended already."
    if ends_at - starts_at > LONGEST:
        return "ends_at", f"It lasts for {in_words(LONGEST)} at most; give it again after that."
    return None


def _holds(person: User, role: Role) -> bool:
    held = roles_of(person)
    return role in held.house or any(role is one for _, one in (*held.teams, *held.services))


@transaction.atomic
def end_delegation(delegation: Delegation, *, by: By, now: datetime) -> Delegation:
    """End it before its time; what was voted stays.

    :raises VoteRefused: it has ended already
    :raises NotAllowed: it is somebody else's
    """
    locked = Delegation.objects.select_for_update(no_key=True, of=("self",)).get(pk=delegation.pk)
    if not isinstance(by, User) or by.pk not in (locked.giver_id, locked.taker_id):
        raise NotAllowed("Only who gave it or who has it can end it.", who=str(locked.giver))
    if locked.ended_at is not None or locked.ends_at <= now:
        raise VoteRefused("It has ended already.", code="ended")
    locked.ended_at = now
    locked.save(update_fields=["ended_at"])
    record(
        kind="trains.delegation.ended",
        subject=locked,
        actor=by,
        now=now,
        taker=str(locked.taker),
        giver=str(locked.giver),
        people_ids=[locked.giver_id, locked.taker_id],
    )
    return locked
