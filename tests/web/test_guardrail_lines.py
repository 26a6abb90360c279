"""A guardrail over error lines is promised and tried on the page like any other (ENGINE section 5)."""

import uuid
from datetime import timedelta

import pytest

from releasetrain.health.error_lines import Batch, take_error_lines
from releasetrain.health.rules.reports import Complaint
from releasetrain.lib import clock
from releasetrain.rollouts.models import Guardrail, Transition
from tests import make
from tests.web.conftest import SignIn
from tests.web.test_guardrails import manager, reported, typed

pytestmark = pytest.mark.django_db
LINES = {"name": "New lines", "kind": "new_errors", "absolute_minimum": "3", "least_severity": "30"}


def test_it_is_saved_without_what_it_does_not_use(sign_in: SignIn) -> None:
    target, browser = make.target(), sign_in(person=manager())
    reported(target)
    assert browser.post("/guardrails/new/", typed(target, **LINES, save="1")).status_code == 302
    saved = Guardrail.objects.get()
    assert (saved.kind, saved.least_severity, saved.absolute_minimum) == ("new_errors", 30, 3)
    assert saved.absolute_limit is None
    page = browser.get("/guardrails/").content.decode()
    assert "Must bring no new kind of error line that is critical or worse." in page


def test_its_trial_says_what_it_would_have_found_in_a_stage_that_was_baked(sign_in: SignIn) -> None:
    target, browser, now = make.target(), sign_in(person=manager()), clock.now()
    reported(target)
    began = now - timedelta(minutes=20)
    rollout = make.rollout(on=target, created_at=began, state="baking", desired_weight=10)
    Transition.objects.create(
        rollout=rollout, seq=1, rule="T3", from_state="shifting", to_state="baking", stage_index=0,
        weight=10, fence=1, at=began,
    )  # fmt: skip
    line = Complaint("candidate", "panic: nil map", 9, now - timedelta(minutes=10))
    take_error_lines(target=target, batch=Batch(uuid.uuid4(), [line]), now=now)
    page = browser.post("/guardrails/new/", typed(target, **LINES, **{"try": "1"})).content.decode()
    assert "“panic: nil map” came 9 times from the new version and never from the old one." in page
    assert not Guardrail.objects.exists()
