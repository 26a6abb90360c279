"""Every page opens for whoever may see it, asks a fixed number of questions, and refuses in a sentence."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from releasetrain.accounts.rules import Role
from tests import make
from tests.web.conftest import SignIn

pytestmark = pytest.mark.django_db

LISTS = ["/", "/trains/", "/changes/", "/flags/", "/audit/"]
OPEN = ["/help/", "/styleguide/", "/sign-in/", "/sign-in/forgotten/"]


def one_of_each() -> int:
    """Make a row for every list, and return the departure's number."""
    departure = make.departure()
    make.change(departure=departure, state="aboard", boarded_at=make.NOW)
    make.flag_environment(f"flag-{departure.pk}")
    return departure.pk


@pytest.mark.parametrize("path", OPEN)
def test_open_pages_need_nobody(client: Client, path: str) -> None:
    assert client.get(path).status_code == 200


@pytest.mark.parametrize("path", [*LISTS, "/departures/1/", "/changes/new/", "/trains/new/"])
def test_strangers_are_sent_to_sign_in(client: Client, path: str) -> None:
    answer = client.get(path)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/sign-in/?next=")


@pytest.mark.parametrize("path", LISTS)
def test_somebody_without_a_role_is_refused_in_a_sentence(sign_in: SignIn, path: str) -> None:
    answer = sign_in().get(path)
    assert answer.status_code == 403
    assert b"role" in answer.content


@pytest.mark.parametrize("path", LISTS)
def test_lists_ask_as_much_for_three_as_for_one(sign_in: SignIn, path: str) -> None:
    browser = sign_in(Role.VIEWER)
    one_of_each()
    browser.get(path)
    with CaptureQueriesContext(
        connection,
    ) as once:
        assert browser.get(path).status_code == 200
    one_of_each()
    one_of_each()
    with CaptureQueriesContext(connection) as thrice:
        assert browser.get(path).status_code == 200
    assert len(thrice) == len(once)


@pytest.mark.parametrize("path", ["/departures/999/", "/trains/none/", "/changes/999/", "/flags/none/"])
def test_what_is_not_there_is_a_404_with_a_sentence(sign_in: SignIn, path: str) -> None:
    answer = sign_in(Role.VIEWER).get(path)
    assert answer.status_code == 404
    assert b"<main" in answer.content


def test_every_page_keeps_the_strict_policy(sign_in: SignIn) -> None:
    pk = one_of_each()
    browser = sign_in(Role.RELEASE_MANAGER)
    for path in [
        *LISTS,
        "/help/",
        "/styleguide/",
        f"/departures/{pk}/",
        f"/departures/{pk}/live/",
        "/board/wall/",
    ]:
        answer = browser.get(path)
        text = answer.content.decode()
        assert answer.status_code == 200, path
        assert "'unsafe" not in answer["Content-Security-Policy"]
        assert " style=" not in text and "<style" not in text and " onclick=" not in text, path


def test_a_role_in_one_team_opens_every_page(sign_in: SignIn) -> None:
    browser = sign_in(person=make.user("Ada", Role.SUBMITTER, team=make.team()))
    for path in LISTS:
        assert browser.get(path).status_code == 200, path


def test_filters_that_are_nonsense_filter_nothing(sign_in: SignIn) -> None:
    one_of_each()
    browser = sign_in(Role.VIEWER)
    for path in (
        "/?team=x",
        "/changes/?service=x&page=-3&whose=q",
        "/audit/?since=never&page=999999",
        "/?service=9999",
    ):
        assert browser.get(path).status_code == 200, path


def test_the_board_can_be_asked_for_alone(sign_in: SignIn) -> None:
    one_of_each()
    answer = sign_in(Role.VIEWER).get("/", headers={"HX-Request": "true"})
    assert answer.content.decode().lstrip().startswith("<")
    assert b"<html" not in answer.content


def test_a_page_without_a_socket_polls(sign_in: SignIn) -> None:
    browser = sign_in(Role.VIEWER)
    answer = browser.get("/live/news/?topics=board&after=0")
    assert answer.json()["type"] == "news"
    assert browser.get("/live/news/?topics=nonsense&after=x").status_code == 422
    assert browser.get("/live/ticket/?topics=board").json()["ticket"]
