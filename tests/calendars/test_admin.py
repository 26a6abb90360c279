"""Administrators look at windows as they stand, and change none behind the audit's back."""

import pytest
from django.contrib import admin
from django.test import Client

from releasetrain.calendars.models import Feed, Holidays, Occurrence, Window
from releasetrain.catalog.models import Region
from tests import make

pytestmark = pytest.mark.django_db


@pytest.fixture
def administrator(client: Client) -> Client:
    client.force_login(make.user("Root", is_staff=True, is_superuser=True))
    return client


def test_windows_are_shown_with_what_they_cover_and_not_changed(administrator: Client) -> None:
    window = make.window(service=make.service(), excludes=[{"environment": make.environment("staging")}])
    page = administrator.get(f"/admin/calendars/window/{window.pk}/change/").content.decode()
    assert "Storefront" in page
    assert "Staging" in page
    assert 'name="_save"' not in page
    answer = administrator.post(f"/admin/calendars/window/{window.pk}/delete/", {"post": "yes"})
    assert (answer.status_code, Window.objects.count()) == (403, 1)


@pytest.mark.parametrize("model", [Window, Occurrence, Holidays, Feed])
def test_each_list_opens_and_offers_nothing_to_add(administrator: Client, model: type) -> None:
    make.window()
    Holidays.objects.create(name="Berlin", country="DE", subdivision="BE")
    Feed.objects.create(name="Shop", brings="windows", zone="UTC")
    assert model in admin.site._registry
    name = model.__name__.lower()
    assert administrator.get(f"/admin/calendars/{name}/").status_code == 200
    assert administrator.get(f"/admin/calendars/{name}/add/").status_code == 403


def test_the_address_of_a_feed_is_not_shown(administrator: Client) -> None:
    feed = Feed.objects.create(name="Shop", brings="windows", zone="UTC", url="https://x.test/secret.ics")
    page = administrator.get(f"/admin/calendars/feed/{feed.pk}/change/").content.decode()
    assert "secret" not in page


def test_t7_a_region_is_added_with_a_zone_that_is_known(administrator: Client) -> None:
    typed = {"slug": "asia", "name": "Asia", "time_zone": "Asia/Tokio"}
    page = administrator.post("/admin/catalog/region/add/", typed).content.decode()
    assert "Did you mean Asia/Tokyo?" in page
    assert not Region.objects.exists()
    administrator.post("/admin/catalog/region/add/", {**typed, "time_zone": "Asia/Tokyo"})
    assert Region.objects.get().time_zone == "Asia/Tokyo"
