"""Build the demonstration's world by the ordinary actions; building it again adds only what is missing."""

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

from django.conf import settings

from releasetrain.accounts.access import token_for
from releasetrain.accounts.actions import add_person, grant, issue_token, revoke_token
from releasetrain.accounts.models import ApiToken, Membership, Team, User
from releasetrain.catalog.actions import add_dependency, add_environment, add_service, add_target
from releasetrain.catalog.models import Dependency, Environment, Service, Target
from releasetrain.demo import calendars, kept, proxying, world
from releasetrain.demo.running import DEMO, demo_train_settings, keep_running
from releasetrain.flags.actions import create_flag
from releasetrain.flags.models import Flag
from releasetrain.lib import clock
from releasetrain.lib.errors import NotAllowed, Refused
from releasetrain.rollouts.models import Guardrail
from releasetrain.rollouts.rules.guardrails import Guardrail as GuardrailRule
from releasetrain.rollouts.rules.guardrails import problems_of
from releasetrain.trains.actions import (
    TrainSettings,
    create_train,
    import_history,
    ingest_webhook,
    materialise,
    save_policy,
    submit_change,
)
from releasetrain.trains.models import Change, Policy, Train
from releasetrain.trains.queries import open_for_boarding
from releasetrain.trains.queries.timetable import AHEAD
from releasetrain.trains.rules.times import cut_off_before

HERE = Path(__file__).parent
PAYLOADS = HERE / "payloads"
HISTORY = HERE / "history"
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
TOKENS = {
    "ofrep": ("demonstration storefront: flags", f"ofrep:{world.ENVIRONMENT}"),
    "metrics": ("demonstration storefront: metrics", f"metrics:{world.SHOP}"),
}


class HouseInUse(Refused):
    """Refuse to put the demonstration beside somebody's own trains."""

    code = "house_in_use"


def is_loaded() -> bool:
    """Tell whether the demonstration's people live here."""
    return User.objects.filter(email=world.PEOPLE[0].email).exists()


def load(now: datetime, tell: Callable[[str], None]) -> None:
    """Build what is missing of the world, and see to it that its train departs soon.

    :param tell: is given a sentence before each step that takes a moment
    :raises HouseInUse: somebody has services, trains or flags of their own here
    """
    if not is_loaded() and any(model.objects.exists() for model in (Service, Train, Flag)):
        raise HouseInUse(
            "This house has services of its own, so the demonstration was left out. It needs an empty house: "
            "set RELEASETRAIN_DATA to another folder.",
            who="whoever runs this house",
        )
    tell("people, services and flags")
    teams = {spec.slug: _team(spec) for spec in world.TEAMS}
    people = {spec.email: _person(spec, teams, now) for spec in world.PEOPLE}
    place = _environment(now)
    services = {spec.slug: _service(spec, teams[spec.team], place, now) for spec in world.SERVICES}
    _dependencies(services, now)
    shop = Target.objects.get(service=services[world.SHOP], environment=place)
    proxying.set_up(shop)
    _guardrails(shop)
    _tokens(now)
    tell("calendars and who is on call")
    calendars.load(teams, people, services, now)
    tell("trains and changes")
    policy = _policy(teams["platform"], now)
    for train in world.TRAINS:
        weekly = _train(_weekly(train, teams, people, place, services, policy, now), now)
        materialise(weekly, until=now + AHEAD, now=now)
    _changes(services, people, now)
    _webhooks(now)
    tell("the record of real trains")
    import_history(HISTORY, by=DEMO, now=now)
    later = clock.now()  # loading took a moment, and people are promised two minutes
    _train(demo_train_settings(teams, people, place, services, policy, later), later)
    keep_running(later)


def _team(spec: world.TeamSpec) -> Team:
    return Team.objects.get_or_create(
        slug=spec.slug, defaults={"name": spec.name, "time_zone": spec.time_zone}
    )[0]


def _person(spec: world.PersonSpec, teams: dict[str, Team], now: datetime) -> User:
    user = User.objects.filter(email=spec.email).first()
    user = user or add_person(email=spec.email, name=spec.name, time_zone=spec.time_zone, by=DEMO, now=now)
    if not Membership.objects.filter(user=user, role=spec.role).exists():
        grant(user=user, role=spec.role, team=teams.get(spec.team), by=DEMO, now=now)
    return user


def _environment(now: datetime) -> Environment:
    found = Environment.objects.filter(slug=world.ENVIRONMENT).first()
    return found or add_environment(slug=world.ENVIRONMENT, name="Production", by=DEMO, now=now)


