"""Roles include what they say, where they say it."""

import pytest

from releasetrain.accounts.rules import Role, Roles


def test_a_role_in_the_house_counts_in_every_team() -> None:
    roles = Roles(house=frozenset({Role.RELEASE_MANAGER}))
    assert roles.has(Role.RELEASE_MANAGER, team=7)
    assert roles.has(Role.SUBMITTER, team=7)


def test_a_role_in_a_team_counts_there_alone() -> None:
    roles = Roles(teams=frozenset({(7, Role.ON_CALL)}))
    assert roles.has(Role.ON_CALL, team=7)
    assert not roles.has(Role.ON_CALL, team=8)
    assert not roles.has(Role.ON_CALL)
    assert roles.has_any(Role.ON_CALL)


def test_a_role_for_a_service_counts_for_it_alone() -> None:
    roles = Roles(services=frozenset({(3, Role.SUBMITTER)}))
    assert roles.has(Role.SUBMITTER, service=3)
    assert not roles.has(Role.SUBMITTER, service=4)


@pytest.mark.parametrize("role", [Role.ADMINISTRATOR, Role.ON_CALL, Role.SUBMITTER, Role.VIEWER])
def test_only_a_release_manager_counts_as_one(role: Role) -> None:
    assert not Roles(house=frozenset({role})).has(Role.RELEASE_MANAGER)
