"""Who comes too late sees the price before anybody is asked; nothing typed is lost, and nothing aboard."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.lib import clock
from releasetrain.trains import actions
from releasetrain.trains.models import Change, Departure, LatePass
from releasetrain.web.forms.late import MOST_PLACED_SINGLY
from tests import make
from tests.trains import world
from tests.web.conftest import SignIn
from tests.web.test_trains import text_of

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


@pytest.fixture
def bob(sign_in: SignIn) -> Client:
    """Sign a submitter in."""
    return sign_in(person=world.submitter("Bob"))


@pytest.fixture
def kim(sign_in: SignIn) -> Client:
    """Sign a release manager in."""
    return sign_in(person=world.manager("Kim"))


def stop_clock(monkeypatch: pytest.MonkeyPatch, at: datetime) -> None:
    monkeypatch.setattr(clock, "now", lambda: at)


def asked(departure: Departure, **fields: Any) -> LatePass:
    person = world.submitter("Bob")
    change = make.change("Fix the tax", author=person)
    defaults = {"reason": "it is the law", "by": person, "now": departure.cut_off_at + MINUTE}
    return actions.ask_pass(change, departure, **{**defaults, **fields})


def path(row: LatePass) -> str:
    return f"/departures/{row.departure_id}/late/{row.pk}/"


def form(departure: Departure) -> dict[str, Any]:
    return {
        "title": "Fix the tax",
        "service": make.service().pk,
        "version": "abc123",
        "description": "As the law says.",
        "rollback_plan": "Nothing.",
        "bundle": "Tax",
        "departure": departure.pk,
    }


def test_i1_a_submission_after_the_cut_off_leads_to_its_price_with_everything_kept(
    bob: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    departure = world.sealed()
    stop_clock(monkeypatch, departure.cut_off_at + MINUTE)
    answer = bob.post("/changes/new/", form(departure))
    change = Change.objects.get(title="Fix the tax")
    assert answer["Location"] == f"/changes/{change.pk}/late/{departure.pk}/"
    assert (change.description, change.rollback_plan) == ("As the law says.", "Nothing.")
    page = text_of(bob.get(answer["Location"]))
    assert "Nothing of the change is lost" in page
    assert "nobody has said go yet" in page
    assert LatePass.objects.get().state == "priced"


def test_i1_the_price_stands_on_the_button_that_asks(bob: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    departure = world.sealed(make.departure(make.train(policy=make.policy(release_manager=2))))
    world.vote(departure, world.manager())
    stop_clock(monkeypatch, departure.cut_off_at + MINUTE)
    change = make.change("Fix the tax", author=User.objects.get(name="Bob"))
    url = f"/changes/{change.pk}/late/{departure.pk}/"
    page = text_of(bob.get(url))
    assert "1 vote is asked for again: release manager (Rob)." in page
    assert "Ask for the pass: re-opens 1 vote" in page
    assert bob.post(url, {"reason": ""}).status_code == 422
    answer = bob.post(url, {"reason": "it is the law"})
    row = LatePass.objects.get()
    assert answer["Location"] == path(row)
    assert (row.state, row.reason) == ("asked", "it is the law")


def test_i1_a_cleared_departure_asks_what_it_fixes_and_keeps_what_was_typed(
    bob: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    departure = world.cleared()
    stop_clock(monkeypatch, departure.cut_off_at + MINUTE)
    change = make.change("Fix the tax", author=User.objects.get(name="Bob"))
    url = f"/changes/{change.pk}/late/{departure.pk}/"
    answer = bob.post(url, {"reason": "it is the law", "fixes": ""})
    assert answer.status_code == 422
    page = text_of(answer)
    assert "Say what it fixes." in page
    assert "it is the law" in page
    assert bob.post(url, {"reason": "it is the law", "fixes": "INC-7"}).status_code == 302


def test_i1_who_runs_the_departure_is_led_to_the_pass_and_grants_it(
    kim: Client, bob: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    departure = world.sealed()
    row = asked(departure)
    stop_clock(monkeypatch, departure.cut_off_at + 2 * MINUTE)
    page = text_of(kim.get(f"/departures/{departure.pk}/"))
    assert "Decide about the late pass of “Fix the tax”" in page
    assert "“it is the law”" in page
    shown = kim.get(path(row))
    assert "Grant it: costs nothing" in text_of(shown)
    seen = shown.context["grant_form"].initial["seen"]
    until = shown.context["grant_form"].initial["until"]
    answer = kim.post(f"{path(row)}grant/", {"until": f"{until:%Y-%m-%dT%H:%M}", "seen": seen})
    assert answer.status_code == 302
    row.refresh_from_db()
    assert (row.state, row.use_by) == ("granted", departure.departs_at)
    assert "Board" in text_of(bob.get(f"/changes/{row.change_id}/"))
    assert bob.post(f"{path(row)}use/").status_code == 302
    assert Change.objects.get(pk=row.change_id).state == "aboard"


def test_i1_who_asked_reads_who_decides_and_cannot(bob: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    departure = world.sealed()
    row = asked(departure)
    stop_clock(monkeypatch, departure.cut_off_at + 2 * MINUTE)
    page = text_of(bob.get(path(row)))
    assert "To grant this late pass one needs the role release manager" in page
    assert "Grant it" not in page
    answer = bob.post(f"{path(row)}grant/", {"until": "2026-11-23T15:00"})
    assert answer.status_code == 403
    row.refresh_from_db()
    assert row.state == "asked"


def test_i1_a_refusal_needs_a_reason_and_is_read_by_who_asked(
    kim: Client, bob: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    departure = world.sealed()
    row = asked(departure)
    stop_clock(monkeypatch, departure.cut_off_at + 2 * MINUTE)
    assert "Say why" in text_of(kim.post(f"{path(row)}refuse/", {"reason": ""}))
    assert kim.post(f"{path(row)}refuse/", {"reason": "it can wait"}).status_code == 302
    page = text_of(bob.get(path(row)))
    assert "Kim: it can wait" in page


def test_i6_it_is_extended_once_on_its_page(kim: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    departure = world.sealed()
    row = asked(departure)
    actions.grant_pass(row, by=User.objects.get(name="Kim"), now=departure.cut_off_at + 2 * MINUTE)
    LatePass.objects.update(use_by=departure.cut_off_at + 10 * MINUTE)
    stop_clock(monkeypatch, departure.cut_off_at + 3 * MINUTE)
    assert "Extend it, once" in text_of(kim.get(path(row)))
    typed = {"until": "2026-11-23T14:30", "reason": "its build is slow"}
    assert kim.post(f"{path(row)}extend/", typed).status_code == 302
    page = text_of(kim.get(path(row)))
    assert "Kim: its build is slow" in page
    assert "Extend it, once" not in page
    again = kim.post(f"{path(row)}extend/", {**typed, "until": "2026-11-23T14:40"})
    assert again.status_code == 409
    assert "a second extension is refused" in text_of(again)


@pytest.mark.parametrize("until", ["", "yesterday", "2026-11-23T99:00"])
def test_i6_a_limit_that_cannot_be_read_gets_a_sentence(
    kim: Client, monkeypatch: pytest.MonkeyPatch, until: str, bob: Client
) -> None:
    departure = world.sealed()
    row = asked(departure)
    stop_clock(monkeypatch, departure.cut_off_at + 2 * MINUTE)
    assert kim.post(f"{path(row)}grant/", {"until": until}).status_code == 422


def test_i1_a_change_that_came_too_late_is_offered_to_see_the_price(
    bob: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    departure = world.sealed()
    change = make.change("Fix the tax", author=User.objects.get(name="Bob"))
    stop_clock(monkeypatch, departure.cut_off_at + MINUTE)
    page = text_of(bob.get(f"/changes/{change.pk}/"))
    assert f"See what {departure.code} would cost" in page


def test_a_departure_that_nobody_asked_a_pass_of_reads_none(
    kim: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    departure = world.sealed()
    stop_clock(monkeypatch, departure.cut_off_at)
    with CaptureQueriesContext(connection) as queries:
        kim.get(f"/departures/{departure.pk}/")
    assert [one["sql"] for one in queries if "trains_latepass" in one["sql"]] == []


def test_i16_the_ledger_of_a_departure_says_how_each_stay_ended(
    kim: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    departure = make.departure()
    stop_clock(monkeypatch, make.NOW)
    for title in ("Prices", "Search"):
        change = make.change(title, author=world.submitter())
        actions.board(change, departure, by=world.submitter(), now=make.NOW)
    actions.withdraw(change, by=world.submitter(), now=make.NOW, reason="not ready")
    page = text_of(kim.get(f"/departures/{departure.pk}/ledger/"))
    for words in ("Prices", "Search", "Aboard", "Withdrawn", "Ada", "not ready"):
        assert words in page
    assert "Ledger" in text_of(kim.get(f"/departures/{departure.pk}/"))


@pytest.mark.parametrize("count", [1, 3])
def test_i16_the_ledger_asks_as_much_for_three_as_for_one(
    kim: Client, monkeypatch: pytest.MonkeyPatch, count: int
) -> None:
    departure = make.departure()
    stop_clock(monkeypatch, make.NOW)
    for number in range(count):
        change = make.change(f"Change {number}", author=world.submitter())
        actions.board(change, departure, by=world.submitter(), now=make.NOW)
    with CaptureQueriesContext(connection) as queries:
        kim.get(f"/departures/{departure.pk}/ledger/")
    assert len(queries) <= 10


def test_i16_lost_property_is_empty_and_says_so(kim: Client) -> None:
    assert "Nothing is lost" in text_of(kim.get("/lost-property/"))


def test_i16_what_is_lost_would_be_there(kim: Client) -> None:
    departure = make.departure()
    world.aboard(departure, title="Prices")
    Departure.objects.update(state="cancelled")
    page = text_of(kim.get("/lost-property/"))
    assert "Prices" in page
    assert "It is still aboard a departure that has ended." in page


def test_i12_cancelling_asks_where_each_change_goes(kim: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    departure = make.departure()
    later = make.NOW + timedelta(days=1)
    nxt = make.departure(departure.train, planned_at=later, cut_off_at=later - 60 * MINUTE, departs_at=later)
    goes, back = world.aboard(departure, title="Prices"), world.aboard(departure, title="Search")
    stop_clock(monkeypatch, make.NOW)
    url = f"/departures/{departure.pk}/cancel/"
    page = text_of(kim.get(url))
    assert "“Prices” of Storefront" in page
    assert f"{nxt.code}, the next departure" in page
    typed = {"reason": "the shop is closed", f"place_{back.pk}": "return"}
    assert kim.post(url, typed).status_code == 302
    goes.refresh_from_db()
    back.refresh_from_db()
    assert (goes.departure, back.state) == (nxt, "returned")


def test_i12_beyond_what_is_listed_it_says_how_many_more_there_are_and_where_they_go(
    kim: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    departure = make.departure()
    for _ in range(MOST_PLACED_SINGLY + 2):
        world.aboard(departure)
    stop_clock(monkeypatch, make.NOW)
    url = f"/departures/{departure.pk}/cancel/"
    assert "2 changes more are not listed here: there is no next departure, so they are returned" in text_of(
        kim.get(url)
    )
    later = make.NOW + timedelta(days=1)
    nxt = make.departure(departure.train, planned_at=later, cut_off_at=later - 60 * MINUTE, departs_at=later)
    assert f"2 changes more are not listed here and go to {nxt.code}, the next departure" in text_of(
        kim.get(url)
    )
    departure.changes.latest("pk").delete()
    assert "1 change more is not listed here and goes to" in text_of(kim.get(url))
    departure.changes.latest("pk").delete()
    assert "not listed here" not in text_of(kim.get(url))


def test_i1_a_pass_that_was_granted_before_clearance_says_that_it_costs_more_now(
    kim: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    departure = world.sealed()
    row = asked(departure, fixes="INC-7")
    now = departure.cut_off_at + 3 * MINUTE
    actions.grant_pass(row, by=world.manager("Kim"), now=now)
    world.vote(departure, world.manager())
    stop_clock(monkeypatch, now)
    page = text_of(kim.get(path(row)))
    assert "It was granted before this departure was cleared to depart; a second person" in page
    assert "1 vote is asked for again" in page


def test_i12_a_place_that_is_none_is_refused_with_a_sentence(
    kim: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    departure = make.departure()
    change = world.aboard(departure)
    stop_clock(monkeypatch, make.NOW)
    answer = kim.post(
        f"/departures/{departure.pk}/cancel/", {"reason": "closed", f"place_{change.pk}": "the moon"}
    )
    assert answer.status_code == 422
    departure.refresh_from_db()
    assert departure.state == "boarding"


def test_i12_what_came_back_is_placed_by_who_runs_it(kim: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    departure = world.rolling()
    later = departure.departs_at + timedelta(days=1)
    nxt = make.departure(departure.train, planned_at=later, cut_off_at=later - 60 * MINUTE, departs_at=later)
    actions.mark_rolled_back(departure, reason="errors", by=world.manager(), now=departure.departs_at)
    stop_clock(monkeypatch, departure.departs_at)
    assert "Place what came back" in text_of(kim.get(f"/departures/{departure.pk}/"))
    answer = kim.post(f"/departures/{departure.pk}/place/", {"reason": "mended"})
    assert answer.status_code == 302
    assert nxt.changes.count() == 1


def test_only_people_of_the_house_see_any_of_it(sign_in: SignIn) -> None:
    departure = world.sealed()
    User.objects.filter(name="Bob").first() or world.submitter("Bob")
    row = asked(departure)
    stranger = sign_in(person=make.user("Stranger"))
    for url in (path(row), f"/departures/{departure.pk}/ledger/", "/lost-property/"):
        assert stranger.get(url).status_code == 403
    viewer = sign_in(person=make.user("Vi", Role.VIEWER))
    assert viewer.get(path(row)).status_code == 200
    assert viewer.get(f"/departures/{departure.pk}/late/{row.pk + 1}/").status_code == 404
