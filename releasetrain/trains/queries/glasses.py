"""Read what broken glasses still owe: votes within a day, and a review (RULES H4)."""

from datetime import datetime

from django.db.models import Q, QuerySet

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.catalog.models import Service
from releasetrain.trains.models import BreakGlass, Change, Departure, Vote
from releasetrain.trains.queries.seats import seat_holders
from releasetrain.trains.rules.hotfixes import Owed, owed
from releasetrain.trains.rules.states import Choice


def glasses() -> QuerySet[BreakGlass]:
    """Return broken glasses with everything that a row of a list names, the newest first."""
    rows = BreakGlass.objects.select_related(
        "departure__train__team", "departure__train__environment", "departure__train__captain"
    )
    return rows.order_by("-at")


def glasses_open() -> QuerySet[BreakGlass]:
    """Return broken glasses that still owe votes or a review, those due first on top."""
    rows = glasses().filter(Q(confirmed_at__isnull=True) | Q(reviewed_at__isnull=True))
    return rows.order_by("owed_until", "pk")


def glasses_overdue(now: datetime) -> QuerySet[BreakGlass]:
    """Return broken glasses whose votes or whose review are overdue, and nobody was told yet."""
    votes = Q(confirmed_at__isnull=True, owed_until__lte=now, overdue_told_at__isnull=True)
    review = Q(reviewed_at__isnull=True, review_due_at__lte=now, review_overdue_told_at__isnull=True)
    return glasses().filter(votes | review)


def owed_of(glass: BreakGlass) -> list[Owed]:
    """Return how the full policy of a broken glass stands by now, one line a role."""
    authors, _ = people_aboard(glass.departure)
    return owed(glass.full_asks, holders_of(glass), _said_go(glass.departure), authors)


def holders_of(glass: BreakGlass) -> dict[Role, dict[int, str]]:
    """Return who holds the roles that the full policy asks for, id to name."""
    _, services = people_aboard(glass.departure)
    roles = {Role(one["role"]) for one in glass.full_asks}
    team = glass.departure.train.team_id
    return {role: seat_holders(role, team, services.values()) for role in roles}


def seats_owed(glass: BreakGlass, person: User) -> list[Role]:
    """Return the roles in which a person may still say what is owed, those that lack somebody first."""
    holders = holders_of(glass)
    lines = sorted(owed_of(glass), key=lambda one: one.lacking == 0)
    return [one.role for one in lines if person.pk in holders[one.role]]


def people_aboard(departure: Departure) -> tuple[frozenset[int], dict[int, Service]]:
    """Return who wrote or submitted what a departure carries or carried, and its services by id."""
    rows = Change.objects.filter(departure=departure).select_related("service")
    people = frozenset(one for row in rows for one in (row.author_id, row.submitted_by_id) if one is not None)
    return people, {row.service_id: row.service for row in rows}


def _said_go(departure: Departure) -> dict[int, tuple[Role, str]]:
    rows = Vote.objects.filter(departure=departure, choice=Choice.GO, replaced_at__isnull=True)
    known = rows.order_by("at").values_list("user_id", "role", "user_label")
    return {user: (Role(role), name) for user, role, name in known if user is not None}
