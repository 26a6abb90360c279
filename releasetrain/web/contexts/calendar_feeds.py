"""Gather what the private calendars of a train, a team and a person hold, in a bounded number of queries."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db.models import Count, Max, Q, QuerySet

from releasetrain.accounts.models import Duty, Team, User
from releasetrain.accounts.queries import duties_between, name_of
from releasetrain.accounts.rules import Roles
from releasetrain.calendars.ics.writer import Entry
from releasetrain.calendars.queries import place, windows_between
from releasetrain.calendars.rules.windows import Effect, Freeze, Lane, Place, Stops, Time
from releasetrain.catalog.models import Environment, Service
from releasetrain.events.models import Event
from releasetrain.lib.spans import Span
from releasetrain.trains.models import Departure, Train
from releasetrain.trains.rules.states import DepartureState

BACK, AHEAD = timedelta(days=30), timedelta(days=400)
MOST_DEPARTURES, MOST_TIMES, MOST_DUTIES = 400, 1000, 800
NOTHING = 0
OFF = frozenset({DepartureState.CANCELLED, DepartureState.SKIPPED})
# What an event of these kinds is about has another time, or none any more.
MOVES = (
    "trains.departure.moved",
    "trains.departure.postponed",
    "trains.departure.skipped",
    "trains.departure.restored",
    "trains.departure.cancelled",
    "trains.deadline.moved",
    "trains.train.changed",
    "calendars.window.changed",
    "calendars.window.ended",
)


@dataclass(frozen=True, slots=True)
class Edition:
    """How often something has changed, and when it last did."""

    sequence: int
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Opening:
    """One time that a window is open."""

    freeze: Freeze
    time: Time


Editions = dict[tuple[str, int], Edition]


def of_train(train: Train, now: datetime) -> list[Entry]:
    """Return the departures, deadlines and windows of a train."""
    places = [place(service, train.environment) for service in train.services.all()]
    windows = _windows(places, now, lanes=[Lane(train.lane)])
    return _entries(Departure.objects.filter(train=train), windows, [], now, zone=train.time_zone)


def of_team(team: Team, now: datetime) -> list[Entry]:
    """Return what departs with a team's services or by its trains, its windows, and its on-call rota."""
    trains = Train.objects.filter(Q(team=team) | Q(services__team=team))
    duties = duties_between([team], now - BACK, now + AHEAD).select_related("team")
    return _entries(
        Departure.objects.filter(train__in=trains.values("pk")),
        _windows(_places([team.pk]), now),
        duties[:MOST_DUTIES],
        now,
        zone=team.time_zone,
    )


def of_person(user: User, roles: Roles, now: datetime) -> list[Entry]:
    """Return what departs with somebody's changes, by their hand or in their teams, and their own duties.

    Who holds a role in the whole house has every train and every window.
    """
    teams = {team for team, _ in roles.teams}
    services = {service for service, _ in roles.services}
    wanted = Departure.objects.all()
    if not roles.house:
        mine = Q(changes__author=user) | Q(changes__submitted_by=user) | Q(captain=user) | Q(deputy=user)
        ours = Q(train__team__in=teams) | Q(train__services__team__in=teams)
        wanted = wanted.filter(mine | ours | Q(train__services__in=services))
    duties = Duty.objects.filter(user=user, during__overlap=(now - BACK, now + AHEAD)).select_related("team")
    windows = _windows(None if roles.house else _places(teams), now)
    return _entries(wanted, windows, duties.order_by("during")[:MOST_DUTIES], now, zone=user.time_zone)


def _places(teams: Iterable[int]) -> list[Place]:
    """Return everywhere that the services of teams may move, and the teams themselves."""
    wanted = list(teams)
    environments = list(Environment.objects.values_list("pk", "region_id"))
    services = Service.objects.filter(team__in=wanted).values_list("pk", "team_id")
    return [
        *(Place(team, NOTHING, NOTHING) for team in wanted),
        *(
            Place(team, service, where, region)
            for service, team in services
            for where, region in environments
        ),
    ]


def _windows(
    places: list[Place] | None, now: datetime, *, lanes: Iterable[Lane] = tuple(Lane)
) -> list[Opening]:
    """Return each time that a window is open over any of the places; over everything where there is None."""
    first, last = now - BACK, now + AHEAD
    whole, asked = Span(first, last), list(lanes)
    return [
        Opening(freeze, time)
        for freeze in windows_between(first, last)
        if places is None or any(freeze.concerns(one, lane) for one in places for lane in asked)
        for time in freeze.times
        if time.span.overlaps(whole) and (places is None or any(time.covers(one) for one in places))
    ][:MOST_TIMES]


