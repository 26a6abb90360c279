"""The flag pages while windows are open."""

import pytest

from releasetrain.accounts.rules import Role
from releasetrain.flags.models import FlagEnvironment
from tests import make
from tests.web.conftest import SignIn

pytestmark = pytest.mark.django_db


def test_w12_reviving_a_flag_is_off_while_the_line_is_stopped_and_says_why(sign_in: SignIn) -> None:
    make.flag_environment(killed_at=make.NOW)
    make.window("everything", stops_the_line=True, reason="outage")
    browser = sign_in(Role.ON_CALL)
    page = browser.get("/flags/new-checkout/").content.decode()
    assert "“Stop the line: everything” stops this: outage." in page
    assert "a release manager or an administrator" in page
    assert browser.post("/flags/new-checkout/production/revive/", {"reason": "Now."}).status_code == 409
    assert FlagEnvironment.objects.get().killed_at is not None


def test_w9_killing_a_flag_is_never_off(sign_in: SignIn) -> None:
    make.flag_environment(percentage=5_000)
    make.window("everything", stops_the_line=True)
    browser = sign_in(Role.ON_CALL)
    assert "stops this" not in browser.get("/flags/").content.decode()
    browser.post("/flags/new-checkout/production/kill/")
    assert FlagEnvironment.objects.get().killed_at is not None
