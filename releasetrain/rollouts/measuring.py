"""Say which version each arm of a target runs, so that metric sources can be asked about it."""

from collections.abc import Iterable
from datetime import datetime

from releasetrain.catalog.models import Target
from releasetrain.health import measuring
from releasetrain.health.measuring import Versions
from releasetrain.health.models import Arm, MetricQuery
from releasetrain.rollouts.models import UNBOUND_STATES, Rollout


def versions_of(targets: Iterable[int]) -> dict[int, Versions]:
    """Return the version of each arm by target id; without a rollout under way there is a baseline only."""
    wanted = set(targets)
    found: dict[int, dict[Arm, str]] = {
        pk: {Arm.BASELINE: version}
        for pk, version in Target.objects.filter(pk__in=wanted).values_list("pk", "stable_version")
    }
    active = Rollout.objects.filter(target__in=wanted).exclude(state__in=UNBOUND_STATES)
    for pk, before, after in active.values_list("target_id", "from_version", "to_version"):
        found[pk] = {Arm.BASELINE: before or found[pk][Arm.BASELINE], Arm.CANDIDATE: after}
    return dict(found)


def measure_due(now: datetime) -> int:
    """Ask for everything that is due, and return how many queries that were."""
    due: list[MetricQuery] = measuring.claim_due(now)
    if due:
        measuring.measure(due, versions_of(one.target_id for one in due), now)
    return len(due)
