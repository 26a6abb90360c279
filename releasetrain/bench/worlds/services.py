"""Lay services that report, a token that may report for all of them, and somebody who reads pages."""

from dataclasses import dataclass
from datetime import datetime

from releasetrain.accounts.actions import add_person, grant, issue_token
from releasetrain.accounts.models import Team
from releasetrain.accounts.rules import Role
from releasetrain.bench.worlds.shop import Person, signed_in
from releasetrain.catalog.actions import add_environment, add_service, add_target
from releasetrain.catalog.models import Target

METRICS = tuple(f"metric_{number:02}" for number in range(25))
ENVIRONMENT = "bench"


@dataclass(frozen=True, slots=True)
class ServicesWorld:
    """What reporters and readers need."""

    services: tuple[Target, ...]
    environment: str
    token: str
    person: Person


def lay_services(count: int, now: datetime) -> ServicesWorld:
    """Create so many services, each with a target."""
    team = Team.objects.create(slug="bench", name="Bench")
    environment = add_environment(slug=ENVIRONMENT, name="Bench", by=None, now=now)
    targets = []
    for number in range(count):
        service = add_service(
            slug=f"bench-{number:03}", name=f"Bench {number:03}", team=team, by=None, now=now
        )
        targets.append(
            add_target(
                service=service,
                environment=environment,
                driver="simulated",
                config={},
                by=None,
                now=now,
                stable_version="v1",
            )
        )
    scopes = [f"metrics:{one.service.slug}" for one in targets]
    _, secret = issue_token(name="bench", scopes=scopes, by=None, now=now)
    reader = add_person(email="reader@example.org", name="Reader", by=None, now=now)
    grant(user=reader, role=Role.ON_CALL, team=None, by=None, now=now)
    return ServicesWorld(tuple(targets), ENVIRONMENT, secret, signed_in(reader))
