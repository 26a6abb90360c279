"""What is over can be taken back or tried again, and what needs two people waits for the second one."""

import uuid
from typing import Any

import pytest
from django.test import Client

from releasetrain.accounts.rules import Role
from releasetrain.rollouts.models import Command, Rollout
from tests import make
from tests.web.conftest import SignIn

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}


def rollout(weight: int = 5, **fields: Any) -> Rollout:
    departure = make.departure(state="rolling", departed_at=make.NOW)
    on = make.target(driver="simulated", driver_config={"world": {"weight": weight, "fence": 1}})
    defaults: dict[str, Any] = {
        "state": "baking",
        "stage_index": 1,
        "seq": 3,
        "desired_weight": weight,
        "observed_weight": weight,
        "observed_at": make.NOW,
        "agreed_at": make.NOW.replace(hour=11),
        "bake_needed_seconds": 600,
    }
    return make.rollout(departure, on, **{**defaults, **fields})


def arrived() -> Rollout:
    return rollout(100, state="succeeded", stage_index=5, finished_at=make.NOW, next_due_at=None)


def controls(browser: Client, one: Rollout) -> str:
    """Return the live page with the controls, in one line."""
    return " ".join(browser.get(f"/departures/{one.departure_id}/live/").content.decode().split())


def ask_full(browser: Client, one: Rollout) -> Command:
    fields = {"expected_seq": one.seq, "command_id": uuid.uuid4(), "reason": "the old one is on fire"}
    answer = browser.post(f"/rollouts/{one.pk}/promote_full/", fields, headers=HTMX)
    assert answer.status_code == 200
    return Command.objects.get(kind="promote_full")


def test_t13_an_arrived_rollout_has_its_way_back_where_the_brake_was(sign_in: SignIn) -> None:
    one, browser = arrived(), sign_in(Role.ON_CALL)
    page = controls(browser, one)
    assert "Take it back" in page
    assert "All users get v1 again at once" in page
    answer = browser.post(f"/rollouts/{one.pk}/take-back/", headers=HTMX)
    assert answer["HX-Redirect"] == f"/departures/{one.departure_id}/live/"
    assert Rollout.objects.get(kind="rollback").takes_back == one
    assert "It is taken back already." in controls(browser, one)


def test_t13_what_came_back_cannot_be_taken_back_and_says_why(sign_in: SignIn) -> None:
    one = rollout(0, state="rolled_back", finished_at=make.NOW)
    answer = sign_in(Role.ON_CALL).post(f"/rollouts/{one.pk}/take-back/", headers=HTMX)
    assert answer.status_code == 409
    assert "Only a rollout that has arrived" in answer.content.decode()


def test_what_came_back_is_tried_again_once(sign_in: SignIn) -> None:
    one, browser = rollout(0, state="rolled_back", finished_at=make.NOW), sign_in(Role.RELEASE_MANAGER)
    assert "Try again" in controls(browser, one)
    assert browser.post(f"/rollouts/{one.pk}/retry/")["Location"].endswith("/live/")
    again = Rollout.objects.get(attempt=2)
    assert (again.state, again.stage_index) == ("queued", 0)
    answer = browser.post(f"/rollouts/{one.pk}/retry/", headers=HTMX)
    assert answer.status_code == 409
    assert "It is tried again already: attempt 2." in answer.content.decode()


def test_straight_to_everybody_waits_for_a_second_person(sign_in: SignIn) -> None:
    one = rollout()
    asker = sign_in(person=make.user("Ada", Role.RELEASE_MANAGER))
    waiting = ask_full(asker, one)
    page = controls(asker, one)
    assert "Ada asks to send it straight to 100 %: the old one is on fire" in page
    refused = asker.post(f"/rollouts/{one.pk}/second/{waiting.pk}/", headers=HTMX)
    assert refused.status_code == 409
    assert "who is not the one who asks" in refused.content.decode()
    one.refresh_from_db()
    assert one.desired_weight == 5

    sign_in(person=make.user("Bo", Role.ON_CALL)).post(
        f"/rollouts/{one.pk}/second/{waiting.pk}/", headers=HTMX
    )
    one.refresh_from_db()
    assert one.desired_weight == 100
    assert "Ada asks" not in controls(asker, one)


def test_straight_to_everybody_needs_a_reason(sign_in: SignIn) -> None:
    one = rollout()
    answer = sign_in(Role.RELEASE_MANAGER).post(f"/rollouts/{one.pk}/promote_full/", headers=HTMX)
    assert answer.status_code == 409
    assert not Command.objects.exists()


def test_what_nobody_asks_for_cannot_be_agreed_to(sign_in: SignIn) -> None:
    one = rollout()
    answer = sign_in(Role.ON_CALL).post(f"/rollouts/{one.pk}/second/{uuid.uuid4()}/", headers=HTMX)
    assert answer.status_code == 409
    assert "Nobody asks for this any more." in answer.content.decode()


@pytest.mark.parametrize("path", ["take-back", "retry", f"second/{uuid.uuid4()}"])
def test_a_viewer_does_none_of_it(sign_in: SignIn, path: str) -> None:
    assert sign_in(Role.VIEWER).post(f"/rollouts/{arrived().pk}/{path}/").status_code == 403
