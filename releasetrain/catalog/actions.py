"""Add services, environments and targets, and say what needs what."""

from datetime import datetime
from typing import Any

from django.db import transaction

from releasetrain.accounts.models import Team
from releasetrain.catalog.models import Dependency, Environment, Region, Service, Target
from releasetrain.catalog.rules import cycle_through
from releasetrain.events.actions import Actor, record
from releasetrain.lib.errors import Invalid
from releasetrain.lib.recurrence import BadRule
from releasetrain.lib.schedule import read_zone


@transaction.atomic
def add_region(*, slug: str, name: str, time_zone: str, by: Actor | None, now: datetime) -> Region:
    """Add a part of the world with a day of its own (RULES T7).

    :raises Invalid: nobody knows the zone; a likely one is named
    """
    try:
        zone = read_zone(time_zone)
    except BadRule as refusal:
        raise Invalid(str(refusal), field="time_zone") from refusal
    region = Region.objects.create(slug=slug, name=name, time_zone=zone.key)
    record(kind="catalog.region.added", subject=region, actor=by, now=now, time_zone=zone.key)
    return region


@transaction.atomic
def add_environment(
    *, slug: str, name: str, by: Actor | None, now: datetime, order: int = 0, region: Region | None = None
) -> Environment:
    """Add a place where services run, in a region where days count."""
    environment = Environment.objects.create(slug=slug, name=name, order=order, region=region)
    record(kind="catalog.environment.added", subject=environment, actor=by, now=now)
    return environment


@transaction.atomic
def add_service(
    *, slug: str, name: str, team: Team, by: Actor | None, now: datetime, repository: str = ""
) -> Service:
    """Add something that has versions."""
    service = Service.objects.create(slug=slug, name=name, team=team, repository=repository)
    record(kind="catalog.service.added", subject=service, actor=by, now=now, team=team.name)
    return service


@transaction.atomic
def add_target(
    *,
    service: Service,
    environment: Environment,
    driver: str,
    config: dict[str, Any],
    by: Actor | None,
    now: datetime,
    stable_version: str = "",
) -> Target:
    """Say by which driver a service's traffic moves in an environment."""
    target = Target.objects.create(
        service=service,
        environment=environment,
        driver=driver,
        driver_config=config,
        stable_version=stable_version,
    )
    record(kind="catalog.target.added", subject=target, actor=by, now=now, driver=driver)
    return target


@transaction.atomic
def add_dependency(*, service: Service, depends_on: Service, by: Actor | None, now: datetime) -> Dependency:
    """Say that a service needs another one.

    :raises Invalid: it would close a circle, which is printed
    """
    edges = list(Dependency.objects.select_for_update(no_key=True).values_list("service_id", "depends_on_id"))
    if circle := cycle_through(edges, (service.pk, depends_on.pk)):
        names = dict(Service.objects.filter(pk__in=circle).values_list("pk", "name"))
        path = " → ".join(names[pk] for pk in circle)
        raise Invalid(f"That would close a circle: {path}. Take one of these arrows away first.")
    dependency = Dependency.objects.create(service=service, depends_on=depends_on)
    record(kind="catalog.dependency.added", subject=service, actor=by, now=now, depends_on=depends_on.name)
    return dependency


@transaction.atomic
def set_stable_version(target: Target, version: str, *, by: Actor | None, now: datetime) -> None:
    """Note which version everybody gets from now on."""
    before, target.stable_version = target.stable_version, version
    target.save(update_fields=["stable_version"])
    record(
        kind="catalog.version.settled",
        subject=target,
        actor=by,
        now=now,
        version=version,
        before=before or "none",
    )
