"""Answer "where is my change?": by when everybody has it, half of the time and nine times of ten."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

from releasetrain.calendars.queries import place
from releasetrain.calendars.rules.windows import Lane
from releasetrain.insights.chances import Outcome, arrival_in, outcomes, quantile, stretched
from releasetrain.insights.moving import left_of, reached_at, returned, rollouts_of
from releasetrain.insights.past import Past, past_of
from releasetrain.lib.moments import moment
from releasetrain.lib.verdict import Reason
from releasetrain.rollouts.models import Rollout
from releasetrain.trains.models import Change, Departure
from releasetrain.trains.queries import departures_with_train, standing_of
from releasetrain.trains.queries.aboard import loads_of
from releasetrain.trains.queries.forecast import reason_of
from releasetrain.trains.queries.overrides import passings_of
from releasetrain.trains.queries.routes import Foreseen, foresee_all, routes_of
from releasetrain.trains.rules.forecast import Course, foresee, length
from releasetrain.trains.rules.plan import Plan
from releasetrain.trains.rules.states import BOARDING_STATES, FINISHED_STATES, ChangeState, DepartureState

D = DepartureState
# What is part of every departure's day blocks nobody.
USUAL = ("not_sealed", "time", "votes", "window_notice", "gone")
# Where a departure comes back, so many later ones of its kind may take the change.
SECOND_CHANCES = 1
MOST_CANDIDATES = 20


@dataclass(frozen=True, slots=True)
class Part:
    """One step of the way, with its planned instant where it has one, and what to know about it."""

    label: str
    at: datetime | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """When everybody has a change: half of the time by `p50_at`, nine times of ten by `p90_at`.

    Both are the same once everybody has it, and None where nobody can say. `blocked` is what keeps it now,
    beyond what is part of every departure's day; `departure` is what it is aboard, or could board next.
    """

    p50_at: datetime | None
    p90_at: datetime | None
    blocked: Reason | None
    parts: list[Part] = field(default_factory=list)
    sentence: str = ""
    departure: Departure | None = None


def arrival_of(change: Change, now: datetime) -> Arrival:
    """Foresee the arrival of a change, whatever state it is in.

    :param change: loaded with its service
    """
    state = ChangeState(change.state)
    if state is ChangeState.SHIPPED:
        return _arrived(change)
    if state is ChangeState.WITHDRAWN:
        why = Reason("withdrawn", "It was withdrawn; it goes nowhere unless it is put aboard again.")
        return Arrival(None, None, why, sentence=why.text)
    own = _own_departure(change)
    rollouts = rollouts_of(own.pk) if own and own.state == D.ROLLING else []
    mine = next((one for one in rollouts if one.target.service_id == change.service_id), None)
    if mine and (since := reached_at(mine)):
        return _everybody_since(own, since)
    is_back = mine is not None and returned(mine)
    ways = _ways(change, None if is_back else own, now)
    if not ways:
        return _nowhere(change, own, now)
    return _foreseen(change, ways, [] if is_back else rollouts, _blocked(change, own, mine, now), now)


def _own_departure(change: Change) -> Departure | None:
    """Return the departure that a change is aboard of, while that has not ended."""
    if change.state != ChangeState.ABOARD or change.departure_id is None:
        return None
    return departures_with_train().filter(pk=change.departure_id).exclude(state__in=FINISHED_STATES).first()


def _arrived(change: Change) -> Arrival:
    row = departures_with_train().filter(pk=change.departure_id or 0).first()
    own = [one for one in rollouts_of(row.pk) if one.target.service_id == change.service_id] if row else []
    since = next((reached_at(one) for one in own), None) or (row.finished_at if row else None)
    if since is None:
        sentence = "It has shipped; when everybody got it is not on record."
        return Arrival(None, None, None, sentence=sentence, departure=row)
    return _everybody_since(row, since)


def _everybody_since(row: Departure | None, since: datetime) -> Arrival:
    zone = row.train.time_zone if row else "UTC"
    sentence = f"Everybody has it since {moment(since, zone)}."
    return Arrival(since, since, None, [Part("100 %", since)], sentence, row)


def _ways(change: Change, own: Departure | None, now: datetime) -> list[Departure]:
    """Return the departures that may bring a change: its own first, then those that it could board."""
    rows = departures_with_train().filter(
        train__services=change.service_id,
        train__lane=own.train.lane if own else Lane.TRAIN,
        train__retired_at__isnull=True,
        state__in=BOARDING_STATES,
        cut_off_at__gt=now,
    )
    if own is not None:
        rows = rows.filter(train=own.train_id, departs_at__gt=own.departs_at)
    found = [own] if own else []
    for row in rows.order_by("departs_at", "pk")[:MOST_CANDIDATES]:
        if row.cut_off_for(change.boarding_category) > now and len(found) <= SECOND_CHANCES:
            # A second chance is one of the same train: others go elsewhere.
            found += [row] if not found or found[0].train_id == row.train_id else []
    return found


def _nowhere(change: Change, own: Departure | None, now: datetime) -> Arrival:
    text = f"No departure that carries {change.service.name} can be boarded; none is on the timetable."
    why = Reason("no_departure", text, who=f"whoever runs the trains of {change.service.team.name}")
    return Arrival(None, None, why, sentence=text, departure=own)


def _blocked(change: Change, own: Departure | None, mine: Rollout | None, now: datetime) -> Reason | None:
    """Return what keeps a change from going on, beyond what is part of every departure's day."""
    if own is None:
        ended = change.state.replace("_", " ")
        said = "It is on no departure yet" if change.state == ChangeState.SUBMITTED else f"It was {ended}"
        return Reason("not_aboard", f"{said}; put it aboard.", who=f"{change.author_label} or a submitter")
    if mine is not None and returned(mine):
        return Reason("came_back", mine.reason or f"{change.service.name} came back.")
    if own.state == D.ROLLING:
        holds = list(mine.holds.filter(cleared_at__isnull=True).order_by("opened_at")) if mine else []
        return Reason(f"hold_{holds[0].kind}", holds[0].reason, holds[0].until) if holds else None
    reasons = standing_of(own, now).verdict.reasons
    return next((one for one in reasons if not one.code.startswith(USUAL)), None)


