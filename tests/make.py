"""Make real rows for tests, each with sensible defaults."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

from django.db.backends.postgresql.psycopg_any import DateTimeTZRange

from releasetrain.accounts.models import Membership, Team, User
from releasetrain.accounts.rules import Role
from releasetrain.calendars.models import Occurrence, Window, WindowScope
from releasetrain.catalog.models import Environment, Region, Service, Target
from releasetrain.flags.models import Flag, FlagEnvironment
from releasetrain.health.models import Reading
from releasetrain.rollouts.models import Guardrail, Rollout
from releasetrain.trains.models import Change, Departure, Policy, Requirement, Train
from releasetrain.trains.rules.times import cut_off_before

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LADDER = [{"weight": weight, "bake_seconds": 600} for weight in (1, 5, 10, 25, 50, 100)]
number = count(1)


def team(name: str = "Storefront") -> Team:
    return Team.objects.get_or_create(slug=name.lower(), defaults={"name": name})[0]


def user(name: str = "", *roles: Role, team: Team | None = None, **fields: Any) -> User:
    """Make a person who holds these roles in the team, or in the house where none is named."""
    name = name or f"Person {next(number)}"
    person = User.objects.create_user(
        email=f"{name.lower().replace(' ', '.')}@example.org", name=name, **fields
    )
    for role in roles:
        Membership.objects.create(user=person, role=role, team=team)
    return person


def environment(slug: str = "production") -> Environment:
    return Environment.objects.get_or_create(slug=slug, defaults={"name": slug.capitalize()})[0]


def service(name: str = "Storefront") -> Service:
    return Service.objects.get_or_create(slug=name.lower(), defaults={"name": name, "team": team()})[0]


def flag_environment(key: str = "new-checkout", **fields: Any) -> FlagEnvironment:
    flag = Flag.objects.get_or_create(key=key, defaults={"owner": team()})[0]
    fields.setdefault("salt", f"{key}-salt")
    return FlagEnvironment.objects.create(flag=flag, environment=environment(), **fields)


def target(name: str = "Storefront", **fields: Any) -> Target:
    fields.setdefault("driver", "flag")
    fields.setdefault("driver_config", {"flag": "new-checkout"})
    return Target.objects.get_or_create(service=service(name), environment=environment(), defaults=fields)[0]


def policy(**quorums: int) -> Policy:
    """Make a policy, e.g. policy(release_manager=1, on_call=1)."""
    made = Policy.objects.create(name=f"Policy {next(number)}", owner=team(), no_approval_needed=not quorums)
    for role, quorum in quorums.items():
        Requirement.objects.create(policy=made, role=role, quorum=quorum)
    return made


def train(name: str = "Checkout Express", **fields: Any) -> Train:
    defaults: dict[str, Any] = {
        "team": team(),
        "environment": environment(),
        "time_zone": "Europe/Berlin",
        "rule": "FREQ=WEEKLY",
        "first_departs_at_local": "2026-11-24T14:00:00",
        "cut_offs": cut_off_before(timedelta(hours=2)),
        "ladder": LADDER,
    }
    defaults.update(fields)
    defaults.setdefault("policy", None)
    defaults["policy"] = defaults["policy"] or policy(release_manager=1)
    made = Train.objects.create(
        slug=f"{name.lower().replace(' ', '-')}-{next(number)}", name=name, **defaults
    )
    made.services.add(service())
    return made


def departure(of: Train | None = None, **fields: Any) -> Departure:
    """Make a departure that boards now, cuts off in an hour and departs in two."""
    of = of or train()
    defaults: dict[str, Any] = {
        "planned_at": NOW + timedelta(hours=2, seconds=next(number)),
        "boards_at": NOW - timedelta(days=1),
        "cut_off_at": NOW + timedelta(hours=1),
        "departs_at": NOW + timedelta(hours=2),
        "state": "boarding",
        "plan": {
            "ladder": of.ladder,
            "accelerated": of.is_accelerated,
            "requirements": [
                {"role": one.role, "quorum": one.quorum} for one in of.policy.requirements.all()
            ],
            "no_approval_needed": of.policy.no_approval_needed,
            "grace_seconds": 1800,
        },
    }
    return Departure.objects.create(train=of, **{**defaults, **fields})


def change(title: str = "Show prices with tax", **fields: Any) -> Change:
    defaults: dict[str, Any] = {
        "service": service(),
        "version": f"v{next(number)}",
        "author_label": "somebody",
        "submitted_at": NOW,
    }
    return Change.objects.create(title=title, **{**defaults, **fields})


def rollout(of: Departure | None = None, on: Target | None = None, **fields: Any) -> Rollout:
    """Make a queued rollout that is due now, with the plan of its departure."""
    on = on or target(driver="simulated", driver_config={})
    defaults: dict[str, Any] = {
        "departure": of,
        "target": on,
        "from_version": "v1",
        "to_version": "v2",
        "ladder": of.plan["ladder"] if of else LADDER,
        "fence": 1,
        "weight_fence": 1,
        "state_entered_at": NOW,
        "next_due_at": NOW,
        "created_at": NOW,
    }
    return Rollout.objects.create(**{**defaults, **fields})


def guardrail(on: Target, metric: str = "errors", **fields: Any) -> Guardrail:
    return Guardrail.objects.create(target=on, name=metric.capitalize(), metric=metric, **fields)


def readings(
    on: Target,
    until: datetime,
    *,
    seconds: int = 10,
    units: int = 1000,
    bad: int = 0,
    source: str = "",
    **arms: int,
) -> None:
    """Report one span of "errors" for both arms; candidate= and candidate_bad= differ from the baseline."""
    counts = {
        "baseline": (units, bad),
        "candidate": (arms.get("candidate", units), arms.get("candidate_bad", bad)),
    }
    for arm, (of, wrong) in counts.items():
        Reading.objects.create(
            target=on,
            arm=arm,
            metric="errors",
            source=source,
            units=of,
            bad=wrong,
            starts_at=until - timedelta(seconds=seconds),
            ends_at=until,
            received_at=until,
        )


def region(name: str = "Europe", time_zone: str = "Europe/Berlin") -> Region:
    return Region.objects.get_or_create(
        slug=name.lower().replace(" ", "-"), defaults={"name": name, "time_zone": time_zone}
    )[0]


def window(
    name: str = "Freeze",
    *,
    starts_at: datetime = NOW,
    ends_at: datetime = NOW + timedelta(hours=1),
    lanes: Iterable[str] = (),
    excludes: Iterable[dict[str, Any]] = (),
    **fields: Any,
) -> Window:
    """Make a window that opens once; `team`, `service`, `environment` and `region` say where.

    :param excludes: places that are left out, e.g. [{"service": row, "environment": row}]
    """
    where = {key: fields.pop(key, None) for key in ("team", "service", "environment", "region")}
    fields.setdefault("reason", "audit")
    made = Window.objects.create(
        name=name,
        starts_at=starts_at,
        ends_at=ends_at,
        starts_local=f"{starts_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}",
        ends_local=f"{ends_at.astimezone(UTC):%Y-%m-%dT%H:%M:%S}",
        lanes=list(lanes),
        **fields,
    )
    if any(where.values()):
        WindowScope.objects.create(window=made, **where)
    for place in excludes:
        WindowScope.objects.create(window=made, is_exclusion=True, **place)
    Occurrence.objects.create(window=made, during=DateTimeTZRange(starts_at, ends_at))
    return made
