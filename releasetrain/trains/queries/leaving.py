"""Unite everything that keeps a departure from leaving: windows, forecast, votes, check-ins, checks, time."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from releasetrain.calendars.rules.judging import Stop, stops
from releasetrain.calendars.rules.windows import Effect, Stops
from releasetrain.lib.schedule import at_words
from releasetrain.lib.verdict import ALLOWED, Decision, Reason, Verdict, combine, deny, hold
from releasetrain.trains.models import Departure, Train
from releasetrain.trains.queries.aboard import Load
from releasetrain.trains.queries.routes import Foreseen, safety_of
from releasetrain.trains.rules.accepting import is_accepted, why_will_hold
from releasetrain.trains.rules.boarding import GONE
from releasetrain.trains.rules.decision import Tally, why_waiting
from releasetrain.trains.rules.departing import why_late, why_not_checked_in
from releasetrain.trains.rules.overrides import Passing, let_through
from releasetrain.trains.rules.plan import Plan
from releasetrain.trains.rules.readiness import Sample, why_not_ready
from releasetrain.trains.rules.states import BOARDING_STATES, DepartureState


@dataclass(frozen=True, slots=True)
class Case:
    """One departure as the question "may it leave?" sees it."""

    departure: Departure
    plan: Plan
    load: Load
    passings: tuple[Passing, ...]
    foreseen: Foreseen | None
    untargeted: list[str]
    open_ends: tuple[Reason, ...] = ()
    undone: tuple[Reason, ...] = ()
    unseen: tuple[str, ...] = ()


def may_leave(case: Case, count: Tally | None, at: datetime) -> Verdict:
    """Answer whether a departure may leave at its time, at once where that has passed, with every reason."""
    state = DepartureState(case.departure.state)
    if state in GONE:
        return deny("gone", f"This departure {GONE[state]}.")
    return combine(*_reasons(case, count, at))


def _reasons(case: Case, count: Tally | None, at: datetime) -> Iterator[Verdict]:
    departure, train, plan = case.departure, case.departure.train, case.plan
    who = runner_words(departure)
    yield _held(departure, who)
    if case.foreseen:
        yield _windows(case, case.foreseen)
        yield _on_its_way(case, case.foreseen, who, at)
    if departure.state in BOARDING_STATES:
        text = f"The manifest is sealed at the cut-off on {at_words(departure.cut_off_at, train.time_zone)}."
        yield hold("not_sealed", text, until=departure.cut_off_at)
    elif at < departure.departs_at:
        text = f"It departs on {at_words(departure.departs_at, train.time_zone)}."
        yield hold("time", text, until=departure.departs_at)
    if count is not None and not count.is_go:
        for one in why_waiting(count, policy=plan.policy, owner=plan.policy_owner or train.team.name):
            yield hold(one.code, one.text, until=one.until, who=one.who)
    for end in case.open_ends:
        yield hold(end.code, end.text, until=end.until, who=end.who)
    if train.check_in_lead is not None and at >= departure.departs_at - train.check_in_lead:
        for missing in case.load.unchecked:
            why = why_not_checked_in(missing.title, missing.author, captain=who)
            yield hold(why.code, why.text, who=why.who)
    for blocker in (one for one in departure.blocking if one["blocks"]):
        yield hold(f"blocker_{blocker['kind']}", blocker["text"], who=blocker["who"])
    if plan.checks and departure.state not in BOARDING_STATES:
        sample = Sample.from_json(departure.readiness)
        for why in why_not_ready(plan.checks, sample, zone=train.time_zone, now=at):
            yield hold(why.code, why.text, until=why.until, who=why.who)
    late = why_late(departs_at=departure.departs_at, grace=plan.grace, captain=who, now=at)
    if late and not departure.held_at:
        yield hold(late.code, late.text, who=late.who)
    for why in case.undone:
        yield hold(why.code, why.text, who=why.who)
    for text in case.unseen:
        advice = "Let it report or be asked for, or make the guardrail advisory."
        yield hold("no_data", f"{text} {advice}", who=train.team.name)
    if case.untargeted:
        yield _no_target(case.untargeted, train)


def _windows(case: Case, foreseen: Foreseen) -> Verdict:
    """Judge the services that start at once at the very instant of the departure (RULES W6).

    What would still keep them when those windows end is named, too (W5).
    """
    route = foreseen.route
    places = [run.place for run in route.first]
    overridden = let_through(route.passings, route.base)
    # Few of all that stands in the calendar is open then; what allows is asked about while it is shut.
    near = [
        one
        for one in foreseen.freezes
        if one.effect is Effect.ALLOW or any(route.base in time.span for time in one.times)
    ]
    met = [
        stop
        for stop in stops(near, places, route.base, lane=route.lane, overridden=overridden)
        if not (stop.freeze.level is Stops.SOFT and stop.freeze.id in route.acknowledged)
    ]
    known = {stop.freeze.id for stop in met}
    later = {
        freeze.id: Stop(freeze, wait.run.place, wait.end)
        for wait in foreseen.course.waits
        for freeze in wait.freezes
        if freeze.id not in known
    }
    return combine(*(stop.verdict() for stop in (*met, *later.values())))


def _on_its_way(case: Case, foreseen: Foreseen, who: str, at: datetime) -> Verdict:
    """Wait for somebody who accepts that it will be held before it has arrived (RULES W4)."""
    worst = foreseen.course.worst
    if worst is None or is_accepted(case.departure.accepted_hold, foreseen.course):
        return ALLOWED
    safety = safety_of(foreseen)
    why = why_will_hold(
        worst,
        zone=case.departure.train.time_zone,
        last_safe_at=safety.last.at if safety.last else None,
        next_at=safety.next[0] if safety.next else None,
        who=who,
        now=at,
    )
    return Verdict(Decision.HOLD, (why,))


def _held(departure: Departure, who: str) -> Verdict:
    if departure.held_at is None:
        return ALLOWED
    text = f"Held by {departure.held_by_label or 'Release Train'}: {departure.held_reason.rstrip('.')}."
    return hold(f"held_{departure.held_kind or 'person'}", text, until=departure.held_until, who=who)


def _no_target(services: list[str], train: Train) -> Verdict:
    named = ", ".join(services)
    text = f"Nothing can move {named} in {train.environment.name}: no target is set up there."
    return hold("no_target", text, who="an administrator")


def captain_words(train: Train) -> str:
    """Name who runs a train's departures."""
    return f"the captain {train.captain}" if train.captain else f"a release manager of {train.team.name}"


def runner_words(departure: Departure) -> str:
    """Name who runs a departure: its own captain, else the train's."""
    return f"the captain {departure.captain}" if departure.captain_id else captain_words(departure.train)
