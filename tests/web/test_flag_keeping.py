"""Create flags, keep segments, import and export definitions."""

import json
from typing import Any

import pytest

from releasetrain.accounts.rules import Role
from releasetrain.flags.models import Flag, FlagEnvironment, Segment
from tests import make
from tests.web.conftest import SignIn

pytestmark = pytest.mark.django_db

FLAG = {"state": "ENABLED", "variants": {"on": True, "off": False}, "defaultVariant": "off"}
DEFINITION: dict[str, Any] = {
    "flags": {
        "new-search": {
            **FLAG,
            "targeting": {"if": [{"$ref": "staff"}, "on", {"fractional": [["on", 10], ["off", 90]]}]},
        },
        "odd": {**FLAG, "targeting": {"if": [{"some": [{"var": "a"}, True]}, "on"]}},
    },
    "$evaluators": {"staff": {"ends_with": [{"var": "email"}, "@example.org"]}},
}


def new_flag(**fields: Any) -> dict[str, Any]:
    return {
        "key": "checkout-colour",
        "owner": make.team().pk,
        "kind": "experiment",
        "environments": [make.environment().pk],
        "type": "string",
        "variants": 'red = "#f00"\nblue = "#00f"',
        "off": "red",
        "ramp": "blue",
        **fields,
    }


def test_a_flag_of_any_type_is_created_and_off_for_everybody(sign_in: SignIn) -> None:
    answer = sign_in(Role.RELEASE_MANAGER).post("/flags/new/", new_flag(is_client_visible="on"))
    assert answer.status_code == 302
    flag = Flag.objects.get()
    assert (flag.type, flag.variants, flag.off_variant) == ("string", {"red": "#f00", "blue": "#00f"}, "red")
    assert flag.is_client_visible
    assert FlagEnvironment.objects.get().percentage == 0


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"key": "a b"}, "cannot be a flag's key"),
        ({"variants": "red"}, "Line 1: write a name"),
        ({"variants": "red = 5"}, "The variant “red” is no string"),
        ({"off": "green"}, "There is no variant “green”; there are red, blue."),
        ({"environments": []}, "This field is required."),
    ],
)
def test_a_flag_that_cannot_be_served_is_refused_beside_its_field(
    sign_in: SignIn, fields: dict[str, Any], sentence: str
) -> None:
    answer = sign_in(Role.RELEASE_MANAGER).post("/flags/new/", new_flag(**fields))
    assert answer.status_code in {409, 422}
    assert sentence in answer.content.decode().replace("&#x27;", "'")
    assert not Flag.objects.exists()


def test_a_key_is_taken_once(sign_in: SignIn) -> None:
    browser = sign_in(Role.RELEASE_MANAGER)
    browser.post("/flags/new/", new_flag())
    answer = browser.post("/flags/new/", new_flag())
    assert "There is already a flag “checkout-colour”" in answer.content.decode()


def test_a_segment_is_added_changed_and_removed(sign_in: SignIn) -> None:
    browser = sign_in(Role.RELEASE_MANAGER)
    typed = {"key": "staff", "name": "Staff", "owner": make.team().pk, "keys": "ada\nbo\n\nada"}
    assert browser.post("/flags/segments/new/", typed).status_code == 302
    assert Segment.objects.get().keys == ["ada", "bo"]
    changed = {**typed, "key": "other", "keys": "", "conditions": "email ends with @example.org"}
    assert browser.post("/flags/segments/staff/edit/", changed).status_code == 302
    assert "email ends with @example.org" in browser.get("/flags/segments/").content.decode()
    assert browser.post("/flags/segments/staff/remove/").status_code == 302
    assert "No segment yet" in browser.get("/flags/segments/").content.decode()


def test_a_segment_for_nobody_is_refused_with_what_was_typed(sign_in: SignIn) -> None:
    typed = {"key": "staff", "name": "My staff", "owner": make.team().pk}
    answer = sign_in(Role.RELEASE_MANAGER).post("/flags/segments/new/", typed)
    page = answer.content.decode()
    assert answer.status_code == 409
    assert "A segment needs a condition, or a list of keys." in page
    assert "My staff" in page


def test_a_definition_is_looked_at_before_it_is_imported(sign_in: SignIn) -> None:
    browser = sign_in(Role.RELEASE_MANAGER)
    typed = {
        "definition": json.dumps(DEFINITION),
        "environment": make.environment().pk,
        "owner": make.team().pk,
    }
    page = browser.post("/flags/import/", {**typed, "look": "1"}).content.decode()
    assert "Import 1 flag" in page
    assert "on 10 % · off 90 %" in page
    assert "We have no condition like" in page
    assert not Flag.objects.exists()
    assert browser.post("/flags/import/", {**typed, "save": "1"}).status_code == 302
    assert [one.key for one in Flag.objects.all()] == ["new-search"]
    assert [one.key for one in Segment.objects.all()] == ["staff"]


def test_what_was_imported_goes_out_as_it_came_in(sign_in: SignIn) -> None:
    browser = sign_in(Role.RELEASE_MANAGER)
    place = make.environment()
    typed = {"definition": json.dumps(DEFINITION), "environment": place.pk, "owner": make.team().pk}
    browser.post("/flags/import/", {**typed, "save": "1"})
    answer = browser.get("/flags/export/production.json")
    assert answer["Content-Disposition"] == 'attachment; filename="flags-production.json"'
    found = json.loads(answer.content)
    assert found["$evaluators"] == DEFINITION["$evaluators"]
    again = found["flags"]["new-search"]
    assert again["variants"] == FLAG["variants"]
    assert {"$ref": "staff"} in again["targeting"]["if"]
    assert {"fractional": [["on", 10], ["off", 90]]} in again["targeting"]["if"]


@pytest.mark.parametrize("text", ["", "nonsense", "[]", '{"flags": []}', '{"flags": {"a": 5}}'])
def test_what_is_no_definition_is_said(sign_in: SignIn, text: str) -> None:
    typed = {"definition": text, "environment": make.environment().pk, "owner": make.team().pk, "save": "1"}
    answer = sign_in(Role.RELEASE_MANAGER).post("/flags/import/", typed)
    assert answer.status_code in {302, 422}
    assert not Flag.objects.exists()


@pytest.mark.parametrize("path", ["/flags/new/", "/flags/segments/new/"])
def test_somebody_on_call_keeps_nothing(sign_in: SignIn, path: str) -> None:
    assert sign_in(Role.ON_CALL).get(path).status_code == 403