def _foreseen(
    change: Change,
    ways: Sequence[Departure],
    rollouts: Sequence[Rollout],
    blocked: Reason | None,
    now: datetime,
) -> Arrival:
    first, zone = ways[0], ways[0].train.time_zone
    foreseen = _routes(change, ways, rollouts, now)
    mine = foreseen.get(first.pk)
    if mine is None or not mine.course.stages:
        text = f"{first} has no stages, so nobody can say when everybody has it."
        return Arrival(None, None, blocked, sentence=text, departure=first)
    past = past_of(first, change.service_id, length(mine.route.runs), now)
    free_at = _free_at(change, first, now)
    chances = past.chances
    base = max(mine.route.base, free_at or mine.route.base)
    found = outcomes(chances, partial(_arrival, mine, change.service_id, base), weight=1 - chances.failures)
    left = chances.failures
    for other in ways[1:]:
        known = foreseen.get(other.pk)
        if known is not None:
            again = partial(_arrival, known, change.service_id, known.route.base)
            found += outcomes(chances, again, weight=left * (1 - chances.failures))
            left *= chances.failures
    found.append(Outcome(None, left))
    p50, p90 = quantile(found, 0.5), quantile(found, 0.9)
    parts = list(_parts(change, ways, mine, past, free_at))
    return Arrival(p50, p90, blocked, parts, _sentence(p50, p90, blocked, zone), first)


