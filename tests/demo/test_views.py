"""Visitors at this machine look around, press the demonstration's buttons, and nobody else does."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol

import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.template import Context, Template
from django.test import Client, RequestFactory
from django.urls import clear_url_caches, include, path
from pytest_django import Settings

from releasetrain import urls
from releasetrain.accounts.models import User
from releasetrain.demo import counters, running, world
from releasetrain.demo.shop import Fault, Version
from releasetrain.demo.wire import Answer
from releasetrain.events.models import Event
from releasetrain.lib import clock
from releasetrain.lib.errors import Invalid
from releasetrain.trains.actions import seal
from releasetrain.trains.models import Departure
from releasetrain.trains.rules.states import DepartureState
from tests import make
from tests.demo.worlds import demo_departure, furnish

pytestmark = pytest.mark.django_db

HERE = "127.0.0.1:8000"
VERSIONS: dict[str, Any] = {
    "since": "2026-11-23T12:00:00+00:00",
    "old": {"answers": 900, "failures": 0, "slow": 3, "orders": 700, "last_answer_at": None},
    "new": {
        "answers": 40,
        "failures": 12,
        "slow": 1,
        "orders": 20,
        "last_answer_at": "2026-11-23T12:05:00+00:00",
    },
    "recent": {"seconds": 10, "old": 270, "new": 30},
    "broken": None,
    "reports": {"waiting": 0},
}


@pytest.fixture(scope="module", autouse=True)
def _loaded(loaded_world: None) -> None:
    """Load the world once for all of these tests; each is rolled back to it."""


@pytest.fixture(autouse=True)
def _house(settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Mount the demonstration, whatever the run's own settings say of it."""
    furnish(settings, monkeypatch, tmp_path)
    settings.IS_LOOPBACK = True
    mounted = [*urls.urlpatterns, path("demo/", include("releasetrain.demo.urls"))]
    monkeypatch.setattr(urls, "urlpatterns", mounted)
    clear_url_caches()
    yield
    monkeypatch.undo()
    clear_url_caches()


class ShopAtHand:
    """Answer as the shop would, and remember what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, str]] = []
        self.facts = json.loads(json.dumps(VERSIONS))

    def ask(self, method: str, path: str, version: Version = Version.OLD) -> Answer:
        self.asked.append((method, path))
        return Answer(200, {}, json.dumps(self.facts).encode())


@pytest.fixture
def shop(monkeypatch: pytest.MonkeyPatch) -> ShopAtHand:
    at_hand = ShopAtHand()
    monkeypatch.setattr(counters, "_ask", at_hand.ask)
    return at_hand


@pytest.fixture
def client() -> Client:
    """Open a browser on the machine that the house runs on."""
    return Client(headers={"Host": HERE})


@pytest.fixture
def visitor(client: Client) -> Client:
    """Look around as the release manager."""
    client.post("/demo/look-around/release-manager/")
    return client


class Answered(Protocol):
    """What both the test client and a view give back."""

    @property
    def content(self) -> bytes: ...


def text_of(answer: Answered) -> str:
    """Return a page's source with every run of spaces made one, as a browser shows it."""
    return " ".join(answer.content.decode().split())


def seal_now() -> Departure:
    departure = demo_departure()
    return seal(departure, now=departure.cut_off_at)


@pytest.mark.parametrize("part", list(world.parts()))
def test_a_visitor_looks_around_as_somebody(client: Client, part: str) -> None:
    answer = client.post(f"/demo/look-around/{part}/", {"next": "/trains/"})

    person = User.objects.get(email=world.parts()[part].email)
    assert (answer.status_code, answer["Location"]) == (302, "/trains/")
    assert client.session["_auth_user_id"] == str(person.pk)
    assert Event.objects.filter(kind="demo.visit.started", subject_id=person.pk).count() == 1


def test_looking_around_leads_nowhere_else(client: Client) -> None:
    answer = client.post("/demo/look-around/submitter/", {"next": "https://evil.example/"})

    assert answer["Location"] == "/"


def test_another_machine_may_not_look_around(client: Client) -> None:
    answer = client.post("/demo/look-around/administrator/", REMOTE_ADDR="192.168.1.7")

    assert answer.status_code == 403
    assert "only from a browser on the machine" in text_of(answer)
    assert "_auth_user_id" not in client.session


def test_nobody_looks_around_in_a_house_that_is_no_demonstration(client: Client, settings: Settings) -> None:
    settings.DEMO = False

    answer = client.post("/demo/look-around/administrator/")

    assert answer.status_code == 403
    assert "_auth_user_id" not in client.session


