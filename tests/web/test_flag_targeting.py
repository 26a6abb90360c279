"""Who gets what: read it, try somebody, change it, take it back."""

from html import unescape
from typing import Any

import pytest
from django.test import Client

from releasetrain.accounts.rules import Role
from releasetrain.flags.models import FlagEnvironment, FlagRevision
from tests import make
from tests.web.conftest import SignIn

pytestmark = pytest.mark.django_db

PAGE, EDIT = "/flags/new-checkout/production/", "/flags/new-checkout/production/edit/"


def typed(**fields: Any) -> dict[str, Any]:
    """Type one rule for the Dutch, and what else is said."""
    return {
        "rules-TOTAL_FORMS": "1",
        "rules-INITIAL_FORMS": "0",
        "rules-0-name": "The Dutch",
        "rules-0-when": "country in NL\nnot segment staff" if fields.pop("staff", False) else "country in NL",
        "rules-0-serve": "on",
        "reason": "a trial",
        "base": "0",
        "save": "1",
        **fields,
    }


def saved(browser: Client, **fields: Any) -> FlagEnvironment:
    answer = browser.post(EDIT, typed(**fields))
    assert answer.status_code == 302, answer.content.decode()
    return FlagEnvironment.objects.get()


def test_a_rule_that_was_typed_is_served_and_shown_in_words(sign_in: SignIn) -> None:
    make.flag_environment()
    browser = sign_in(Role.RELEASE_MANAGER)
    placed = saved(browser, **{"rules-0-share": "12.5", "default": "on 50, off 50"})
    dutch = {"attribute": "country", "operator": "in", "values": ["NL"]}
    assert placed.rules == [
        {"name": "The Dutch", "when": [dutch], "serve": {"ramp": 12_500, "serve": {"variant": "on"}}}
    ]
    assert placed.default == {"split": [["on", 50_000], ["off", 50_000]]}
    page = browser.get(PAGE).content.decode()
    assert "country is one of NL" in page
    assert "on, but only 12.5 % of them" in page
    assert "on 50 % · off 50 %" in page


def test_what_is_saved_can_be_opened_and_saved_again_unchanged(sign_in: SignIn) -> None:
    make.flag_environment()
    browser = sign_in(Role.RELEASE_MANAGER)
    before = saved(browser, overrides="ada on\nbo off", **{"rules-0-by": "email", "rules-0-share": "5"})
    form = browser.get(EDIT).context["form"]
    again = {
        "rules-TOTAL_FORMS": "1",
        "rules-INITIAL_FORMS": "1",
        **{f"rules-0-{name}": form.rules[0][name].value() or "" for name in ("name", "when", "serve", "by")},
        "rules-0-share": form.rules[0]["share"].value(),
        "overrides": form["overrides"].value(),
        "reason": "again",
        "base": form["base"].value(),
    }
    assert browser.post(EDIT, again).status_code == 302
    after = FlagEnvironment.objects.get()
    assert (after.rules, after.overrides) == (before.rules, before.overrides)
    assert FlagRevision.objects.count() == 1


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"rules-0-when": "country like NL"}, "Line 1: “country like NL” compares with nothing."),
        ({"rules-0-serve": "blue"}, "There is no variant “blue”; there are"),
        ({"rules-0-serve": "on 50, off 40"}, "These shares add up to 90 %, not to 100 %."),
        ({"rules-0-when": "segment nobody"}, "There is no segment “nobody”."),
        ({"overrides": "ada"}, "Line 1: “ada” says nothing of a variant."),
        ({"prerequisites": "other on"}, "There is no flag “other” in this environment."),
        ({"reason": ""}, "This field is required."),
        ({"base": "7"}, "has changed since"),
    ],
)
def test_what_cannot_be_served_is_said_and_nothing_typed_is_lost(
    sign_in: SignIn, fields: dict[str, str], sentence: str
) -> None:
    make.flag_environment()
    answer = sign_in(Role.RELEASE_MANAGER).post(EDIT, typed(**fields))
    page = answer.content.decode()
    assert answer.status_code in {409, 422}
    assert sentence in page.replace("&#x27;", "'")
    assert "The Dutch" in page
    assert FlagEnvironment.objects.get().rules == []


def test_another_rule_is_added_without_losing_what_was_typed(sign_in: SignIn) -> None:
    make.flag_environment()
    page = sign_in(Role.RELEASE_MANAGER).post(EDIT, typed(add="rules")).content.decode()
    assert "The Dutch" in page
    assert 'name="rules-1-when"' in page
    assert "This field is required" not in page


def test_rules_are_asked_in_the_order_of_their_places(sign_in: SignIn) -> None:
    make.flag_environment()
    second = {"rules-1-name": "First", "rules-1-serve": "off", "rules-1-place": "1", "rules-0-place": "2"}
    placed = saved(sign_in(Role.RELEASE_MANAGER), **{**second, "rules-TOTAL_FORMS": "2"})
    assert [rule["name"] for rule in placed.rules] == ["First", "The Dutch"]


def test_somebody_is_tried_and_told_why(sign_in: SignIn) -> None:
    make.flag_environment()
    browser = sign_in(Role.RELEASE_MANAGER)
    saved(browser)
    page = browser.get(PAGE, {"user": "ada", "attributes": "country = BE"}).content.decode()
    assert "Does not match: country is one of NL." in page
    page = browser.get(PAGE, {"user": "ada", "attributes": "country = NL\nuser.age = 18"}).content.decode()
    assert "and serves on." in page
    page = browser.get(PAGE, {"user": "ada", "attributes": "country"}).content.decode()
    assert "write a name, “=” and a value" in page


def test_a_revision_is_taken_back_from_the_history(sign_in: SignIn) -> None:
    make.flag_environment()
    browser = sign_in(Role.RELEASE_MANAGER)
    saved(browser)
    number = FlagRevision.objects.get().number
    assert f"/revert/{number}/" in browser.get(PAGE).content.decode()
    assert browser.post(f"{PAGE}revert/{number}/").status_code == 302
    assert FlagEnvironment.objects.get().rules == []
    assert browser.post(f"{PAGE}revert/999/").status_code == 404


def test_somebody_on_call_sees_who_gets_what_and_changes_nothing(sign_in: SignIn) -> None:
    make.flag_environment()
    browser = sign_in(Role.ON_CALL)
    assert "Change it" not in browser.get(PAGE).content.decode()
    assert browser.get(EDIT).status_code == 403
    assert browser.post(EDIT, typed()).status_code == 403


def test_in_a_freeze_a_change_that_may_reach_more_is_refused_with_what_was_typed(sign_in: SignIn) -> None:
    make.flag_environment()
    make.window("everything", stops_the_line=True, reason="outage")
    answer = sign_in(Role.RELEASE_MANAGER).post(EDIT, typed())
    assert answer.status_code == 409
    page = answer.content.decode()
    assert "“Stop the line: everything” stops this: outage." in page
    assert "The Dutch" in page


def test_the_form_names_the_variants_and_the_list_says_that_rules_serve(sign_in: SignIn) -> None:
    make.flag_environment()
    browser = sign_in(Role.RELEASE_MANAGER)
    assert "Its variants: on (true) and off (false)." in unescape(browser.get(EDIT).content.decode())
    assert "0 % and by rules" not in browser.get("/flags/").content.decode()
    saved(browser)
    assert "0 % and by rules" in browser.get("/flags/").content.decode()
