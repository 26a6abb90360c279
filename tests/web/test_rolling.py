"""Everything that rolls stands on one page and comes back by one press, with nothing but PostgreSQL."""

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries, Settings

from releasetrain.accounts.models import Team
from releasetrain.accounts.rules import Role
from releasetrain.catalog.models import Service, Target
from releasetrain.events.models import Event
from releasetrain.live.publish import Publisher
from releasetrain.rollouts.actions.operate import decide_back
from releasetrain.rollouts.models import Command, Rollout
from tests import make
from tests.web.conftest import SignIn

pytestmark = pytest.mark.django_db
HTMX = {"HX-Request": "true"}
FOLLOWS = {**HTMX, "HX-Trigger": "rolling"}
NOWHERE = "redis://127.0.0.1:1/0"


@pytest.fixture
def redis_away(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let cache, channel layer, broker and publisher look for a Redis where none listens."""
    settings.REDIS_URL = NOWHERE
    settings.CACHES = {"default": {**settings.CACHES["default"], "LOCATION": NOWHERE}}
    layer = settings.CHANNEL_LAYERS["default"]
    settings.CHANNEL_LAYERS = {"default": {**layer, "CONFIG": {"hosts": [{"address": NOWHERE}]}}}
    publisher = Publisher(NOWHERE)
    monkeypatch.setattr("releasetrain.events.actions.subscribers", [publisher])
    yield
    publisher.close()


def baking(name: str, weight: int = 10, **fields: Any) -> Rollout:
    """Make a rollout of a service that some users are on."""
    on = make.target(name, driver="simulated", driver_config={"world": {"weight": weight, "fence": 1}})
    defaults: dict[str, Any] = {
        "state": "baking",
        "seq": 3,
        "desired_weight": weight,
        "observed_weight": weight,
        "observed_at": make.NOW,
        "agreed_at": make.NOW,
        "bake_needed_seconds": 600,
        "last_credit_at": make.NOW,
    }
    return make.rollout(on=on, **{**defaults, **fields})


def text(browser: Client, path: str = "/rolling/", **headers: str) -> str:
    return browser.get(path, headers=headers).content.decode()


def world(rollout: Rollout) -> int:
    return int(Target.objects.get(pk=rollout.target_id).driver_config["world"]["weight"])


def test_everything_that_rolls_stands_on_one_page_with_a_button_each(sign_in: SignIn) -> None:
    shop, bank = baking("Storefront"), baking("Payments", 25)
    waiting = make.rollout(on=make.target("Search", driver="simulated", driver_config={}))
    page = text(sign_in(Role.ON_CALL))
    for one in (shop, bank, waiting):
        assert f'action="/rolling/{one.pk}/"' in page
    assert "Storefront in Production (10 %)" in page
    assert "1 rollout that no user has seen will not start" in page
    assert page.index("Payments") < page.index("Storefront")


def test_a_stage_of_a_segment_is_told_as_one(sign_in: SignIn) -> None:
    ladder = [{"weight": 50, "bake_seconds": 600, "segment": "region=eu"}, *make.LADDER]
    baking("Storefront", 50, ladder=ladder)
    page = " ".join(text(sign_in(Role.ON_CALL)).split())
    assert "only of region=eu" in page
    assert "Storefront in Production (50 % of region=eu)" in page


def test_an_empty_page_says_so(sign_in: SignIn) -> None:
    page = text(sign_in(Role.VIEWER))
    assert "Nothing rolls" in page
    assert "Roll everything back" not in page


def test_a_viewer_sees_it_and_can_press_nothing(sign_in: SignIn) -> None:
    rollout = baking("Storefront")
    browser = sign_in(Role.VIEWER)
    page = text(browser)
    assert "Storefront" in page
    assert "/rolling/all/" not in page
    assert browser.post(f"/rolling/{rollout.pk}/").status_code == 403
    assert browser.post("/rolling/all/").status_code == 403
    rollout.refresh_from_db()
    assert rollout.state == "baking"


def test_a_stranger_sees_nothing(sign_in: SignIn) -> None:
    browser = sign_in()
    assert browser.get("/rolling/").status_code == 403
    assert browser.post("/rolling/on/").status_code == 403
    assert Client().get("/rolling/").status_code == 302


def test_r8_one_press_brings_one_back_without_redis(sign_in: SignIn, redis_away: None) -> None:
    shop, bank = baking("Storefront"), baking("Payments")
    answer = sign_in(Role.ON_CALL).post(
        f"/rolling/{shop.pk}/", {"expected_seq": 1, "command_id": uuid.uuid4()}, headers=HTMX
    )
    assert answer.status_code == 200
    assert f'id="rolling-{shop.pk}"' in answer.content.decode()
    assert (world(shop), world(bank)) == (0, 10)
    shop.refresh_from_db()
    assert shop.state == "rolling_back"
    assert Command.objects.get().kind == "rollback"


def test_r8_the_page_is_drawn_without_redis(sign_in: SignIn, redis_away: None) -> None:
    baking("Storefront")
    assert "Roll everything back" in text(sign_in(Role.ON_CALL))


def test_without_script_a_press_leads_back_to_the_page(sign_in: SignIn) -> None:
    rollout = baking("Storefront")
    answer = sign_in(Role.ON_CALL).post(f"/rolling/{rollout.pk}/")
    assert (answer.status_code, answer["Location"]) == (302, "/rolling/")
    assert world(rollout) == 0


def test_the_same_press_twice_is_one_rollback(sign_in: SignIn) -> None:
    rollout, browser, once = baking("Storefront"), sign_in(Role.ON_CALL), uuid.uuid4()
    for _ in range(2):
        browser.post(f"/rolling/{rollout.pk}/", {"command_id": once}, headers=HTMX)
    assert Event.objects.filter(kind="rollouts.rollback.started").count() == 1


def test_one_that_is_over_is_refused_in_a_sentence(sign_in: SignIn) -> None:
    rollout = baking("Storefront", state="succeeded", finished_at=make.NOW)
    answer = sign_in(Role.ON_CALL).post(f"/rolling/{rollout.pk}/", headers=HTMX)
    assert answer.status_code == 409
    assert "This rollout is over: succeeded." in answer.content.decode()


def test_what_waits_is_cancelled_by_its_button(sign_in: SignIn) -> None:
    rollout = make.rollout()
    sign_in(Role.ON_CALL).post(f"/rolling/{rollout.pk}/", headers=HTMX)
    rollout.refresh_from_db()
    assert rollout.state == "cancelled"


@pytest.mark.django_db(transaction=True)
def test_r8_everything_comes_back_by_one_press_without_redis(sign_in: SignIn, redis_away: None) -> None:
    moving = [baking(name, weight) for name, weight in (("Storefront", 1), ("Payments", 25), ("Search", 50))]
    waiting = make.rollout(on=make.target("Ledger", driver="simulated", driver_config={}))
    browser = sign_in(Role.ON_CALL)
    answer = browser.post("/rolling/all/", {"reason": "orders are lost"})
    assert answer["Location"] == "/rolling/"
    assert [world(one) for one in moving] == [0, 0, 0]
    waiting.refresh_from_db()
    assert waiting.state == "cancelled"
    page = text(browser)
    assert "Asked: 3 rollouts come back, 1 rollout will not start." in page
    assert page.count("the driver confirmed 0 %") == 3
    assert "orders are lost" in Rollout.objects.get(pk=moving[0].pk).reason


@pytest.mark.django_db(transaction=True)
def test_one_driver_that_hangs_or_fails_stops_no_other(
    sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, bank = baking("Storefront", 50), baking("Payments", 25)
    Target.objects.filter(pk=shop.target_id).update(driver_config={"faults": {"lose_request": 9}})
    browser = sign_in(Role.ON_CALL)
    browser.post("/rolling/all/")
    assert world(bank) == 0
    page = text(browser)
    assert "the driver failed" in page
    assert "the driver confirmed 0 %" in page


def test_one_that_cannot_be_decided_is_named_and_stops_no_other(
    sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop, bank = baking("Storefront", 50), baking("Payments", 25)

    def failing(pk: int, **options: Any) -> Any:
        if pk == shop.pk:
            raise RuntimeError("disk full")
        return decide_back(pk, **options)

    monkeypatch.setattr("releasetrain.rollouts.actions.everything.decide_back", failing)
    browser = sign_in(Role.ON_CALL)
    browser.post("/rolling/all/")
    page = text(browser)
    assert "Storefront in Production could not be asked: RuntimeError: disk full" in page
    bank.refresh_from_db()
    assert bank.state == "rolling_back"


def test_everything_is_what_is_mine_and_the_rest_is_named(sign_in: SignIn) -> None:
    shop, bank = baking("Storefront"), baking("Payments")
    other = Team.objects.create(slug="bank", name="Bank")
    Service.objects.filter(name="Payments").update(team=other)
    browser = sign_in(person=make.user("Noor", Role.ON_CALL, team=make.team()))
    assert "1 rollout here can be brought back by the on-call people of their own teams only" in text(browser)
    browser.post("/rolling/all/")
    shop.refresh_from_db()
    bank.refresh_from_db()
    assert (shop.state, bank.state) == ("rolling_back", "baking")


def test_t11_an_open_page_goes_on_asking_while_the_beat_is_away(
    sign_in: SignIn, monkeypatch: pytest.MonkeyPatch
) -> None:
    rollout, browser = baking("Storefront"), sign_in(Role.ON_CALL)
    config = {"world": {"weight": 10, "fence": 1}, "faults": {"lose_request": 2}}
    Target.objects.filter(pk=rollout.target_id).update(driver_config=config)
    page = browser.post(f"/rolling/{rollout.pk}/", headers=HTMX).content.decode()
    assert 'hx-post="/rolling/on/"' in page
    assert world(rollout) == 10
    for second in range(1, 9):
        at = make.NOW + timedelta(seconds=second)
        monkeypatch.setattr("releasetrain.lib.clock.now", lambda at=at: at)
        page = browser.post("/rolling/on/", headers=HTMX).content.decode()
    rollout.refresh_from_db()
    assert (rollout.state, world(rollout)) == ("rolled_back", 0)
    assert "traffic at 0 %, read back after" in page


def test_a_viewers_page_presses_nothing_on(sign_in: SignIn) -> None:
    rollout = baking("Storefront", state="rolling_back", next_due_at=make.NOW)
    browser = sign_in(Role.VIEWER)
    assert "/rolling/on/" not in text(browser)
    assert browser.post("/rolling/on/", headers=HTMX).status_code == 200
    rollout.refresh_from_db()
    assert rollout.next_due_at == make.NOW


def test_a_page_that_says_the_same_is_not_sent_again(sign_in: SignIn) -> None:
    rollout, browser = baking("Storefront"), sign_in(Role.ON_CALL)
    page = text(browser)
    seen = page.split('{"seen": "')[1].split('"')[0]
    assert browser.get("/rolling/", {"seen": seen}, headers=FOLLOWS).status_code == 204
    Rollout.objects.filter(pk=rollout.pk).update(desired_weight=25)
    assert browser.get("/rolling/", {"seen": seen}, headers=FOLLOWS).status_code == 200


def test_the_page_says_when_the_engine_looks_at_nothing(sign_in: SignIn) -> None:
    baking("Storefront", next_due_at=make.NOW - timedelta(minutes=3))
    page = text(sign_in(Role.ON_CALL))
    assert "The engine has not looked since" in page
    assert "Rolling back works all the same" in " ".join(page.split())


@pytest.mark.parametrize("count", [1, 3])
def test_a_long_list_takes_no_more_queries(
    sign_in: SignIn, django_assert_num_queries: DjangoAssertNumQueries, count: int
) -> None:
    for number in range(count):
        baking(f"Service {number}")
        baking(f"Back {number}", state="rolling_back")
    browser = sign_in(Role.ON_CALL)
    with django_assert_num_queries(13):
        text(browser, **FOLLOWS)


def arrived(name: str = "Storefront", **fields: Any) -> Rollout:
    """Make a rollout that has arrived and may still be taken straight back."""
    config = {"world": {"weight": 100, "fence": 1}}
    on = make.target(name, driver="simulated", driver_config=config, stable_version="v2")
    defaults: dict[str, Any] = {
        "state": "succeeded",
        "desired_weight": 100,
        "stage_index": 5,
        "finished_at": make.NOW - timedelta(minutes=5),
        "next_due_at": None,
    }
    return make.rollout(on=on, **{**defaults, **fields})


def test_t13_what_has_arrived_is_taken_straight_back_by_its_button(sign_in: SignIn, redis_away: None) -> None:
    rollout, browser = arrived(), sign_in(Role.ON_CALL)
    page = text(browser)
    assert "Arrived, and can be taken back" in page
    answer = browser.post(f"/rolling/{rollout.pk}/take-back/", headers=HTMX)
    assert "v2 is taken straight back." in answer.content.decode()
    back = Rollout.objects.get(kind="rollback")
    assert (back.takes_back, back.to_version) == (rollout, "v1")
    assert "Arrived, and can be taken back" not in text(browser)
    browser.post(f"/rolling/{rollout.pk}/take-back/", headers=HTMX)
    assert Rollout.objects.filter(kind="rollback").count() == 1


def test_t13_rolling_everything_back_leaves_a_way_back_alone(sign_in: SignIn) -> None:
    rollout, browser = arrived(), sign_in(Role.ON_CALL)
    browser.post(f"/rolling/{rollout.pk}/take-back/", headers=HTMX)
    state = Rollout.objects.get(kind="rollback").state
    page = text(browser)
    assert "Roll everything back" not in page
    browser.post("/rolling/all/")
    assert Rollout.objects.get(kind="rollback").state == state


@pytest.mark.parametrize("fields", [{"finished_at": make.NOW - timedelta(hours=25)}, {"kind": "rollback"}])
def test_t13_what_cannot_be_taken_back_is_not_offered(sign_in: SignIn, fields: dict[str, Any]) -> None:
    arrived(**fields)
    assert "Take it back" not in text(sign_in(Role.ON_CALL))


def test_t13_only_what_arrived_last_is_offered_and_the_rest_is_refused(sign_in: SignIn) -> None:
    first = arrived(finished_at=make.NOW - timedelta(hours=2))
    last = arrived(from_version="v2", to_version="v3")
    browser = sign_in(Role.ON_CALL)
    page = text(browser)
    assert f"/rolling/{last.pk}/take-back/" in page
    assert f"/rolling/{first.pk}/take-back/" not in page
    answer = browser.post(f"/rolling/{first.pk}/take-back/", headers=HTMX)
    assert answer.status_code == 409
    assert "v3 arrived after it" in answer.content.decode()


def test_t13_a_viewer_takes_nothing_back(sign_in: SignIn) -> None:
    rollout = arrived()
    assert sign_in(Role.VIEWER).post(f"/rolling/{rollout.pk}/take-back/").status_code == 403
    assert not Rollout.objects.filter(kind="rollback").exists()
