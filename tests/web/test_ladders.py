"""A ladder is typed stage by stage; when each stage would begin stands beside it before it is saved."""

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client

from releasetrain.accounts.rules import Role
from releasetrain.catalog.models import Dependency
from releasetrain.trains.models import Train
from tests import make
from tests.web.conftest import SignIn
from tests.web.trains import rows, stages, typed

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
LEAVES = make.NOW + timedelta(days=1, hours=1)  # Tuesday 14:00 in Berlin


@pytest.fixture
def browser(sign_in: SignIn) -> Client:
    return sign_in(person=make.user("Max", Role.RELEASE_MANAGER))


def text(answer: Any) -> str:
    return " ".join(answer.content.decode().split())


def climb(browser: Client, **fields: Any) -> str:
    answer = browser.post("/trains/climb/", typed(**fields), headers=HTMX)
    assert answer.status_code == 200
    return text(answer)


def ladder() -> list[dict[str, Any]]:
    return list(Train.objects.get().ladder)


def test_stages_with_a_segment_bakes_of_their_own_and_an_approval_are_kept(browser: Client) -> None:
    typed_stages = rows(
        "stages",
        {"weight": 50, "bake_minutes": 15, "segment": "region = eu"},
        {"weight": 10, "bake_minutes": 30, "approval": "on"},
        {"weight": 100, "bake_minutes": "90.5"},
    )
    assert browser.post("/trains/new/", typed(**typed_stages, save="1")).status_code == 302
    assert ladder() == [
        {"weight": 50, "bake_seconds": 900, "segment": "region=eu"},
        {"weight": 10, "bake_seconds": 1800, "approval": True},
        {"weight": 100, "bake_seconds": 5430},
    ]
    terms = text(browser.get("/trains/night-mail/"))
    assert "50 % of region=eu" in terms
    assert "30 min, after an approval" in terms
    page = text(browser.get("/trains/night-mail/edit/"))
    assert 'value="region=eu"' in page
    assert 'value="90.5"' in page
    assert "50 % of region=eu" in page


def test_saving_what_is_shown_changes_no_stage(browser: Client) -> None:
    browser.post("/trains/new/", typed(save="1"))
    before = ladder()
    answer = browser.post("/trains/night-mail/edit/", typed(**stages((1, 10), (10, 10), (100, 10)), save="1"))
    assert answer.status_code == 302
    assert ladder() == before


def test_a_stage_more_and_a_stage_less_lose_nothing(browser: Client) -> None:
    page = text(browser.post("/trains/new/", typed(add="stages")))
    assert 'name="stages-TOTAL_FORMS" value="4"' in page
    page = text(browser.post("/trains/new/", typed(leave_out="stages:1")))
    assert 'name="stages-TOTAL_FORMS" value="2"' in page
    assert 'name="stages-1-weight" value="100"' in page


def test_a_common_ladder_is_filled_in_and_the_rest_kept(browser: Client) -> None:
    page = text(browser.post("/trains/new/", typed(name="Half typed", ladder="5,25,100/30")))
    assert 'name="stages-TOTAL_FORMS" value="3"' in page
    assert 'name="stages-1-weight" value="25"' in page
    assert 'name="stages-2-bake_minutes" value="30"' in page
    assert 'value="Half typed"' in page
    assert "no such ladder" not in text(browser.post("/trains/new/", typed(ladder="1,2/x")))


def test_w4_the_instant_of_each_stage_stands_beside_it(browser: Client) -> None:
    page = climb(browser, **stages((1, 10), (10, 20), (100, 10)))
    assert "3 stages, 40 min 9 s if nothing holds it." in page
    for instant in ("14:00", "14:10", "14:30"):
        assert f">{instant}<" in page
    assert "14:40" in page


def test_w4_a_window_that_holds_a_stage_is_named_with_when_it_goes_on(browser: Client) -> None:
    make.window(
        "Stocktaking",
        starts_at=LEAVES + timedelta(minutes=5),
        ends_at=LEAVES + timedelta(hours=2),
        reason="the auditors count",
    )
    page = climb(browser, **stages((1, 10), (100, 10)))
    assert "Stocktaking" in page
    assert ">16:0" in page


def test_w4_a_departure_that_a_window_keeps_says_when_it_would_leave(browser: Client) -> None:
    make.window("Freeze", starts_at=LEAVES - timedelta(hours=1), ends_at=LEAVES + timedelta(hours=1))
    page = climb(browser)
    assert "leaves" in page
    assert "15:00" in page


def test_a_service_that_needs_another_climbs_after_it(browser: Client) -> None:
    shop, bank = make.service(), make.service("Payments")
    Dependency.objects.create(service=shop, depends_on=bank)
    page = climb(browser, services=[shop.pk, bank.pk], **stages((10, 10), (100, 10)))
    assert "14:20" in page


def test_an_approval_is_told_to_take_as_long_as_it_takes(browser: Client) -> None:
    page = climb(browser, **stages((1, 10), (100, 10), approval="on"))
    assert "and as long as 1 approval takes" in page
    assert "after an approval" in page


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        (stages((1, 10), (50, 10)), "The last stage must be 100 %, not 50 %."),
        (stages(("x", 10), (100, 10)), "A stage cannot be read yet."),
        (stages((1, 1), (100, 10)), "less than 10 min"),
        (rows("stages"), "needs at least one"),
        ({"services": []}, "the instant of each stage stands here"),
        ({"rule": "EVERY TUESDAY"}, "the instant of each stage stands here"),
        ({"time_zone": "Mars/Base"}, "the instant of each stage stands here"),
        ({"environment": "x"}, "the instant of each stage stands here"),
    ],
)
def test_what_cannot_be_foreseen_yet_is_said(browser: Client, fields: dict[str, Any], sentence: str) -> None:
    assert sentence in climb(browser, **fields)


def test_an_empty_form_shows_the_ladder_that_it_begins_with(browser: Client) -> None:
    page = text(browser.get("/trains/new/"))
    assert "6 stages, 1 h if nothing holds it." in page
    assert 'name="stages-TOTAL_FORMS" value="6"' in page


def test_a_stranger_learns_nothing(sign_in: SignIn) -> None:
    assert sign_in().post("/trains/climb/", {}).status_code == 403


def test_a_shadow_stage_is_typed_kept_and_shown(browser: Client) -> None:
    typed_stages = rows(
        "stages",
        {"weight": 0, "bake_minutes": 15, "mirror": 50},
        {"weight": 100, "bake_minutes": 30},
    )
    assert "shadow 50 %" in climb(browser, **typed_stages)
    assert browser.post("/trains/new/", typed(**typed_stages, save="1")).status_code == 302
    assert ladder()[0] == {"weight": 0, "bake_seconds": 900, "mirror": 50}
    assert "shadow 50 %" in text(browser.get("/trains/night-mail/"))
    assert 'value="50"' in text(browser.get("/trains/night-mail/edit/"))


def test_a_share_of_nobody_without_a_shadow_is_refused_and_nothing_typed_is_lost(browser: Client) -> None:
    typed_stages = rows("stages", {"weight": 0, "bake_minutes": 15}, {"weight": 100, "bake_minutes": 33})
    page = browser.post("/trains/new/", typed(**typed_stages, save="1"))
    assert page.status_code == 422
    assert "The weight of stage 1 must be a whole number from 1 to 100" in text(page)
    assert 'value="33"' in text(page)
