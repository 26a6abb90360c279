"""The pages about what goes together: drawn and said, tied and taken apart, with nothing typed lost."""

from datetime import timedelta

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.lib import clock
from releasetrain.trains import actions
from releasetrain.trains.models import Bundle, Change, Departure, Need, Withdrawal
from tests import make
from tests.trains import world
from tests.trains.test_bundles import need, service
from tests.web.conftest import SignIn
from tests.web.test_trains import text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def max_() -> User:
    return make.user("Max", Role.RELEASE_MANAGER)


@pytest.fixture
def browser(sign_in: SignIn, max_: User) -> Client:
    """Sign a release manager in."""
    return sign_in(person=max_)


@pytest.fixture
def author(sign_in: SignIn) -> Client:
    """Sign Ada in, who wrote what is aboard."""
    return sign_in(person=world.submitter())


def laden(*titles: str) -> tuple[Departure, list[Change]]:
    departure = make.departure()
    return departure, [world.aboard(departure, title=title) for title in titles]


def sealed(*titles: str, monkeypatch: pytest.MonkeyPatch) -> tuple[Departure, list[Change]]:
    departure, changes = laden(*titles)
    departure = world.sealed(departure)
    monkeypatch.setattr(clock, "now", lambda: departure.cut_off_at)
    return departure, changes


def test_what_needs_what_is_drawn_and_said_in_words(browser: Client) -> None:
    departure, [a, b, _] = laden("Tax rules", "Show prices with tax", "Alone")
    need(b, a)
    need(a, make.change("Not aboard"))
    page = text_of(browser.get(f"/departures/{departure.pk}/bundles/"))
    assert "“Show prices with tax” needs “Tax rules”." in page
    assert "“Tax rules” needs “Not aboard”, which is submitted." in page
    assert page.count('class="graph-node') == 3
    assert page.count('class="graph-line"') == 2
    assert "and that is aboard no train yet." in page


def test_a_page_without_needs_says_so(browser: Client) -> None:
    departure, _ = laden("A")
    page = text_of(browser.get(f"/departures/{departure.pk}/bundles/"))
    assert "No change aboard needs another one." in page
    assert "<svg\n                class" not in page
    assert "fewer are aboard" in page


def test_a_bundle_is_made_of_changes_of_two_teams(browser: Client) -> None:
    departure, [a] = laden("A")
    b = world.aboard(departure, title="B", service=service("Search", "Discovery"))
    path = f"/departures/{departure.pk}/bundles/"
    browser.post(path, {"name": "Prices", "changes": [a.pk, b.pk]})
    page = text_of(browser.get(path))
    assert "Search, Storefront · Discovery, Storefront" in page
    assert Bundle.objects.get().changes.count() == 2


def test_i9_what_was_typed_stays_when_a_bundle_is_refused(browser: Client) -> None:
    departure, [a, _] = laden("A", "B")
    answer = browser.post(f"/departures/{departure.pk}/bundles/", {"name": "Prices", "changes": [a.pk]})
    page = text_of(answer)
    assert answer.status_code == 422
    assert "A bundle holds at least two changes" in page
    assert 'value="Prices"' in page
    assert f'value="{a.pk}" id="id_changes_0" checked' in page or "checked" in page


def test_i9_a_bundle_that_somebody_left_is_let_go_without_by_a_reason(browser: Client) -> None:
    departure, [a, b] = laden("A", "B")
    bundle = actions.gather(departure, name="Prices", changes=[a, b], by=world.manager(), now=make.NOW)
    browser.post(f"/changes/{a.pk}/leave-bundle/")
    page = text_of(browser.get(f"/departures/{departure.pk}/bundles/"))
    assert "“A” left it. It is not sealed by halves" in page
    path = f"/departures/{departure.pk}/bundles/{bundle.pk}/without/"
    assert browser.post(path, {"reason": ""}).status_code == 422
    assert browser.post(path, {"reason": "B is fine alone"}).status_code == 302
    bundle.refresh_from_db()
    assert bundle.missing == []
    assert browser.get(f"/departures/{departure.pk}/bundles/999/without/").status_code == 404


def test_i9_a_circle_is_refused_on_its_page_and_printed(author: Client) -> None:
    _, [a, b] = laden("A", "B")
    assert author.post(f"/changes/{b.pk}/needs/", {"needed": a.pk}).status_code == 302
    answer = author.post(f"/changes/{a.pk}/needs/", {"needed": b.pk})
    assert answer.status_code == 409
    assert "“A” → “B” → “A”" in text_of(answer)
    page = text_of(author.get(f"/changes/{a.pk}/needs/"))
    assert "Needed by" in page
    author.post(f"/changes/{b.pk}/needs/{a.pk}/drop/")
    assert not Need.objects.exists()


