"""Private calendars: read without a session by whoever has the address, as long as its person may."""

from datetime import UTC, datetime, timedelta
from typing import Any

import icalendar
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from releasetrain.accounts.actions import renew_calendar_link, save_shift
from releasetrain.accounts.links import Addresses, calendar_addresses
from releasetrain.accounts.models import Membership, User
from releasetrain.accounts.rules import Role
from releasetrain.events.actions import record
from releasetrain.lib import clock
from releasetrain.trains.models import Departure
from tests import make

pytestmark = pytest.mark.django_db

NOW = make.NOW
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture(autouse=True)
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: NOW)


def addresses_of(person: User) -> Addresses:
    renew_calendar_link(person, now=NOW)
    found = calendar_addresses(person)
    assert found is not None
    return found


def get(url: str, **headers: str) -> Any:
    return Client().get(url, headers=headers)


def events(url: str) -> dict[str, Any]:
    """Return the events at an address by their title, as another library reads them."""
    response = get(url)
    assert response.status_code == 200, response.content
    found = icalendar.Calendar.from_ical(response.content).walk("VEVENT")
    return {str(event["SUMMARY"]): event for event in found}


def at(event: Any, name: str = "DTSTART") -> datetime:
    found: datetime = event[name].dt.astimezone(UTC)
    return found


def departure(**fields: Any) -> Departure:
    return make.departure(
        label="Checkout 7",
        cut_offs={"": (NOW + HOUR).isoformat(), "library": (NOW - HOUR).isoformat()},
        milestones=[{"name": "translations", "at": (NOW - DAY).isoformat()}],
        **fields,
    )


def test_t1_a_train_has_its_departures_deadlines_and_milestones_in_its_zone() -> None:
    made = departure()
    found = events(addresses_of(make.user("Ada", Role.VIEWER)).train(made.train.slug))
    assert set(found) == {
        "Checkout 7 departs",
        "Checkout 7: cut-off",
        "Checkout 7: cut-off for library",
        "Checkout 7: translations",
    }
    assert at(found["Checkout 7 departs"]) == made.departs_at
    assert found["Checkout 7 departs"]["DTSTART"].params["TZID"] == "Europe/Berlin"
    assert at(found["Checkout 7: cut-off for library"]) == NOW - HOUR
    assert at(found["Checkout 7: translations"]) == NOW - DAY


def test_each_zone_that_is_named_is_defined() -> None:
    made = departure()
    body = get(addresses_of(make.user("Ada", Role.VIEWER)).train(made.train.slug)).content
    calendar = icalendar.Calendar.from_ical(body)
    assert {str(zone["TZID"]) for zone in calendar.walk("VTIMEZONE")} == {"Europe/Berlin"}
    assert calendar.get_missing_tzids() == set()


def test_a_departure_that_moves_keeps_its_id_and_counts_its_changes() -> None:
    made = departure()
    url = addresses_of(make.user("Ada", Role.VIEWER)).train(made.train.slug)
    before = events(url)["Checkout 7 departs"]
    record(kind="trains.departure.postponed", subject=made, actor=None, now=NOW, to="", reason="")
    Departure.objects.filter(pk=made.pk).update(departs_at=made.departs_at + HOUR)
    after = events(url)["Checkout 7 departs"]
    assert after["UID"] == before["UID"]
    assert (before["SEQUENCE"], after["SEQUENCE"]) == (0, 1)
    assert at(after) == at(before) + HOUR
    assert after["DTSTAMP"].dt == NOW


@pytest.mark.parametrize("state", ["cancelled", "skipped"])
def test_what_is_off_is_said_to_be_cancelled(state: str) -> None:
    made = departure(state=state)
    found = events(addresses_of(make.user("Ada", Role.VIEWER)).train(made.train.slug))
    assert len(found) == 4
    assert {str(event["STATUS"]) for event in found.values()} == {"CANCELLED"}


def test_a_train_shows_the_windows_over_what_it_moves_and_no_others() -> None:
    made = departure()
    make.window("Ours", service=make.service())
    make.window("Everybody’s")
    make.window("Theirs", service=make.service("Search"))
    found = events(addresses_of(make.user("Ada", Role.VIEWER)).train(made.train.slug))
    assert {title for title in found if "departs" not in title and "Checkout" not in title} == {
        "Freeze: Ours",
        "Freeze: Everybody’s",
    }


def rota(person: User) -> None:
    save_shift(
        team=make.team(),
        time_zone="America/New_York",
        starts_local="2026-11-24T09:00",
        ends_local="2026-11-24T17:00",
        people=[person],
        by=make.user("", Role.ADMINISTRATOR),
        now=NOW,
    )


