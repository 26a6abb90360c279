"""How each target's traffic moves is there to read; administrators say how, and lose nothing they typed."""

import json
from typing import Any, ClassVar

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from releasetrain.accounts.rules import Role
from releasetrain.catalog.models import Secret, Target
from releasetrain.catalog.secrets import reveal
from releasetrain.events.models import Event
from releasetrain.rollouts import drivers
from releasetrain.rollouts.drivers.fields import Field, FieldKind
from releasetrain.rollouts.drivers.simulated import SimulatedDriver
from releasetrain.rollouts.models import Standing
from tests import make
from tests.make import NOW
from tests.web.conftest import SignIn
from tests.web.test_trains import text_of

pytestmark = pytest.mark.django_db
HUSH = "hush-hush-hush"


class Proxy(SimulatedDriver):
    """A driver with a field of each kind."""

    kind = "proxy"
    label = "Proxy"
    fields: ClassVar[tuple[Field, ...]] = (
        Field("socket", "Socket", "its admin socket", FieldKind.PATH, is_required=True),
        Field("endpoints", "Endpoints", "the fleet", FieldKind.LINES),
        Field("candidate", "Candidate", "servers", FieldKind.LINES),
        Field("retries", "Retries", "how often", FieldKind.NUMBER, default=3),
        Field("is_fast", "Fast", "hurry", FieldKind.SWITCH, default=False),
        Field("mode", "Mode", "how", choices=("a", "b")),
        Field("token", "Token", "opens it", FieldKind.SECRET),
    )


@pytest.fixture
def target(monkeypatch: pytest.MonkeyPatch) -> Target:
    monkeypatch.setitem(drivers.DRIVERS, "proxy", Proxy)
    return make.target(
        driver="proxy", driver_config={"socket": "/run/a.sock", "world": {"weight": 0, "fence": 1}}
    )


@pytest.fixture
def browser(sign_in: SignIn) -> Client:
    return sign_in(Role.ADMINISTRATOR)


def typed(**fields: Any) -> dict[str, Any]:
    own = {"socket": "/run/b.sock", "candidate": "10.0.0.7:80\n 10.0.0.8:80 \n", "retries": "5", "mode": "b"}
    return {"kind": "proxy"} | {f"field-{name}": value for name, value in (own | fields).items()}


def saved(target: Target) -> dict[str, Any]:
    return dict(Target.objects.get(pk=target.pk).driver_config)


def test_every_field_is_kept_in_its_shape_with_one_event_and_no_value_in_it(
    browser: Client, target: Target
) -> None:
    answer = browser.post(f"/targets/{target.pk}/driver/", typed(is_fast="on"))
    assert answer.status_code == 302
    assert saved(target) == {
        "socket": "/run/b.sock",
        "candidate": ["10.0.0.7:80", "10.0.0.8:80"],
        "retries": 5,
        "mode": "b",
        "is_fast": True,
        "world": {"weight": 0, "fence": 1},
    }
    (event,) = Event.objects.filter(kind="catalog.target.configured")
    assert event.data["changed"] == "candidate, is_fast, mode, retries, socket"
    assert "/run/b.sock" not in str(event.data)
    assert Standing.objects.get().configured_at is not None
    page = text_of(browser.get(f"/targets/{target.pk}/driver/"))
    assert "/run/b.sock" in page
    browser.post(f"/targets/{target.pk}/driver/", typed(is_fast="on"))
    assert Event.objects.filter(kind="catalog.target.configured").count() == 1


def test_a_secret_that_is_typed_in_is_kept_by_name_even_where_the_rest_is_wrong(
    browser: Client, target: Target
) -> None:
    answer = browser.post(f"/targets/{target.pk}/driver/", typed(socket="relative.sock", token__new=HUSH))
    page = text_of(answer)
    assert answer.status_code == 422
    assert "must be a whole path" in page
    assert 'value="relative.sock"' in page
    assert HUSH not in page
    name = Secret.objects.get().name
    assert reveal({"secret": name}) == HUSH
    assert browser.post(f"/targets/{target.pk}/driver/", typed(token=name)).status_code == 302
    assert saved(target)["token"] == {"secret": name}
    everything = f"{Event.objects.values()}{text_of(browser.get(f'/targets/{target.pk}/'))}"
    assert f"the secret “{name}”" in everything
    assert HUSH not in everything


