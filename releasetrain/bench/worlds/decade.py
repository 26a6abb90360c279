"""Lay a house with ten years behind it: trains and windows by the verbs themselves, the past by bulk SQL."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db import connection
from django.db.models import Model

from releasetrain.accounts.actions import add_person, grant
from releasetrain.accounts.models import Team, User
from releasetrain.accounts.rules import Role
from releasetrain.bench.progress import say
from releasetrain.calendars.actions import open_window
from releasetrain.calendars.models import Holidays, Occurrence, Window
from releasetrain.calendars.queries.settings import Where, WindowSettings
from releasetrain.calendars.rules.windows import Behaviour, Effect, Stops
from releasetrain.catalog.actions import add_environment, add_region, add_service, add_target
from releasetrain.catalog.models import Environment, Service
from releasetrain.events.actions import SystemActor, record
from releasetrain.events.models import Event
from releasetrain.rollouts.actions import launch
from releasetrain.trains import actions
from releasetrain.trains.models import Change, Departure, Policy, Train
from releasetrain.trains.queries import latest_manifests
from releasetrain.trains.queries.terms import TrainSettings
from releasetrain.trains.rules.states import BOARDING_STATES, Choice

BUILDER = SystemActor("the benchmark")
DEPARTURES, CHANGES, OCCURRENCES, EVENTS = 5_000, 200_000, 50_000, 2_000_000
TRAINS, WINDOWS, TEAMS, SERVICES_OF_A_TRAIN = 10, 96, 5, 2
FEWEST_TRAINS, ABOARD = 4, 40
ZONES = ("Europe/Berlin", "America/New_York", "Asia/Tokyo", "America/Sao_Paulo", "Australia/Sydney")
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
LADDER = [{"weight": weight, "bake_seconds": 600} for weight in (1, 5, 10, 25, 50, 100)]


@dataclass(frozen=True, slots=True)
class Decade:
    """What is measured in: who looks, which departures are asked about, and how much there is."""

    person: User
    asked: Sequence[int]
    daily: Train
    rows: Mapping[str, int]


@dataclass(frozen=True, slots=True)
class _Ground:
    """The parts of the house that everything else stands on."""

    teams: list[Team]
    services: list[Service]
    environment: Environment
    person: User
    author: User
    policy: Policy


def lay_decade(scale: float, now: datetime) -> Decade:
    """Lay the house, whole or smaller; its busiest days are around now.

    :param scale: 1 for the whole of it; the years stay ten, there is less in each
    """
    ground = _lay_ground(now)
    say("calendar: laying trains and departures")
    trains = [_lay_train(ground, number, now) for number in range(max(FEWEST_TRAINS, round(TRAINS * scale)))]
    _lay_past(trains, round(DEPARTURES * scale))
    say("calendar: laying windows")
    _lay_windows(ground, max(WINDOWS // 8, round(WINDOWS * scale)), round(OCCURRENCES * scale), now)
    say("calendar: laying changes")
    _lay_changes(trains, ground, round(CHANGES * scale), now)
    keep_ledger()
    asked = _bring_up_to_date(trains, ground.person, now)
    daily = _daily(ground, now)
    say("calendar: laying events")
    _lay_events(trains[0], round(EVENTS * scale), now)
    with connection.cursor() as cursor:
        cursor.execute("VACUUM ANALYZE")
    counted: dict[str, type[Model]] = {
        "departures": Departure, "changes": Change, "window occurrences": Occurrence, "events": Event,
    }  # fmt: skip
    rows = {name: model._default_manager.count() for name, model in counted.items()}
    return Decade(ground.person, asked, daily, rows)


def _lay_ground(now: datetime) -> _Ground:
    region = add_region(slug="europe", name="Europe", time_zone=ZONES[0], by=BUILDER, now=now)
    environment = add_environment(slug="production", name="Production", region=region, by=BUILDER, now=now)
    teams = [Team.objects.create(slug=f"team-{number}", name=f"Team {number}") for number in range(TEAMS)]
    services = []
    for number in range(TRAINS * SERVICES_OF_A_TRAIN):
        service = add_service(
            slug=f"service-{number}",
            name=f"Service {number}",
            team=teams[number % TEAMS],
            by=BUILDER,
            now=now,
        )
        add_target(
            service=service, environment=environment, driver="simulated", config={}, by=BUILDER, now=now
        )
        services.append(service)
    person, author = (
        add_person(email=f"{name.lower()}@example.org", name=name, time_zone=ZONES[0], by=None, now=now)
        for name in ("Ada", "Bob")
    )
    grant(user=person, role=Role.RELEASE_MANAGER, team=None, by=None, now=now)
    grant(user=author, role=Role.SUBMITTER, team=None, by=None, now=now)
    policy = actions.save_policy(
        name="Go", owner=teams[0], asks={Role.RELEASE_MANAGER: 1}, by=BUILDER, now=now
    )
    Holidays.objects.create(name="Germany", country="DE")
    return _Ground(teams, services, environment, person, author, policy)


def _lay_train(ground: _Ground, number: int, now: datetime) -> Train:
    """Put a weekly train on the timetable; the first three leave within the hour, the others later."""
    zone = ZONES[number % len(ZONES)]
    leaves_at = now + (timedelta(minutes=20 + 15 * number) if number < 3 else timedelta(hours=9 * number))
    first = leaves_at.astimezone(ZoneInfo(zone)).replace(tzinfo=None, microsecond=0) - timedelta(days=7)
    own = ground.services[number * SERVICES_OF_A_TRAIN :][:SERVICES_OF_A_TRAIN]
    settings = _settings(ground, f"train-{number}", "FREQ=WEEKLY", first, zone, own)
    return actions.create_train(settings, by=BUILDER, now=now - timedelta(days=1))


def _daily(ground: _Ground, now: datetime) -> Train:
    first = now.replace(tzinfo=None, hour=12, minute=0, second=0, microsecond=0)
    settings = _settings(ground, "daily", "FREQ=DAILY", first, ZONES[1], ground.services)
    return actions.create_train(settings, by=BUILDER, now=now)


def _settings(
    ground: _Ground, slug: str, rule: str, first: datetime, zone: str, services: Sequence[Service]
) -> TrainSettings:
    return TrainSettings(
        name=slug.replace("-", " ").capitalize(),
        slug=slug,
        team=ground.teams[0],
        environment=ground.environment,
        services=tuple(services),
        policy=ground.policy,
        time_zone=zone,
        rule=rule,
        first_departs_at_local=f"{first:%Y-%m-%dT%H:%M:%S}",
        ladder=LADDER,
        captain=ground.person,
    )


def _lay_past(trains: Sequence[Train], departures: int) -> None:
    """Give each train as many past weeks as are missing from the wanted number of departures."""
    past = max(5, (departures - Departure.objects.count()) // len(trains))
    before = "- (n + 1) * interval '7 days'"
    cut_off = f"to_char((t.cut_off_at {before}) AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"+00:00\"')"
    times = {name: f"t.{name} {before}" for name in ("planned_at", "boards_at", "cut_off_at", "departs_at")}
    ends = {
        "sealed_at": f"t.cut_off_at {before}",
        "departed_at": f"t.departs_at {before}",
        "finished_at": f"t.departs_at {before} + interval '3 hours'",
        "outcome": "'Every service reached 100 %.'",
        "cut_offs": f"jsonb_build_object('', {cut_off})",
        "state": "CASE n % 12 WHEN 0 THEN 'rolled_back' WHEN 1 THEN 'cancelled' ELSE 'arrived' END",
    }
    for train in trains:
        soonest = train.departures.earliest("departs_at")
        multiply(soonest, past, {**times, **ends})


def _lay_windows(ground: _Ground, windows: int, occurrences: int, now: datetime) -> None:
    """Open weekly windows all over the week, and give each as many past weeks as are missing."""
    opened = [_window(ground, number, now) for number in range(windows)]
    past = max(5, (occurrences - Occurrence.objects.count()) // windows)
    weeks = "(n + 1) * interval '7 days'"
    during = f"tstzrange(lower(t.during) - {weeks}, upper(t.during) - {weeks})"
    for window in opened:
        multiply(window.occurrences.earliest("during"), past, {"during": during})
    Window.objects.update(starts_at=now - timedelta(weeks=past + 1))


def _window(ground: _Ground, number: int, now: datetime) -> Window:
    start = (now + timedelta(days=number % 7)).replace(
        tzinfo=None, hour=number * 5 % 24, minute=0, second=0, microsecond=0
    )
    end = start + timedelta(hours=2 + number % 10)
    places = [
        Where(service=ground.services[number % len(ground.services)]),
        Where(team=ground.teams[number % TEAMS], environment=ground.environment),
        Where(service=ground.services[number * 7 % len(ground.services)], environment=ground.environment),
    ]
    settings = WindowSettings(
        name=f"Window {number}",
        reason="audit",
        starts_local=f"{start:%Y-%m-%dT%H:%M:%S}",
        ends_local=f"{end:%Y-%m-%dT%H:%M:%S}",
        level=(Stops.HARD, Stops.SOFT, Stops.NOTICE)[number % 3],
        effect=Effect.ALLOW if number % 24 == 23 else Effect.DENY,
        behaviour=list(Behaviour)[number % len(Behaviour)],
        time_zone=ZONES[number % len(ZONES)],
        rule=f"FREQ=WEEKLY;BYDAY={WEEKDAYS[start.weekday()]}",
        includes=() if number % 48 == 0 else (places[number % 3],),
    )
    return open_window(settings, by=BUILDER, now=now, is_confirmed=True)


def _lay_changes(trains: Sequence[Train], ground: _Ground, changes: int, now: datetime) -> None:
    """Put forty changes aboard whatever leaves next, and spread the others over the past."""
    boarding = [train.departures.filter(finished_at=None).earliest("departs_at") for train in trains]
    past = (
        "(SELECT array_agg(id ORDER BY departs_at DESC) FROM trains_departure WHERE finished_at IS NOT NULL)"
    )
    template = Change.objects.create(
        title="Show prices with tax",
        url="https://code.example.org/shop/1",
        service=ground.services[0],
        version="v1",
        author=ground.author,
        author_label="Bob",
        state="shipped",
        submitted_at=now,
    )
    each = {"title": "'Change ' || n", "version": "'v' || n"}
    for departure in boarding:
        services = list(departure.train.services.values_list("pk", flat=True))
        chosen = f"(ARRAY{services})[1 + n % {len(services)}]"
        aboard = {"departure_id": str(departure.pk), "service_id": chosen, "state": "'aboard'"}
        multiply(template, ABOARD, {**each, **aboard, "boarded_at": "t.submitted_at"})
    everywhere = [one.pk for one in ground.services]
    multiply(
        template,
        max(0, changes - Change.objects.count()),
        {
            **each,
            "departure_id": f"({past})[1 + n % cardinality({past})]",
            "service_id": f"(ARRAY{everywhere})[1 + n % {len(everywhere)}]",
            "submitted_at": f"t.submitted_at - n * interval '{10 * 365 * 86400 / max(1, changes):.3f} s'",
        },
    )


def keep_ledger() -> None:
    """Write down every stay aboard that bulk SQL has laid, ended as its change says (RULES I16)."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO trains_ledgerentry (change_id, departure_id, departure_label, entered_at, "
            'entered_by_label, "end", ended_at, ended_by_label, reason) '
            "SELECT c.id, c.departure_id, 'a departure of the benchmark', "
            "coalesce(c.boarded_at, c.submitted_at), "
            "'the benchmark', CASE c.state WHEN 'aboard' THEN '' ELSE c.state END, "
            "CASE c.state WHEN 'aboard' THEN NULL ELSE coalesce(d.finished_at, c.submitted_at) END, "
            "CASE c.state WHEN 'aboard' THEN '' ELSE 'the benchmark' END, "
            "CASE c.state WHEN 'aboard' THEN '' ELSE 'laid in bulk' END "
            "FROM trains_change c LEFT JOIN trains_departure d ON d.id = c.departure_id "
            "WHERE c.state IN ('aboard', 'shipped') "
            "AND NOT EXISTS (SELECT 1 FROM trains_ledgerentry e WHERE e.change_id = c.id)"
        )


