"""The command does what the panel does, and says so."""

from io import StringIO
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings

from releasetrain.events.models import Event
from releasetrain.trains.models import Departure
from releasetrain.trains.rules.states import DepartureState
from tests import make
from tests.demo.worlds import demo_departure, furnish, load

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _house(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    furnish(settings, monkeypatch, tmp_path)


def said(*arguments: str) -> str:
    out = StringIO()
    call_command("demo", *arguments, stdout=out)
    return out.getvalue()


def test_loading_names_the_train_to_watch() -> None:
    words = said("load")

    assert f"{demo_departure()} is its train to watch" in words


def test_loading_into_a_house_in_use_says_why_not_and_is_no_failure() -> None:
    make.service("Ours")

    assert "services of its own" in said("load")


def test_another_departure_is_planned_as_soon_as_asked() -> None:
    load()
    Departure.objects.update(state=DepartureState.ARRIVED)

    words = said("depart-soon", "--seconds", "30")

    departure = demo_departure()
    assert f"{departure} is boarding" in words
    assert (departure.departs_at - departure.cut_off_at).total_seconds() == 15


@pytest.mark.parametrize("seconds", ["1", "999999"])
def test_a_departure_too_soon_or_too_late_gets_a_sentence(seconds: str) -> None:
    load()

    with pytest.raises(CommandError, match="4 s to 12 h"):
        said("depart-soon", "--seconds", seconds)


@pytest.mark.parametrize("verb", ["break", "mend"])
def test_a_closed_shop_can_be_neither_broken_nor_mended(verb: str) -> None:
    load()

    with pytest.raises(CommandError, match="does not answer"):
        said(verb)

    assert not Event.objects.filter(kind__startswith="demo.shop").exists()


def test_departing_soon_without_a_world_says_what_to_do() -> None:
    with pytest.raises(CommandError, match="demo load"):
        said("depart-soon")