def test_fallbacks_are_an_ordered_list_and_what_is_no_json_stays_as_typed(
    browser: Client, target: Target
) -> None:
    rows = {
        "fallback-0-place": "2",
        "fallback-0-driver": "simulated",
        "fallback-0-config": "{}",
        "fallback-1-place": "1",
        "fallback-1-driver": "flag",
        "fallback-1-config": '{"flag": "new-checkout"}',
    }
    url = f"/targets/{target.pk}/driver/"
    wrong = browser.post(url, typed() | rows | {"fallback-1-config": "{flag"})
    assert (wrong.status_code, "This is no JSON" in text_of(wrong), "{flag" in text_of(wrong)) == (
        422,
        True,
        True,
    )
    assert "Flag is missing" in text_of(browser.post(url, typed() | rows | {"fallback-1-config": ""}))
    assert browser.post(url, typed() | rows).status_code == 302
    assert [one["driver"] for one in saved(target)["fallbacks"]] == ["flag", "simulated"]
    assert "Feature flag, then Simulated" in text_of(browser.get(f"/targets/{target.pk}/"))


def test_while_a_rollout_moves_it_only_the_fallbacks_change(browser: Client, target: Target) -> None:
    make.rollout(on=target, state="baking", seq=3, desired_weight=10)
    url = f"/targets/{target.pk}/driver/"
    refused = browser.post(url, typed())
    assert refused.status_code == 409
    assert "A rollout moves" in text_of(refused)
    assert "/run/b.sock" in text_of(refused)
    same = {"field-socket": "/run/a.sock", "field-retries": "3", "kind": "proxy"}
    assert browser.post(url, same | {"fallback-0-driver": "simulated"}).status_code == 302
    assert saved(target)["fallbacks"] == [{"driver": "simulated", "config": {}}]
    assert saved(target)["world"] == {"weight": 0, "fence": 1}


@pytest.mark.parametrize(
    ("endpoints", "status"),
    [("edge-1", 302), ("edge-1\nedge-3", 409), ("", 409), ("edge-1\nedge-2\nedge-3", 409)],
)
def test_a_dead_endpoint_is_taken_out_of_a_fleet_though_a_rollback_still_waits_for_it(
    browser: Client, target: Target, endpoints: str, status: int
) -> None:
    target.driver_config = {"socket": "/run/a.sock", "endpoints": ["edge-1", "edge-2"]}
    target.save(update_fields=["driver_config"])
    make.rollout(on=target, state="rolling_back", seq=5)
    same = {
        "field-socket": "/run/a.sock",
        "field-retries": "3",
        "kind": "proxy",
        "field-endpoints": endpoints,
    }
    assert browser.post(f"/targets/{target.pk}/driver/", same).status_code == status


@pytest.mark.parametrize(
    ("press", "says"),
    [
        ("check", "This driver moves no real traffic."),
        ("try", "Read back: 0 % on the new side under fence 1."),
        ("dry_run", "A rollback would set 0 %"),
    ],
)
def test_what_is_checked_tried_or_rehearsed_is_not_saved(
    browser: Client, target: Target, press: str, says: str
) -> None:
    answer = browser.post(f"/targets/{target.pk}/driver/", typed() | {press: "1"})
    assert (answer.status_code, says in text_of(answer)) == (200, True)
    assert "/run/b.sock" in text_of(answer)
    assert saved(target)["socket"] == "/run/a.sock"


