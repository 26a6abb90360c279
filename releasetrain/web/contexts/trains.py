"""Gather what the train pages show."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from django.db.models import Count, Q

from releasetrain.accounts.models import Membership
from releasetrain.accounts.rules import Role, Roles
from releasetrain.insights.queries import figures_of
from releasetrain.lib.schedule import known_zones
from releasetrain.lib.spans import in_words
from releasetrain.panels.shapes import PastDeparture, PolicyLine, Rung, TrainDate, TrainPage, TrainRow
from releasetrain.trains.models import Departure, Train
from releasetrain.trains.queries import schedule_in_words
from releasetrain.trains.rules.states import FINISHED_STATES, DepartureState

DATES, HISTORY = 10, 15
EDIT_ROLES = (Role.RELEASE_MANAGER, Role.ADMINISTRATOR)
AHEAD = [state.value for state in DepartureState if state not in FINISHED_STATES]


def may_edit(roles: Roles, team: int | None) -> bool:
    """Tell whether somebody may make or change this team's trains."""
    return any(roles.has(role, team=team) for role in EDIT_ROLES)


def may_make(roles: Roles) -> bool:
    """Tell whether somebody may make a train for any team at all."""
    return any(roles.has_any(role) for role in EDIT_ROLES)


def rows_of(trains: list[Train]) -> list[TrainRow]:
    """Say each train with its next departure; two queries however many there are."""
    ahead: dict[int, Departure] = {}
    for departure in Departure.objects.filter(train__in=trains, state__in=AHEAD).order_by("-departs_at"):
        ahead[departure.train_id] = departure
    return [_row(train, ahead.get(train.pk)) for train in trains]


def _row(train: Train, following: Departure | None) -> TrainRow:
    return TrainRow(
        url=f"/trains/{train.slug}/",
        name=train.name,
        team=train.team.name,
        schedule=in_words_of(train),
        zone=train.time_zone,
        services=", ".join(service.name for service in train.services.all()),
        ladder=" · ".join(str(stage["weight"]) for stage in train.ladder),
        next_at=following.departs_at if following else None,
        next_url=f"/departures/{following.pk}/" if following else "",
        next_state=following.state if following else "",
    )


def in_words_of(train: Train) -> str:
    """Say a train's schedule without its zone, which stands beside it."""
    if train.retired_at is not None:
        return "retired"
    return schedule_in_words(train).replace(f" {train.time_zone}", "", 1)


def page_of(train: Train, roles: Roles) -> TrainPage:
    """Gather everything about one train."""
    return TrainPage(
        name=train.name,
        team=train.team.name,
        schedule=in_words_of(train),
        rule=train.rule,
        zone=train.time_zone,
        environment=train.environment.name,
        services=[service.name for service in train.services.all()],
        ladder=[Rung(stage["weight"], in_words(stage["bake_seconds"])) for stage in train.ladder],
        policy_name=train.policy.name,
        policy=_policy(train),
        cut_off=f"{in_words(train.cut_off_lead)} before departure",
        boarding=f"opens {in_words(train.boarding_lead)} before departure",
        captain=str(train.captain or ""),
        dates=_dates(train),
        history=[_past(departure) for departure in _history(train)],
        figures=figures_of(train),
        is_accelerated=train.is_accelerated,
        edit_url=f"/trains/{train.slug}/edit/" if may_edit(roles, train.team_id) else "",
    )


def _policy(train: Train) -> list[PolicyLine]:
    names: dict[str, list[str]] = {}
    held = Membership.objects.filter(Q(team=train.team_id) | Q(team=None), user__is_active=True)
    for role, name in held.order_by("user__name").values_list("role", "user__name"):
        names.setdefault(role, []).append(name)
    return [
        PolicyLine(Role(one.role).label, one.quorum, ", ".join(names.get(one.role, [])) or "nobody holds it")
        for one in train.policy.requirements.all()
    ]


def _dates(train: Train) -> list[TrainDate]:
    departures = Departure.objects.filter(train=train, state__in=AHEAD).annotate(aboard=Count("changes"))
    dates: list[TrainDate] = []
    zone = ZoneInfo(train.time_zone) if train.time_zone in known_zones() else UTC
    before: datetime | None = None
    for departure in departures.order_by("departs_at")[:DATES]:
        local = departure.departs_at.astimezone(zone)
        dates.append(
            TrainDate(
                departs_at=departure.departs_at,
                cut_off_at=departure.cut_off_at,
                state=departure.state,
                url=f"/departures/{departure.pk}/",
                shift=_shift(before, local),
                changes=departure.aboard,
            )
        )
        before = local
    return dates


def _shift(before: datetime | None, local: datetime) -> str:
    """Say by how much the clocks changed since the date before."""
    earlier, now = before.utcoffset() if before else None, local.utcoffset()
    if earlier is None or now is None or earlier == now:
        return ""
    change = now - earlier
    return f"clocks {'forward' if change.total_seconds() > 0 else 'back'} by {in_words(change)} before it"


def _history(train: Train) -> list[Departure]:
    past = Departure.objects.filter(train=train, state__in=[state.value for state in FINISHED_STATES])
    return list(past.order_by("-departs_at")[:HISTORY])


def _past(departure: Departure) -> PastDeparture:
    return PastDeparture(
        url=f"/departures/{departure.pk}/",
        label=departure.label or departure.code,
        departed_at=departure.departed_at or departure.departs_at,
        state=departure.state,
        outcome=departure.outcome,
    )
