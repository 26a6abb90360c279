"""Say each calendar from elsewhere: what it brings, how fresh it is, what could not be taken over (W11)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.db.models import Count, Q, QuerySet

from releasetrain.accounts.rules import Role, Roles
from releasetrain.calendars.models import Feed
from releasetrain.calendars.rules.windows import Behaviour, Effect, Lane, Stops
from releasetrain.lib.moments import city
from releasetrain.lib.verdict import Reason
from releasetrain.lib.words import listed
from releasetrain.panels.shapes import Action
from releasetrain.web.contexts.calendar.line import OPEN_ROLES, why_not


@dataclass(frozen=True, slots=True)
class FeedRow:
    """One calendar in the list."""

    url: str
    name: str
    brings: str
    source: str
    state: str
    good_at: datetime | None
    next_at: datetime | None
    windows: int
    problems: int


@dataclass(frozen=True, slots=True)
class FeedPage:
    """One calendar: how it is read, what it brings, and what this person may do with it."""

    pk: int
    name: str
    state: str
    problem: str
    failures: int
    facts: Sequence[tuple[str, str]]
    checked_at: datetime | None
    good_at: datetime | None
    next_at: datetime | None
    report: Sequence[tuple[str, str]]
    actions: Sequence[Action]
    file_url: str = ""


def feeds_in_use() -> QuerySet[Feed]:
    """Return the calendars that are kept, with the number of windows that each brings."""
    standing = Count("windows", filter=Q(windows__deleted_at__isnull=True))
    return (
        Feed.objects.filter(removed_at__isnull=True)
        .annotate(standing=standing)
        .defer("body")
        .order_by("name")
    )


def feed_row(feed: Feed) -> FeedRow:
    """Say a calendar in one line."""
    return FeedRow(
        url=f"/calendar/feeds/{feed.pk}/",
        name=feed.name,
        brings=feed.get_brings_display(),
        source=feed.url or "a file",
        state=state_of(feed),
        good_at=feed.good_at,
        next_at=feed.next_due_at,
        windows=feed.standing,  # type: ignore[attr-defined]
        problems=len(feed.report),
    )


def state_of(feed: Feed) -> str:
    """Name how fresh a calendar is, as a key of LOOKS."""
    if feed.is_being_fetched:
        return "fetching"
    if feed.is_stale:
        return "stale"
    return "fresh" if feed.good_at else "queued"


def feed_page(feed: Feed, roles: Roles) -> FeedPage:
    """Gather everything about one calendar."""
    is_fixed = bool(feed.url or feed.removed_at or why_not_feed(feed, roles))
    return FeedPage(
        pk=feed.pk,
        name=feed.name,
        state=state_of(feed),
        problem=feed.problem,
        failures=feed.failures,
        facts=facts_of(feed),
        checked_at=feed.checked_at,
        good_at=feed.good_at,
        next_at=feed.next_due_at,
        report=[(one.get("event", ""), one.get("problem", "")) for one in feed.report],
        actions=[] if feed.removed_at else actions_of(feed, roles),
        file_url="" if is_fixed else f"/calendar/feeds/{feed.pk}/file/",
    )


def facts_of(feed: Feed) -> list[tuple[str, str]]:
    """Return the facts of a calendar by name."""
    places = [str(one) for one in (feed.team, feed.service, feed.environment) if one]
    facts = [
        ("Comes from", feed.url or "a file"),
        ("Brings", feed.get_brings_display()),
        ("Covers", " in ".join(places) or "Everything"),
        ("Zone", city(feed.zone)),
    ]
    if feed.brings == "windows":
        lanes = [Lane(lane).words for lane in feed.lanes] or [lane.words for lane in Lane]
        facts += [
            ("Its windows", f"{Effect(feed.effect).words}; {Stops(feed.level).words}"),
            ("Rollouts", f"what runs when one opens {Behaviour(feed.behaviour).words}"),
            ("Only for" if feed.lanes else "For", listed(lanes)),
        ]
    return [*facts, ("Added by", str(feed.created_by or "somebody who has left"))]


def roles_for(feed: Feed) -> tuple[Role, ...]:
    """Return the roles that decide about a calendar; each team plans its own shifts."""
    return (*OPEN_ROLES, Role.ON_CALL) if feed.brings == "shifts" else OPEN_ROLES


def why_not_feed(feed: Feed, roles: Roles) -> Reason | None:
    """Return why somebody may not decide about a calendar; None where they may."""
    team = feed.service.team_id if feed.service else feed.team_id
    return why_not(roles, roles_for(feed), "decide about this calendar", team)


def actions_of(feed: Feed, roles: Roles) -> list[Action]:
    """Offer to read it again now, to change how it is read, and to let it go."""
    why = why_not_feed(feed, roles)
    refresh = Action(
        name="refresh",
        label="Refresh now",
        url=f"/calendar/feeds/{feed.pk}/refresh/",
        icon="refresh-cw",
        reason=why or _why_not_now(feed),
    )
    remove = Action(
        name="remove",
        label="Remove",
        url=f"/calendar/feeds/{feed.pk}/remove/",
        icon="trash-2",
        kind="quiet",
        reason=why,
        asks="required",
        consequence=_removes(feed),
    )
    edit = Action(
        name="edit",
        label="Edit",
        url=f"/calendar/feeds/{feed.pk}/edit/",
        icon="pencil",
        reason=why,
        opens=True,
    )
    return [refresh, edit, remove] if feed.url else [edit, remove]


def _why_not_now(feed: Feed) -> Reason | None:
    text = "It is being fetched at the moment."
    return Reason("fetching", text, who="nobody") if feed.is_being_fetched else None


def _removes(feed: Feed) -> str:
    if feed.brings == "shifts":
        return "The shifts that it brings go from now on; what was stays on record."
    count = feed.windows.filter(deleted_at__isnull=True).count()
    no_longer = "stops" if count == 1 else "stop"
    what = "The 1 window that it brings goes" if count == 1 else f"The {count} windows that it brings go"
    return f"{what} from the calendar and {no_longer} nothing any more; what was stays on record."
