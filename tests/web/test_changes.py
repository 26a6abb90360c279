"""Submitting takes a minute: a pasted address fills the form in, and only what matters is asked."""

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from releasetrain.accounts.rules import Role
from releasetrain.trains.models import Change
from releasetrain.trains.models.changes import SEARCHED
from releasetrain.trains.queries.changes import search_query
from releasetrain.trains.rules.risk import UNSAID_POINTS
from tests import make
from tests.trains import world
from tests.web.conftest import SignIn

pytestmark = pytest.mark.django_db
PULL = "https://github.com/octo/shop/pull/7"


def typed(**fields: Any) -> dict[str, Any]:
    return {"title": "Prices", "service": make.service().pk, "version": "v1", **fields}


def known() -> Change:
    return make.change(
        "From the host", external_id="github:octo/shop#7", url=PULL, version="abc", description="Why"
    )


def page(answer: Any) -> str:
    return str(answer.content.decode())


def test_a_pasted_pull_request_fills_in_what_the_code_host_has_told(sign_in: SignIn) -> None:
    known()
    answer = sign_in(Role.SUBMITTER).post("/changes/new/", {"url": PULL, "title": "", "look": "1"})
    assert answer.status_code == 200
    assert 'value="From the host"' in page(answer)
    assert 'value="abc"' in page(answer)
    assert "It is known here" in page(answer)
    assert "Nothing was saved yet" not in page(answer)


def test_what_is_typed_is_not_overwritten_by_what_is_known(sign_in: SignIn) -> None:
    known()
    answer = sign_in(Role.SUBMITTER).post("/changes/new/", {"url": PULL, "title": "Mine", "look": "1"})
    assert 'value="Mine"' in page(answer)
    assert "From the host" in page(sign_in(Role.SUBMITTER).get(f"/changes/new/?url={PULL}"))


def test_i7_a_pull_request_aboard_elsewhere_is_refused_with_a_link_to_it(sign_in: SignIn) -> None:
    departure = make.departure()
    world.aboard(departure, external_id="github:octo/shop#7", url=PULL)
    answer = sign_in(Role.SUBMITTER).post("/changes/new/", typed(url=PULL, description="All I typed"))
    assert answer.status_code == 409
    assert f'<a href="/departures/{departure.pk}/">{departure.code}</a>' in page(answer)
    assert "All I typed" in page(answer)


def test_only_the_questions_that_matter_are_asked_and_nothing_answered_is_lost(sign_in: SignIn) -> None:
    browser = sign_in(Role.SUBMITTER)
    first = page(browser.get("/changes/new/"))
    assert "Do other services have to know?" in first
    assert "How long does it take" not in first
    small = {"blast": "part", "users": "nobody", "others": "breaking", "schema": "contract", "look": "1"}
    again = page(browser.post("/changes/new/", small))
    assert "Do other services have to know?" not in again
    assert '<input type="hidden" name="others" value="breaking"' in again
    assert "How long does it take" in again


def test_what_it_weighs_is_kept_and_explained_line_by_line(sign_in: SignIn) -> None:
    browser = sign_in(Role.SUBMITTER)
    answers = {"blast": "several", "users": "all", "undo": "version", "schema": "none"}
    browser.post("/changes/new/", typed(**answers, others="none", evidence="automatic", traits=["cookie"]))
    change = Change.objects.get()
    assert (change.risk_points, change.traits, change.priority) == (7, ["cookie"], 3)
    seen = page(browser.get(f"/changes/{change.pk}/"))
    assert "Other services could fail with it" in seen
    assert "sets a new cookie" in seen
    assert change.ready_at == make.NOW


def test_a_change_of_which_nothing_is_said_is_submitted_all_the_same(sign_in: SignIn) -> None:
    sign_in(Role.SUBMITTER).post("/changes/new/", typed())
    assert Change.objects.get().risk_points == UNSAID_POINTS


def test_a_draft_is_kept_and_gone_on_with(sign_in: SignIn) -> None:
    browser = sign_in(Role.SUBMITTER)
    browser.post("/changes/new/", typed(version="", draft="1", undo="steps", rollback_plan="Some"))
    draft = Change.objects.get()
    assert draft.state == "draft"
    assert "Go on with it" in page(browser.get(f"/changes/{draft.pk}/"))
    assert "Some" in page(browser.get(f"/changes/{draft.pk}/edit/"))
    answer = browser.post(f"/changes/{draft.pk}/edit/", typed(departure=make.departure().pk))
    assert answer["Location"] == f"/changes/{draft.pk}/"
    draft.refresh_from_db()
    assert draft.state == "aboard"
    assert browser.get(f"/changes/{draft.pk}/edit/").status_code == 302


def test_a_draft_without_a_title_comes_back_and_says_so(sign_in: SignIn) -> None:
    answer = sign_in(Role.SUBMITTER).post("/changes/new/", typed(title="", draft="1"))
    assert answer.status_code == 422
    assert not Change.objects.exists()


