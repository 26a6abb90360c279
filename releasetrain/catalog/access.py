"""Add the roles held for single services to those held in teams."""

from django.contrib.auth.models import AnonymousUser

from releasetrain.accounts import access
from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role, Roles
from releasetrain.catalog.models import Service, ServiceRole


def roles_of(user: User | AnonymousUser) -> Roles:
    """Load everything that a person may do: in the house, in teams and for single services."""
    roles = access.roles_of(user)
    if not isinstance(user, User) or not user.is_active:
        return roles
    rows = ServiceRole.objects.filter(user=user).values_list("service_id", "role")
    return Roles(roles.house, roles.teams, frozenset((service, Role(role)) for service, role in rows))


def may(roles: Roles, role: Role, service: Service) -> bool:
    """Tell whether the role is held in the house, in the service's team or for the service itself."""
    return roles.has(role, team=service.team_id, service=service.pk)
