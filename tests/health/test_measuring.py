"""Sources are asked when they are due, and what they tell becomes readings: each span once, in order."""

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from releasetrain.events.models import Event
from releasetrain.health.measuring import LEASE, RETRY, SETTLES, claim_due, measure, try_out
from releasetrain.health.models import Arm, MetricQuery, Reading
from releasetrain.health.queries import readings_after
from releasetrain.lib.credentials import read_credential
from tests import make
from tests.health.world import BAD, NOW, UNITS, Prometheus, later, prometheus, query, source

pytestmark = pytest.mark.django_db
VERSIONS = {Arm.BASELINE: "v1", Arm.CANDIDATE: "v2"}


@pytest.fixture
def server(settings: Settings) -> Iterator[Prometheus]:
    settings.INTERNAL_HOSTS = frozenset({"127.0.0.1"})
    with prometheus() as running:
        running.knows(lambda text, at: (2 if "5.." in text else 60) * (10 if 'version="v1"' in text else 1))
        yield running


def run(second: float = 0, **versions: str) -> list[MetricQuery]:
    now = later(second)
    due = claim_due(now)
    arms = {Arm(arm): version for arm, version in versions.items()} or VERSIONS
    measure(due, {one.target_id: arms for one in due}, now)
    return due


def told() -> list[tuple[Any, ...]]:
    rows = Reading.objects.order_by("starts_at", "arm")
    return [(one.arm, one.units, one.bad) for one in rows]


def test_both_arms_of_the_last_ten_minutes_become_readings(server: Prometheus) -> None:
    asked = query(source(server.url("")))
    run()
    assert told()[:2] == [("baseline", 600, 20), ("candidate", 60, 2)]
    assert Reading.objects.filter(arm="candidate").count() == 19
    asked.refresh_from_db()
    assert asked.told_until == NOW - timedelta(seconds=30)
    assert (asked.fault, asked.missing, asked.answered_at) == ("", {}, NOW)
    assert asked.next_due_at == NOW + SETTLES


def test_each_span_is_told_once(server: Prometheus) -> None:
    asked = query(source(server.url("")))
    run()
    before = Reading.objects.count()
    assert run() == []
    run(2)
    assert Reading.objects.count() == before + 2
    MetricQuery.objects.update(next_due_at=NOW, told_until=None)
    run(2)
    assert Reading.objects.count() == before + 2
    rows, watermark = readings_after(asked.target, ["errors"], 0)
    assert len(rows) == before + 2
    assert watermark == max(one.id for one in rows)


def test_without_a_rollout_only_the_baseline_is_asked(server: Prometheus) -> None:
    query(source(server.url("")))
    run(baseline="v1")
    assert {one.arm for one in Reading.objects.all()} == {"baseline"}
    assert 'version="v2"' not in str(server.asked)


def test_units_without_bad_ones_are_kept_as_such(server: Prometheus) -> None:
    """A counter of errors has no series before its first error: the guardrail says what that means."""
    server.knows(lambda text, at: None if "5.." in text else 60)
    asked = query(source(server.url("")))
    run()
    assert set(told()) == {("baseline", 60, None), ("candidate", 60, None)}
    asked.refresh_from_db()
    assert "no series matches" in asked.missing["candidate"]


def test_an_arm_without_units_has_no_reading(server: Prometheus) -> None:
    server.knows(lambda text, at: "NaN" if 'version="v2"' in text else 60)
    asked = query(source(server.url("")))
    run()
    assert {one.arm for one in Reading.objects.all()} == {"baseline"}
    asked.refresh_from_db()
    assert "NaN" in asked.missing["candidate"]
    assert "baseline" not in asked.missing


def test_a_fault_is_kept_and_what_was_missed_is_asked_for_afterwards(server: Prometheus) -> None:
    asked = query(source(server.url("")))
    run(2)
    server.only_says(b"", 503)
    run(32)
    asked.refresh_from_db()
    assert "503" in asked.fault
    assert (asked.failed_at, asked.next_due_at) == (later(32), later(32) + RETRY)
    count = Reading.objects.count()
    server.knows(lambda text, at: 5)
    run(182)
    assert Reading.objects.count() == count + 2 * 6
    asked.refresh_from_db()
    assert asked.fault == ""


def test_one_that_fails_stops_no_other(server: Prometheus) -> None:
    broken = query(source("http://127.0.0.1:1", name="Gone"))
    works = query(source(server.url("")), make.target("Search", stable_version="v1"))
    run()
    assert set(Reading.objects.values_list("target", flat=True)) == {works.target_id}
    broken.refresh_from_db()
    assert "cannot be reached" in broken.fault


