"""Say who may do what about a train, a departure and a change, whatever the hour."""

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role, Roles
from releasetrain.catalog.access import may
from releasetrain.events.actions import SystemActor
from releasetrain.lib.verdict import ALLOWED, Verdict, deny
from releasetrain.trains.models import (
    Blocker,
    BreakGlass,
    Change,
    Departure,
    LatePass,
    Override,
    Train,
    Vote,
    Withdrawal,
)

By = User | SystemActor
Paper = Override | Blocker | Vote | Withdrawal | LatePass | BreakGlass
RUNNERS = (Role.RELEASE_MANAGER, Role.ADMINISTRATOR)
HOLDERS = (Role.ON_CALL, *RUNNERS)


def may_run(
    train: Train,
    actor: By,
    roles: Roles | None,
    what: str,
    any_of: tuple[Role, ...] = RUNNERS,
    *,
    departure: Departure | None = None,
) -> Verdict:
    """Tell whether somebody runs a train: its captain, its team's release managers, administrators.

    The captain and the deputy of a departure run that departure.
    """
    captains = {train.captain_id, *((departure.captain_id, departure.deputy_id) if departure else ())}
    if not isinstance(actor, User) or (actor.pk in captains and actor.is_active):
        return ALLOWED
    if roles and any(roles.has(role, team=train.team_id) for role in any_of):
        return ALLOWED
    named = " or ".join(role.label for role in any_of)
    text = f"To {what} one needs the role {named} in {train.team.name}, or to be its captain."
    return deny("role", text, who="an administrator")


def answers_for(change: Change, actor: User, roles: Roles | None) -> bool:
    """Tell whether somebody wrote a change, submits for its service, or runs its departure."""
    if actor.pk in (change.author_id, change.submitted_by_id):
        return True
    if roles and may(roles, Role.SUBMITTER, change.service):
        return True
    departure = change.departure or change.stand_by_for
    return bool(
        departure
        and may_run(departure.train, actor, roles, "answer for this change", departure=departure).is_allowed
    )