def _routes(
    change: Change, ways: Sequence[Departure], rollouts: Sequence[Rollout], now: datetime
) -> dict[int, Foreseen]:
    """Foresee the departures with the change aboard; one that rolls with what is left of its rollouts."""
    plans = {one.pk: Plan.from_json(one.plan) for one in ways}
    loads = loads_of(ways, also=[change.service_id])
    for one in ways:
        where = place(change.service, one.train.environment)
        loads[one.pk].expected.setdefault(change.service_id, (change.service.name, where))
    routes = routes_of(ways, plans, loads, passings_of(plans), now)
    if rollouts:
        routes = [left_of(one, rollouts, now) if one.departure == ways[0].pk else one for one in routes]
    return foresee_all(routes, around=True)


def _free_at(change: Change, first: Departure, now: datetime) -> datetime | None:
    """Return when other departures are done with the same service, None where it is free."""
    rows = departures_with_train().filter(
        changes__service=change.service_id,
        changes__state=ChangeState.ABOARD,
        train__environment=first.train.environment_id,
        state__in=[D.DECIDING, D.CLEARED, D.ROLLING, *BOARDING_STATES],
        departs_at__lt=first.departs_at,
    )
    ahead = list(rows.exclude(pk=first.pk).distinct().order_by("departs_at", "pk")[:MOST_CANDIDATES])
    if not ahead or first.state == D.ROLLING:
        return None
    plans = {one.pk: Plan.from_json(one.plan) for one in ahead}
    routes = routes_of(ahead, plans, loads_of(ahead), passings_of(plans), now)
    ends = [one.course.arrives_at for one in foresee_all(routes).values()]
    return max((end for end in ends if end is not None and end > now), default=None)


def _arrival(
    foreseen: Foreseen, service: int, base: datetime, delay: timedelta, stretch: float
) -> datetime | None:
    """Foresee when everybody has a service, if its departure leaves later and its stages take longer."""
    runs = stretched(foreseen.route.runs, stretch)
    return arrival_in(foresee(runs, foreseen.closures, base + delay), service)


def _parts(
    change: Change, ways: Sequence[Departure], foreseen: Foreseen, past: Past, free_at: datetime | None
) -> Iterator[Part]:
    """Say the way step by step, with what each step is known by."""
    first = ways[0]
    if first.state in BOARDING_STATES:
        cut_off_at = first.cut_off_for(change.boarding_category)
        is_aboard = change.departure_id == first.pk
        note = f"It is aboard {first}." if is_aboard else f"It has to be aboard {first} by then."
        yield Part("Cut-off", cut_off_at, note)
    if first.state not in (D.CLEARED, D.ROLLING):
        yield Part("Decision", first.departs_at, past.decisions)
    course = foreseen.course
    if first.state != D.ROLLING:
        yield Part("Departure", course.leaves_at, _departure_note(course))
    if free_at is not None:
        text = f"Departures before it move {change.service.name} until then."
        yield Part("Its turn", max(free_at, foreseen.route.base), text)
    yield from _stages(course, change.service_id)
    yield Part("Pace", None, past.rollouts)
    if past.returns:
        later = ways[1].departs_at if len(ways) > 1 else None
        yield Part("If it comes back", later, past.returns)


def _departure_note(course: Course) -> str:
    return reason_of(course.waits[-1]).text if course.waits else ""


def _stages(course: Course, service: int) -> Iterator[Part]:
    note = ""
    for stage in course.stages:
        if stage.run.service != service:
            continue
        before = [one for one in stage.holds if stage.starts_at is None or one.start < stage.starts_at]
        yield Part(
            f"{stage.weight} %", stage.starts_at, note or " ".join(reason_of(one).text for one in before)
        )
        note = " ".join(reason_of(one).text for one in stage.holds if one not in before)


def _sentence(p50: datetime | None, p90: datetime | None, blocked: Reason | None, zone: str) -> str:
    if p50 is None:
        return f"Nobody can say when everybody has it. {blocked.text if blocked else ''}".strip()
    half = f"As likely as not, everybody has it by {moment(p50, zone)}"
    if p90 is None:
        return f"{half}; in one case of ten or more it takes longer than anybody can say."
    return f"{half}; in nine cases of ten by {moment(p90, zone)}."
