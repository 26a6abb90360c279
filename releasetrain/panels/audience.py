"""Know the three audiences, so that a fragment is drawn once for each of them and never once a person."""

from enum import StrEnum

from releasetrain.accounts.rules import Role, Roles


class Audience(StrEnum):
    """With whose eyes a fragment is drawn.

    An operator may act on what is shown, a member may look at all of it, a stakeholder sees the redacted
    truth: states, times and percentages, no names, no error lines, no reasons that people typed.
    """

    OPERATOR = "operator"
    MEMBER = "member"
    STAKEHOLDER = "stakeholder"

    @property
    def sees_people(self) -> bool:
        return self is not Audience.STAKEHOLDER


OPERATING_ROLES = (Role.RELEASE_MANAGER, Role.ON_CALL, Role.ADMINISTRATOR)


def audience_of(roles: Roles, *, teams: frozenset[int], services: frozenset[int]) -> Audience | None:
    """Say with whose eyes somebody sees a thing of these teams and services; None is with nobody's."""
    may_operate = any(
        roles.has(role)
        or any(roles.has(role, team=team) for team in teams)
        or any(roles.has(role, service=service) for service in services)
        for role in OPERATING_ROLES
    )
    if may_operate:
        return Audience.OPERATOR
    return Audience.MEMBER if roles.has_any(Role.VIEWER) else None
