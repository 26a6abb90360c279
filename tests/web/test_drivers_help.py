"""Each driver has a page with its form, what it can do, and a sample that works."""

import json

import pytest
from django.test import Client

from releasetrain.rollouts.drivers import DRIVERS
from releasetrain.rollouts.drivers.fields import problems_of
from releasetrain.rollouts.drivers.samples import OURS, samples_of
from tests.web.test_trains import text_of

pytestmark = pytest.mark.django_db


EXPLAINED = sorted(kind for kind in DRIVERS if any(one.name == OURS for one in samples_of(kind)))


@pytest.mark.parametrize("kind", EXPLAINED)
def test_a_driver_has_a_page_with_its_fields_abilities_and_sample(client: Client, kind: str) -> None:
    page = text_of(client.get(f"/help/drivers/{kind}/"))
    for field in DRIVERS[kind].fields:
        assert field.label in page
        assert f"“{field.name}”" in page
    assert "needs no preparation" not in page, "templates/help/drivers/ explains every driver"
    assert OURS in page


@pytest.mark.parametrize("kind", EXPLAINED)
def test_the_sample_of_a_driver_fits_its_form(kind: str) -> None:
    (ours,) = [one for one in samples_of(kind) if one.name == OURS]
    config = json.loads(ours.text)
    assert problems_of(DRIVERS[kind].fields, config) == []
    assert set(config) <= {"fallbacks", *(field.name for field in DRIVERS[kind].fields)}


def test_the_index_lists_every_driver_and_an_unknown_one_is_a_sentence(client: Client) -> None:
    page = text_of(client.get("/help/drivers/"))
    assert all(driver.label in page for driver in DRIVERS.values())
    assert "manage.py encrypt_again" in page
    answer = client.get("/help/drivers/teleport/")
    assert answer.status_code == 404
    assert "There is no driver “teleport”" in text_of(answer)