def test_i11_the_form_says_that_it_stands_by_and_the_page_says_where_in_line(sign_in: SignIn) -> None:
    departure = make.departure()
    departure.plan |= {"capacity": 1}
    departure.save(update_fields=["plan"])
    world.aboard(departure)
    answer = sign_in(Role.SUBMITTER).post("/changes/new/", typed(departure=departure.pk), follow=True)
    assert "stands by for Checkout Express" in page(answer)
    assert "It stands by, first in line." in page(answer)
    assert "On stand-by" in page(answer)


def test_i7_moving_is_one_press_on_the_page(sign_in: SignIn) -> None:
    first = make.departure()
    second = make.departure(first.train)
    change = world.aboard(first)
    browser = sign_in(Role.SUBMITTER)
    assert f"Move to {second.code}" in page(browser.get(f"/changes/{change.pk}/"))
    browser.post(f"/changes/{change.pk}/move/{second.pk}/")
    change.refresh_from_db()
    assert change.departure == second


def test_i2_who_got_off_is_told_so_once_and_may_board_again(sign_in: SignIn) -> None:
    departure = make.departure()
    change = world.aboard(departure)
    browser = sign_in(Role.SUBMITTER)
    said = page(browser.post(f"/changes/{change.pk}/withdraw/", {"reason": "not yet"}, follow=True))
    assert said.count("It was withdrawn; it goes nowhere unless it is put aboard again.") == 1
    assert '<li data-mark="done">' in said
    assert f"Board {departure.code}" in said
    browser.post(f"/changes/{change.pk}/board/{departure.pk}/")
    change.refresh_from_db()
    assert change.departure == departure


def test_case_o7_saying_that_it_is_ready_is_one_press(sign_in: SignIn) -> None:
    browser = sign_in(Role.SUBMITTER)
    browser.post("/changes/new/", typed(departure=make.departure().pk, awaits_ready="on"))
    change = Change.objects.get()
    assert change.awaits_ready
    assert "It is ready" in page(browser.get(f"/changes/{change.pk}/"))
    browser.post(f"/changes/{change.pk}/ready/")
    change.refresh_from_db()
    assert (change.awaits_ready, change.ready_at) == (False, make.NOW)


def titles(browser: Client, query: str) -> list[str]:
    rows = browser.get(f"/changes/?{query}").context["changes"]
    return [row.title for row in rows]


def test_the_list_is_filtered_sorted_and_searched(sign_in: SignIn) -> None:
    ada = world.submitter()
    payments = make.team("Payments")
    pay = make.service("Payments")
    pay.team = payments
    pay.save(update_fields=["team"])
    make.change("Show prices with tax", author=ada, risk_points=2, version="v1.2.3")
    later = make.NOW + timedelta(minutes=1)
    make.change("Refund by card", service=pay, submitted_by=ada, risk_points=12, submitted_at=later)
    make.change("Old news", state="withdrawn", priority=1, external_id="github:octo/shop#77")
    browser = sign_in(person=ada)
    assert titles(browser, "whose=mine") == ["Refund by card", "Show prices with tax"]
    assert titles(browser, "whose=mine&sort=old") == ["Show prices with tax", "Refund by card"]
    assert titles(browser, "sort=risk")[0] == "Refund by card"
    assert titles(browser, "sort=urgent")[0] == "Old news"
    assert titles(browser, "risk=high") == ["Refund by card"]
    assert titles(browser, "state=withdrawn") == ["Old news"]
    assert titles(browser, f"team={payments.pk}") == ["Refund by card"]
    assert titles(browser, "q=PRIC tax") == ["Show prices with tax"]
    assert titles(browser, "q=v1.2.3") == ["Show prices with tax"]
    assert titles(browser, "q=octo/shop%2377") == ["Old news"]
    assert titles(browser, "q=nowhere") == []
    assert len(titles(browser, "q='%26|!( :*&state=x&risk=y&sort=z&team=-1")) == 3


def test_my_teams_changes_are_those_of_the_services_of_my_teams(sign_in: SignIn) -> None:
    make.change("Mine to see")
    other = make.service("Payments")
    other.team = make.team("Payments")
    other.save(update_fields=["team"])
    make.change("Theirs", service=other)
    bob = make.user("Bob", Role.SUBMITTER, team=make.team())
    assert titles(sign_in(person=bob), "whose=teams") == ["Mine to see"]


@pytest.mark.parametrize("query", ["", "whose=mine", "whose=teams&q=pric", "team=1&state=aboard&sort=risk"])
def test_the_list_makes_as_many_queries_for_one_change_as_for_fifty(sign_in: SignIn, query: str) -> None:
    browser = sign_in(person=world.submitter())
    departure = make.departure()
    counts = []
    for number in range(50):
        world.aboard(departure, title=f"Prices {number}", risk_points=number % 20)
        if number in (0, 49):
            with CaptureQueriesContext(
                connection,
            ) as found:
                browser.get(f"/changes/?{query}")
            counts.append(len(found))
    assert counts[0] == counts[1] <= 15


def test_a_search_uses_its_index() -> None:
    """Only a bitmap may be read: of a table this small, another index in order is as cheap by chance."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off")
        words = search_query("prices tax")
        plan = Change.objects.alias(words=SEARCHED).filter(words=words).order_by().explain()
    assert "change_search" in plan