def _bring_up_to_date(trains: Sequence[Train], person: User, now: datetime) -> list[int]:
    """Seal what is past its cut-off, let one of it leave, and return what is still to leave, by its time."""
    Departure.objects.filter(state="scheduled", boards_at__lte=now).update(state="boarding")
    for departure in Departure.objects.filter(state="boarding", cut_off_at__lte=now):
        actions.seal(departure, now=now)
    first = trains[0].departures.filter(state="deciding").first()
    if first is not None:
        digest = latest_manifests([first.pk])[first.pk].digest
        actions.vote(first, choice=Choice.GO, digest=digest, by=person, now=now)
        Departure.objects.filter(pk=first.pk).update(departs_at=now, cut_off_at=now - timedelta(hours=2))
        left = actions.depart(first, now=now)
        launch(left, now)
    standing = [*BOARDING_STATES, "deciding", "cleared"]
    rows = Departure.objects.filter(state__in=standing, changes__isnull=False).distinct()
    return list(rows.order_by("departs_at").values_list("pk", flat=True))


def _lay_events(train: Train, events: int, now: datetime) -> None:
    """Write the log of ten years; its places are filled, its hashes are numbers and no chain."""
    departures = "(SELECT array_agg(id ORDER BY departs_at) FROM trains_departure)"
    template = record(
        kind="trains.departure.arrived",
        subject=train.departures.earliest("departs_at"),
        actor=BUILDER,
        now=now,
        title="Show prices with tax",
        services="Storefront v1",
        changes=40,
        revision=1,
    )
    kinds = "(ARRAY['arrived', 'departed', 'sealed', 'boarding_opened'])[1 + n % 4]"
    chosen = f"({departures})[1 + n::bigint * cardinality({departures}) / {max(1, events)}]"
    with connection.cursor() as cursor:
        cursor.execute("SELECT indexdef FROM pg_indexes WHERE indexname = 'event_topics'")
        (topics_index,) = cursor.fetchone()
        cursor.execute("ALTER TABLE events_event DISABLE TRIGGER events_link; DROP INDEX event_topics")
        multiply(
            template,
            events,
            {
                "kind": f"'trains.departure.' || {kinds}",
                "at": f"t.at - ({events} - n) * interval '{10 * 365 * 86400 / max(1, events):.3f} s'",
                "subject_id": chosen,
                "topics": f"ARRAY['board', 'departure:' || {chosen}, 'train:' || 1 + n % {TRAINS}]",
            },
        )
        cursor.execute(
            "INSERT INTO events_eventlink (position, event_id, previous_hash, hash) "
            "SELECT (SELECT max(position) FROM events_eventlink) + row_number() OVER (ORDER BY id), id, "
            "lpad(to_hex(id - 1), 64, '0'), lpad(to_hex(id), 64, '0') FROM events_event "
            "WHERE id NOT IN (SELECT event_id FROM events_eventlink)"
        )
        cursor.execute(f"ALTER TABLE events_event ENABLE TRIGGER events_link; {topics_index}")


def multiply(template: Model, count: int, expressions: Mapping[str, str]) -> None:
    """Insert copies of a row in one statement.

    :param expressions: SQL by column; `t` is the template's row, `n` counts the copies from 0
    """
    meta: Any = template._meta
    columns = [field.column for field in meta.concrete_fields if not field.primary_key]
    values = [expressions.get(column, f't."{column}"') for column in columns]
    named = ", ".join(f'"{column}"' for column in columns)
    with connection.cursor() as cursor:
        cursor.execute(
            f'INSERT INTO "{meta.db_table}" ({named}) SELECT {", ".join(values)} '  # noqa: S608 - all ours
            f'FROM "{meta.db_table}" t, generate_series(0, {count} - 1) AS n WHERE t.id = {template.pk}'
        )
