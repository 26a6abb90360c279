"""The stand-by line of a departure and the settings of its train, as pages."""

from typing import Any

import pytest

from releasetrain.accounts.rules import Role
from releasetrain.trains import actions
from releasetrain.trains.models import Change, Departure
from releasetrain.trains.queries import plan_of
from releasetrain.trains.queries.room import standing_by
from tests import make
from tests.trains import world
from tests.web.conftest import SignIn

pytestmark = pytest.mark.django_db


def page(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def full() -> tuple[Departure, list[Change]]:
    train = make.train(capacity=1)
    departure = make.departure(train, plan=plan_of(train).to_json())
    world.aboard(departure)
    waiting = [make.change(f"Waiting {number}") for number in (1, 2)]
    for change in waiting:
        actions.board(change, departure, by=world.submitter(), now=make.NOW)
    return departure, waiting


def test_i11_the_departure_says_how_much_room_is_taken_and_who_stands_by(sign_in: SignIn) -> None:
    departure, waiting = full()
    seen = page(sign_in(Role.SUBMITTER).get(f"/departures/{departure.pk}/"))
    assert "1 of 1 places are taken." in seen
    assert f'<a href="/departures/{departure.pk}/stand-by/">2 on stand-by</a>' in seen
    assert f'href="/changes/{waiting[0].pk}/"' in seen
    assert ">Waiting 1</a>" in seen


def test_i11_a_release_manager_reorders_on_the_page_with_a_reason(sign_in: SignIn) -> None:
    departure, (first, second) = full()
    browser, url = sign_in(Role.RELEASE_MANAGER), f"/departures/{departure.pk}/stand-by/"
    typed = {f"place-{first.pk}": 2, f"place-{second.pk}": 1}
    refused = browser.post(url, typed)
    assert refused.status_code == 422
    assert f'name="place-{first.pk}" value="2"' in page(refused)
    assert browser.post(url, {**typed, "reason": "The law"}).status_code == 302
    assert [one.pk for one in standing_by(departure)] == [second.pk, first.pk]


def test_i11_who_may_not_reorder_sees_the_line_and_why(sign_in: SignIn) -> None:
    departure, (first, second) = full()
    browser, url = sign_in(Role.SUBMITTER), f"/departures/{departure.pk}/stand-by/"
    seen = page(browser.get(url))
    assert "Waiting 1" in seen
    assert "Change the order" not in seen
    assert "one needs the role" in seen
    typed = {f"place-{first.pk}": 2, f"place-{second.pk}": 1, "reason": "Mine"}
    assert browser.post(url, typed).status_code == 403
    assert [one.pk for one in standing_by(departure)] == [first.pk, second.pk]


def test_i14_the_difference_is_read_first_and_applied_as_read(sign_in: SignIn) -> None:
    departure, _ = full()
    departure.train.capacity = 2
    departure.train.save(update_fields=["capacity"])
    browser, url = sign_in(Role.RELEASE_MANAGER), f"/departures/{departure.pk}/settings/"
    assert url in page(browser.get(f"/departures/{departure.pk}/"))
    answer = browser.get(url)
    assert "<del>1 change</del>" in page(answer)
    assert "<ins>2 changes</ins>" in page(answer)
    stale = browser.post(url, {"seen": "something else"})
    assert stale.status_code == 409
    assert "look at the difference again" in page(stale)
    assert browser.post(url, {"seen": answer.context["seen"]}).status_code == 302
    departure.refresh_from_db()
    assert departure.room.capacity == 2
    assert departure.changes.filter(state="aboard").count() == 2
    assert "Nothing differs" in page(browser.get(url))


def test_i14_who_does_not_run_it_reads_the_difference_and_applies_nothing(sign_in: SignIn) -> None:
    departure, _ = full()
    departure.train.capacity = 2
    departure.train.save(update_fields=["capacity"])
    browser, url = sign_in(Role.SUBMITTER), f"/departures/{departure.pk}/settings/"
    answer = browser.get(url)
    assert "to this departure</button>" not in page(answer)
    assert browser.post(url, {"seen": answer.context["seen"]}).status_code == 403
    departure.refresh_from_db()
    assert departure.room.capacity == 1
