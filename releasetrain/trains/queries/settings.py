"""Hold what a form says about a train or a policy, and find what is wrong with it before it is saved."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from releasetrain.accounts.models import Membership, Team, User
from releasetrain.accounts.rules import Role
from releasetrain.catalog.models import Environment, Service
from releasetrain.lib import schedule
from releasetrain.lib.schedule import flaws, occurrences
from releasetrain.trains.models import Policy, Train
from releasetrain.trains.queries.decision import seat_holders
from releasetrain.trains.rules.decision import why_not_quorum
from releasetrain.trains.rules.ladder import DEFAULT_LADDER, why_not_ladder

TEN_YEARS = timedelta(days=3660)


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """Everything that a person decides about a train."""

    name: str
    slug: str
    team: Team
    environment: Environment
    services: tuple[Service, ...]
    policy: Policy
    time_zone: str
    rule: str
    first_departs_at_local: str
    cut_off_lead: timedelta = timedelta(hours=2)
    boarding_lead: timedelta = timedelta(days=7)
    grace: timedelta = timedelta(minutes=30)
    ladder: list[dict[str, Any]] = field(default_factory=lambda: list(DEFAULT_LADDER))
    is_accelerated: bool = False
    captain: User | None = None

    @classmethod
    def of(cls, train: Train) -> "TrainSettings":
        """Return the settings that a train has now, to be edited."""
        own = {name: getattr(train, name) for name in cls.__dataclass_fields__ if name != "services"}
        return cls(**own, services=tuple(train.services.all()))


def train_problems(settings: TrainSettings, now: datetime, train: Train | None = None) -> dict[str, str]:
    """Return a sentence for each field of a train that cannot be used; none means that it may be saved."""
    found = {
        **_name_problems(settings, train),
        **_lead_problems(settings),
        **_schedule_problems(settings, now),
    }
    if not settings.services:
        found["services"] = "A train carries at least one service."
    if why := why_not_ladder(settings.ladder, is_accelerated=settings.is_accelerated):
        found["ladder"] = why
    if why := why_not_policy(settings.policy, settings.team, settings.services):
        found["policy"] = why
    return found


def _name_problems(settings: TrainSettings, train: Train | None) -> dict[str, str]:
    found: dict[str, str] = {}
    if not settings.name.strip() or len(settings.name) > 100:
        found["name"] = "A train needs a name of at most 100 characters."
    if not settings.slug:
        found["slug"] = "A train needs a short name for its address, made of letters and digits."
    taken = Train.objects.filter(slug=settings.slug)
    if (taken.exclude(pk=train.pk) if train else taken).exists():
        found["slug"] = f"Another train has the address “{settings.slug}” already."
    return found


def _lead_problems(settings: TrainSettings) -> dict[str, str]:
    found: dict[str, str] = {}
    if not timedelta(0) <= settings.cut_off_lead <= timedelta(days=30):
        found["cut_off_lead"] = "The cut-off lies from 0 minutes to 30 days before departure."
    if not settings.cut_off_lead < settings.boarding_lead <= timedelta(days=365):
        found["boarding_lead"] = "Boarding opens before the cut-off, and at most 365 days before departure."
    if not timedelta(0) <= settings.grace <= timedelta(days=1):
        found["grace"] = "The grace for a late departure lies from 0 minutes to 24 hours."
    return found


def _schedule_problems(settings: TrainSettings, now: datetime) -> dict[str, str]:
    found = flaws(settings.rule, settings.first_departs_at_local, settings.time_zone)
    if found:
        return found
    read = schedule.read(settings.rule, settings.first_departs_at_local, settings.time_zone)
    if not occurrences(read, after=now, until=now + TEN_YEARS, limit=1):
        return {"rule": "This rule has no departure in the next ten years."}
    return {}


def schedule_notes(settings: TrainSettings, now: datetime) -> list[str]:
    """Return what the clocks will not let happen as it was typed, in the next 400 days (RULES T2, T3)."""
    read = schedule.read(settings.rule, settings.first_departs_at_local, settings.time_zone)
    ahead = occurrences(read, after=now, until=now + timedelta(days=400))
    return [one.note for one in ahead if one.note]


def why_not_policy(policy: Policy, team: Team, services: Iterable[Service]) -> str | None:
    """Return why a policy could never be met on such a train, or None (RULES D4, D11)."""
    asks = list(policy.requirements.all())
    if not asks and not policy.no_approval_needed:
        return f"{policy.name} asks nobody and does not say that no approval is needed."
    carried = list(services)
    for ask in asks:
        holders = seat_holders(Role(ask.role), team.pk, carried)
        if why := why_not_quorum(Role(ask.role), ask.quorum, len(holders), team.name):
            return why
    return None


def policy_problems(
    name: str, asks: Mapping[Role, int], *, no_approval_needed: bool, policy: Policy | None = None
) -> dict[str, str]:
    """Return a sentence for each field of a policy that cannot be used (RULES D4, D11)."""
    found: dict[str, str] = {}
    if not name.strip() or len(name) > 100:
        found["name"] = "A policy needs a name of at most 100 characters."
    taken = Policy.objects.filter(name=name.strip())
    if (taken.exclude(pk=policy.pk) if policy else taken).exists():
        found["name"] = f"Another policy is called “{name.strip()}” already."
    if asks and no_approval_needed:
        found["no_approval_needed"] = "A policy either asks somebody or says that no approval is needed."
    if not asks and not no_approval_needed:
        found["no_approval_needed"] = "Nobody is asked. Say so on purpose, or ask somebody."
    for role, quorum in asks.items():
        if why := why_not_quorum(role, quorum, _holders_anywhere(role), "the whole house"):
            found["asks"] = why
    if policy is not None and "asks" not in found:
        found |= _train_quorum_problems(policy, asks)
    return found


def _train_quorum_problems(policy: Policy, asks: Mapping[Role, int]) -> dict[str, str]:
    """Return what an edit would break for a train that runs under the policy."""
    for train in policy.trains.filter(retired_at__isnull=True).select_related("team"):
        carried = list(train.services.all())
        for role, quorum in asks.items():
            holders = seat_holders(role, train.team_id, carried)
            if why := why_not_quorum(role, quorum, len(holders), train.team.name):
                return {"asks": f"{train}: {why}"}
    return {}


def _holders_anywhere(role: Role) -> int:
    held = Membership.objects.filter(role=role, user__is_active=True).values_list("user", flat=True)
    people = set(held)
    if role is Role.ADMINISTRATOR:
        people |= set(User.objects.filter(is_superuser=True, is_active=True).values_list("pk", flat=True))
    return len(people)
