"""Read what somebody wants a window to be, plan its times, and find what is wrong with it (RULES W10)."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from functools import partial
from typing import Self
from zoneinfo import ZoneInfo

from releasetrain.accounts.models import Team
from releasetrain.calendars.models import Holidays, Window, WindowScope
from releasetrain.calendars.queries.holidays import dates_of
from releasetrain.calendars.rules import checks
from releasetrain.calendars.rules.times import BadTime, Plan, Spec, end_of_days, plan, read_end
from releasetrain.calendars.rules.windows import Behaviour, DayMode, Effect, Lane, Stops
from releasetrain.catalog.models import Environment, Region, Service
from releasetrain.lib import recurrence
from releasetrain.lib.hashing import digest
from releasetrain.lib.recurrence import BadRule
from releasetrain.lib.schedule import read_zone
from releasetrain.lib.words import listed

# So far ahead occurrences are written: two years of planning, and some weeks for nobody to look after it.
AHEAD = timedelta(days=800)
LONGEST_NAME = 120


@dataclass(frozen=True, slots=True)
class Where:
    """A part of the house; every empty field means all."""

    team: Team | None = None
    service: Service | None = None
    environment: Environment | None = None
    region: Region | None = None

    @classmethod
    def of_scope(cls, row: WindowScope) -> Self:
        return cls(row.team, row.service, row.environment, row.region)

    @property
    def team_id(self) -> int | None:
        """Return the team whose people may decide about it; None asks for a role in the whole house."""
        if self.service:
            return self.service.team_id
        return self.team.pk if self.team else None

    @property
    def ids(self) -> tuple[int, ...]:
        """Return what it names as numbers, 0 for what it does not name."""
        named = (self.team, self.service, self.environment, self.region)
        return tuple(one.pk if one else 0 for one in named)

    def covers(self, other: "Where") -> bool:
        """Tell whether it holds all of another part of the house."""
        team = self.team.pk if self.team else None
        named = ((self.service, other.service), (self.environment, other.environment))
        return team in (None, other.team_id) and all(
            one is None or one == its for one, its in (*named, (self.region, other.region_of_its_own))
        )

    @property
    def region_of_its_own(self) -> Region | None:
        return self.region or (self.environment.region if self.environment else None)

    @property
    def is_everything(self) -> bool:
        return not (self.team or self.service or self.environment or self.region)

    def __str__(self) -> str:
        named = [part.name for part in (self.team, self.service, self.environment, self.region) if part]
        return " in ".join(named) if named else "everything"


def where_in_words(includes: Iterable[Where], excludes: Iterable[Where]) -> str:
    """Say what a window covers, e.g. "Storefront in Production, without Search"."""
    covered = listed([str(one) for one in includes]) or "everything"
    left_out = listed([str(one) for one in excludes])
    return f"{covered}, without {left_out}" if left_out else covered


@dataclass(frozen=True, slots=True, kw_only=True)
class WindowSettings:
    """What somebody wants a window to be.

    `starts_local` and `ends_local` are the ends of its first time on the wall clock of `time_zone`, as
    2026-11-27T18:00; of whole days the first and the last, both included, as 2026-11-27. No `includes` means
    everything, no `lanes` every lane.
    """

    name: str
    reason: str
    starts_local: str
    ends_local: str
    level: Stops = Stops.HARD
    effect: Effect = Effect.DENY
    behaviour: Behaviour = Behaviour.HOLD
    lanes: frozenset[Lane] = frozenset()
    time_zone: str = "UTC"
    is_all_day: bool = False
    day_mode: DayMode = DayMode.ZONE
    rule: str = ""
    holidays: Holidays | None = None
    capacity: int | None = None
    includes: tuple[Where, ...] = ()
    excludes: tuple[Where, ...] = ()

    @classmethod
    def of(cls, window: Window) -> Self:
        """Read the settings of a window that stands."""
        scopes = list(window.scopes.select_related("team", "service", "environment", "region").order_by("pk"))
        return cls(
            name=window.name,
            reason=window.reason,
            starts_local=window.starts_local,
            ends_local=window.ends_local,
            level=Stops(window.level),
            effect=Effect(window.effect),
            behaviour=Behaviour(window.behaviour),
            lanes=frozenset(Lane(lane) for lane in window.lanes),
            time_zone=window.time_zone,
            is_all_day=window.is_all_day,
            day_mode=DayMode(window.day_mode),
            rule=window.rule,
            holidays=window.holidays,
            capacity=window.capacity,
            includes=tuple(Where.of_scope(one) for one in scopes if not one.is_exclusion),
            excludes=tuple(Where.of_scope(one) for one in scopes if one.is_exclusion),
        )

    def differing(self, other: "WindowSettings") -> list[str]:
        """Return the names of the fields in which two windows differ, however they were typed."""
        ours, theirs = self._normal(), other._normal()
        return [name for name, value in ours.items() if value != theirs[name]]

    def _normal(self) -> dict[str, object]:
        start, end = self.local_ends
        known = {one.name: getattr(self, one.name) for one in fields(self)}
        texts = {name: known[name].strip() for name in ("name", "reason", "rule")}
        return (
            known
            | texts
            | {"starts_local": start, "ends_local": end, "excludes": set(self.excludes)}
            | {"includes": set(self.includes)}
        )

    @property
    def local_ends(self) -> tuple[str, str]:
        """Return both ends as they are kept, however they were typed.

        :raises BadTime: one of them cannot be read
        """
        ends = (read_end(text, is_all_day=self.is_all_day) for text in (self.starts_local, self.ends_local))
        start, end = (f"{one:%Y-%m-%d}" if self.is_all_day else one.isoformat() for one in ends)
        return start, end

    @property
    def fingerprint(self) -> str:
        """Return a digest of everything, to tell whether it is what somebody looked at."""
        said = {
            "lanes": sorted(self.lanes),
            "holidays": self.holidays.pk if self.holidays else None,
            "includes": sorted(one.ids for one in self.includes),
            "excludes": sorted(one.ids for one in self.excludes),
        }
        return digest({**self._normal(), **said})

    @property
    def where(self) -> str:
        return where_in_words(self.includes, self.excludes)


def spec_of(settings: WindowSettings) -> Spec:
    """Read the times of a window.

    :raises BadTime: one end cannot be read
    :raises BadRule: the zone cannot be read
    """
    start = read_end(settings.starts_local, is_all_day=settings.is_all_day)
    end = read_end(settings.ends_local, is_all_day=settings.is_all_day)
    return Spec(
        start=start,
        end=end_of_days(end) if settings.is_all_day else end,
        zone=read_zone(settings.time_zone),
        is_all_day=settings.is_all_day,
        day_mode=settings.day_mode,
        rule=settings.rule,
        dates=partial(dates_of, settings.holidays) if settings.holidays else None,
        effect=settings.effect,
    )


def regions_of(settings: WindowSettings) -> dict[int, Region]:
    """Return the regions whose own days count: those that a window of whole days names, or all."""
    if not settings.is_all_day or settings.day_mode is not DayMode.REGIONS:
        return {}
    named = [one.region for one in settings.includes if one.region]
    if named and len(named) == len(settings.includes):
        return {one.pk: one for one in named}
    return {one.pk: one for one in Region.objects.all()}


def plan_of(settings: WindowSettings, now: datetime, *, ahead: timedelta = AHEAD) -> Plan:
    """Plan the times of a window from an instant on.

    :raises BadTime: one end cannot be read
    :raises BadRule: the zone or the rule cannot be read
    """
    zones = {pk: ZoneInfo(region.time_zone) for pk, region in regions_of(settings).items()}
    return plan(spec_of(settings), regions=zones, after=now, until=now + ahead)


@dataclass(frozen=True, slots=True)
class Findings:
    """What is wrong with a window as typed: what must be mended, and what may be confirmed, by field."""

    problems: dict[str, str]
    doubts: dict[str, str]


def examine(settings: WindowSettings, now: datetime) -> Findings:
    """Find what is wrong with a window; doubts are looked for where nothing else is wrong."""
    if found := _flaws(settings):
        return Findings(found, {})
    spec, planned = spec_of(settings), plan_of(settings, now)
    if why := checks.why_not_plan(spec, planned, now):
        field = "rule" if settings.rule else "holidays" if settings.holidays else "ends_local"
        return Findings({field: why}, {})
    return Findings({}, checks.doubts(spec, planned, now))


def window_problems(
    settings: WindowSettings, now: datetime, *, is_confirmed: bool, window: Window | None = None
) -> dict[str, str]:
    """Return a sentence for each field that cannot stay as it was typed; none means that it can be saved.

    :param is_confirmed: somebody has seen the doubts and means it
    :param window: the one that is edited; what was doubtful before need not be confirmed again
    """
    found = examine(settings, now)
    if found.problems or is_confirmed or not found.doubts:
        return found.problems
    known = examine(WindowSettings.of(window), now).doubts if window else {}
    return {field: said for field, said in found.doubts.items() if known.get(field) != said}


def _flaws(settings: WindowSettings) -> dict[str, str]:
    """Return what is wrong whatever the time is."""
    said = {
        "name": why_not_text(settings.name, "name", LONGEST_NAME),
        "reason": why_not_text(settings.reason, "reason"),
        "capacity": _why_not_capacity(settings),
        "day_mode": _why_not_day_mode(settings),
        "excludes": _why_not_excludes(settings),
        "time_zone": _refusal(read_zone, settings.time_zone),
        "rule": _why_not_rule(settings),
    }
    for field in ("starts_local", "ends_local"):
        text = getattr(settings, field)
        said[field] = _refusal(partial(read_end, is_all_day=settings.is_all_day), text)
    found = {field: sentence for field, sentence in said.items() if sentence}
    if not found.keys() & {"starts_local", "ends_local", "time_zone"}:
        spec = spec_of(settings)
        if why := checks.why_not_ends(spec):
            found["ends_local"] = why
        elif settings.rule and "rule" not in found and (why := _why_no_times(settings, spec)):
            found["rule"] = why
    return found


def why_not_text(text: str, field: str, longest: int | None = None) -> str:
    """Return why a text that people will read cannot stay, or nothing."""
    if not text.strip():
        return f"A window needs a {field} that people will read."
    if longest and len(text.strip()) > longest:
        return f"The {field} of a window has at most {longest} characters."
    return ""


def _refusal(read: Callable[[str], object], text: str) -> str:
    try:
        read(text)
    except (BadTime, BadRule) as refusal:
        return str(refusal)
    return ""


def _why_not_capacity(settings: WindowSettings) -> str:
    if settings.capacity is None:
        return ""
    if settings.capacity < 1:
        return "A window has room for at least one change; to let nothing through, let it stop everything."
    if settings.effect is not Effect.ALLOW:
        return "Only a window inside which things move has room for a number of them."
    return ""


def _why_not_excludes(settings: WindowSettings) -> str:
    covered = settings.includes or (Where(),)
    if all(any(left_out.covers(one) for left_out in settings.excludes) for one in covered):
        return "The window can never stop anything: it leaves out all that it covers."
    return ""


def _why_not_day_mode(settings: WindowSettings) -> str:
    if settings.is_all_day and settings.day_mode is DayMode.REGIONS and not regions_of(settings):
        return (
            "There are no regions yet whose own days could count. Add regions, or choose the day in one zone."
        )
    return ""


def _why_not_rule(settings: WindowSettings) -> str:
    if not settings.rule:
        return ""
    if settings.holidays:
        return "A window comes again by a rule or on holidays, not both."
    return _refusal(recurrence.read_lines, settings.rule)


def _why_no_times(settings: WindowSettings, spec: Spec) -> str:
    """Return why a rule that can be read never hits anything, in bounded work; or nothing."""
    try:
        recurrence.probe(recurrence.read_lines(settings.rule), spec.start, spec.zone, 1)
    except BadRule as refusal:
        return str(refusal)
    return ""
