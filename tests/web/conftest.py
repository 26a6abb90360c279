"""Browsers for tests: signed in as somebody with a role."""

from collections.abc import Callable

import pytest
from django.test import Client

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.lib import clock
from tests import make

SignIn = Callable[..., Client]


@pytest.fixture
def sign_in() -> SignIn:
    """Return a function that signs somebody in, by person or by roles."""

    def as_person(*roles: Role, person: User | None = None) -> Client:
        client = Client()
        client.force_login(
            person or make.user("", *roles), backend="allauth.account.auth_backends.AuthenticationBackend"
        )
        return client

    return as_person


@pytest.fixture(autouse=True)
def noon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stop the clock at the instant that tests make their rows for."""
    monkeypatch.setattr(clock, "now", lambda: make.NOW)
