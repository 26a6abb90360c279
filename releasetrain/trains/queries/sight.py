"""Tell which services nobody could watch: nothing arrives that their guardrails require (ENGINE T2)."""

from collections.abc import Callable, Collection, Mapping
from datetime import datetime, timedelta

from releasetrain.catalog.models import Target
from releasetrain.health.queries import told_since
from releasetrain.lib.words import listed

Place = tuple[int, int]
Needs = Callable[[Collection[int]], Mapping[int, frozenset[str]]]
needs: list[Needs] = []
# So long before it leaves a departure has to be watchable; its rollouts look again before they start.
LOOKED_AT = timedelta(minutes=15)
REPORTS_WITHIN = timedelta(minutes=5)


def ask_for(one: Needs) -> None:
    """Ask this for the metrics that targets cannot do without, by target id."""
    if one not in needs:
        needs.append(one)


def unseen(places: Collection[Place], now: datetime) -> dict[Place, str]:
    """Return a sentence for each place whose service lacks what its guardrails require; three queries in all.

    :param places: a service and an environment, by their ids
    """
    if not places:
        return {}
    rows = Target.objects.filter(
        service__in={service for service, _ in places}, environment__in={where for _, where in places}
    )
    targets = {
        one.pk: one
        for one in rows.select_related("service")
        if (one.service_id, one.environment_id) in places
    }
    required: dict[int, set[str]] = {}
    for ask in needs:
        for target, metrics in ask(targets).items():
            required.setdefault(target, set()).update(metrics)
    told = told_since(required, now - REPORTS_WITHIN) if required else set()
    found = {}
    for target, wanted in required.items():
        if missing := sorted(one for one in wanted if (target, one) not in told):
            row = targets[target]
            named = listed([f"“{one}”" for one in missing])
            text = f"Nothing reports {named} of {row.service}, which its guardrails require."
            found[row.service_id, row.environment_id] = text
    return found
