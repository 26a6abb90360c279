"""A provider that many rollouts lose together is one incident: all are held, people are told once."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from pytest_django.fixtures import Settings

from releasetrain.events.models import Event
from releasetrain.health.models import ProviderOutage
from releasetrain.rollouts.models import Rollout
from releasetrain.rollouts.providers import outages_over, providers_of, watch_providers
from releasetrain.rollouts.readings import gather
from releasetrain.rollouts.rules.guardrails import Guardrail, GuardrailState, Measurement
from releasetrain.rollouts.rules.measuring import Look, absorb
from tests import make
from tests.health.world import NOW, Prometheus, later, prometheus, query, source

pytestmark = pytest.mark.django_db
ADDRESS = "https://prometheus.example.org"


@pytest.fixture
def server(settings: Settings) -> Iterator[Prometheus]:
    settings.INTERNAL_HOSTS = frozenset({"127.0.0.1"})
    with prometheus() as running:
        yield running


def baking(*ages: int, **fields: Any) -> list[Rollout]:
    """Make rollouts that users see, whose last data are so many seconds old."""
    rows = []
    for number, age in enumerate(ages):
        target = make.target(f"Service {number}", driver="simulated", driver_config={}, stable_version="v1")
        make.guardrail(target)
        data: dict[str, Any] = {
            "state": "baking",
            "data_fresh_at": NOW - timedelta(seconds=age),
            "desired_weight": 10,
        }
        rows.append(make.rollout(on=target, **{**data, **fields}))
    return rows


def test_each_target_measures_by_the_sources_that_are_asked_and_else_by_the_push() -> None:
    asks = query(source(ADDRESS))
    make.guardrail(asks.target, "errors")
    make.guardrail(asks.target, "latency")
    make.guardrail(asks.target, "orders", is_required=False)
    other = make.target("Search")
    make.guardrail(other, "errors")
    assert providers_of([asks.target_id, other.pk]) == {
        asks.target_id: {f"source:{asks.source_id}", "push"},
        other.pk: {"push"},
    }


def test_three_that_lose_sight_together_are_one_incident_that_is_told_once() -> None:
    rows = baking(61, 52, 43)
    for second in (0, 1, 2):
        watch_providers(later(second))
    outage = ProviderOutage.objects.get()
    assert (outage.provider, outage.rollouts, outage.closed_at) == ("push", 3, None)
    assert Event.objects.filter(kind="health.outage.opened").count() == 1
    assert outages_over([row.target_id for row in rows]) == {row.target_id: outage for row in rows}
    assert gather(rows[0], NOW).readings.is_provider_incident


def test_one_that_is_blind_alone_has_no_incident() -> None:
    (row, *_) = baking(400, 5, 5)
    watch_providers(NOW)
    assert not ProviderOutage.objects.exists()
    assert not gather(row, NOW).readings.is_provider_incident


def test_it_goes_on_for_longer_than_any_rollout_may_be_blind() -> None:
    """Half an hour later it is the same incident still, so that nothing comes back in a mass."""
    rows = baking(61, 60, 59)
    watch_providers(NOW)
    for minutes in (5, 30, 45, 300):
        watch_providers(NOW + timedelta(minutes=minutes))
    assert ProviderOutage.objects.get().closed_at is None
    assert gather(rows[0], NOW + timedelta(minutes=300)).readings.is_provider_incident


def test_it_closes_once_they_see_again_and_says_so_once() -> None:
    rows = baking(61, 60, 59)
    watch_providers(NOW)
    Rollout.objects.update(data_fresh_at=later(100))
    watch_providers(later(105))
    watch_providers(later(106))
    assert ProviderOutage.objects.get().closed_at == later(105)
    assert Event.objects.filter(kind="health.outage.closed").count() == 1
    assert outages_over([rows[0].target_id]) == {}


def test_rollouts_that_no_user_sees_and_ways_back_count_for_nothing() -> None:
    baking(61, 61, 61, state="rolled_back")
    watch_providers(NOW)
    assert not ProviderOutage.objects.exists()


def test_another_provider_stands_by_itself() -> None:
    asks = query(source(ADDRESS))
    make.guardrail(asks.target)
    mine = make.rollout(on=asks.target, state="baking", data_fresh_at=later(-5))
    baking(61, 61, 61)
    watch_providers(NOW)
    assert ProviderOutage.objects.get().provider == "push"
    assert outages_over([mine.target_id]) == {}


def test_a_source_that_fails_is_an_error_of_the_guardrail_and_no_measurement(server: Prometheus) -> None:
    asks = query(source(ADDRESS), failed_at=later(-5), fault="It answers 503: it is broken or overloaded.")
    make.guardrail(asks.target)
    row = make.rollout(on=asks.target, state="baking", desired_weight=10)
    counts = gather(row, NOW).readings.counts
    rule = Guardrail(name="Errors", metric="errors")
    look = Look(now=NOW, stage_index=2, weight=10, entered_at=later(-300))
    state = absorb(rule, GuardrailState(), counts["errors"], look)
    assert (state.last, state.bads, state.fresh_at) == (Measurement.ERROR, 0, None)
    make.readings(asks.target, later(10))
    counts = gather(row, NOW).readings.counts
    healed = absorb(rule, state, counts["errors"], look)
    assert healed.last is Measurement.OK


def test_units_without_bad_ones_reach_the_guardrail_as_such() -> None:
    """Only the guardrail says whether no series of errors means none, or nothing (ENGINE 5)."""
    target = make.target()
    make.guardrail(target)
    row = make.rollout(on=target, state="baking", desired_weight=10)
    make.readings(target, NOW)
    target.readings.filter(arm="candidate").update(bad=None)
    (point,) = gather(row, NOW).readings.counts["errors"]
    assert (point.candidate_units, point.candidate_bad) == (1000, None)
    assert (point.baseline_units, point.baseline_bad) == (1000, 0)
