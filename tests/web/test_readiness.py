"""People tick, waive, block and clear on pages that work without script and lose nothing that was typed."""

from datetime import timedelta

import pytest
from django.test import Client

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.trains import actions
from releasetrain.trains.models import Blocker, Departure, Mark, Train
from releasetrain.trains.rules.readiness import Asks, CheckKind
from tests import make
from tests.trains import world
from tests.trains.test_blockers import block, later_than
from tests.trains.test_readiness import LIST, asking, green
from tests.web.conftest import SignIn
from tests.web.test_trains import text_of
from tests.web.trains import typed

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def max_() -> User:
    return make.user("Max", Role.RELEASE_MANAGER)


@pytest.fixture
def browser(sign_in: SignIn, max_: User) -> Client:
    """Sign a release manager in."""
    return sign_in(person=max_)


def checking() -> Departure:
    """Make a sealed departure that asks for CI and a line of a checklist, looked at once."""
    departure = world.sealed(asking(CheckKind.CI, manual=("Support knows",)))
    actions.sample_readiness(departure, now=make.NOW)
    return departure


def test_the_departure_page_shows_every_check_and_leads_to_where_it_is_ticked(browser: Client) -> None:
    departure = checking()
    page = text_of(browser.get(f"/departures/{departure.pk}/"))
    assert "CI is green for every version" in page
    assert "CI has said nothing about Storefront" in page
    assert "Tick the checklist" in page
    assert f'href="/departures/{departure.pk}/readiness/"' in page


def test_a_check_is_ticked_and_taken_back(browser: Client) -> None:
    path = f"/departures/{checking().pk}/readiness/"
    assert "Nobody has ticked “Support knows” yet." in text_of(browser.get(path))
    ticked = browser.post(f"{path}tick/", {"check": LIST}, follow=True)
    assert "Ticked by Max." in text_of(ticked)
    browser.post(f"{path}undo/", {"check": LIST})
    assert Mark.objects.get().undone_by_label == "Max"


def test_a_waiver_without_a_reason_is_refused_on_the_page_and_with_one_is_shown(browser: Client) -> None:
    path = f"/departures/{checking().pk}/readiness/"
    refused = browser.post(f"{path}waive/", {"check": "ci"})
    assert refused.status_code == 422
    assert "Say why it goes without this check" in text_of(refused)
    done = browser.post(f"{path}waive/", {"check": "ci", "reason": "CI is down"}, follow=True)
    assert "Waived by Max: CI is down" in text_of(done)
    assert "The time" not in text_of(done)


def test_nonsense_is_refused_in_a_sentence(browser: Client) -> None:
    path = f"/departures/{checking().pk}/readiness/"
    assert browser.post(f"{path}tick/", {"check": "x" * 5000}).status_code == 409
    assert browser.post(f"{path}waive/", {"check": "\0", "reason": "\0"}).status_code == 409
    assert browser.get(f"{path}tick/").status_code == 405
    assert browser.get("/departures/1/blockers/99/").status_code == 404


def test_a_viewer_sees_what_is_so_and_no_buttons(sign_in: SignIn) -> None:
    departure = checking()
    blocker = block(departure)
    viewer = sign_in(Role.VIEWER)
    page = text_of(viewer.get(f"/departures/{departure.pk}/readiness/"))
    assert "Support knows" in page
    assert "Waive" not in page
    assert "Block it" not in page
    assert viewer.post(f"/departures/{departure.pk}/readiness/tick/", {"check": LIST}).status_code == 403
    path = f"/departures/{departure.pk}/blockers/{blocker.pk}/"
    assert viewer.post(f"{path}clear/", {"reason": "x"}).status_code == 403
    assert "To clear this blocker one must be" in text_of(viewer.get(path))


