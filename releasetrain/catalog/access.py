"""Add the roles held for single services to those held in teams."""

from dataclasses import replace

from django.contrib.auth.models import AnonymousUser
from django.db.models import Value

from releasetrain.accounts import access
from releasetrain.accounts.models import Membership, User
from releasetrain.accounts.rules import Role, Roles
from releasetrain.catalog.models import Service, ServiceRole
from releasetrain.lib.errors import NotFound
from releasetrain.lib.once import once


@once(lambda user: user.pk)
def roles_of(user: User | AnonymousUser) -> Roles:
    """Load everything that a person may do, in one query: in the house, in teams and for single services."""
    if not isinstance(user, User) or not user.is_active:
        return Roles()
    in_teams = Membership.objects.filter(user=user).annotate(is_own=Value(value=False)).order_by()
    for_services = ServiceRole.objects.filter(user=user).annotate(is_own=Value(value=True)).order_by()
    rows = list(
        in_teams.values_list("is_own", "team_id", "role").union(
            for_services.values_list("is_own", "service_id", "role"), all=True
        )
    )
    roles = access.roles_from(user, [(team, role) for is_own, team, role in rows if not is_own])
    services = frozenset((pk, Role(role)) for is_own, pk, role in rows if is_own and pk is not None)
    return replace(roles, services=services)


def service_for(slug: str) -> Service:
    """Return a service by its slug.

    :raises NotFound: there is none
    """
    found = Service.objects.select_related("team").filter(slug=slug).first()
    if found is None:
        raise NotFound(f"There is no service “{slug[:50]}”.", who="an administrator")
    return found


def may(roles: Roles, role: Role, service: Service) -> bool:
    """Tell whether the role is held in the house, in the service's team or for the service itself."""
    return roles.has(role, team=service.team_id, service=service.pk)
