"""Watch the providers of measurements over all rollouts: one that many lost at once is one incident."""

from collections.abc import Collection, Iterable
from datetime import datetime

from releasetrain.accounts.queries import on_call
from releasetrain.catalog.models import Target
from releasetrain.health.models import MetricQuery, ProviderOutage
from releasetrain.health.outages import PUSH, end_outage, note_outage, open_outages
from releasetrain.rollouts.models import Guardrail, Rollout
from releasetrain.rollouts.rules.providers import BLIND_AFTER, Eyes, provider_incidents
from releasetrain.rollouts.rules.states import MOVING_STATES

MOVING = sorted(state.value for state in MOVING_STATES)


def providers_of(targets: Iterable[int]) -> dict[int, frozenset[str]]:
    """Return what the required guardrails of each target measure by: sources that are asked, or the push."""
    wanted = list(targets)
    asked = {
        (target, metric): f"source:{source}"
        for target, metric, source in MetricQuery.objects.filter(
            target__in=wanted, removed_at=None, source__removed_at=None
        ).values_list("target", "metric", "source")
    }
    return {
        target: frozenset(asked.get((target, metric), PUSH) for metric in metrics)
        for target, metrics in required_metrics(wanted).items()
    }


def required_metrics(targets: Iterable[int]) -> dict[int, frozenset[str]]:
    """Return the metrics without which nothing may start on a target, by its id."""
    found: dict[int, set[str]] = {}
    required = Guardrail.objects.filter(target__in=list(targets), is_required=True)
    for target, metric in required.order_by().values_list("target", "metric").distinct():
        found.setdefault(target, set()).add(metric)
    return {target: frozenset(metrics) for target, metrics in found.items()}


def watch_providers(now: datetime) -> None:
    """Open and close the outages of providers; while every rollout sees, that is one small query."""
    going_on = open_outages()
    moving = Rollout.objects.filter(state__in=MOVING, kind="forward", data_fresh_at__isnull=False)
    if not going_on and not moving.filter(data_fresh_at__lt=now - BLIND_AFTER).exists():
        return
    rows = list(moving.values_list("pk", "target", "data_fresh_at"))
    providers = providers_of(target for _, target, _ in rows)
    eyes = [
        Eyes(pk, providers.get(target, frozenset()), fresh_at)
        for pk, target, fresh_at in rows
        if fresh_at is not None
    ]
    incidents = provider_incidents(eyes, {name: one.opened_at for name, one in going_on.items()}, now)
    targets = {pk: target for pk, target, _ in rows}
    for provider, blind in incidents.items():
        if provider not in going_on:
            people = _answering([targets[pk] for pk in blind], now)
            note_outage(provider, rollouts=len(blind), people=people, now=now)
    for provider, outage in going_on.items():
        if provider not in incidents:
            end_outage(outage, now=now)


def _answering(targets: Iterable[int], now: datetime) -> set[int]:
    """Return who is on call now for the teams of targets."""
    teams = set(Target.objects.filter(pk__in=list(targets)).values_list("service__team", flat=True))
    return {duty.user_id for duties in on_call(teams, now).values() for duty in duties if duty.user_id}


def outages_over(targets: Collection[int]) -> dict[int, ProviderOutage]:
    """Return the outage of a provider that each target measures by, where there is one."""
    going_on = open_outages()
    if not going_on:
        return {}
    found = {
        target: next((one for provider, one in going_on.items() if provider in own), None)
        for target, own in providers_of(targets).items()
    }
    return {target: outage for target, outage in found.items() if outage is not None}
