"""Hotfixes and locks on their pages: one short form, nothing typed is lost, stale pages are refused."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.catalog.models import Target
from releasetrain.rollouts.actions import lock_target
from releasetrain.rollouts.models import Lock
from releasetrain.trains import actions
from releasetrain.trains.models import BreakGlass, Containment, Departure, LiveFix
from tests import make
from tests.trains import world
from tests.web.conftest import SignIn

pytestmark = pytest.mark.django_db
HOUR = timedelta(hours=1)


@pytest.fixture
def olu() -> User:
    return make.user("Olu", Role.ON_CALL)


@pytest.fixture
def browser(sign_in: SignIn, olu: User) -> Client:
    """Sign in somebody who is on call."""
    return sign_in(person=olu)


def text_of(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def simulated() -> Target:
    return make.target(driver="simulated", driver_config={}, stable_version="v1")


def typed(**fields: str) -> dict[str, str]:
    return {
        "target": str(simulated().pk),
        "version": "v1.1",
        "title": "Let people pay again",
        "reason": "Checkout answers with 500.",
        **fields,
    }


def with_train() -> None:
    make.train(policy=make.policy(release_manager=2, on_call=1))


def test_a_hotfix_starts_on_one_page_and_leads_to_its_votes(browser: Client) -> None:
    with_train()
    assert browser.get("/hotfixes/new/").status_code == 200
    answer = browser.post("/hotfixes/new/", typed())
    departure = Departure.objects.get(train__lane="hotfix")
    assert (answer.status_code, answer["Location"]) == (302, f"/departures/{departure.pk}/")
    assert departure.state == "deciding"
    listed = text_of(browser.get("/hotfixes/"))
    assert departure.code in listed
    assert "Every service is free." in listed
    assert f"/departures/{departure.pk}/glass/" in browser.get(answer["Location"]).content.decode()


def test_h4_the_same_form_breaks_the_glass(browser: Client) -> None:
    with_train()
    browser.post("/hotfixes/new/", typed(break_glass="Everybody sleeps."))
    glass = BreakGlass.objects.get()
    assert glass.reason == "Everybody sleeps."
    page = text_of(browser.get(f"/departures/{glass.departure_id}/glass/"))
    assert "Everybody sleeps." in page
    assert "It has not departed yet" in page


def test_what_was_typed_stays_where_it_cannot_go(browser: Client) -> None:
    answer = browser.post("/hotfixes/new/", typed(title="Only this once"))
    assert answer.status_code == 422
    page = text_of(answer)
    assert "No train carries Storefront to Production" in page
    assert "Only this once" in page
    missing = browser.post("/hotfixes/new/", typed(version=""))
    assert (missing.status_code, "Only" in text_of(missing)) == (422, False)


def test_whoever_only_looks_starts_nothing(sign_in: SignIn) -> None:
    viewer = sign_in(person=make.user("Vic", Role.VIEWER))
    assert viewer.get("/hotfixes/new/").status_code == 403
    assert "/hotfixes/new/" not in viewer.get("/hotfixes/").content.decode()
    assert sign_in(person=make.user("Nob")).get("/hotfixes/").status_code == 403


def test_h3_a_departure_that_would_undo_a_hotfix_takes_somebodys_word(browser: Client) -> None:
    departure = world.sealed()
    LiveFix.objects.create(
        service=make.service(), environment=make.environment(), version="v1.1", since_at=make.NOW
    )
    version = departure.changes.get().version
    url = f"/departures/{departure.pk}/contains/"
    assert url in browser.get(f"/departures/{departure.pk}/").content.decode()
    assert "it would undo it" in text_of(browser.get(url))
    assert url in browser.get("/hotfixes/").content.decode()
    said = {"service": str(make.service().pk), "version": version, "contains": "v1.1"}
    assert browser.post(url, {**said, "reason": ""}).status_code == 422
    assert not Containment.objects.exists()
    assert browser.post(url, {**said, "reason": "Merged."}).status_code == 302
    assert "It would undo no hotfix" in text_of(browser.get(url))


def test_h4_owed_votes_and_the_review_are_given_on_the_glass(browser: Client, sign_in: SignIn) -> None:
    with_train()
    zoe = world.manager("Zoe")
    browser.post("/hotfixes/new/", typed(break_glass="Night."))
    departure = Departure.objects.get(train__lane="hotfix")
    for name, role in (("Ann", Role.ON_CALL), ("Rob", Role.RELEASE_MANAGER)):
        world.vote(departure, make.user(name, role), now=make.NOW)
    actions.depart(departure, now=make.NOW)
    url = f"/departures/{departure.pk}/glass/"
    assert "Zoe" in text_of(browser.get(url))
    own = sign_in(person=zoe)
    no_go = own.post(f"{url}say/", {"choice": "no_go", "reason": ""})
    assert (no_go.status_code, "Say what was wrong" in text_of(no_go)) == (422, True)
    assert own.post(f"{url}say/", {"choice": "go"}).status_code == 302
    assert own.post(f"{url}review/", {"review": "A page was missing."}).status_code == 302
    glass = BreakGlass.objects.get()
    assert glass.confirmed_at == make.NOW
    assert glass.review == "A page was missing."
    assert "A page was missing." in text_of(browser.get(url))


def test_h6_a_lock_shows_who_why_since_and_until_and_is_taken_over(
    browser: Client, sign_in: SignIn, olu: User
) -> None:
    target = simulated()
    url = f"/hotfixes/locks/{target.pk}/"
    assert browser.post(f"{url}lock/", {"reason": "Database.", "minutes": "60"}).status_code == 302
    page = text_of(browser.get(url))
    assert "Olu" in page
    assert "Database." in page
    other = sign_in(person=make.user("Zoe", Role.RELEASE_MANAGER))
    fence = str(Lock.objects.get().fence)
    empty = other.post(f"{url}take-over/", {"fence": fence, "reason": "", "to": "60"})
    assert empty.status_code == 422
    taken = other.post(f"{url}take-over/", {"fence": fence, "reason": "Olu sleeps.", "to": "60"})
    assert taken.status_code == 302
    stale = browser.post(f"{url}release/", {"fence": fence})
    assert stale.status_code == 409
    assert "Zoe has it now: Olu sleeps." in text_of(stale)
    assert Lock.objects.get(ended_at=None).holder_label == "Zoe"
    assert "Taken over: Olu sleeps." in text_of(browser.get(url))


def test_h6_a_lock_is_renewed_and_released_on_its_page(browser: Client, olu: User) -> None:
    target = simulated()
    lock = lock_target(target, reason="Database.", until=make.NOW + HOUR, by=olu, now=make.NOW)
    url = f"/hotfixes/locks/{target.pk}/"
    fence = str(lock.fence)
    assert browser.post(f"{url}renew/", {"fence": fence, "minutes": "240"}).status_code == 302
    lock.refresh_from_db()
    assert lock.expires_at == make.NOW + 4 * HOUR
    assert browser.post(f"{url}release/", {"fence": fence}).status_code == 302
    assert "nobody" in text_of(browser.get(url))
    assert browser.post(f"{url}release/", {"fence": fence}).status_code == 409


def test_h6_who_may_not_command_there_sees_the_lock_and_no_button(sign_in: SignIn, olu: User) -> None:
    target = simulated()
    lock_target(target, reason="Database.", until=make.NOW + HOUR, by=olu, now=make.NOW)
    viewer = sign_in(person=make.user("Vic", Role.VIEWER))
    page = viewer.get(f"/hotfixes/locks/{target.pk}/").content.decode()
    assert "Database." in page
    assert "take-over" not in page
    answer = viewer.post(
        f"/hotfixes/locks/{target.pk}/take-over/", {"fence": "1", "reason": "r", "to": "next"}
    )
    assert answer.status_code == 403
    assert "Database." in text_of(viewer.get("/hotfixes/locks/"))


@pytest.mark.parametrize("verb", ["lock", "renew", "release", "take-over", "settle"])
def test_nonsense_is_refused_with_a_sentence(browser: Client, verb: str) -> None:
    url = f"/hotfixes/locks/{simulated().pk}/{verb}/"
    assert browser.post(url, {"fence": "x", "minutes": "soon", "reason": ""}).status_code == 422
    assert browser.post(f"/hotfixes/locks/999999/{verb}/", {"fence": "1"}).status_code == 404
