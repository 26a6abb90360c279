"""Say who may do what, from roles loaded once a request."""

from collections.abc import Iterable

from django.contrib.auth.models import AnonymousUser

from releasetrain.accounts.models import ApiToken, Membership, User
from releasetrain.accounts.rules import Role, Roles
from releasetrain.lib.errors import NotAllowed
from releasetrain.lib.hashing import token_digest


def roles_of(user: User | AnonymousUser) -> Roles:
    """Load the roles that a person holds in teams and in the house (service roles are the catalog's)."""
    if not isinstance(user, User) or not user.is_active:
        return Roles()
    return roles_from(user, Membership.objects.filter(user=user).values_list("team_id", "role"))


def roles_from(user: User, held: Iterable[tuple[int | None, str]]) -> Roles:
    """Read what an active person holds: (team or None for the house, role)."""
    rows = [(team, Role(role)) for team, role in held]
    house = {role for team, role in rows if team is None}
    if user.is_superuser:
        house.add(Role.ADMINISTRATOR)
    return Roles(
        house=frozenset(house), teams=frozenset((team, role) for team, role in rows if team is not None)
    )


def refuse_without(roles: Roles, any_of: Iterable[Role], what: str, *, team: int | None = None) -> None:
    """Refuse unless one of the roles is held.

    :raises NotAllowed: with the roles that could
    """
    wanted = tuple(any_of)
    if any(roles.has(role, team=team) for role in wanted):
        return
    who = " or ".join(role.label for role in wanted)
    raise NotAllowed(
        f"To {what} one needs the role {who}, which you do not hold here.", who="an administrator"
    )


def refuse_strangers(roles: Roles, what: str) -> None:
    """Refuse somebody who holds no role anywhere in the house.

    :raises NotAllowed: with who can change that
    """
    if not roles.has_any(Role.VIEWER):
        raise NotAllowed(f"To {what} one needs a role in the house or a team.", who="an administrator")


def known_token(secret: str) -> ApiToken:
    """Return the token that a machine has shown, whatever it may do.

    :raises NotAllowed: there is no such token (status 401)
    """
    token = ApiToken.objects.filter(digest=token_digest(secret), revoked_at__isnull=True).first()
    if token is None:
        raise NotAllowed("This token is unknown or was revoked.", code="bad_token", status=401)
    return token


def refuse_without_scope(token: ApiToken, scope: str) -> None:
    """Refuse a token that may not do what the scope says.

    :raises NotAllowed: with the scope that it lacks
    """
    if scope not in token.scopes:
        raise NotAllowed(f"The token “{token.name}” may not do this: it lacks the scope {scope}.")


def token_for(secret: str, scope: str) -> ApiToken:
    """Return the token that a machine has shown, if it may do what the scope says.

    :raises NotAllowed: no such token (status 401), or not for this
    """
    token = known_token(secret)
    refuse_without_scope(token, scope)
    return token
