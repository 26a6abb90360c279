"""The demonstration behind a real proxy: its target, its files, its panel, and a dead new version."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.urls import clear_url_caches, include, path

from releasetrain import urls
from releasetrain.bootstrap.packages import find, why_skipped
from releasetrain.catalog.models import Target
from releasetrain.demo import counters, panel, proxying, world
from releasetrain.demo.apps import deploy_what_departs
from releasetrain.demo.diary import NAME, Book
from releasetrain.demo.fixed import Fixed
from releasetrain.demo.reporting import body_of
from releasetrain.demo.running import DEMO, NoCandidate, depart_soon, kill_new_version
from releasetrain.demo.shop import Version
from releasetrain.demo.sides import Deployed, Sides
from releasetrain.demo.storefront import open_shop
from releasetrain.demo.tally import Tally
from releasetrain.demo.wire import Answer
from releasetrain.events.models import Event
from releasetrain.lib import clock
from releasetrain.rollouts.drivers import DRIVERS
from releasetrain.rollouts.drivers.fields import problems_of
from releasetrain.rollouts.models import Rollout
from tests.demo.worlds import demo_departure, furnish

pytestmark = pytest.mark.django_db


@pytest.fixture(scope="module", autouse=True)
def _loaded(loaded_world: None) -> None:
    """Load the world once for all of these tests; each is rolled back to it."""


@pytest.fixture
def house(settings: Any, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Path]:
    """Mount the demonstration in a folder of its own."""
    furnish(settings, monkeypatch, tmp_path)
    mounted = [*urls.urlpatterns, path("demo/", include("releasetrain.demo.urls"))]
    monkeypatch.setattr(urls, "urlpatterns", mounted)
    clear_url_caches()
    yield tmp_path
    monkeypatch.undo()
    clear_url_caches()


def shop_target() -> Target:
    return Target.objects.get(service__slug=world.SHOP)


@pytest.mark.parametrize("kind", ["embedded", "envoy"])
def test_the_target_gets_the_driver_of_the_proxy_and_the_flag_back(
    house: Path, settings: Any, kind: str
) -> None:
    settings.DEMO_PROXY = kind
    settings.STOREFRONT_URL = "http://127.0.0.1:8742"
    target = shop_target()
    proxying.set_up(target)
    assert target.driver == kind
    assert problems_of(DRIVERS[kind].fields, target.driver_config) == []
    assert target.driver_config["candidate"] == ["127.0.0.1:8744"]
    argv = Deployed(house).read_command()
    assert Path(argv[0]).exists()
    settings.DEMO_PROXY = ""
    proxying.set_up(target)
    assert shop_target().driver == "flag"


def test_envoy_starts_from_the_sample_with_the_addresses_of_the_house(house: Path, settings: Any) -> None:
    settings.DEMO_PROXY, settings.STOREFRONT_URL = "envoy", "http://127.0.0.1:8742"
    proxying.set_up(shop_target())
    text = (proxying.deployed().folder / "envoy.yaml").read_text()
    for port in (8742, 8743, 8744, 8745):
        assert f"port_value: {port}}}" in text
    assert not [old for old in ("/var/lib/envoy", "8001", "9901", "0.0.0.0") if old in text]
    assert (proxying.deployed().folder / "shop.json").exists()


@pytest.mark.skipif(not find("haproxy", os.environ), reason=why_skipped("haproxy"))
def test_haproxy_starts_from_its_sample_and_begins_without_a_shadow(house: Path, settings: Any) -> None:
    settings.DEMO_PROXY, settings.STOREFRONT_URL = "haproxy", "http://127.0.0.1:8742"
    proxying.set_up(shop_target())
    text = (proxying.deployed().folder / "haproxy.cfg").read_text()
    for own in ("bind 127.0.0.1:8742", "127.0.0.1:8743", "127.0.0.1:8744", "shop.map", "admin.sock"):
        assert own in text
    assert not [old for old in ("10.0.0.", "/run/haproxy", "/var/lib", ":8080") if old in text]
    assert subprocess.run([*Deployed(house).read_command(), "-c"], check=False).returncode == 0
    assert problems_of(DRIVERS["haproxy"].fields, shop_target().driver_config) == []
    demo_departure().train.departures.update(state="cancelled")
    assert depart_soon(clock.now()).train.ladder[0]["weight"] == 1


@pytest.mark.skipif(not find("nginx", os.environ), reason=why_skipped("nginx"))
def test_nginx_starts_from_its_sample_with_the_addresses_of_the_house(house: Path, settings: Any) -> None:
    settings.DEMO_PROXY, settings.STOREFRONT_URL = "nginx", "http://127.0.0.1:8742"
    proxying.set_up(shop_target())
    text = (proxying.deployed().folder / "site.conf").read_text()
    for own in ("listen 127.0.0.1:8742", "127.0.0.1:8743", "127.0.0.1:8744", "127.0.0.1:8745"):
        assert own in text
    assert not [old for old in ("10.0.0.", "/var/lib", "8080", "8081") if old in text]
    assert subprocess.run([*Deployed(house).read_command(), "-t", "-q"], check=False).returncode == 0
    assert problems_of(DRIVERS["nginx"].fields, shop_target().driver_config) == []


def test_what_departs_is_what_the_new_side_says_it_is_and_it_lives_again(house: Path, settings: Any) -> None:
    settings.DEMO_PROXY = "embedded"
    target = shop_target()
    proxying.set_up(target)
    proxying.deployed().kill()
    deploy_what_departs(instance=Rollout(target=target, kind="forward", to_version="2026.48-7"), created=True)
    assert Fixed(Version.NEW, house).name == "2026.48-7"
    assert Fixed(Version.OLD, house).name == target.stable_version
    assert not proxying.deployed().is_killed


def test_the_panel_counts_lost_requests_and_says_that_the_new_version_is_dead(
    house: Path, settings: Any
) -> None:
    settings.DEMO_PROXY = "embedded"
    proxying.set_up(shop_target())
    Book(house / NAME).write(1, {})
    Book(house / NAME).write(int(clock.now().timestamp()), {"asked": 48_210, "slow": 1})
    drawn = panel.draw_now(clock.now(), "http://127.0.0.1:9")
    assert drawn.users
    assert (drawn.users.failed, drawn.users.slow) == ("0 of 48,210 requests failed", "1 was slow")
    assert (drawn.proxy, "does not answer" in drawn.why_no_shop) == ("Embedded proxy", True)
    assert [one.name for one in drawn.actions] == ["kill-candidate", "error", "slow"]


def test_a_dead_new_version_is_told_from_a_closed_shop(
    house: Path, settings: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings.DEMO_PROXY = "embedded"
    old = json.dumps({**Tally(clock.now()).to_json(), "broken": None, "reports": {"waiting": 0}}).encode()

    def ask(method: str, path: str, version: Version = Version.OLD) -> Answer:
        if version is Version.NEW:
            raise counters.ShopClosed("It is dead.")
        return Answer(200, {}, old)

    monkeypatch.setattr(counters, "_ask", ask)
    proxying.set_up(shop_target())
    drawn = panel.draw_now(clock.now(), "http://127.0.0.1:9")
    assert (drawn.new_answered, drawn.shop and drawn.shop.is_new_dead) == ("dead", True)
    assert [one.name for one in drawn.actions] == ["mend"]
    kill_new_version(by=DEMO, now=clock.now())
    assert proxying.deployed().is_killed
    assert Event.objects.filter(kind="demo.shop.killed").count() == 1
    counters.mend_shop()
    assert not proxying.deployed().is_killed


def test_nothing_can_be_killed_where_both_versions_are_one_process(house: Path, settings: Any) -> None:
    with pytest.raises(NoCandidate, match="--proxy"):
        kill_new_version(by=DEMO, now=clock.now())


def test_another_departure_behind_a_proxy_begins_with_the_shadow_again(house: Path, settings: Any) -> None:
    settings.DEMO_PROXY = "embedded"
    demo_departure().train.departures.update(state="cancelled")
    assert depart_soon(clock.now()).train.ladder[0]["mirror"] == 50


def test_one_side_of_the_shop_serves_one_version_and_reports_that_alone(tmp_path: Path) -> None:
    shop = open_shop({"RELEASETRAIN_DATA": str(tmp_path), "RELEASETRAIN_STOREFRONT_ARM": "new"})
    assert isinstance(shop.switch, Fixed)
    report = Tally(clock.now()).close_span(clock.now())
    assert report
    place = {"service": "shop", "environment": "production", "source": "x"}
    told = json.loads(body_of(report, **place, versions=(Version.NEW,)))
    assert {one["arm"] for one in told["readings"]} == {"candidate"}


def test_everything_stands_beside_the_storefront() -> None:
    sides = Sides.beside("http://127.0.0.1:8002")
    assert (sides.front, sides.of(Version.OLD), sides.of(Version.NEW), sides.admin) == (
        "127.0.0.1:8002",
        "127.0.0.1:8003",
        "127.0.0.1:8004",
        "127.0.0.1:8005",
    )
