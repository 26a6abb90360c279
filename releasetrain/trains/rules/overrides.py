"""Say who may let a departure move in spite of windows, and for how long (RULES W7)."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from releasetrain.lib.schedule import at_words
from releasetrain.lib.spans import in_words
from releasetrain.lib.verdict import Reason

REVIEW_WORKING_DAYS = 5
LONGEST = timedelta(days=14)
FIRST_DAY_OFF = 5  # Saturday, as Python counts


@dataclass(frozen=True, slots=True)
class Passing:
    """An override as the rules see it: which windows it opens for which services, and how far it has come."""

    id: int
    windows: frozenset[int]
    services: frozenset[int]
    expires_at: datetime
    requested_by: int | None = None
    requested_by_name: str = ""
    approved_at: datetime | None = None
    withdrawn_at: datetime | None = None
    reviewed_at: datetime | None = None

    def counts_at(self, at: datetime) -> bool:
        """Tell whether it lets anything through; at the very instant of its expiry it does not (T13)."""
        return self.approved_at is not None and self.withdrawn_at is None and at < self.expires_at

    def pairs(self) -> frozenset[tuple[int, int]]:
        """Return what it lets through, (window id, service id)."""
        return frozenset((window, service) for window in self.windows for service in self.services)


def let_through(passings: tuple[Passing, ...], at: datetime) -> frozenset[tuple[int, int]]:
    """Return the (window id, service id) pairs that overrides let through at an instant."""
    return frozenset(pair for one in passings if one.counts_at(at) for pair in one.pairs())


def why_not_expiry(*, expires_at: datetime, now: datetime) -> str | None:
    """Return why an override cannot last until then, or None."""
    if expires_at <= now:
        return "Say until when the override lasts; that time has passed."
    if expires_at - now > LONGEST:
        return (
            f"An override lasts for {in_words(LONGEST)} at most; move the window if it is wrong for longer."
        )
    return None


def why_not_approve(one: Passing, *, person: int, authors: frozenset[int], now: datetime) -> Reason | None:
    """Return why this person may not be the second one, or None (RULES W7).

    :param authors: ids of those who wrote or submitted a change aboard
    """
    if why := why_over(one, now):
        return why
    if one.approved_at is not None:
        return Reason("approved", "This override is approved already.")
    asked = one.requested_by_name or "somebody"
    if person == one.requested_by:
        return Reason("second_person", "You asked for this override; somebody else must approve it.")
    if person in authors:
        text = (
            f"You wrote or submitted a change aboard; the second person beside {asked} must be somebody else."
        )
        return Reason("second_person", text)
    return None


def why_over(one: Passing, now: datetime) -> Reason | None:
    """Return why an override can no longer be acted on, or None."""
    if one.withdrawn_at is not None:
        return Reason("withdrawn", "This override was withdrawn; ask for a new one.")
    if now >= one.expires_at:
        return Reason(
            "expired", f"This override expired on {at_words(one.expires_at, 'UTC')}; ask for a new one."
        )
    return None


def why_not_review(one: Passing, *, person: int | None) -> Reason | None:
    """Return why this person may not review an override, or None."""
    if one.approved_at is None:
        return Reason("not_approved", "This override never counted, so there is nothing to review.")
    if one.reviewed_at is not None:
        return Reason("reviewed", "This override was reviewed already.")
    if person is not None and person == one.requested_by:
        return Reason("second_person", "You asked for this override; somebody else must review it.")
    return None


def review_due(approved_at: datetime) -> datetime:
    """Return the same time of day five working days later (RULES W7)."""
    due, left = approved_at, REVIEW_WORKING_DAYS
    while left:
        due += timedelta(days=1)
        left -= due.weekday() < FIRST_DAY_OFF
    return due