def test_nobody_ties_what_they_do_not_answer_for(sign_in: SignIn) -> None:
    departure, [a, b] = laden("A", "B")
    viewer = sign_in(Role.VIEWER)
    assert "one must have written or submitted it" in text_of(viewer.get(f"/changes/{a.pk}/needs/"))
    assert viewer.post(f"/changes/{a.pk}/needs/", {"needed": b.pk}).status_code == 403
    assert viewer.post(f"/changes/{a.pk}/eject/", {"reason": "x"}).status_code == 403
    names = {"name": "P", "changes": [a.pk, b.pk]}
    assert viewer.post(f"/departures/{departure.pk}/bundles/", names).status_code == 403
    assert Change.objects.filter(state="aboard").count() == 2


def test_strangers_are_sent_to_the_sign_in(client: Client) -> None:
    departure, [a] = laden("A")
    for path in (
        f"/departures/{departure.pk}/bundles/",
        f"/departures/{departure.pk}/notes.md",
        f"/departures/{departure.pk}/revisions/",
        f"/changes/{a.pk}/needs/",
        f"/changes/{a.pk}/eject/",
    ):
        assert client.get(path).status_code == 302


def test_i3_asking_says_first_what_gets_off_along_with_it(
    author: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    departure, [a, b, _] = sealed("A", "B", "C", monkeypatch=monkeypatch)
    need(b, a)
    assert "Ask to take it off" in text_of(author.get(f"/changes/{a.pk}/"))
    path = f"/changes/{a.pk}/ask-to-leave/"
    page = text_of(author.get(path))
    assert "Nothing happens before somebody who runs" in page
    assert "it needs “A”" in page
    assert "1 stay aboard." in page
    shown = text_of(author.post(path, {"show": "1", "reason": "", f"of_{b.pk}": "none"}))
    assert "and with it nothing else" in shown
    assert author.post(path, {"reason": " ", f"of_{b.pk}": "none"}).status_code == 422
    author.post(path, {"reason": "It breaks search", f"of_{b.pk}": "none"})
    request = Withdrawal.objects.get()
    assert (request.reason, request.repointed) == ("It breaks search", {str(b.pk): None})
    assert "Ada asks to take it off." in text_of(author.get(f"/departures/{departure.pk}/"))


def test_i3_a_request_is_answered_on_its_own_page(
    browser: Client, author: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    departure, [a, b] = sealed("A", "B", monkeypatch=monkeypatch)
    need(b, a)
    request = actions.ask_to_withdraw(a, reason="broken", by=world.submitter(), now=departure.cut_off_at)
    path = f"/departures/{departure.pk}/withdrawals/{request.pk}/"
    assert "Take the request back" in text_of(author.get(path))
    assert "Answer: Ada asks to take “A” off" in text_of(browser.get(f"/departures/{departure.pk}/"))
    page = text_of(browser.get(path))
    assert "Ada asks to take it off: broken" in page
    assert "Nothing is left aboard" in page
    browser.post(path, {"reason": "", f"of_{b.pk}": "none"})
    request.refresh_from_db()
    assert (request.state, request.revision) == ("accepted", 2)
    assert "It made revision 2." in text_of(browser.get(path))
    revisions = text_of(browser.get(f"/departures/{departure.pk}/revisions/"))
    assert "“A” of Storefront got off." in revisions


def test_i3_a_request_is_refused_with_a_reason_or_taken_back(
    browser: Client, author: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    departure, [a, _] = sealed("A", "B", monkeypatch=monkeypatch)
    for client, verb, fields, state in (
        (browser, "refuse", {"reason": "it has a flag"}, "refused"),
        (author, "take-back", {}, "taken_back"),
    ):
        request = actions.ask_to_withdraw(a, reason="broken", by=world.submitter(), now=departure.cut_off_at)
        path = f"/departures/{departure.pk}/withdrawals/{request.pk}/{verb}/"
        assert client.post(path, fields).status_code == 302
        request.refresh_from_db()
        assert request.state == state
    assert browser.get(f"/departures/{departure.pk}/withdrawals/999/").status_code == 404


def test_i8_ejecting_previews_what_falls_and_recomputes(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    departure, [a, b, _] = sealed("A", "B", "C", monkeypatch=monkeypatch)
    need(b, a)
    page = text_of(browser.get(f"/changes/{a.pk}/eject/"))
    assert "and with it 1 more, named below" in page
    assert "The manifest gets a new revision" in page
    browser.post(f"/changes/{a.pk}/eject/", {"reason": "fails its tests", f"of_{b.pk}": "go"})
    assert set(Change.objects.filter(departure=departure).values_list("title", flat=True)) == {"C"}


def test_i4_while_it_rolls_a_change_offers_what_helps_instead(
    author: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    departure, [a] = sealed("A", monkeypatch=monkeypatch)
    Change.objects.filter(pk=a.pk).update(flag_key="tax")
    Departure.objects.filter(pk=departure.pk).update(state="rolling")
    page = text_of(author.get(f"/changes/{a.pk}/"))
    assert "Switch off tax" in page
    assert "Roll back or hold" in page
    assert "Ask to take it off" not in page
    refused = author.post(f"/changes/{a.pk}/ask-to-leave/", {"reason": "x"})
    assert refused.status_code == 409
    assert "mend it with a hotfix" in text_of(refused)


def test_i5_a_drifted_change_wears_a_badge_and_keeps_its_version(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    departure, [a] = sealed("A", monkeypatch=monkeypatch)
    Change.objects.filter(pk=a.pk).update(latest_version="b" * 40)
    page = text_of(browser.get(f"/departures/{departure.pk}/"))
    assert "Drifted" in page
    assert (
        "Newer commits exist (bbbbbbbbbbbb). What is sealed stays aboard; new content needs a late pass."
        in page
    )
    assert a.version in page


def test_i15_a_sealed_departure_shows_the_service_by_the_name_of_its_time(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    departure, [a] = sealed("A", monkeypatch=monkeypatch)
    a.service.name = "Shop window"
    a.service.save(update_fields=["name"])
    manifest = text_of(browser.get(f"/departures/{departure.pk}/")).partition("Manifest")[2]
    assert '<td data-label="Service">Storefront</td>' in manifest


def test_i13_boarding_is_opened_again_by_a_form_of_its_own(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    departure, _ = sealed("A", monkeypatch=monkeypatch)
    path = f"/departures/{departure.pk}/reopen/"
    page = text_of(browser.get(path))
    assert "It stays sealed unless somebody says so here." in page
    late = browser.post(path, {"until": "2026-11-23T18:00", "reason": "one more fix"})
    assert "lies after the departure" in text_of(late)
    assert browser.post(path, {"until": "2026-11-23T14:30", "reason": "one more fix"}).status_code == 302
    departure.refresh_from_db()
    assert (departure.state, departure.cut_off_at) == (
        "boarding",
        departure.departs_at - timedelta(minutes=30),
    )


def test_changelogs_are_told_apart_by_team_ticket_and_author_and_handed_out(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    departure, _ = sealed("SHOP-12: Tax", monkeypatch=monkeypatch)
    for by, name in (
        ("team", "Storefront"),
        ("ticket", "SHOP-12"),
        ("author", "somebody"),
        ("nonsense", "S"),
    ):
        page = text_of(browser.get(f"/departures/{departure.pk}/changelog/?by={by}"))
        assert name in page
    answer = browser.get(f"/departures/{departure.pk}/changelog.md?by=ticket")
    assert answer["Content-Type"].startswith("text/markdown")
    assert "## SHOP-12" in answer.content.decode()


def test_release_notes_are_drafted_from_the_manifest(
    browser: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    departure = make.departure()
    world.aboard(departure, title="Tax <script>", flag_key="tax", rollback_plan="drop the column")
    departure = world.sealed(departure)
    page = text_of(browser.get(f"/departures/{departure.pk}/notes/"))
    assert "To be undone by hand if it comes back" in page
    assert "<script>" not in page.partition("Release notes</h1>")[2].partition("</main>")[0]
    text = browser.get(f"/departures/{departure.pk}/notes.md").content.decode()
    assert "1 change in 1 service (Storefront) for Production." in text
    assert "- Tax \\<script\\>: `tax`" in text


def test_what_is_not_sealed_has_no_manifest_to_tell_of(browser: Client) -> None:
    departure, _ = laden("A")
    for page in ("changelog/", "changelog.md", "notes/", "notes.md", "revisions/"):
        assert browser.get(f"/departures/{departure.pk}/{page}").status_code == 404


def test_the_page_of_bundles_asks_as_often_for_many_as_for_few(browser: Client) -> None:
    counts = []
    for size in (3, 12):
        departure, changes = laden(*(f"Change {number}" for number in range(size)))
        actions.gather(departure, name="P", changes=changes[:2], by=world.manager(), now=make.NOW)
        for one in changes[2:]:
            need(one, changes[0])
        path = f"/departures/{departure.pk}/bundles/"
        browser.get(path)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            browser.get(path)
        counts.append(len(queries))
    assert counts[0] == counts[1]
    assert counts[0] <= 20