def test_another_driver_shows_its_form_and_takes_nothing_of_the_old_one(
    browser: Client, target: Target
) -> None:
    make.flag_environment()
    url = f"/targets/{target.pk}/driver/"
    assert "the key of the release flag" in text_of(browser.get(f"{url}?kind=flag"))
    assert browser.post(url, {"kind": "flag", "field-flag": "new-checkout"}).status_code == 302
    target.refresh_from_db()
    assert (target.driver, target.driver_config) == ("flag", {"flag": "new-checkout"})


@pytest.mark.parametrize("role", [Role.RELEASE_MANAGER, Role.ON_CALL, Role.VIEWER])
def test_who_is_no_administrator_reads_it_and_changes_nothing(
    sign_in: SignIn, target: Target, role: Role
) -> None:
    other = sign_in(role)
    assert "Change the driver" not in text_of(other.get(f"/targets/{target.pk}/"))
    assert other.get(f"/targets/{target.pk}/driver/").status_code == 403
    assert other.post(f"/targets/{target.pk}/driver/", typed(token__new=HUSH)).status_code == 403
    assert other.get("/targets/secrets/").status_code == 403
    assert not Secret.objects.exists()


def test_the_page_says_how_it_is_who_is_dead_and_what_would_come_back(
    browser: Client, target: Target
) -> None:
    target.stable_version = "v2"
    target.save(update_fields=["stable_version"])
    make.rollout(on=target, state="succeeded", seq=5, desired_weight=100, finished_at=NOW)
    servers = [
        {
            "name": "10.0.0.7:80",
            "arm": "candidate",
            "is_up": False,
            "version": "",
            "detail": "cannot be reached",
        }
    ]
    Standing.objects.create(
        target=target,
        is_well=True,
        weight=33,
        fence=4,
        servers=servers,
        drift="33 % was read back where the last rollout left 100 %. Somebody else moves this traffic.",
        missing=["10.0.0.9:9901"],
        checked_at=NOW,
        since_at=NOW,
    )
    page = text_of(browser.get(f"/targets/{target.pk}/"))
    for words in (
        "10.0.0.7:80 not up",
        "cannot be reached",
        "33 % on the new side under fence 4",
        "Somebody else moves this traffic",
        "10.0.0.9:9901",
        "Taken back, this would run",
        "No fallback",
    ):
        assert words in page
    assert "10.0.0.7:80 not up" in text_of(browser.get("/targets/"))


def test_the_list_asks_the_database_as_often_for_one_target_as_for_three(
    browser: Client, target: Target
) -> None:
    counts = []
    for name in ("Cart", "Search", "Payments"):
        make.target(name, driver="simulated", driver_config={})
        with CaptureQueriesContext(connection) as seen:
            browser.get("/targets/")
        counts.append(len(seen))
    assert counts[1] == counts[2]


def test_secrets_are_kept_replaced_and_removed_and_never_shown(browser: Client, target: Target) -> None:
    keep = {"name": "proxy-token", "value": HUSH}
    assert browser.post("/targets/secrets/", keep).status_code == 302
    assert browser.post("/targets/secrets/", keep | {"value": HUSH + "2"}).status_code == 302
    assert reveal({"secret": "proxy-token"}) == HUSH + "2"
    page = text_of(browser.get("/targets/secrets/"))
    assert "proxy-token" in page
    assert HUSH not in page
    wrong = browser.post("/targets/secrets/", keep | {"name": "no name!"})
    assert (wrong.status_code, HUSH in text_of(wrong)) == (422, False)
    secret = Secret.objects.get()
    Target.objects.update(driver_config={"socket": "/x", "token": {"secret": "proxy-token"}})
    browser.post(f"/targets/secrets/{secret.pk}/remove/")
    assert Secret.objects.exists()
    Target.objects.update(driver_config={})
    browser.post(f"/targets/secrets/{secret.pk}/remove/")
    assert not Secret.objects.exists()
    assert HUSH not in json.dumps(list(Event.objects.values("kind", "data")))