def test_a_link_alone_signs_nobody_in(client: Client) -> None:
    assert client.get("/demo/look-around/administrator/").status_code == 405


def test_looking_around_needs_a_form_of_ours() -> None:
    strict = Client(enforce_csrf_checks=True, headers={"Host": HERE})

    assert strict.post("/demo/look-around/administrator/").status_code == 403


@pytest.mark.parametrize("part", ["director", "submitter"])
def test_a_part_that_nobody_plays_gets_a_sentence(client: Client, part: str) -> None:
    User.objects.filter(email=world.parts()["submitter"].email).update(is_active=False)

    answer = client.post(f"/demo/look-around/{part}/")

    assert answer.status_code == 404
    assert "plays this part" in text_of(answer)


def test_an_unmounted_demonstration_has_no_address(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urls, "urlpatterns", urls.urlpatterns[:-1])
    clear_url_caches()

    assert client.post("/demo/look-around/administrator/").status_code == 404


def drawn(template: str, request: HttpRequest) -> str:
    return Template("{% include '" + template + "' %}").render(Context({"request": request, "is_demo": True}))


def request_of(person: User | None, **meta: str) -> HttpRequest:
    request = RequestFactory(headers={"Host": HERE}).get("/", **meta)  # type: ignore[arg-type] # META as keywords
    request.user = person or AnonymousUser()
    return request


def test_the_sign_in_page_offers_the_people_here_and_nowhere_else() -> None:
    here = drawn("demo/_look_around.html", request_of(None))
    elsewhere = drawn("demo/_look_around.html", request_of(None, REMOTE_ADDR="10.0.0.7"))

    assert [spec.name in here for spec in world.parts().values()] == [True] * 5
    assert "Stakeholder" in here
    assert elsewhere.strip() == ""


def test_pages_hold_the_panel_for_visitors_here_and_nothing_for_others() -> None:
    person = User.objects.get(email="sam.okoro@demo.example")

    assert "demo-panel" in drawn("demo/_embedded.html", request_of(person))
    assert drawn("demo/_embedded.html", request_of(None)).strip() == ""
    assert drawn("demo/_embedded.html", request_of(person, REMOTE_ADDR="10.0.0.7")).strip() == ""


def test_the_panel_shows_the_shops_counters(visitor: Client, shop: ShopAtHand) -> None:
    page = text_of(visitor.get("/demo/panel/"))

    assert "10 %" in page
    assert "30 of 300 in ten seconds" in page
    assert "12 failed" in page
    assert "is boarding" in page


def test_a_shop_that_is_closed_leaves_the_panel_standing(visitor: Client) -> None:
    answer = visitor.get("/demo/panel/")

    assert answer.status_code == 200
    assert "does not answer" in text_of(answer)


def test_strangers_are_sent_to_the_sign_in_page(client: Client) -> None:
    answer = client.get("/demo/")

    assert answer.status_code == 302
    assert answer["Location"].startswith("/sign-in/")


@pytest.mark.parametrize("address", ["", "panel/", "break/", "mend/", "say-go/", "depart-soon/"])
def test_somebody_signed_in_from_another_machine_is_refused(visitor: Client, address: str) -> None:
    ask = visitor.get if address in ("", "panel/") else visitor.post

    assert ask(f"/demo/{address}", REMOTE_ADDR="10.0.0.7").status_code == 403


@pytest.mark.parametrize("fault", list(Fault))
def test_the_new_version_is_broken_as_the_button_says(
    visitor: Client, shop: ShopAtHand, fault: Fault
) -> None:
    visitor.post("/demo/break/", {"command": fault.value})

    assert ("POST", f"/break?mode={fault.value}") in shop.asked
    said = Event.objects.get(kind="demo.shop.broken")
    assert said.actor_label == "Maya Chen"
    assert f"departure:{demo_departure().pk}" in said.topics


def test_the_new_version_is_mended(visitor: Client, shop: ShopAtHand) -> None:
    shop.facts["broken"] = "slow"
    assert "Mend the new version" in text_of(visitor.get("/demo/panel/"))

    visitor.post("/demo/mend/")

    assert ("POST", "/mend") in shop.asked


def test_breaking_in_an_unknown_way_gets_a_sentence(visitor: Client, shop: ShopAtHand) -> None:
    answer = visitor.post("/demo/break/", {"command": "burn"})

    assert answer.status_code == 422
    assert "“error”" in text_of(answer)
    assert shop.asked == []


