"""A finding is passed over on a page of its own: for a time, with a reason, by two people above 10 %."""

from typing import Any

import pytest
from django.test import Client

from releasetrain.accounts.rules import Role
from releasetrain.rollouts.models import Command, Rollout
from releasetrain.rollouts.rules.guardrails import GuardrailState
from tests import make
from tests.web.conftest import SignIn

pytestmark = pytest.mark.django_db
FOUND = "The new version fails twice as often."


def found(weight: int = 5, **fields: Any) -> Rollout:
    """Make a rollout with one guardrail that has found something."""
    departure = make.departure(state="rolling", departed_at=make.NOW)
    on = make.target(driver="simulated", driver_config={"world": {"weight": weight, "fence": 1}})
    make.guardrail(on)
    return make.rollout(
        departure,
        on,
        state="baking",
        seq=3,
        desired_weight=weight,
        guardrail_states={"Errors": GuardrailState(failed=FOUND).to_json()},
        **fields,
    )


def press(browser: Client, rollout: Rollout, **typed: object) -> Any:
    fields = {
        "guardrail": "Errors",
        "minutes": 30,
        "reason": "the probe is broken",
        "expected_seq": rollout.seq,
    }
    return browser.post(f"/rollouts/{rollout.pk}/dismiss/", {**fields, **typed})


def is_dismissed(rollout: Rollout) -> bool:
    rollout.refresh_from_db()
    return bool(GuardrailState.from_json(rollout.guardrail_states["Errors"]).dismissal)


def text(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def test_a_finding_is_dismissed_from_the_controls(sign_in: SignIn) -> None:
    rollout, browser = found(), sign_in(Role.RELEASE_MANAGER)
    live = text(browser.get(f"/departures/{rollout.departure_id}/live/"))
    assert f'href="/rollouts/{rollout.pk}/dismiss/"' in live
    page = text(browser.get(f"/rollouts/{rollout.pk}/dismiss/"))
    assert f"Errors: {FOUND}" in page
    assert "a second person" not in page
    answer = press(browser, rollout)
    assert answer["Location"] == f"/departures/{rollout.departure_id}/live/"
    assert is_dismissed(rollout)


def test_above_ten_percent_it_waits_for_a_second_person(sign_in: SignIn) -> None:
    rollout = found(25)
    ada = sign_in(person=make.user("Ada", Role.RELEASE_MANAGER))
    assert "a second person has to agree" in text(ada.get(f"/rollouts/{rollout.pk}/dismiss/"))
    press(ada, rollout)
    assert not is_dismissed(rollout)
    waiting = Command.objects.get(kind="dismiss")
    live = text(ada.get(f"/departures/{rollout.departure_id}/live/"))
    assert "Ada asks to dismiss what a guardrail has found: the probe is broken" in live
    sign_in(person=make.user("Bo", Role.ON_CALL)).post(f"/rollouts/{rollout.pk}/second/{waiting.pk}/")
    assert is_dismissed(rollout)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ({"reason": ""}, "This field is required"),
        ({"minutes": "0"}, "greater than or equal to 1"),
        ({"minutes": "long"}, "Enter a whole number"),
        ({"guardrail": "Latency"}, "not one of the available choices"),
        ({"expected_seq": "2"}, "The page was out of date"),
    ],
)
def test_what_cannot_be_dismissed_is_said_and_nothing_typed_is_lost(
    sign_in: SignIn, typed: dict[str, str], sentence: str
) -> None:
    rollout = found()
    answer = press(sign_in(Role.RELEASE_MANAGER), rollout, **{"reason": "kept words", **typed})
    assert answer.status_code in (409, 422)
    assert sentence in text(answer)
    assert "kept words" in text(answer) or typed == {"reason": ""}
    assert not is_dismissed(rollout)


def test_where_nothing_was_found_the_page_says_so(sign_in: SignIn) -> None:
    rollout, browser = found(), sign_in(Role.RELEASE_MANAGER)
    Rollout.objects.filter(pk=rollout.pk).update(guardrail_states={})
    assert "has found nothing that could be dismissed" in text(
        browser.get(f"/rollouts/{rollout.pk}/dismiss/")
    )
    assert "/dismiss/" not in text(browser.get(f"/departures/{rollout.departure_id}/live/"))


def test_a_viewer_dismisses_nothing(sign_in: SignIn) -> None:
    rollout = found()
    browser = sign_in(Role.VIEWER)
    assert browser.get(f"/rollouts/{rollout.pk}/dismiss/").status_code == 403
    assert press(browser, rollout).status_code == 403
