"""Lay many rollouts that all bake at once, each with a service, a target, a guardrail and its reports."""

from datetime import datetime, timedelta

from django.db import connection

from releasetrain.accounts.models import Team
from releasetrain.catalog.models import Environment, Service, Target
from releasetrain.health.models import Arm
from releasetrain.lib import clock
from releasetrain.rollouts.models import Guardrail, Rollout
from releasetrain.rollouts.rules.states import RolloutState

LADDER = [{"weight": weight, "bake_seconds": 86_400} for weight in (10, 100)]
BATCH = 2_000
REPORT = """
INSERT INTO health_reading (target_id, arm, metric, source, units, bad, starts_at, ends_at, received_at)
SELECT target_id, arm, 'errors', '', 1000, 1, %(at)s - interval '10 seconds', %(at)s, %(at)s
FROM rollouts_rollout, unnest(%(arms)s::text[]) AS arm WHERE state = 'baking'
ON CONFLICT DO NOTHING
"""
LATER = """
UPDATE rollouts_rollout SET next_due_at = %(at)s + interval '1 day', last_credit_at = %(at)s
WHERE state = 'baking'
"""
DUE = """
UPDATE rollouts_rollout SET next_due_at = %(at)s + random() * %(seconds)s * interval '1 second'
WHERE id IN (SELECT id FROM rollouts_rollout WHERE state = 'baking' ORDER BY id LIMIT %(count)s)
"""


def lay_many(count: int) -> None:
    """Bring the house to so many rollouts that bake; those that are there already stay."""
    there = Rollout.objects.count()
    team = Team.objects.get_or_create(slug="many", defaults={"name": "Many"})[0]
    place = Environment.objects.get_or_create(slug="many", defaults={"name": "Many"})[0]
    for first in range(there, count, BATCH):
        _lay(range(first, min(first + BATCH, count)), team, place, clock.now())
    report(clock.now())
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE rollouts_rollout, catalog_target, health_reading, rollouts_guardrail")


def make_due(count: int, now: datetime, *, within: float = 0.0) -> None:
    """Make so many rollouts due, spread over so many seconds, and no other."""
    with connection.cursor() as cursor:
        cursor.execute(LATER, {"at": now})
        cursor.execute(DUE, {"at": now, "seconds": within, "count": count})


def _lay(numbers: range, team: Team, place: Environment, now: datetime) -> None:
    services = Service.objects.bulk_create(
        Service(slug=f"many-{number}", name=f"Service {number}", team=team) for number in numbers
    )
    world = {"weight": LADDER[0]["weight"], "fence": 5, "calls": 1}
    targets = Target.objects.bulk_create(
        Target(service=service, environment=place, driver="simulated", driver_config={"world": world})
        for service in services
    )
    Guardrail.objects.bulk_create(Guardrail(target=one, name="Errors", metric="errors") for one in targets)
    Rollout.objects.bulk_create(_rollout(one, now) for one in targets)


def _rollout(target: Target, now: datetime) -> Rollout:
    return Rollout(
        target=target,
        from_version="v1",
        to_version="v2",
        ladder=LADDER,
        state=RolloutState.BAKING,
        desired_weight=LADDER[0]["weight"],
        observed_weight=LADDER[0]["weight"],
        observed_at=now,
        agreed_at=now - timedelta(seconds=5),
        fence=5,
        weight_fence=5,
        seq=3,
        counted_reading=0,
        bake_needed_seconds=LADDER[0]["bake_seconds"],
        last_credit_at=now,
        state_entered_at=now,
        overall_deadline_at=now + timedelta(days=30),
        next_due_at=now,
        created_at=now,
    )


def report(now: datetime) -> None:
    """Report the last ten seconds of every service that bakes, both arms."""
    with connection.cursor() as cursor:
        cursor.execute(REPORT, {"at": now, "arms": [arm.value for arm in Arm]})


def credited_at() -> dict[int, datetime | None]:
    """Return when each rollout was looked at last."""
    return dict(Rollout.objects.filter(state=RolloutState.BAKING).values_list("pk", "last_credit_at"))
