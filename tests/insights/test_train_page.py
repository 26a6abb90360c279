"""A train's page shows its figures, each with its formula."""

from pathlib import Path

import pytest
from django.test import Client

from releasetrain.accounts.rules import Role
from releasetrain.trains.actions import import_history
from tests import make

pytestmark = pytest.mark.django_db
HISTORY = Path(__file__).parents[2] / "releasetrain" / "demo" / "history"


def test_the_imported_trains_page_shows_its_real_figures(client: Client) -> None:
    client.force_login(make.user("Vi", Role.VIEWER))
    train = import_history(HISTORY, by=None, now=make.NOW).train
    page = client.get(f"/trains/{train.slug}/").content.decode()
    assert "92.0 % (480 of 522)" in page
    assert "departures that arrived ÷ departures that arrived or came back" in page
    assert "1.47.0-wmf.16" in page