def _entries(
    departures: QuerySet[Departure],
    windows: list[Opening],
    duties: Iterable[Duty],
    now: datetime,
    *,
    zone: str,
) -> list[Entry]:
    near = Departure.objects.filter(
        pk__in=departures.values("pk"), departs_at__gte=now - BACK, departs_at__lt=now + AHEAD
    )
    rows = list(near.select_related("train").order_by("departs_at", "pk")[:MOST_DEPARTURES])
    editions = _editions(
        {
            "trains.departure": {row.pk for row in rows},
            "trains.train": {row.train_id for row in rows},
            "calendars.window": {one.freeze.id for one in windows},
        }
    )
    return [
        *(entry for row in rows for entry in _of_departure(row, editions)),
        *(_of_window(one, zone, editions) for one in windows),
        *(_of_duty(one) for one in duties),
    ]


def _editions(subjects: dict[str, set[int]]) -> Editions:
    """Count what has happened to things that changed their times, in one query."""
    asked = Q(pk__in=[])
    for kind, ids in subjects.items():
        asked |= Q(subject_kind=kind, subject_id__in=ids)
    rows = Event.objects.filter(asked, kind__in=MOVES).values_list("subject_kind", "subject_id")
    return {
        (kind, pk): Edition(count, last)
        for kind, pk, count, last in rows.annotate(count=Count("pk"), last=Max("at")).order_by()
    }


def _edition(editions: Editions, made_at: datetime, *of: tuple[str, int]) -> Edition:
    known = [editions[one] for one in of if one in editions]
    return Edition(sum(one.sequence for one in known), max([made_at, *(one.changed_at for one in known)]))


def _of_departure(row: Departure, editions: Editions) -> list[Entry]:
    """Return a departure with its cut-offs and milestones; all of them are off when it is."""
    edition = _edition(
        editions,
        min(row.boards_at, row.planned_at),
        ("trains.departure", row.pk),
        ("trains.train", row.train_id),
    )
    is_off = DepartureState(row.state) in OFF
    moments: dict[str, tuple[str, datetime, str]] = {
        "departure": (f"{row} departs", row.departs_at, "Departure")
    }
    for category, at in row.cut_offs.items():
        named = f" for {category}" if category else ""
        moments[f"cut-off-{category or 'all'}"] = (
            f"{row}: cut-off{named}",
            datetime.fromisoformat(at),
            "Cut-off",
        )
    for one in row.milestones:
        moments[f"milestone-{one['name']}"] = (
            f"{row}: {one['name']}",
            datetime.fromisoformat(one["at"]),
            "Milestone",
        )
    return [
        Entry(
            uid=_uid("departure", row.pk, what),
            title=title,
            starts_at=at,
            zone=row.train.time_zone,
            changed_at=edition.changed_at,
            text=f"{row.code} of {row.train}, {row.state}.",
            url=f"{settings.PUBLIC_URL}/departures/{row.pk}/",
            category=category,
            sequence=edition.sequence,
            is_cancelled=is_off,
        )
        for what, (title, at, category) in moments.items()
    ]


def _of_window(one: Opening, zone: str, editions: Editions) -> Entry:
    freeze, span = one.freeze, one.time.span
    edition = _edition(editions, span.start, ("calendars.window", freeze.id))
    level = {Stops.HARD: "Freeze", Stops.SOFT: "Soft freeze", Stops.NOTICE: "Notice"}[freeze.level]
    kind = "Line stopped" if freeze.stops_the_line else "Open" if freeze.effect is Effect.ALLOW else level
    return Entry(
        uid=_uid("window", freeze.id, f"{span.start.astimezone(UTC):%Y%m%dT%H%M%SZ}-{one.time.region or 0}"),
        title=f"{kind}: {freeze.name}",
        starts_at=span.start,
        ends_at=span.end,
        zone=zone,
        changed_at=edition.changed_at,
        text=freeze.reason,
        url=f"{settings.PUBLIC_URL}/calendar/windows/{freeze.id}/",
        category=kind,
        sequence=edition.sequence,
    )


def _of_duty(duty: Duty) -> Entry:
    start, end = duty.during.lower, duty.during.upper
    return Entry(
        uid=_uid("duty", duty.pk, ""),
        title=f"On call for {duty.team}: {name_of(duty)}",
        starts_at=start,
        ends_at=end,
        zone=duty.team.time_zone,
        changed_at=start,
        url=f"{settings.PUBLIC_URL}/teams/{duty.team.slug}/on-call/",
        category="On call",
        is_busy=True,
    )


def _uid(noun: str, pk: int, what: str) -> str:
    host = settings.PUBLIC_URL.split("://")[-1].split("/")[0].split(":")[0]
    return f"{noun}-{pk}-{what}@{host}".replace(" ", "-") if what else f"{noun}-{pk}@{host}"
