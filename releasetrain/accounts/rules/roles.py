"""Know the roles and what each of them includes."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """What a person may do, in a team or in the whole house."""

    VIEWER = "viewer"
    SUBMITTER = "submitter"
    ON_CALL = "on_call"
    RELEASE_MANAGER = "release_manager"
    ADMINISTRATOR = "administrator"

    @property
    def label(self) -> str:
        return self.value.replace("_", "-" if self is Role.ON_CALL else " ")


INCLUDES: dict[Role, frozenset[Role]] = {
    Role.VIEWER: frozenset({Role.VIEWER}),
    Role.SUBMITTER: frozenset({Role.VIEWER, Role.SUBMITTER}),
    Role.ON_CALL: frozenset({Role.VIEWER, Role.SUBMITTER, Role.ON_CALL}),
    Role.RELEASE_MANAGER: frozenset({Role.VIEWER, Role.SUBMITTER, Role.RELEASE_MANAGER}),
    Role.ADMINISTRATOR: frozenset({Role.VIEWER, Role.SUBMITTER, Role.ADMINISTRATOR}),
}


@dataclass(frozen=True, slots=True)
class Roles:
    """Everything one person may do, loaded once a request.

    `house` counts everywhere; `teams` holds (team id, role); `services` holds (service id, role).
    """

    house: frozenset[Role] = frozenset()
    teams: frozenset[tuple[int, Role]] = frozenset()
    services: frozenset[tuple[int, Role]] = frozenset()

    def has(self, role: Role, *, team: int | None = None, service: int | None = None) -> bool:
        """Tell whether the role is held in the house, in that team, or for that service."""
        if any(role in INCLUDES[held] for held in self.house):
            return True
        if any(at == team and role in INCLUDES[held] for at, held in self.teams):
            return True
        return any(at == service and role in INCLUDES[held] for at, held in self.services)

    def has_any(self, role: Role) -> bool:
        """Tell whether the role is held anywhere at all."""
        held = {*self.house, *(one for _, one in self.teams), *(one for _, one in self.services)}
        return any(role in INCLUDES[one] for one in held)

    def holds_exactly(self, role: Role, teams: Iterable[int] = ()) -> bool:
        """Tell whether the person was given this very role (votes count roles given, not roles included)."""
        return role in self.house or any((team, role) in self.teams for team in teams)


@dataclass(frozen=True, slots=True)
class Loss:
    """A quorum that can no longer be reached; guarded where its policy refuses that."""

    sentence: str
    is_guarded: bool


SCOPES = {
    "read": "departures and rollouts",
    "metrics:": "push metrics",
    "evidence:": "report what CI says",
    "ofrep:": "evaluate flags",
}
NAMED_SCOPES = "read, metrics:SERVICE, evidence:SERVICE and ofrep:ENVIRONMENT"


def why_not_scope(scope: str) -> str | None:
    """Say why a token cannot have this scope; see NAMED_SCOPES."""
    noun, colon, place = scope.partition(":")
    if scope == "read" or (f"{noun}{colon}" in SCOPES and colon and place):
        return None
    return f"There is no scope “{scope}”. The scopes are {NAMED_SCOPES}."