def test_breaking_a_closed_shop_gets_a_sentence(visitor: Client) -> None:
    answer = visitor.post("/demo/break/", {"command": "error"})

    assert answer.status_code == 503
    assert "does not answer" in text_of(answer)
    assert not Event.objects.filter(kind="demo.shop.broken").exists()


def test_say_go_for_me_casts_the_missing_votes_in_their_own_names(visitor: Client, shop: ShopAtHand) -> None:
    departure = seal_now()
    assert "Say go for me" in text_of(visitor.get("/demo/panel/"))

    visitor.post("/demo/say-go/")

    departure.refresh_from_db()
    assert departure.state == DepartureState.CLEARED
    assert sorted(departure.votes.values_list("user_label", "role")) == [
        ("Maya Chen", "release_manager"),
        ("Priya Nair", "on_call"),
    ]


def test_say_go_for_me_lets_an_author_abstain(visitor: Client) -> None:
    departure = demo_departure()
    maya = User.objects.get(email="maya.chen@demo.example")
    make.change(service=departure.train.services.get(), departure=departure, state="aboard", author=maya)
    seal_now()

    visitor.post("/demo/say-go/")

    assert sorted(departure.votes.values_list("user_label", flat=True)) == ["Priya Nair", "Tomasz Wójcik"]


def test_say_go_for_me_is_refused_before_anything_is_sealed(visitor: Client) -> None:
    answer = visitor.post("/demo/say-go/")

    assert answer.status_code == 409
    assert "between the cut-off and the departure" in text_of(answer)


def test_running_again_is_refused_while_one_is_boarding(visitor: Client) -> None:
    answer = visitor.post("/demo/depart-soon/")

    assert answer.status_code == 409
    assert "Watch that one first" in text_of(answer)


def test_running_again_plans_another_departure(visitor: Client, shop: ShopAtHand) -> None:
    first = demo_departure()
    Departure.objects.filter(pk=first.pk).update(state=DepartureState.ROLLED_BACK, finished_at=clock.now())

    answer = visitor.post("/demo/depart-soon/", headers={"HX-Request": "true"})

    assert answer.status_code == 200
    assert "is boarding" in text_of(answer)
    assert demo_departure().pk != first.pk
    assert ("POST", "/mend") in shop.asked


def test_without_script_a_button_leads_back_to_the_panel(visitor: Client, shop: ShopAtHand) -> None:
    answer = visitor.post("/demo/mend/")

    assert (answer.status_code, answer["Location"]) == (302, "/demo/")


@pytest.mark.parametrize(
    ("state", "words"),
    [
        (DepartureState.ROLLING, "moves real traffic"),
        (DepartureState.ARRIVED, "everybody has the new checkout"),
        (DepartureState.ROLLED_BACK, "everybody has the old checkout"),
        (DepartureState.CANCELLED, "was cancelled"),
        (DepartureState.SKIPPED, "nothing was aboard"),
    ],
)
def test_the_panel_says_what_became_of_the_train(
    visitor: Client, shop: ShopAtHand, state: DepartureState, words: str
) -> None:
    Departure.objects.filter(pk=demo_departure().pk).update(state=state)

    assert words in text_of(visitor.get("/demo/"))


def test_the_panel_says_who_is_waited_for_and_then_that_it_is_cleared(
    visitor: Client, shop: ShopAtHand
) -> None:
    seal_now()
    waiting = text_of(visitor.get("/demo/panel/"))
    visitor.post("/demo/say-go/")
    cleared = text_of(visitor.get("/demo/panel/"))

    assert "Priya Nair (on-call)" in waiting
    assert "Maya Chen (release manager)" in waiting
    assert "is cleared" in cleared


def test_a_held_departure_offers_another_one(visitor: Client, shop: ShopAtHand) -> None:
    departure = seal_now()
    visitor.post("/demo/say-go/")
    Departure.objects.filter(pk=departure.pk).update(held_at=clock.now(), held_reason="It is late.")

    page = text_of(visitor.get("/demo/panel/"))

    assert "is held" in page
    assert "It is late." in page
    assert "Run another" in page


def test_the_demonstration_departs_neither_too_soon_nor_too_late() -> None:
    Departure.objects.update(state=DepartureState.ARRIVED)

    for lead in (running.SOONEST / 2, running.LATEST * 2):
        with pytest.raises(Invalid, match="4 s to 12 h"):
            running.depart_soon(clock.now(), lead)
