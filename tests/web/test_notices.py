"""A person reads what they were told, newest first, and what they have read is noted."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.events.actions import SYSTEM, record
from releasetrain.notifications.models import Notice
from tests import make
from tests.web.conftest import SignIn
from tests.web.test_trains import text_of

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


@pytest.fixture
def ada() -> User:
    return make.user("Ada", Role.SUBMITTER)


@pytest.fixture
def browser(sign_in: SignIn, ada: User) -> Client:
    """Sign Ada in."""
    return sign_in(person=ada)


def told(
    ada: User, text: str = "Max held RT-1.", kind: str = "trains.departure.held", hours: int = 0
) -> Notice:
    """Tell somebody about a departure."""
    departure = make.departure()
    event = record(kind=kind, subject=departure, actor=SYSTEM, now=make.NOW, reason="x")
    return Notice.objects.create(
        user=ada,
        event=event,
        text=text,
        url=f"/departures/{departure.pk}/",
        created_at=make.NOW + timedelta(hours=hours),
    )


def test_the_badge_counts_what_is_unread_on_every_page(browser: Client, ada: User) -> None:
    assert "bell-count" not in text_of(browser.get("/help/"))
    told(ada)
    told(ada)
    told(make.user("Somebody else"))
    page = text_of(browser.get("/help/"))
    assert 'class="bell-count"' in page and "2<span" in page.replace("> 2", ">2")
    assert "unread" in text_of(browser.get("/notices/badge/"))


def test_the_newest_stand_first_and_only_ones_own_are_there(browser: Client, ada: User) -> None:
    told(ada, "The older one.")
    told(ada, "The newer one.", hours=1)
    told(make.user("Somebody else"), "A secret.")
    page = text_of(browser.get("/notices/"))
    assert page.index("The newer one.") < page.index("The older one.")
    assert "A secret." not in page


def test_opening_one_notes_that_it_was_read_and_leads_on(browser: Client, ada: User) -> None:
    notice = told(ada)
    assert browser.get(f"/notices/{notice.pk}/")["Location"] == notice.url
    notice.refresh_from_db()
    assert notice.read_at == make.NOW
    assert browser.get(f"/notices/{told(make.user('Else')).pk}/").status_code == 404


def test_one_or_all_are_marked_as_read(browser: Client, ada: User) -> None:
    first, second, third = (told(ada) for _ in range(3))
    answer = browser.post("/notices/read/?show=unread", {"notice": first.pk}, headers=HTMX)
    assert answer["HX-Trigger"] == "notices-read"
    assert f"notice-{first.pk}" not in text_of(answer) and f"notice-{second.pk}" in text_of(answer)
    assert browser.post("/notices/read/")["Location"] == "/notices/"
    third.refresh_from_db()
    assert third.read_at == make.NOW
    assert "Mark all as read" not in text_of(browser.get("/notices/"))


def test_filters_narrow_down_and_nonsense_does_not(browser: Client, ada: User) -> None:
    told(ada, "Max held the night mail.")
    told(ada, "Max postponed the express.", "trains.departure.postponed")
    times = text_of(browser.get("/notices/?about=times", headers=HTMX))
    assert "express" in times and "night mail" not in times
    assert "night mail" in text_of(browser.get("/notices/?q=night"))
    assert "Nothing here" in text_of(browser.get("/notices/?q=zebra"))
    assert browser.get("/notices/?about=zebra&page=x&show=y").status_code == 200


def test_the_list_asks_again_each_minute_and_stays_within_its_filters(browser: Client, ada: User) -> None:
    kept, read = told(ada, "Max held the night mail."), told(ada, "Ana held the night mail.")
    told(ada, "Max postponed the express.")
    address = "?q=night&about="
    page = text_of(browser.get(f"/notices/{address}", headers=HTMX))
    assert 'hx-get=""' in page and 'hx-trigger="every 60s"' in page
    assert 'hx-post="/notices/read/?q=night&amp;about="' in page
    answer = text_of(browser.post(f"/notices/read/{address}", {"notice": read.pk}, headers=HTMX))
    assert f"notice-{kept.pk}" in answer and "express" not in answer


def test_the_list_asks_as_much_for_three_as_for_one(browser: Client, ada: User) -> None:
    counts = []
    for number in (1, 2):
        for _ in range(number):
            told(ada)
        browser.get("/notices/")
        with CaptureQueriesContext(connection) as asked:
            assert browser.get("/notices/").status_code == 200
        counts.append(len(asked))
    assert counts[0] == counts[1]


def test_strangers_are_sent_to_sign_in(client: Client) -> None:
    assert client.get("/notices/").status_code == 302
    assert client.post("/notices/read/").status_code == 302
