"""A team sees where its measurements come from, tries a source out, and loses nothing it has typed."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from releasetrain.accounts.models import Membership, User
from releasetrain.accounts.rules import Role
from releasetrain.health.models import MetricQuery, MetricSource, Reading
from releasetrain.lib import clock
from tests import make
from tests.health.world import BAD, UNITS, Prometheus, prometheus, query, source
from tests.web.conftest import SignIn
from tests.web.test_trains import text_of

pytestmark = pytest.mark.django_db
PAGE = "/teams/storefront/metrics/"


@pytest.fixture
def server(settings: Settings) -> Iterator[Prometheus]:
    settings.INTERNAL_HOSTS = frozenset({"127.0.0.1"})
    with prometheus() as running:
        running.knows(lambda text, at: 2 if "5.." in text else 60)
        yield running


@pytest.fixture
def browser(sign_in: SignIn) -> Client:
    """Sign in somebody who may name sources."""
    return sign_in(Role.RELEASE_MANAGER)


def typed(of: MetricSource, **changes: Any) -> dict[str, Any]:
    target = make.target(stable_version="v1")
    fields = {"source": of.pk, "target": target.pk, "metric": "errors", "units": UNITS, "bad": BAD}
    return {**fields, "every_seconds": 30, **changes}


def test_the_page_names_each_metric_its_origin_and_what_lacks(browser: Client) -> None:
    asks = query(source("https://p.example.org"), metric="orders", fault="It answers 503: it is broken.")
    make.guardrail(asks.target, "latency")
    make.readings(asks.target, clock.now())
    said = text_of(browser.get(PAGE))
    assert "It answers 503" in said
    assert "a guardrail requires it" in said
    assert "Nothing was reported within a day." in said
    assert "pushed" in said


def test_the_page_asks_the_database_as_often_for_one_metric_as_for_three(
    browser: Client,
) -> None:
    counts = []
    for number in (1, 2, 3):
        asks = query(source(f"https://p{number}.example.org", name=f"P{number}"), metric=f"metric{number}")
        make.guardrail(asks.target, f"metric{number}")
        with CaptureQueriesContext(connection) as seen:
            browser.get(PAGE)
        counts.append(len(seen))
    assert counts[1] == counts[2]


def test_somebody_of_another_team_sees_the_page_and_changes_nothing(sign_in: SignIn) -> None:
    kept = source("https://p.example.org", team=make.team())
    other = sign_in()
    Membership.objects.create(user=User.objects.get(), role=Role.ON_CALL, team=make.team("Search"))
    assert "Ask for a metric" not in text_of(other.get(PAGE))
    for url in ("sources/new/", f"sources/{kept.pk}/", "queries/new/"):
        assert other.get(PAGE + url).status_code == 403
    assert other.post(f"{PAGE}sources/{kept.pk}/remove/").status_code == 403
    kept.refresh_from_db()
    assert kept.removed_at is None


def test_a_source_is_added_and_a_wrong_address_is_refused_with_everything_kept(browser: Client) -> None:
    make.team()
    wanted = {"name": "Frankfurt", "kind": "prometheus", "address": "nonsense"}
    answer = browser.post(f"{PAGE}sources/new/", wanted)
    assert answer.status_code == 422
    assert 'value="nonsense"' in answer.content.decode()
    assert 'value="Frankfurt"' in answer.content.decode()
    answer = browser.post(f"{PAGE}sources/new/", {**wanted, "address": "https://p.example.org"})
    assert answer.headers["Location"] == PAGE
    assert MetricSource.objects.get().name == "Frankfurt"


@pytest.mark.parametrize("headers", [{}, {"HX-Request": "true"}])
def test_a_trial_shows_both_arms_and_saves_nothing(
    browser: Client, server: Prometheus, headers: dict[str, str]
) -> None:
    of = source(server.url(""))
    make.rollout(on=make.target(stable_version="v1"), state="baking", to_version="v2")
    answer = browser.post(f"{PAGE}queries/new/", {**typed(of), "try": "1"}, headers=headers)
    said = text_of(answer)
    assert "60.0 in 30 s." in said
    assert "2.0 in 30 s." in said
    assert said.count("Up to date") >= 2
    assert "Nothing was saved." in said
    assert not MetricQuery.objects.exists()
    assert not Reading.objects.exists()


def test_a_trial_that_fails_says_why(browser: Client, server: Prometheus) -> None:
    of = source(server.url(""))
    server.only_says({"status": "error", "errorType": "bad_data", "error": "1:5: parse error"}, 400)
    said = text_of(browser.post(f"{PAGE}queries/new/", {**typed(of), "try": "1"}))
    assert "1:5: parse error" in said
    said = text_of(browser.post(f"{PAGE}queries/new/", {**typed(of, bad="sum(x)"), "try": "1"}))
    assert "counted alike" in said


def test_a_query_is_saved_changed_and_removed(browser: Client) -> None:
    of = source("https://p.example.org")
    assert browser.post(f"{PAGE}queries/new/", typed(of)).status_code == 302
    kept = MetricQuery.objects.get()
    browser.post(f"{PAGE}queries/{kept.pk}/", typed(of, every_seconds=15))
    kept.refresh_from_db()
    assert kept.every_seconds == 15
    browser.post(f"{PAGE}queries/{kept.pk}/remove/")
    assert browser.get(f"{PAGE}queries/{kept.pk}/").status_code == 404


def test_sources_of_another_team_cannot_be_asked(browser: Client) -> None:
    theirs = source("https://p.example.org", team=make.team("Search"))
    assert browser.post(f"{PAGE}queries/new/", typed(theirs)).status_code == 422
    assert browser.get(f"{PAGE}sources/{theirs.pk}/").status_code == 404


HOUSE = "/metric-sources/"


def test_an_administrator_names_a_source_of_the_house_that_every_team_may_ask(
    sign_in: SignIn,
) -> None:
    make.target()
    browser = sign_in(Role.ADMINISTRATOR)
    assert HOUSE in browser.get("/teams/").content.decode()
    fields = {"name": "Shared", "kind": "prometheus", "address": "https://p.example.org", "credential": ""}
    wrong = browser.post(f"{HOUSE}new/", {**fields, "address": "ftp://nowhere"})
    assert wrong.status_code == 422
    assert "ftp://nowhere" in wrong.content.decode()
    saved = browser.post(f"{HOUSE}new/", fields)
    assert (saved.status_code, saved["Location"]) == (302, HOUSE)
    made = MetricSource.objects.get()
    assert made.team is None
    assert "Shared" in text_of(browser.get(HOUSE))
    listed = browser.get(PAGE)
    assert "of the whole house" in text_of(listed)
    assert f'href="{HOUSE}{made.pk}/"' in listed.content.decode()
    browser.post(f"{HOUSE}{made.pk}/", {**fields, "name": "Shared by all"})
    made.refresh_from_db()
    assert made.name == "Shared by all"
    assert browser.post(f"{HOUSE}{made.pk}/remove/")["Location"] == HOUSE
    assert "No source is asked" in text_of(browser.get(HOUSE))


def test_whoever_serves_one_team_sees_the_sources_of_the_house_and_changes_none(sign_in: SignIn) -> None:
    target = make.target()
    shared = MetricSource.objects.create(
        name="Shared", kind="prometheus", address="https://p.example.org", created_at=make.NOW
    )
    browser = sign_in()
    Membership.objects.create(user=User.objects.get(), team=target.service.team, role=Role.ON_CALL)
    assert "Shared" in text_of(browser.get(HOUSE))
    assert f"{HOUSE}{shared.pk}/" not in browser.get(HOUSE).content.decode()
    assert f"{HOUSE}{shared.pk}/" not in browser.get(PAGE).content.decode()
    for path in ("new/", f"{shared.pk}/"):
        assert browser.get(f"{HOUSE}{path}").status_code == 403
    assert browser.post(f"{HOUSE}{shared.pk}/remove/").status_code == 403
    assert browser.get(f"/teams/storefront/metrics/sources/{shared.pk}/").status_code in {403, 404}