def test_a_team_shows_who_is_on_call() -> None:
    ada = make.user("Ada", Role.ON_CALL, team=make.team())
    rota(ada)
    found = events(addresses_of(ada).team("storefront"))
    assert at(found["On call for Storefront: Ada"]) == datetime(2026, 11, 24, 14, tzinfo=UTC)
    assert at(found["On call for Storefront: Ada"], "DTEND") == datetime(2026, 11, 24, 22, tzinfo=UTC)


def test_a_person_has_their_own_changes_departures_and_duties() -> None:
    ada = make.user("Ada", Role.SUBMITTER, team=make.team("Other"))
    rota(ada)
    mine, foreign, led = (make.departure(label=name) for name in ("Mine", "Foreign", "Led"))
    make.change(author=ada, departure=mine, state="aboard")
    Departure.objects.filter(pk=led.pk).update(captain=ada)
    found = events(addresses_of(ada).me)
    assert {title for title in found if "departs" in title} == {"Mine departs", "Led departs"}
    assert "On call for Storefront: Ada" in found
    assert foreign.pk


def test_who_has_a_role_in_the_house_has_every_train() -> None:
    departure()
    assert "Checkout 7 departs" in events(addresses_of(make.user("Ada", Role.VIEWER)).me)


def test_no_session_and_no_robots() -> None:
    response = get(addresses_of(make.user("Ada", Role.VIEWER)).me)
    assert response["Content-Type"] == "text/calendar; charset=utf-8"
    assert "noindex" in response["X-Robots-Tag"]
    assert response["Cache-Control"] == "private, no-cache"
    assert response["Referrer-Policy"] == "no-referrer"
    assert not response.cookies


def test_what_is_known_is_not_sent_again() -> None:
    made = departure()
    url = addresses_of(make.user("Ada", Role.VIEWER)).train(made.train.slug)
    first = get(url)
    again = get(url, if_none_match=first["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    assert "noindex" in again["X-Robots-Tag"]
    Departure.objects.update(departs_at=made.departs_at + HOUR)
    changed = get(url, if_none_match=first["ETag"])
    assert changed.status_code == 200
    assert changed["ETag"] != first["ETag"]
    assert Client().head(url).status_code == 200
    assert Client().post(url).status_code == 405


def test_a_new_address_kills_the_old_one() -> None:
    ada = make.user("Ada", Role.VIEWER)
    old = addresses_of(ada)
    new = addresses_of(ada)
    assert get(old.me).status_code == 404
    assert get(new.me).status_code == 200


def test_who_left_or_lost_every_role_reads_nothing_any_more() -> None:
    ada, eve = make.user("Ada", Role.VIEWER), make.user("Eve", Role.VIEWER, team=make.team())
    first, second = addresses_of(ada), addresses_of(eve)
    assert get(second.me).status_code == 200
    User.objects.filter(pk=ada.pk).update(is_active=False)
    Membership.objects.filter(user=eve).delete()
    assert get(first.me).status_code == 404
    refused = get(second.me)
    assert refused.status_code == 403
    assert refused["Content-Type"].startswith("text/plain")


@pytest.mark.parametrize("what", ["me", "team/storefront", "train/checkout"])
def test_a_forged_address_is_none(what: str) -> None:
    token = addresses_of(make.user("Ada", Role.VIEWER)).token
    for wrong in (token[:-1], f"{token}x", "x", token.swapcase()):
        assert get(f"/calendar/feeds/{wrong}/{what}.ics").status_code == 404


def test_a_train_or_team_that_is_not_there_is_404() -> None:
    addresses = addresses_of(make.user("Ada", Role.VIEWER))
    assert get(addresses.train("nothing")).status_code == 404
    assert get(addresses.team("nothing")).status_code == 404


@pytest.mark.parametrize("what", ["train", "team", "me"])
def test_the_number_of_queries_does_not_grow(what: str) -> None:
    ada = make.user("Ada", Role.ON_CALL, team=make.team())
    train = make.train()
    addresses = addresses_of(ada)
    url = {"train": addresses.train(train.slug), "team": addresses.team("storefront"), "me": addresses.me}[
        what
    ]
    counts = []
    for number in (1, 2):
        for _ in range(number):
            make.departure(train)
            make.window(f"W{make.number}", service=make.service())
        with CaptureQueriesContext(connection) as seen:
            get(url)
        counts.append(len(seen))
    assert counts[0] == counts[1] <= 15


def test_the_horizon_is_bounded() -> None:
    train = make.train()
    make.departure(train, label="Long ago", departs_at=NOW - 40 * DAY, cut_off_at=NOW - 41 * DAY)
    make.departure(train, label="Far off", departs_at=NOW + 500 * DAY)
    make.departure(train, label="Soon")
    found = events(addresses_of(make.user("Ada", Role.VIEWER)).train(train.slug))
    assert set(found) == {"Soon departs"}
