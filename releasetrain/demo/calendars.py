"""Give the demonstration's world its time: regions, holidays, windows, and who is on call when."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from releasetrain.accounts.actions import save_shift
from releasetrain.accounts.models import Shift, Team, User
from releasetrain.calendars.actions import add_holidays, open_window
from releasetrain.calendars.models import Holidays, Window
from releasetrain.calendars.queries.settings import Where, WindowSettings
from releasetrain.calendars.rules.windows import Behaviour, DayMode, Effect, Stops
from releasetrain.catalog.models import Service
from releasetrain.demo import world
from releasetrain.demo.running import DEMO


@dataclass(frozen=True, slots=True)
class WeeklySpec:
    """A window of one team that opens every week; weekdays count from Monday as 0."""

    name: str
    reason: str
    team: str
    zone: str
    opens: tuple[int, str]
    shuts: tuple[int, str]
    effect: Effect = Effect.DENY
    behaviour: Behaviour = Behaviour.HOLD
    capacity: int | None = None


@dataclass(frozen=True, slots=True)
class ShiftSpec:
    """On-call duty of a team by a rule, its people in turn."""

    team: str
    zone: str
    begins: str
    ends_after_days: int
    ends: str
    rule: str
    people: tuple[str, ...] = field(default=())


HOLIDAYS = (
    ("Germany, Berlin", "DE", "BE"),
    ("United States", "US", ""),
    ("Singapore", "SG", ""),
)
WEEKLY = (
    WeeklySpec(
        "Payments weekend", "card networks settle from Friday evening to Monday morning", "payments",
        "America/New_York", (4, "18:00"), (0, "06:00"), behaviour=Behaviour.FINISH_STAGE,
    ),
    WeeklySpec(
        "Search maintenance", "the index is rebuilt afterwards, by whoever is there", "search",
        "Asia/Singapore", (3, "22:00"), (4, "06:00"), effect=Effect.ALLOW, capacity=6,
    ),
)  # fmt: skip
SHIFTS = (
    ShiftSpec("storefront", "Europe/Berlin", "09:00", 7, "09:00", "FREQ=WEEKLY;BYDAY=MO",
              ("jonas.berg@demo.example", "priya.nair@demo.example")),
    ShiftSpec("payments", "America/New_York", "08:00", 0, "20:00", "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
              ("priya.nair@demo.example",)),
    ShiftSpec("search", "Asia/Singapore", "08:00", 0, "23:00", "FREQ=DAILY", ("jonas.berg@demo.example",)),
    ShiftSpec("platform", "UTC", "00:00", 7, "00:00", "FREQ=WEEKLY;BYDAY=MO",
              ("priya.nair@demo.example", "jonas.berg@demo.example")),
)  # fmt: skip


def load(
    teams: dict[str, Team], people: dict[str, User], services: dict[str, Service], now: datetime
) -> None:
    """Build what is missing of holidays, windows and shifts."""
    for name, country, part in HOLIDAYS:
        if not Holidays.objects.filter(country=country, subdivision=part).exists():
            add_holidays(name=name, country=country, subdivision=part, by=DEMO, now=now)
    wanted = [
        *(_weekly(spec, teams, now) for spec in WEEKLY),
        _year_end(services, now),
        _days_off(teams, now),
    ]
    known = set(Window.objects.values_list("name", flat=True))
    for settings in wanted:
        if settings.name not in known:
            open_window(settings, by=DEMO, now=now, is_confirmed=True)
    for shift in SHIFTS:
        if not Shift.objects.filter(team=teams[shift.team]).exists():
            _shift(shift, teams, people, now)


def _weekly(spec: WeeklySpec, teams: dict[str, Team], now: datetime) -> WindowSettings:
    """Place a weekly window in the week that is under way, on its own clocks."""
    monday = _monday(spec.zone, now)
    first = monday + timedelta(days=spec.opens[0])
    last = first + timedelta(days=(spec.shuts[0] - spec.opens[0]) % 7)
    return WindowSettings(
        name=spec.name,
        reason=spec.reason,
        starts_local=f"{first:%Y-%m-%d}T{spec.opens[1]}",
        ends_local=f"{last:%Y-%m-%d}T{spec.shuts[1]}",
        time_zone=spec.zone,
        rule=f"FREQ=WEEKLY;BYDAY={('MO', 'TU', 'WE', 'TH', 'FR', 'SA', 'SU')[spec.opens[0]]}",
        effect=spec.effect,
        behaviour=spec.behaviour,
        capacity=spec.capacity,
        includes=(Where(team=teams[spec.team]),),
    )


def _year_end(services: dict[str, Service], now: datetime) -> WindowSettings:
    """Freeze the end of the year for all but the storefront, which the demonstration moves every day."""
    year = now.year if (now.month, now.day) < (12, 20) else now.year + 1
    return WindowSettings(
        name="Year-end freeze",
        reason="shops sell most of their year, and few people are there",
        starts_local=f"{year}-12-20",
        ends_local=f"{year + 1}-01-02",
        is_all_day=True,
        day_mode=DayMode.ANYWHERE,
        behaviour=Behaviour.FINISH_ROLLOUT,
        excludes=(Where(service=services[world.SHOP]),),
    )


def _days_off(teams: dict[str, Team], now: datetime) -> WindowSettings:
    return WindowSettings(
        name="Singapore holidays",
        reason="the search team is away",
        level=Stops.NOTICE,
        starts_local=f"{now:%Y}-01-01",
        ends_local=f"{now:%Y}-01-01",
        time_zone="Asia/Singapore",
        is_all_day=True,
        holidays=Holidays.objects.get(country="SG", subdivision=""),
        includes=(Where(team=teams["search"]),),
    )


def _shift(spec: ShiftSpec, teams: dict[str, Team], people: dict[str, User], now: datetime) -> None:
    first = _monday(spec.zone, now)
    last = first + timedelta(days=spec.ends_after_days)
    save_shift(
        team=teams[spec.team],
        time_zone=spec.zone,
        starts_local=f"{first:%Y-%m-%d}T{spec.begins}",
        ends_local=f"{last:%Y-%m-%d}T{spec.ends}",
        rule=spec.rule,
        people=[people[email] for email in spec.people],
        note="",
        by=DEMO,
        now=now,
    )


def _monday(zone: str, now: datetime) -> datetime:
    today = now.astimezone(ZoneInfo(zone))
    return today - timedelta(days=today.weekday())
