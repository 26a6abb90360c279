"""A private calendar address is worth as much as its nonce, and dies with it or with its person."""

import pytest

from releasetrain.accounts.actions import renew_calendar_link
from releasetrain.accounts.links import calendar_addresses, person_of_link
from releasetrain.events.models import Event
from releasetrain.lib.errors import NotFound
from tests import make

pytestmark = pytest.mark.django_db


def test_nobody_has_an_address_before_they_ask() -> None:
    assert calendar_addresses(make.user("Ada")) is None


def test_an_address_stays_the_same_and_names_its_person() -> None:
    ada = make.user("Ada")
    renew_calendar_link(ada, now=make.NOW)
    addresses = calendar_addresses(ada)
    assert addresses is not None
    assert addresses == calendar_addresses(ada)
    assert person_of_link(addresses.token) == ada
    assert addresses.team("storefront").endswith(f"/calendar/feeds/{addresses.token}/team/storefront.ics")


def test_a_new_address_kills_the_old_one_and_is_on_record() -> None:
    ada = make.user("Ada")
    renew_calendar_link(ada, now=make.NOW)
    old = calendar_addresses(ada)
    renew_calendar_link(ada, now=make.NOW)
    assert old is not None
    with pytest.raises(NotFound):
        person_of_link(old.token)
    events = Event.objects.filter(kind="accounts.calendar_link.renewed")
    assert events.count() == 2
    assert all(old.token not in str(event.data) for event in events)


def test_the_address_of_somebody_who_left_is_dead() -> None:
    ada = make.user("Ada")
    renew_calendar_link(ada, now=make.NOW)
    addresses = calendar_addresses(ada)
    ada.is_active = False
    ada.save(update_fields=["is_active"])
    assert addresses is not None
    with pytest.raises(NotFound):
        person_of_link(addresses.token)


@pytest.mark.parametrize("token", ["", "x", "a.b", "W10.AAAA", "\udcff", "ü" * 500])
def test_what_was_never_an_address_is_none(token: str) -> None:
    with pytest.raises(NotFound):
        person_of_link(token)


def test_a_forged_address_is_none() -> None:
    ada, eve = make.user("Ada"), make.user("Eve")
    for person in (ada, eve):
        renew_calendar_link(person, now=make.NOW)
    first, second = calendar_addresses(ada), calendar_addresses(eve)
    assert first is not None
    assert second is not None
    mixed = f"{first.token.rpartition('.')[0]}.{second.token.rpartition('.')[2]}"
    with pytest.raises(NotFound):
        person_of_link(mixed)
