"""Keep drafts of changes, and let what nobody takes along expire."""

from collections.abc import Collection, Mapping
from datetime import datetime

from django.db import transaction

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.catalog.access import may, roles_of
from releasetrain.catalog.models import Service
from releasetrain.events.actions import SYSTEM, record
from releasetrain.lib.errors import Invalid, NotAllowed, Stale
from releasetrain.trains.actions.locking import locked_change
from releasetrain.trains.actions.typed import checked, weighed
from releasetrain.trains.models import Change
from releasetrain.trains.rules.boarding import EXPIRES_AFTER, WAITING_STATES, is_to_tell
from releasetrain.trains.rules.standby import Priority
from releasetrain.trains.rules.states import ChangeState


@transaction.atomic
def save_draft(
    *,
    title: str,
    service: Service,
    by: User,
    now: datetime,
    version: str = "",
    url: str = "",
    description: str = "",
    rollback_plan: str = "",
    flag_key: str = "",
    category: str = "",
    answers: Mapping[str, object] | None = None,
    traits: Collection[str] = (),
    priority: int = Priority.NORMAL,
    draft: Change | None = None,
) -> Change:
    """Keep what is typed of a change so far; only a title and a service are needed.

    :param draft: the one to go on with; None begins a new one
    :raises Invalid: a field cannot be used, with its name
    :raises Stale: it is no draft any more
    :raises NotAllowed: this person is no submitter of the service, or the draft is somebody else's
    """
    typed = checked(
        is_draft=True,
        title=title,
        url=url,
        version=version,
        flag_key=flag_key,
        description=description,
        rollback_plan=rollback_plan,
        category=category or service.category,
    )
    weight = weighed(
        answers or {},
        traits,
        priority,
        flag_key=typed["flag_key"],
        rollback_plan=typed["rollback_plan"],
        is_draft=True,
    )
    refuse_no_submitter(by, service)
    fields = {**typed, **weight, "service": service, "submitted_at": now, "expires_at": now + EXPIRES_AFTER}
    if draft is None:
        saved = Change.objects.create(
            **fields,
            author=by,
            author_label=str(by),
            submitted_by=by,
            state=ChangeState.DRAFT.value,
        )
    else:
        saved = locked_draft(draft, by)
        for field, value in fields.items():
            setattr(saved, field, value)
        saved.save(update_fields=list(fields))
    record(kind="trains.change.drafted", subject=saved, actor=by, now=now, service=service.name)
    return saved


def locked_draft(draft: Change, by: User) -> Change:
    """Lock a draft that a person may go on with.

    :raises Stale: it is no draft any more
    :raises NotAllowed: it is somebody else's
    """
    locked = locked_change(draft.pk)
    if locked.state != ChangeState.DRAFT:
        raise Stale(f"“{locked}” is no draft any more; it is {locked.state.replace('_', ' ')}.")
    if by.pk not in (locked.author_id, locked.submitted_by_id):
        raise NotAllowed(f"“{locked}” is a draft of {locked.author_label}.", who=locked.author_label)
    return locked


def refuse_no_submitter(by: User, service: Service) -> None:
    """Refuse who may not submit changes of a service, and services that take none.

    :raises NotAllowed: this person is no submitter of the service
    :raises Invalid: the service is archived
    """
    if not may(roles_of(by), Role.SUBMITTER, service):
        raise NotAllowed(
            f"To submit changes of {service.name} one needs the role submitter there.", who="an administrator"
        )
    if service.archived_at:
        raise Invalid(f"{service.name} is archived; an administrator can bring it back.", field="service")


@transaction.atomic
def warn_of_expiry(change: Change, *, now: datetime) -> Change:
    """Tell the people of a change once that it expires soon unless somebody takes it along.

    :raises Stale: it is on its way, has more time, or they know
    """
    locked = locked_change(change.pk)
    end, told_at = locked.expires_at, locked.expiry_told_at
    if locked.state not in WAITING_STATES or end is None or not is_to_tell(end, told_at, now):
        raise Stale(f"Nobody needs to be told yet, or again, that “{locked}” expires.")
    locked.expiry_told_at = now
    locked.save(update_fields=["expiry_told_at"])
    record(
        kind="trains.change.expires_soon",
        subject=locked,
        actor=SYSTEM,
        now=now,
        until=end.isoformat(),
        author_id=locked.author_id,
        submitter_id=locked.submitted_by_id,
    )
    return locked


@transaction.atomic
def expire_change(change: Change, *, now: datetime) -> Change:
    """Withdraw a change that nobody has taken along in time; it can be offered again whenever somebody likes.

    :raises Stale: it is on its way, or has more time
    """
    locked = locked_change(change.pk)
    if locked.state not in WAITING_STATES or locked.expires_at is None or now < locked.expires_at:
        raise Stale(f"“{locked}” is {locked.state.replace('_', ' ')} and does not expire now.")
    before = locked.state
    locked.state, locked.expires_at = ChangeState.WITHDRAWN.value, None
    locked.save(update_fields=["state", "expires_at"])
    record(
        kind="trains.change.expired",
        subject=locked,
        actor=SYSTEM,
        now=now,
        before=before,
        days=EXPIRES_AFTER.days,
        author_id=locked.author_id,
        submitter_id=locked.submitted_by_id,
    )
    return locked


def start_expiry(now: datetime) -> int:
    """Give whatever waits without an end its time from now on; return how many that were."""
    rows = Change.objects.filter(state__in=WAITING_STATES, expires_at__isnull=True)
    return rows.update(expires_at=now + EXPIRES_AFTER)
