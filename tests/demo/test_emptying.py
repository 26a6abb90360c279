"""A reset takes everything of a demonstration away, and nothing of any other house."""

from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from pytest_django import Settings

from releasetrain.accounts.models import User
from releasetrain.demo import emptying, kept
from releasetrain.events.audit import flaws
from releasetrain.events.models import Event, EventLink
from releasetrain.trains.models import Departure
from tests import make
from tests.demo.conftest import Server
from tests.demo.worlds import demo_departure, furnish, load

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _house(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    furnish(settings, monkeypatch, tmp_path)


@pytest.fixture
def strict_log() -> None:
    """Keep the log as strict as it is outside the tests, whose connection may empty it."""
    with connection.cursor() as cursor:
        cursor.execute("SET releasetrain.may_empty_log = 'off'")


def test_emptying_leaves_no_row_and_no_secret(strict_log: None, tmp_path: Path) -> None:
    load()

    emptying.empty()

    with connection.cursor() as cursor:
        for table in emptying.tables():
            cursor.execute(f'SELECT count(*) FROM "{table}"')
            assert cursor.fetchone() == (0,), table
    assert not kept.folder(tmp_path).exists()
    connection.close()  # the next test gets its own, which may empty the log again


def test_the_log_begins_anew_and_holds() -> None:
    load()
    last = EventLink.objects.latest("position").position

    call_command("demo", "reset", verbosity=0)

    assert Event.objects.order_by("pk").values_list("kind", flat=True)[0] == "accounts.person.joined"
    assert EventLink.objects.earliest("position").position == 1
    assert EventLink.objects.latest("position").position == last
    assert list(flaws()) == []


def test_what_a_visitor_added_is_gone_and_the_world_is_back() -> None:
    load()
    first = demo_departure()
    make.user("Visitor")
    make.change("Something of a visitor's", departure=first, state="aboard")

    call_command("demo", "reset", verbosity=0)

    assert not User.objects.filter(name="Visitor").exists()
    assert demo_departure().changes.count() == 1


def test_a_house_that_is_no_demonstration_is_not_emptied(settings: Settings) -> None:
    settings.DEMO = False
    make.user("Somebody")

    with pytest.raises(CommandError, match="not a demonstration"):
        call_command("demo", "reset")

    assert User.objects.filter(name="Somebody").exists()


def test_a_house_that_runs_is_not_emptied(settings: Settings, house: Server) -> None:
    settings.PUBLIC_URL = house.address
    load()

    with pytest.raises(CommandError, match="Stop it"):
        call_command("demo", "reset")

    assert Departure.objects.exists()
