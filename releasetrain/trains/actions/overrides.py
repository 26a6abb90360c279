"""Let a departure move in spite of windows, by two people and for a time (RULES W7)."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from django.db import transaction

from releasetrain.accounts.models import User
from releasetrain.calendars.models import Window
from releasetrain.catalog.models import Service
from releasetrain.events.actions import SYSTEM, record
from releasetrain.lib.errors import Invalid, NotAllowed
from releasetrain.lib.schedule import at_words
from releasetrain.lib.words import listed
from releasetrain.trains.actions.locking import locked_departure, locked_with_departure
from releasetrain.trains.actions.refusals import OverrideRefused, refuse_unless
from releasetrain.trains.actions.typed import words_of
from releasetrain.trains.models import Departure, Override
from releasetrain.trains.queries import Action, By, verdict
from releasetrain.trains.queries.overrides import may_be_overridden
from releasetrain.trains.rules.overrides import review_due, why_not_expiry

LONGEST_REASON = 1000
LONGEST_REVIEW = 2000
LONGEST_WITHDRAWAL = 500


@transaction.atomic
def request_override(
    departure: Departure,
    *,
    windows: Iterable[Window],
    services: Iterable[Service],
    reason: str,
    expires_at: datetime,
    by: By,
    now: datetime,
) -> Override:
    """Ask that some services of a departure may move in spite of some windows, until a time.

    It counts once a second person has approved it.

    :param services: of those aboard, or that its train carries where nothing is aboard yet
    :raises Invalid: a window or a service is missing or has nothing to do with it, no reason, or a bad expiry
    :raises OverrideRefused: the departure is over
    :raises NotAllowed: it is not this person's to ask for
    """
    locked = locked_departure(departure.pk)
    refuse_unless(verdict(Action.OVERRIDE, locked, by, now), OverrideRefused)
    if not isinstance(by, User):
        raise NotAllowed("Only people ask for an override; tokens and system accounts cannot.")
    asked, carried = list(windows), list(services)
    _refuse_strangers(locked, asked, carried, now)
    words = words_of(
        reason, LONGEST_REASON, "Say why it has to move all the same; a second person decides by it."
    )
    if why := why_not_expiry(expires_at=expires_at, now=now):
        raise Invalid(why, field="expires_at")
    override = Override.objects.create(
        departure=locked,
        reason=words,
        requested_by=by,
        requested_by_label=str(by)[:200],
        requested_at=now,
        expires_at=expires_at,
    )
    override.windows.set(asked)
    override.services.set(carried)
    record(
        kind="trains.override.requested",
        subject=override,
        actor=by,
        now=now,
        **_told(override),
        windows=listed([f"“{one.name}”" for one in asked]),
        services=listed([one.name for one in carried]),
        reason=words,
    )
    return override


def _refuse_strangers(
    locked: Departure, windows: Sequence[Window], services: Sequence[Service], now: datetime
) -> None:
    """Refuse windows and services that this departure has nothing to do with."""
    known, stopping = may_be_overridden(locked, now)
    if not services:
        raise Invalid("Say which services may move.", field="services")
    if strangers := [one.name for one in services if one.pk not in known]:
        raise Invalid(f"{listed(strangers)} is not aboard {locked}.", field="services")
    if not windows:
        raise Invalid("Say which windows it may move in spite of.", field="windows")
    met = {one.id for one in stopping}
    if strangers := [f"“{one.name}”" for one in windows if one.pk not in met]:
        raise Invalid(f"{listed(strangers)} does not stop anything aboard {locked}.", field="windows")


def _told(override: Override) -> dict[str, object]:
    """Return what every event about an override names."""
    departure = override.departure
    return {
        "departure": str(departure),
        "departure_id": departure.pk,
        "expires_at": at_words(override.expires_at, departure.train.time_zone),
    }


@transaction.atomic
def approve_override(override: Override, *, by: By, now: datetime) -> Override:
    """Let an override count, as the second person; what it held goes on at the next tick.

    :raises OverrideRefused: it was withdrawn, approved or has expired, or this person asked for it or has a
        change aboard
    :raises NotAllowed: it is not this person's to approve
    """
    locked = locked_with_departure(override)
    refuse_unless(verdict(Action.APPROVE_OVERRIDE, locked, by, now), OverrideRefused)
    if not isinstance(by, User):
        raise NotAllowed("Only people approve an override; tokens and system accounts cannot.")
    locked.approved_by = by
    locked.approved_by_label = str(by)[:200]
    locked.approved_at = now
    locked.review_due_at = review_due(now)
    locked.save(update_fields=["approved_by", "approved_by_label", "approved_at", "review_due_at"])
    record(
        kind="trains.override.approved",
        subject=locked,
        actor=by,
        now=now,
        **_told(locked),
        requested_by=locked.requested_by_label,
        reason=locked.reason,
    )
    return locked


@transaction.atomic
def withdraw_override(override: Override, *, reason: str, by: By, now: datetime) -> Override:
    """Take an override back before it expires; from now on its windows stop everything again.

    :raises OverrideRefused: it was withdrawn already, or has expired
    :raises Invalid: no reason
    :raises NotAllowed: it is not this person's to withdraw
    """
    locked = locked_with_departure(override)
    refuse_unless(verdict(Action.WITHDRAW_OVERRIDE, locked, by, now), OverrideRefused)
    words = words_of(reason, LONGEST_WITHDRAWAL, "Say why it is taken back.")
    locked.withdrawn_at = now
    locked.withdrawn_by_label = str(by)[:200]
    locked.withdrawn_reason = words
    locked.save(update_fields=["withdrawn_at", "withdrawn_by_label", "withdrawn_reason"])
    record(kind="trains.override.withdrawn", subject=locked, actor=by, now=now, **_told(locked), reason=words)
    return locked


@transaction.atomic
def review_override(override: Override, *, review: str, by: By, now: datetime) -> Override:
    """Write down what an override was good for, so that the next one is not needed.

    :raises OverrideRefused: it never counted, was reviewed already, or this person asked for it
    :raises Invalid: nothing is written
    :raises NotAllowed: it is not this person's to review
    """
    locked = locked_with_departure(override)
    refuse_unless(verdict(Action.REVIEW_OVERRIDE, locked, by, now), OverrideRefused)
    words = words_of(review, LONGEST_REVIEW, "Write down what came of it.", field="review")
    locked.review = words
    locked.reviewed_at = now
    locked.reviewed_by_label = str(by)[:200]
    locked.save(update_fields=["review", "reviewed_at", "reviewed_by_label"])
    record(kind="trains.override.reviewed", subject=locked, actor=by, now=now, **_told(locked), review=words)
    return locked


@transaction.atomic
def raise_overdue_review(override: Override, *, now: datetime) -> bool:
    """Tell once that nobody has reviewed an override in time; tell whether this was the time."""
    locked = locked_with_departure(override)
    if locked.reviewed_at or locked.overdue_told_at or not locked.review_due_at or now < locked.review_due_at:
        return False
    locked.overdue_told_at = now
    locked.save(update_fields=["overdue_told_at"])
    record(
        kind="trains.override.review_overdue",
        subject=locked,
        actor=SYSTEM,
        now=now,
        **_told(locked),
        requested_by=locked.requested_by_label,
        approved_by=locked.approved_by_label,
    )
    return True
