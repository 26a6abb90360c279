"""Keep one incident for a provider of measurements that many lost at once, and tell of it once."""

from collections.abc import Collection
from datetime import datetime

from django.db import transaction

from releasetrain.events.actions import SystemActor, record
from releasetrain.health.models import MetricSource, ProviderOutage

WATCH = SystemActor("metric sources")
PUSH = "push"


def open_outages() -> dict[str, ProviderOutage]:
    """Return the outages that go on, by provider."""
    return {one.provider: one for one in ProviderOutage.objects.filter(closed_at=None)}


def label_of(provider: str) -> str:
    """Name a provider for people."""
    if provider == PUSH:
        return "Whatever pushes metrics"
    source = MetricSource.objects.filter(pk=provider.partition(":")[2]).first()
    return f"The metric source {source}" if source else "A metric source that was removed"


@transaction.atomic
def note_outage(provider: str, *, rollouts: int, people: Collection[int], now: datetime) -> ProviderOutage:
    """Open the outage of a provider, unless it is open; whoever comes second opens nothing and tells nobody.

    :param people: who hears of it beside the release managers, by id
    """
    row, is_new = ProviderOutage.objects.get_or_create(
        provider=provider,
        closed_at=None,
        defaults={"label": label_of(provider), "rollouts": rollouts, "opened_at": now},
    )
    if is_new:
        record(
            kind="health.outage.opened",
            subject=row,
            actor=WATCH,
            now=now,
            rollouts=rollouts,
            people_ids=sorted(people),
        )
    return row


@transaction.atomic
def end_outage(outage: ProviderOutage, *, now: datetime) -> None:
    """Close an outage, once."""
    if ProviderOutage.objects.filter(pk=outage.pk, closed_at=None).update(closed_at=now):
        record(kind="health.outage.closed", subject=outage, actor=WATCH, now=now)
