"""Get a train, departure or change together with the permission to do something with it."""

from typing import TypeVar

from django.db.models import Model, QuerySet

from releasetrain.accounts.access import refuse_without
from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role, Roles
from releasetrain.catalog.access import roles_of
from releasetrain.lib.errors import NotAllowed, NotFound
from releasetrain.trains.models import Change, Departure, Train
from releasetrain.trains.queries import changes_with_service, departure_in_full
from releasetrain.trains.queries.permissions import HOLDERS, RUNNERS

Row = TypeVar("Row", bound=Model)
RUN = {"run": RUNNERS, "hold": HOLDERS, "edit": RUNNERS}


def departure_for(user: User, pk: int, to: str = "see", *, roles: Roles | None = None) -> Departure:
    """Return a departure for somebody who may see it, hold it or run it.

    Who may board it or decide about it depends on what is aboard: `verdict` and the actions say that.

    :param to: "see", "hold" or "run"
    :raises NotFound: there is none
    :raises NotAllowed: this person may not see it, or see it only
    """
    held = _may_see(user, roles)
    departure = _found(departure_in_full(pk), f"departure RT-{pk}")
    if user.pk not in (departure.captain_id, departure.deputy_id):
        _refuse_passengers(user, held, departure.train, to, f"{to} departures of {departure.train}")
    return departure


def train_for(user: User, slug: str, to: str = "see", *, roles: Roles | None = None) -> Train:
    """Return a train for somebody who may see or edit it.

    :param to: "see" or "edit"
    :raises NotFound: there is none
    :raises NotAllowed: this person may not see it, or see it only
    """
    held = _may_see(user, roles)
    trains = Train.objects.select_related("team", "environment", "policy__owner", "captain")
    trains = trains.prefetch_related("services", "policy__requirements")
    train = _one(trains.filter(slug=slug), f"train “{slug}”")
    _refuse_passengers(user, held, train, to, f"edit {train}")
    return train


def change_for(user: User, pk: int, *, roles: Roles | None = None) -> Change:
    """Return a change for somebody who may see it; what else they may do is asked of `verdict`.

    :raises NotFound: there is none
    :raises NotAllowed: this person may not see it
    """
    _may_see(user, roles)
    return _one(changes_with_service().filter(pk=pk), f"change {pk}")


def _may_see(user: User, roles: Roles | None) -> Roles:
    """Let everybody look who has any role here at all."""
    held = roles if roles is not None else roles_of(user)
    if not held.has_any(Role.VIEWER):
        raise NotAllowed("You have no role here yet.", who="an administrator")
    return held


def _refuse_passengers(user: User, roles: Roles, train: Train, to: str, what: str) -> None:
    """Refuse whoever does not run the train, where running it is asked for; its captain does."""
    if to != "see" and train.captain_id != user.pk:
        refuse_without(roles, RUN[to], what, team=train.team_id)


def _one(rows: QuerySet[Row], what: str) -> Row:
    return _found(rows.first(), what)


def _found(row: Row | None, what: str) -> Row:
    if row is None:
        raise NotFound(f"There is no {what}.")
    return row
