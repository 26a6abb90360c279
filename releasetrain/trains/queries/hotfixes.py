"""Read which hotfixes are live, what would undo them, and which lanes carry them (RULES H2, H3)."""

from collections.abc import Mapping

from django.db.models import Case, QuerySet, When

from releasetrain.calendars.rules.windows import Lane
from releasetrain.catalog.models import Environment, Service
from releasetrain.lib.verdict import Reason
from releasetrain.trains.models import Change, Containment, Departure, LiveFix, Train
from releasetrain.trains.rules.hotfixes import Fix, why_undone
from releasetrain.trains.rules.states import FINISHED_STATES, ChangeState

# So many versions may stand between a version and the hotfix that it contains.
LONGEST_CHAIN = 50


def fix_of(row: LiveFix) -> Fix:
    """Read a live hotfix; quick where its service is loaded."""
    by = f"RT-{row.departure_id}" if row.departure_id else ""
    return Fix(row.service_id, row.service.name, row.version, row.since_at, by)


def live_fixes() -> QuerySet[LiveFix]:
    """Return the hotfixes that are live, newest first."""
    rows = LiveFix.objects.filter(ended_at__isnull=True).select_related("service", "environment", "departure")
    return rows.order_by("-since_at")


def is_contained(service: int, version: str, wanted: str) -> bool:
    """Tell whether one version of a service is known to contain another, through versions between them."""
    seen, frontier = {version}, {version}
    for _ in range(LONGEST_CHAIN):
        if wanted in seen:
            return True
        rows = Containment.objects.filter(service=service, version__in=frontier)
        frontier = set(rows.values_list("contains", flat=True)) - seen
        if not frontier:
            return False
        seen |= frontier
    return wanted in seen


def why_undoes(service: int, environment: int, version: str, *, zone: str) -> Reason | None:
    """Return why a version may not go where a hotfix is live, or None."""
    row = live_fixes().filter(service=service, environment=environment).first()
    if row is None or is_contained(service, version, row.version):
        return None
    return why_undone(fix_of(row), version=version, zone=zone)


def undone_by(departure: Departure, versions: Mapping[int, str]) -> list[tuple[Fix, Reason]]:
    """Return the live hotfixes that a departure would undo, each with the reason.

    :param versions: what it carries, by service
    """
    found = []
    for row in live_fixes().filter(service__in=versions, environment=departure.train.environment_id):
        version = versions[row.service_id]
        if not is_contained(row.service_id, version, row.version):
            fix = fix_of(row)
            found.append((fix, why_undone(fix, version=version, zone=departure.train.time_zone)))
    return found


def versions_aboard(departure: Departure) -> dict[int, str]:
    """Return at which version each service of a departure goes out: that of its change that boarded last."""
    rows = Change.objects.filter(departure=departure, state=ChangeState.ABOARD).order_by("boarded_at", "pk")
    return dict(rows.values_list("service_id", "version"))


def lanes_for(service: Service, environment: Environment) -> QuerySet[Train]:
    """Return the hotfix lanes that carry a service to an environment, the oldest first."""
    rows = Train.objects.filter(
        lane=Lane.HOTFIX, environment=environment, services=service, retired_at__isnull=True
    )
    return rows.select_related("team", "environment", "policy").order_by("pk")


def pattern_for(service: Service, environment: Environment) -> Train | None:
    """Return the train whose terms a new hotfix lane takes over: one that carries the service there.

    A train of the service's own team comes before one of others.
    """
    rows = Train.objects.filter(
        lane=Lane.TRAIN, environment=environment, services=service, retired_at__isnull=True
    )
    rows = rows.select_related("team", "environment", "policy")
    return rows.order_by(Case(When(team=service.team_id, then=0), default=1), "pk").first()


def hotfixes_under_way() -> QuerySet[Departure]:
    """Return the hotfixes that have not ended, newest first."""
    rows = Departure.objects.filter(train__lane=Lane.HOTFIX, sealed_at__isnull=False)
    rows = rows.exclude(state__in=FINISHED_STATES)
    rows = rows.select_related("train__team", "train__environment", "train__captain", "break_glass")
    return rows.order_by("-departs_at")
