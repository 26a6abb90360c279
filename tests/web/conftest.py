"""Browsers for tests: signed in as somebody with a role."""

from collections.abc import Callable

import pytest
from django.test import Client

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.events.queries import last_position
from releasetrain.lib import clock
from releasetrain.web.views import board, departures
from releasetrain.web.views.calendar import pages
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
    for views in (board, departures, pages):  # these read the clock together with the log
        monkeypatch.setattr(views, "clock_and_position", lambda: (make.NOW, last_position()))
