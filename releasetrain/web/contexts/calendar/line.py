"""Say where the line is stopped, and who may let it run again."""

from collections.abc import Sequence
from datetime import datetime, tzinfo

from django.contrib.postgres.aggregates import ArrayAgg
from django.db.models import Q

from releasetrain.accounts.rules import Role, Roles
from releasetrain.calendars.models import Window
from releasetrain.lib.verdict import Reason
from releasetrain.panels.shapes import Action
from releasetrain.web.contexts.calendar.shapes import LineStop
from releasetrain.web.forms.parts import Parts

OPEN_ROLES = (Role.RELEASE_MANAGER, Role.ADMINISTRATOR)
STOP_ROLES = (Role.ON_CALL, *OPEN_ROLES)


def may(roles: Roles, any_of: Sequence[Role], team: int | None = None) -> bool:
    """Tell whether somebody holds one of the roles for a team, or for the house where none is named."""
    return any(roles.has(role, team=team) for role in any_of)


def may_anywhere(roles: Roles, any_of: Sequence[Role]) -> bool:
    """Tell whether somebody holds one of the roles for any part of the house."""
    return any(roles.has_any(role) for role in any_of)


def why_not(roles: Roles, any_of: Sequence[Role], what: str, team: int | None = None) -> Reason | None:
    """Return why somebody may not do something to a team's windows, or None where they may."""
    return None if may(roles, any_of, team) else lacking(any_of, what, "here")


def why_not_anywhere(roles: Roles, any_of: Sequence[Role], what: str) -> Reason | None:
    """Return why somebody may not do something anywhere in the house; None where they may somewhere."""
    return None if may_anywhere(roles, any_of) else lacking(any_of, what, "in a team or in the house")


def lacking(any_of: Sequence[Role], what: str, where: str) -> Reason:
    """Name the roles that could, and who gives them."""
    labels = [role.label for role in any_of]
    who = f"{', '.join(labels[:-1])} or {labels[-1]}"
    return Reason("role", f"To {what} one needs the role {who} {where}.", who="An administrator")


def stops_now(roles: Roles, parts: Parts, zone: tzinfo, now: datetime) -> list[LineStop]:
    """Return the stops of the line that hold now, soonest end first."""
    found = Window.objects.filter(
        stops_the_line=True, deleted_at__isnull=True, starts_at__lte=now, ends_at__gt=now
    )
    found = found.filter(Q(ended_early_at__isnull=True) | Q(ended_early_at__gt=now))
    rows = found.select_related("created_by").annotate(
        teams=ArrayAgg("scopes__team", default=[]), services=ArrayAgg("scopes__service", default=[])
    )
    return [
        LineStop(
            pk=row.pk,
            where=row.name,
            reason=row.reason,
            by=str(row.created_by or "somebody"),
            until_at=row.ends_at,
            url=f"/calendar/windows/{row.pk}/",
            end=let_run(row, roles, owner_of(row.services, row.teams, parts)),
        )
        for row in rows.order_by("ends_at", "pk")
    ]


def owner_of(services: Sequence[int | None], teams: Sequence[int | None], parts: Parts) -> int | None:
    """Return the team whose people may decide about a window; None asks for a role in the whole house."""
    owners = {parts.owners.get(pk) for pk in services if pk is not None} or {
        pk for pk in teams if pk is not None
    }
    return owners.pop() if len(owners) == 1 else None


def let_run(window: Window, roles: Roles, team: int | None) -> Action:
    """Offer to let the line run again."""
    return Action(
        name="end",
        label="Let it run again",
        url=f"/calendar/windows/{window.pk}/end/",
        icon="play",
        kind="primary",
        reason=why_not(roles, STOP_ROLES, "let the line run again", team),
        asks="required",
        consequence=(
            "Departures, stages and flags that wait for nothing else may move again at once. "
            "Rollouts that it held check their health first, and go on one after the other."
        ),
    )
