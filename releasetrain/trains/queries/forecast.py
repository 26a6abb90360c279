"""Foresee departures for people: each stage, who is on call for it, and the last safe one (RULES W4)."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from releasetrain.accounts.queries import rotas
from releasetrain.accounts.rules.rota import gaps
from releasetrain.lib.once import once
from releasetrain.lib.schedule import at_words
from releasetrain.lib.spans import Span
from releasetrain.lib.verdict import Reason
from releasetrain.trains.models import Departure
from releasetrain.trains.queries.aboard import loads_of
from releasetrain.trains.queries.overrides import passings_of
from releasetrain.trains.queries.routes import OFFERED_WITHIN, Foreseen, foresee_all, routes_of, safety_of
from releasetrain.trains.rules.accepting import where_words
from releasetrain.trains.rules.forecast import Hold, Stage
from releasetrain.trains.rules.plan import Plan
from releasetrain.trains.rules.safety import last_before, next_starts, uncovered, united
from releasetrain.trains.rules.states import FINISHED_STATES, DepartureState

Duties = Mapping[int, Sequence[tuple[Span, str]]]


@dataclass(frozen=True, slots=True)
class StagePlan:
    """One stage of one service as it is foreseen; without `starts_at` it is never reached.

    `blocked` says what keeps it from starting earlier. `on_call` names who would answer for the service in
    its time; `is_uncovered` where its team keeps a rota and nobody would, for a part of it at least.
    """

    service_id: int
    service: str
    weight: int
    starts_at: datetime | None
    ends_at: datetime | None
    blocked: Reason | None = None
    on_call: list[str] = field(default_factory=list)
    is_uncovered: bool = False


@dataclass(frozen=True, slots=True)
class WillHold:
    """What would become of a departure on its way; `until` is None where nobody knows or it comes back."""

    weight: int
    service: str
    starts_at: datetime
    until: datetime | None
    reason: Reason
    comes_back: bool = False


@dataclass(frozen=True, slots=True)
class Forecast:
    """How a departure would go. `last_safe_at` is None where no window ahead is known to end its time.

    `last_covered_at` is the last safe departure that has somebody on call for every stage as well. The
    alternatives are the next safe ones, covered where any is; none is offered where none is needed.
    """

    stages: list[StagePlan] = field(default_factory=list)
    leaves_at: datetime | None = None
    arrives_at: datetime | None = None
    will_hold: WillHold | None = None
    last_safe_at: datetime | None = None
    why_last_safe: str = ""
    last_covered_at: datetime | None = None
    alternatives: list[datetime] = field(default_factory=list)

    @property
    def uncovered(self) -> list[StagePlan]:
        return [one for one in self.stages if one.is_uncovered]


@once(lambda departure, at: (departure.pk, departure.state, departure.departs_at, at))
def forecast_of(departure: Departure, at: datetime) -> Forecast:
    """Foresee one departure as things stand at an instant."""
    return forecasts_of([departure], at)[departure.pk]


def forecasts_of(departures: Iterable[Departure], at: datetime) -> dict[int, Forecast]:
    """Foresee departures, in a number of queries that does not grow with theirs.

    One that is rolling is foreseen from when it left, one that is over not at all.

    :param departures: loaded with `train__environment`
    """
    rows = list(departures)
    going = [one for one in rows if DepartureState(one.state) not in FINISHED_STATES]
    plans = {one.pk: Plan.from_json(one.plan) for one in going}
    loads = loads_of(going)
    passings = passings_of(pk for pk, load in loads.items() if load.has_overrides)
    routes = routes_of(going, plans, loads, passings, at)
    foreseen = foresee_all(routes, around=True)
    duties, keeping = _duties(foreseen.values())
    zones = {one.pk: one.train.time_zone for one in rows}
    found = {
        pk: _forecast(one, duties, keeping, zones[pk]) for pk, one in foreseen.items() if one.course.stages
    }
    return {one.pk: found.get(one.pk, Forecast()) for one in rows}


def _duties(foreseen: Iterable[Foreseen]) -> tuple[Duties, frozenset[int]]:
    """Return who is on call for every team that anything aboard belongs to, and which teams keep a rota."""
    known = list(foreseen)
    teams = {run.place.team for one in known for run in one.route.runs}
    if not teams:
        return {}, frozenset()
    first, last = min(one.known.start for one in known), max(one.known.end for one in known)
    duties = rotas(teams, first, last)
    return duties, frozenset(duties)


def _forecast(foreseen: Foreseen, duties: Duties, keeping: frozenset[int], zone: str) -> Forecast:
    route, course, safety = foreseen.route, foreseen.course, safety_of(foreseen)
    nobody = _nobody(duties, keeping, foreseen.known)
    stages = _stages(foreseen, duties, nobody)
    spans = united([*safety.spans, *uncovered(route.runs, nobody)])
    covered = last_before(spans, safety.last.at, since=foreseen.known.start) if safety.last else None
    needs_another = bool(course.holds or course.waits or any(one.is_uncovered for one in stages))
    until = route.base + OFFERED_WITHIN
    others = next_starts(spans, route.base, until) or safety.next if needs_another else []
    return Forecast(
        stages=stages,
        leaves_at=course.leaves_at,
        arrives_at=course.arrives_at,
        will_hold=_will_hold(course.worst, zone) if course.worst else None,
        last_safe_at=safety.last.at if safety.last else None,
        why_last_safe=_why_last(foreseen, zone),
        last_covered_at=covered,
        alternatives=others,
    )


def _nobody(duties: Duties, keeping: frozenset[int], known: Span) -> dict[int, Sequence[Span]]:
    """Return when each team that keeps a rota has nobody on call."""
    return {
        team: gaps((span for span, _ in duties.get(team, ())), known.start, known.end) for team in keeping
    }


def _why_last(foreseen: Foreseen, zone: str) -> str:
    """Say what ends the time in which it can leave safely."""
    last = safety_of(foreseen).last
    if last is None or last.because is None:
        return ""
    opens = min(
        one.start
        for own in foreseen.closures.values()
        for one in own
        if one.freeze.id == last.because.id and one.end > last.at
    )
    because = last.because.reason.strip().rstrip(".")
    return f"“{last.because.name}” begins on {at_words(opens, zone)}: {because}."


def _will_hold(hold: Hold, zone: str) -> WillHold:
    reason = reason_of(hold)
    text = f"{where_words(hold, zone)}: {reason.text}"
    said = Reason("will_hold", text, hold.end, reason.who)
    return WillHold(hold.weight, hold.run.name, hold.start, hold.end, said, hold.comes_back)


def reason_of(hold: Hold) -> Reason:
    """Unite what the windows of a hold say."""
    reasons = hold.reasons()
    return Reason(reasons[0].code, " ".join(one.text for one in reasons), hold.end, reasons[0].who)


def _stages(foreseen: Foreseen, duties: Duties, nobody: Mapping[int, Sequence[Span]]) -> list[StagePlan]:
    blocking: dict[int, Hold | None] = {one.run.service: one for one in foreseen.course.waits}
    found: list[StagePlan] = []
    for stage in foreseen.course.stages:
        service, team = stage.run.service, stage.run.place.team
        before, within = _parted(stage)
        last = before or blocking.get(service)
        blocking[service] = within or (last if stage.starts_at is None else None)
        is_last = stage.weight == stage.run.steps[-1].weight
        shown = last or (within if is_last else None)
        names, is_uncovered = _watched(stage, duties.get(team, ()), nobody.get(team, ()))
        found.append(
            StagePlan(
                service,
                stage.run.name,
                stage.weight,
                stage.starts_at,
                stage.ends_at,
                blocked=reason_of(shown) if shown else None,
                on_call=names,
                is_uncovered=is_uncovered,
            )
        )
    return found


def _parted(stage: Stage) -> tuple[Hold | None, Hold | None]:
    """Return the hold that a stage waited for before it started, and the last one within it."""
    before = [one for one in stage.holds if stage.starts_at is None or one.start < stage.starts_at]
    within = [one for one in stage.holds if one not in before]
    return (before[-1] if before else None), (within[-1] if within else None)


def _watched(
    stage: Stage, duties: Sequence[tuple[Span, str]], nobody: Sequence[Span]
) -> tuple[list[str], bool]:
    """Return who is on call in the time of a stage, in order, and whether nobody is for a part of it."""
    if stage.starts_at is None:
        return [], False
    span = Span(stage.starts_at, stage.ends_at or stage.starts_at)
    touching = [
        name
        for duty, name in duties
        if duty.overlaps(span) or (span.start == span.end and span.start in duty)
    ]
    gone = any(one.overlaps(span) for one in nobody)
    return list(dict.fromkeys(touching)), gone