def _service(spec: world.ServiceSpec, team: Team, place: Environment, now: datetime) -> Service:
    """Add a service with its flag and its target, each where it is missing."""
    service = Service.objects.filter(slug=spec.slug).first() or add_service(
        slug=spec.slug, name=spec.name, team=team, repository=spec.repository, by=DEMO, now=now
    )
    if not Flag.objects.filter(key=spec.flag).exists():
        create_flag(
            key=spec.flag, owner=team, environments=[place], description=spec.flag_says, actor=DEMO, now=now
        )
    if not Target.objects.filter(service=service, environment=place).exists():
        add_target(
            service=service,
            environment=place,
            driver="flag",
            config={"flag": spec.flag},
            stable_version=spec.stable,
            by=DEMO,
            now=now,
        )
    return service


def _dependencies(services: dict[str, Service], now: datetime) -> None:
    for one, other in world.DEPENDENCIES:
        pair = {"service": services[one], "depends_on": services[other]}
        if not Dependency.objects.filter(**pair).exists():
            add_dependency(**pair, by=DEMO, now=now)


def _guardrails(target: Target) -> None:
    """Promise how the storefront behaves; nothing is reported yet, so only its rule is asked."""
    for spec in world.GUARDRAILS:
        fields = spec.fields()
        if problems := problems_of(GuardrailRule(**fields)):
            raise ValueError(" ".join(one.sentence for one in problems))
        Guardrail.objects.get_or_create(target=target, name=spec.name, defaults=fields)


def _tokens(now: datetime) -> None:
    """Issue the storefront's tokens where it holds none that still work."""
    for name, (title, scope) in TOKENS.items():
        secret = kept.reader(settings.DATA_DIR, name)()
        if secret and _still_works(secret, scope):
            continue
        for old in ApiToken.objects.filter(name=title, revoked_at=None):
            revoke_token(old, by=DEMO, now=now)
        token = issue_token(name=title, scopes=[scope], by=None, now=now)
        kept.keep(settings.DATA_DIR, name, token[1])


def _still_works(secret: str, scope: str) -> bool:
    try:
        token_for(secret, scope)
    except NotAllowed:
        return False
    return True


def _policy(owner: Team, now: datetime) -> Policy:
    found = Policy.objects.filter(name=world.POLICY).first()
    return found or save_policy(name=world.POLICY, owner=owner, asks=world.QUORUMS, by=DEMO, now=now)


def _weekly(
    spec: world.TrainSpec,
    teams: dict[str, Team],
    people: dict[str, User],
    place: Environment,
    services: dict[str, Service],
    policy: Policy,
    now: datetime,
) -> TrainSettings:
    first = _first_date(spec, now)
    return TrainSettings(
        name=spec.name,
        slug=spec.slug,
        team=teams[spec.team],
        environment=place,
        services=tuple(services[slug] for slug in spec.services),
        policy=policy,
        time_zone=spec.time_zone,
        rule=f"FREQ=WEEKLY;BYDAY={WEEKDAYS[spec.weekday]}",
        first_departs_at_local=f"{first.isoformat()}T{spec.at}:00",
        cut_offs=cut_off_before(spec.cut_off_lead),
        ladder=[dict(stage) for stage in world.USUAL],
        captain=people[spec.captain],
    )


def _first_date(spec: world.TrainSpec, now: datetime) -> date:
    """Return the train's weekday in the week that begins today, on its own clocks."""
    today = now.astimezone(ZoneInfo(spec.time_zone)).date()
    return today + timedelta(days=(spec.weekday - today.weekday()) % 7)


def _train(wanted: TrainSettings, now: datetime) -> Train:
    return Train.objects.filter(slug=wanted.slug).first() or create_train(wanted, by=DEMO, now=now)


def _changes(services: dict[str, Service], people: dict[str, User], now: datetime) -> None:
    """Submit what people want to ship, aboard the next departure where they have chosen a train."""
    for spec in world.CHANGES:
        service = services[spec.service]
        if Change.objects.filter(service=service, version=spec.version).exists():
            continue
        departures = open_for_boarding(now).filter(train__slug=spec.train) if spec.train else None
        submit_change(
            title=spec.title,
            service=service,
            version=spec.version,
            description=spec.description,
            rollback_plan=spec.rollback_plan,
            flag_key=spec.flag,
            departure=departures.first() if departures is not None else None,
            by=people[spec.by],
            now=now,
        )


def _webhooks(now: datetime) -> None:
    """Take in real messages of a code host, as its endpoint would; each counts once."""
    for name in ("opened", "labeled", "synchronize"):
        payload = json.loads((PAYLOADS / f"pull_request.{name}.json").read_text())
        ingest_webhook(
            host="github", event="pull_request", delivery_id=f"demonstration-{name}", payload=payload, now=now
        )
