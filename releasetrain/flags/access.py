"""Say who may create flags and keep segments, and who may change a flag."""

from releasetrain.accounts.rules import Role, Roles
from releasetrain.lib.errors import NotAllowed

EDITORS = (Role.RELEASE_MANAGER, Role.ADMINISTRATOR)


def may_keep(roles: Roles) -> bool:
    """Tell whether somebody may create flags and keep segments, for one team at least."""
    return any(roles.has_any(role) for role in EDITORS)


def refuse_without_team(roles: Roles, what: str) -> None:
    """Refuse somebody who may do this for no team at all.

    :raises NotAllowed: with the roles that may
    """
    if not may_keep(roles):
        named = " or ".join(role.label for role in EDITORS)
        raise NotAllowed(f"To {what} one needs the role {named}.", who="an administrator")