def test_a_departure_is_blocked_by_a_form_and_cleared_on_the_page_of_the_blocker(browser: Client) -> None:
    departure = world.sealed()
    path = f"/departures/{departure.pk}/block/"
    assert "It does not leave until somebody clears this." in text_of(browser.get(path))
    sent = {"on": departure.pk, "kind": "defect", "title": "", "url": "https://example.org/1"}
    refused = browser.post(path, sent, headers=HTMX)
    assert refused.status_code == 422
    assert 'value="https://example.org/1"' in text_of(refused)
    assert browser.post(path, {**sent, "title": "Prices are wrong"}).status_code == 302
    blocker = Blocker.objects.get()
    page = text_of(browser.get(f"/departures/{departure.pk}/"))
    assert "Blocked by “Prices are wrong” (defect)." in page
    at = f"/departures/{departure.pk}/blockers/{blocker.pk}/"
    assert "https://example.org/1" in text_of(browser.get(at))
    refused = browser.post(f"{at}clear/", {"reason": " "})
    assert refused.status_code == 422
    cleared = browser.post(f"{at}clear/", {"reason": "Fixed in v2"}, follow=True)
    assert "Max: Fixed in v2" in text_of(cleared)
    departure.refresh_from_db()
    assert departure.blocking == []


def test_a_blocker_is_moved_on_and_a_refused_try_keeps_what_was_typed(browser: Client) -> None:
    departure = make.departure()
    later, blocker = later_than(departure), block(departure)
    at = f"/departures/{departure.pk}/blockers/{blocker.pk}/"
    assert f'value="{later.pk}"' in text_of(browser.get(at))
    refused = browser.post(f"{at}defer/", {"to": "999999", "reason": "Its flag is off"})
    assert refused.status_code == 422
    assert "Its flag is off</textarea>" in text_of(refused)
    assert browser.post(f"{at}defer/", {"to": later.pk, "reason": "Its flag is off"}).status_code == 302
    assert browser.get(at).status_code == 404
    assert "Prices are wrong" in text_of(browser.get(f"/departures/{later.pk}/readiness/"))


def test_an_error_rate_is_watched_by_a_form(browser: Client) -> None:
    departure = world.sealed()
    make.readings(make.target(), make.NOW, bad=50)
    path = f"/departures/{departure.pk}/watch/"
    sent = {"on": departure.pk, "service": make.service().pk, "limit": 1, "short": 60, "long": 5}
    refused = browser.post(path, sent)
    assert refused.status_code == 422
    assert "The long horizon is longer than the short one." in text_of(refused)
    assert browser.post(path, {**sent, "short": 5, "long": 60}).status_code == 302
    found = "Errors of Storefront: 5 % over 5 min and 5 % over 1 h, above 1 % on both."
    assert found in text_of(browser.get(f"/departures/{departure.pk}/readiness/"))


def test_what_was_so_before_is_on_the_page(browser: Client) -> None:
    departure = checking()
    green(departure)
    actions.tick_check(departure, check=LIST, by=world.manager(), now=make.NOW + timedelta(seconds=15))
    page = text_of(browser.get(f"/departures/{departure.pk}/readiness/"))
    assert "CI is green for every version: no data, Support knows: no data" in page


def test_a_train_asks_for_checks_by_its_form(browser: Client) -> None:
    fields = typed(asks=["ci", "metrics"], checklist=" Support knows \n\n", ready_minutes="7", save="1")
    assert browser.post("/trains/new/", fields).status_code == 302
    train = Train.objects.get(slug="night-mail")
    expected = Asks((CheckKind.CI, CheckKind.METRICS), ("Support knows",), timedelta(minutes=7))
    assert Asks.from_json(train.checks) == expected
    assert "Support knows</textarea>" in text_of(browser.get("/trains/night-mail/edit/"))
    assert "all green at once for 7 min" in text_of(browser.get("/trains/night-mail/"))
    twice = browser.post("/trains/new/", {**fields, "slug": "other", "checklist": "a\na"})
    assert twice.status_code == 422
    assert "Two lines of the checklist are the same." in text_of(twice)
