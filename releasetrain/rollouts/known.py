"""Learn in a few questions what the ticks of many rollouts have to know, however many they are."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from releasetrain.calendars.queries import windows_at
from releasetrain.calendars.rules.windows import Freeze
from releasetrain.catalog.models import Target
from releasetrain.health.models import MetricQuery, ProviderOutage
from releasetrain.health.queries import Answer, Asked, readings_after_each
from releasetrain.health.rules.reports import OLDEST
from releasetrain.rollouts.company import Company, companies_of
from releasetrain.rollouts.drivers import driver_for
from releasetrain.rollouts.drivers.base import ReadsMany, Sight
from releasetrain.rollouts.loaded import guardrails_of
from releasetrain.rollouts.models import Rollout
from releasetrain.rollouts.providers import outages_over
from releasetrain.trains.queries.overrides import passings_of
from releasetrain.trains.rules.overrides import Passing


@dataclass(frozen=True, slots=True)
class Known:
    """What was learnt for some rollouts at one instant, by target id.

    `companies` and `passings` (overrides) are by departure. `watermarks` are what was counted already.
    `sights` are read-backs, of a batch only: whoever is taken alone asks its driver itself.
    """

    windows: Sequence[Freeze]
    watermarks: Mapping[int, int]
    outages: Mapping[int, ProviderOutage]
    reported: Mapping[int, Answer]
    faults: Mapping[int, Sequence[MetricQuery]]
    companies: Mapping[int, Company]
    passings: Mapping[int, tuple[Passing, ...]]
    sights: Mapping[int, Sight]


def learn(
    watermarks: Mapping[int, int],
    rows: Collection[Rollout],
    now: datetime,
    sights: Mapping[int, Sight],
) -> Known:
    """Learn what ticks at an instant have in common, and what was reported since.

    :param watermarks: the newest reading that each target's rollout has counted
    """
    targets = [row.target_id for row in rows]
    asked = [
        Asked(row.target_id, metrics_of(row.target), watermarks[row.target_id], row.created_at - OLDEST)
        for row in rows
    ]
    return Known(
        windows=windows_at(now),
        watermarks=watermarks,
        outages=outages_over(targets),
        reported=readings_after_each(one for one in asked if one.metrics),
        faults=faults_of(targets),
        companies=companies_of(rows),
        passings=passings_of(row.departure_id for row in rows if row.departure_id is not None),
        sights=sights,
    )


def metrics_of(target: Target) -> list[str]:
    """Return the names of what the guardrails of a target look at."""
    return sorted({one.metric for one in guardrails_of(target)})


def faults_of(targets: Collection[int]) -> dict[int, list[MetricQuery]]:
    """Return the queries whose last try was no answer at all, by target."""
    rows = MetricQuery.objects.filter(target__in=targets, removed_at=None, failed_at__isnull=False)
    failing = rows.exclude(fault="").order_by("target_id", "metric", "pk")
    return {target: list(some) for target, some in groupby(failing, key=lambda one: one.target_id)}


def sights_of(targets: Collection[Target]) -> dict[int, Sight]:
    """Read targets back, one question for each kind of driver; what needs a closer look is left out."""
    found: dict[int, Sight] = {}
    for kind in sorted({one.driver for one in targets}):
        driver = driver_for(kind)
        if isinstance(driver, ReadsMany):
            found |= driver.observe_many([one for one in targets if one.driver == kind])
    return found