def test_a_claimed_query_is_not_given_to_another_worker_until_its_lease_ends(server: Prometheus) -> None:
    query(source(server.url("")))
    assert len(claim_due(NOW)) == 1
    assert claim_due(NOW) == []
    assert len(claim_due(NOW + LEASE)) == 1


def test_the_answer_of_a_worker_that_was_overtaken_is_dropped(server: Prometheus) -> None:
    asked = query(source(server.url("")))
    slow = claim_due(NOW)
    claim_due(NOW + LEASE)
    measure(slow, {asked.target_id: VERSIONS}, NOW)
    assert told() == []
    asked.refresh_from_db()
    assert asked.told_until is None


def test_what_was_removed_is_not_asked(server: Prometheus) -> None:
    asked = query(source(server.url("")))
    MetricQuery.objects.update(removed_at=NOW)
    assert claim_due(NOW) == []
    MetricQuery.objects.update(removed_at=None)
    asked.source.removed_at = NOW
    asked.source.save(update_fields=["removed_at"])
    assert claim_due(NOW) == []


def test_a_source_that_fails_for_a_minute_is_told_once_and_its_return_too(server: Prometheus) -> None:
    asked = query(source(server.url("")))
    server.only_says(b"", 500)
    for second in (0, 30, 59):
        run(second)
    assert not Event.objects.filter(kind="health.source.failed").exists()
    for second in (70, 90):
        run(second)
    (event,) = Event.objects.filter(kind="health.source.failed")
    assert "500" in event.data["reason"]
    server.knows(lambda text, at: 5)
    run(120)
    assert Event.objects.filter(kind="health.source.answered").count() == 1
    asked.source.refresh_from_db()
    assert (asked.source.failing_since, asked.source.answered_at) == (None, later(120))


def test_a_bad_expression_is_the_querys_fault_and_not_the_sources(server: Prometheus) -> None:
    asked = query(source(server.url("")))
    server.only_says({"status": "error", "errorType": "bad_data", "error": "parse error"}, 400)
    run()
    asked.refresh_from_db()
    assert "parse error" in asked.fault
    asked.source.refresh_from_db()
    assert asked.source.failing_since is None


def test_the_credential_is_sent_and_one_for_elsewhere_is_not(server: Prometheus, settings: Settings) -> None:
    asked = query(source(server.url(""), credential="PROM"))
    settings.CREDENTIALS = {"PROM": read_credential("https://elsewhere.test bearer s3cret")}
    run()
    assert server.asked == []
    asked.refresh_from_db()
    assert "is for https://elsewhere.test:443 alone" in asked.fault
    settings.CREDENTIALS = {"PROM": read_credential(f"{server.url('')} bearer s3cret")}
    run(10)
    assert {header for header, _ in server.asked} == {"Bearer s3cret"}
    asked.refresh_from_db()
    assert asked.fault == ""
    assert "s3cret" not in json.dumps([*Event.objects.values_list("data", flat=True), asked.memory])


def test_a_scraped_page_is_counted_from_reading_to_reading(server: Prometheus) -> None:
    def shows(first: int, second: int) -> None:
        for arm, version in (("baseline", "v1"), ("candidate", "v2")):
            body = f'requests_total{{v="{version}"}} {first}\nfailed_total{{v="{version}"}} {second}\n'
            server.says(body.encode(), f"/{arm}/metrics")

    page = source(server.url("/{{arm}}/metrics"), "scrape")
    query(page, units='requests_total{v="{{version}}"}', bad="failed_total", every_seconds=10)
    shows(100, 1)
    run()
    assert told() == []
    shows(160, 3)
    run(10)
    assert told() == [("baseline", 60, 2), ("candidate", 60, 2)]


def test_a_trial_tells_of_both_arms_and_keeps_nothing(server: Prometheus) -> None:
    asked = query(source(server.url("")))
    found = {one.arm: one for one in try_out(asked, VERSIONS, NOW)}
    assert [one.sentence for one in found[Arm.CANDIDATE].findings] == ["60.0 in 30 s.", "2.0 in 30 s."]
    assert [one.sentence for one in found[Arm.BASELINE].findings] == ["600.0 in 30 s.", "20.0 in 30 s."]
    assert told() == []


def test_a_trial_says_why_there_is_no_answer(server: Prometheus) -> None:
    server.only_says(b"", 401)
    asked = MetricQuery(source=source(server.url("")), target=make.target(), units=UNITS, bad=BAD)
    candidate, baseline = try_out(asked, {Arm.BASELINE: "v1"}, NOW)
    assert "Nothing runs there now" in candidate.fault
    assert "401" in baseline.fault
