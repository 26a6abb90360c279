"""Break the glass for a hotfix, give the votes that are owed afterwards, and review it (RULES H4)."""

from datetime import datetime

from django.db import transaction

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.events.actions import SYSTEM, record
from releasetrain.lib.errors import Invalid, NotAllowed
from releasetrain.lib.schedule import at_words
from releasetrain.lib.words import listed
from releasetrain.trains.actions.decisions import settle
from releasetrain.trains.actions.locking import locked_departure, locked_with_departure
from releasetrain.trains.actions.refusals import HotfixRefused, refuse_unless
from releasetrain.trains.actions.typed import words_of
from releasetrain.trains.models import BreakGlass, Departure, Vote
from releasetrain.trains.queries import Action, By, latest_manifests, verdict
from releasetrain.trains.queries.glasses import owed_of, seats_owed
from releasetrain.trains.rules.hotfixes import OWED_FOR, small_asks
from releasetrain.trains.rules.overrides import review_due
from releasetrain.trains.rules.states import Choice

LONGEST_REASON = 1000
LONGEST_SAID = 500
LONGEST_REVIEW = 2000
WORDS = {Choice.GO: "go", Choice.NO_GO: "no-go"}


@transaction.atomic
def break_glass(departure: Departure, *, reason: str, by: By, now: datetime) -> BreakGlass:
    """Let fewer people decide about a hotfix: half of each quorum, and one who is on call.

    What the policy asks for beyond that is owed within 24 h, and a review opens by itself.

    :raises HotfixRefused: it is no hotfix, nothing is being decided, or the glass is broken already
    :raises Invalid: no reason
    :raises NotAllowed: it is not this person's to break
    """
    return break_locked(locked_departure(departure.pk), reason=reason, by=by, now=now)


def break_locked(locked: Departure, *, reason: str, by: By, now: datetime) -> BreakGlass:
    """Break the glass of a departure that the caller has locked; see `break_glass`."""
    refuse_unless(verdict(Action.BREAK_GLASS, locked, by, now), HotfixRefused)
    if not isinstance(by, User):
        raise NotAllowed("Only people break the glass; tokens and system accounts cannot.")
    words = words_of(
        reason, LONGEST_REASON, "Say why it cannot wait for everybody; the review begins with it."
    )
    full = list(locked.plan.get("requirements", ()))
    small = small_asks(full)
    locked.plan = {**locked.plan, "requirements": small}
    locked.save(update_fields=["plan"])
    glass = BreakGlass.objects.create(
        departure=locked,
        reason=words,
        asked_by=by,
        asked_by_label=str(by)[:200],
        at=now,
        full_asks=full,
        owed_until=now + OWED_FOR,
        review_due_at=review_due(now),
    )
    record(
        kind="trains.glass.broken",
        subject=locked,
        actor=by,
        now=now,
        reason=words,
        asks=listed([f"{one['quorum']} × {Role(one['role']).label}" for one in small]),
        owed_until=glass.owed_until.isoformat(),
    )
    settle(locked, now)
    return glass


@transaction.atomic
def say_afterwards(
    glass: BreakGlass, *, choice: Choice, by: By, now: datetime, role: Role | None = None, reason: str = ""
) -> BreakGlass:
    """Give a vote that is owed: go, or no-go with a reason; it changes nothing about what has left.

    The last one that is owed settles the debt. A person has one vote, and may change it.

    :raises HotfixRefused: nothing is owed any more, or it has not left yet
    :raises Invalid: a no-go without a reason
    :raises NotAllowed: this person is not asked
    """
    locked = locked_with_departure(glass)
    refuse_unless(verdict(Action.SAY_AFTERWARDS, locked, by, now), HotfixRefused)
    if not isinstance(by, User) or choice not in WORDS:
        raise NotAllowed("Only people vote, and they say go or no-go.")
    seats = seats_owed(locked, by)
    chosen = role if role in seats and role is not None else seats[0]
    words = reason.strip()
    if choice is Choice.NO_GO:
        words = words_of(reason, LONGEST_SAID, "Say what was wrong about it; the review reads it.")
    if len(words) > LONGEST_SAID:
        raise Invalid(f"This has at most {LONGEST_SAID} characters.", field="reason")
    _cast(locked.departure, by, chosen, choice, words, now)
    record(
        kind="trains.glass.said_afterwards",
        subject=locked.departure,
        actor=by,
        now=now,
        choice=WORDS[choice],
        role=chosen.label,
        reason=words,
    )
    if all(line.lacking == 0 for line in owed_of(locked)):
        locked.confirmed_at = now
        locked.save(update_fields=["confirmed_at"])
        record(kind="trains.glass.confirmed", subject=locked.departure, actor=SYSTEM, now=now)
    return locked


def _cast(departure: Departure, by: User, role: Role, choice: Choice, reason: str, now: datetime) -> None:
    Vote.objects.filter(departure=departure, user=by, replaced_at__isnull=True).update(replaced_at=now)
    manifest = latest_manifests([departure.pk])[departure.pk]
    Vote.objects.create(
        departure=departure,
        user=by,
        user_label=str(by)[:200],
        role=role,
        choice=choice,
        reason=reason,
        digest=manifest.digest,
        at=now,
    )


@transaction.atomic
def review_glass(glass: BreakGlass, *, review: str, by: By, now: datetime) -> BreakGlass:
    """Write down what a broken glass was good for, so that the next one is not needed.

    :raises HotfixRefused: it was reviewed already, or this person broke it
    :raises Invalid: nothing is written
    :raises NotAllowed: it is not this person's to review
    """
    locked = locked_with_departure(glass)
    refuse_unless(verdict(Action.REVIEW_GLASS, locked, by, now), HotfixRefused)
    words = words_of(review, LONGEST_REVIEW, "Write down what came of it.", field="review")
    locked.review, locked.reviewed_at, locked.reviewed_by_label = words, now, str(by)[:200]
    locked.save(update_fields=["review", "reviewed_at", "reviewed_by_label"])
    record(kind="trains.glass.reviewed", subject=locked.departure, actor=by, now=now, review=words)
    return locked


@transaction.atomic
def raise_overdue_glass(glass: BreakGlass, *, now: datetime) -> bool:
    """Tell once of votes, and once of a review, that nobody gave in time; tell whether this was a time."""
    locked = locked_with_departure(glass)
    lacking = "; ".join(line.words for line in owed_of(locked) if line.lacking)
    zone, told = locked.departure.train.time_zone, False
    if locked.confirmed_at is None and locked.overdue_told_at is None and locked.owed_until <= now:
        locked.overdue_told_at, told = now, True
        locked.save(update_fields=["overdue_told_at"])
        record(
            kind="trains.glass.overdue",
            subject=locked.departure,
            actor=SYSTEM,
            now=now,
            what=f"the votes that are owed: {lacking}",
            since=at_words(locked.owed_until, zone),
        )
    is_unreviewed = locked.reviewed_at is None and locked.review_overdue_told_at is None
    if is_unreviewed and locked.review_due_at <= now:
        locked.review_overdue_told_at, told = now, True
        locked.save(update_fields=["review_overdue_told_at"])
        record(
            kind="trains.glass.overdue",
            subject=locked.departure,
            actor=SYSTEM,
            now=now,
            what="the review of the broken glass",
            since=at_words(locked.review_due_at, zone),
        )
    return told
