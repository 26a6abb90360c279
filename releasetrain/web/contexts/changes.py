"""Gather what the change pages show."""

from datetime import datetime
from urllib.parse import urlsplit

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role, Roles
from releasetrain.catalog.access import may
from releasetrain.insights.arrival import Arrival, Part, arrival_of
from releasetrain.panels import links
from releasetrain.panels.shapes import Action, ChangePage, ChangeRow, Mark, RiskLine, Step
from releasetrain.trains.models import Change, Departure
from releasetrain.trains.queries import Action as Question
from releasetrain.trains.queries import verdict
from releasetrain.trains.queries.room import why_stand_by
from releasetrain.trains.rules.boarding import MAY_COME_ABOARD
from releasetrain.trains.rules.risk import level_of, weigh
from releasetrain.trains.rules.standby import Priority
from releasetrain.trains.rules.states import ChangeState, DepartureState
from releasetrain.trains.rules.vehicles import Trait, traits_of

# What a forecast rests on beside the steps themselves.
GROUNDS = ("Pace", "If it comes back")
ON_THEIR_WAY = (ChangeState.SUBMITTED, ChangeState.ABOARD)


def source_of(change: Change) -> str:
    """Name where a change comes from, briefly: owner/name#12 at a code host, else its host."""
    if change.external_id and ":" in change.external_id:
        return change.external_id.split(":", 1)[1]
    return urlsplit(change.url).hostname or ""


def row_of(change: Change) -> ChangeRow:
    """Say a change in one line; it needs its service, departure and train."""
    departure = change.departure or change.stand_by_for
    return ChangeRow(
        url=f"/changes/{change.pk}/",
        title=change.title,
        author=change.author_label,
        service=change.service.name,
        version=change.version,
        state=change.state,
        submitted_at=change.submitted_at,
        departure=departure.code if departure else "",
        departure_url=f"/departures/{departure.pk}/" if departure else "",
        departs_at=departure.departs_at if departure else None,
        zone=departure.train.time_zone if departure else "",
        source=source_of(change),
        source_url=change.url,
        risk=level_of(change.risk_points).value,
        risk_points=change.risk_points,
        priority=priority_words(change),
        stands_by=change.state == ChangeState.STAND_BY,
    )


def priority_words(change: Change) -> str:
    """Name a priority that is not the usual one."""
    return "" if change.priority == Priority.NORMAL else Priority(change.priority).label


def page_of(
    change: Change, *, user: User, roles: Roles, now: datetime, offers: list[Departure]
) -> ChangePage:
    """Say where a change is, what comes next, and what this person may do with it."""
    departure = change.departure
    arrival = arrival_of(change, now)
    risk = weigh(change.answers, has_flag=bool(change.flag_key))
    place = departure or change.stand_by_for
    return ChangePage(
        pk=change.pk,
        title=change.title,
        author=change.author_label,
        team=change.service.team.name,
        service=change.service.name,
        version=change.version,
        state=change.state,
        submitted_at=change.submitted_at,
        steps=_way(change, departure, arrival),
        zone=_zone(change, departure, arrival),
        sentence=_beside(arrival),
        grounds=[_ahead(part) for part in arrival.parts if part.label in GROUNDS],
        p50_at=arrival.p50_at,
        p90_at=arrival.p90_at if arrival.p90_at != arrival.p50_at else None,
        reasons=[arrival.blocked] if arrival.blocked else [],
        category=change.category or change.service.category,
        description=change.description,
        rollback_plan=change.rollback_plan,
        flag_key=change.flag_key,
        departure=place.code if place else "",
        departure_url=f"/departures/{place.pk}/" if place else "",
        source=source_of(change),
        source_url=change.url,
        missing=_missing(change, departure),
        actions=[
            *_actions(change, user=user, roles=roles, offers=offers, now=now),
            *_ways_off(change, user=user, roles=roles, now=now),
        ],
        risk=risk.level.value,
        risk_points=risk.points,
        risk_lines=[RiskLine(line.text, line.points) for line in risk.lines if line.points],
        priority=priority_words(change),
        traits=[one.label for one in Trait if one in traits_of(change.answers, change.traits)],
        ready_at=change.ready_at,
        awaits_ready=change.awaits_ready,
        landed_at=change.merged_at,
        expires_at=change.expires_at,
    )


def _beside(arrival: Arrival) -> str:
    """Return what is foreseen in a sentence, unless what blocks it says the same."""
    is_said = arrival.blocked is not None and arrival.blocked.text == arrival.sentence
    return "" if is_said else arrival.sentence


def _zone(change: Change, departure: Departure | None, arrival: Arrival) -> str:
    own = departure or arrival.departure
    return own.train.time_zone if own else change.service.team.time_zone


def _way(change: Change, departure: Departure | None, arrival: Arrival) -> list[Step]:
    """Return what is behind a change, then what is foreseen, step by step with why each takes so long."""
    known = _steps(change, departure)
    if not arrival.parts or change.state == ChangeState.SHIPPED:
        return known
    done = [step for step in known if step.mark != "pending"]
    return [*done, *(_ahead(part) for part in arrival.parts if part.label not in GROUNDS)]


def _ahead(part: Part) -> Step:
    return Step(part.label, "pending", expected_at=part.at, note=part.note)


def _steps(change: Change, departure: Departure | None) -> list[Step]:
    if departure is None:
        mark: Mark = "pending" if change.state == ChangeState.DRAFT else "done"
        return [Step("Submitted", mark, at=change.submitted_at), Step("Aboard a train", "pending")]
    is_back = departure.state == DepartureState.ROLLED_BACK
    happened: list[tuple[str, datetime | None, datetime | None]] = [
        ("Submitted", change.submitted_at, None),
        (f"Aboard {departure.code}", change.boarded_at, None),
        ("Cut-off", departure.sealed_at, departure.cut_off_for(change.boarding_category)),
        ("Cleared to go", departure.cleared_at, None),
        ("Departs", departure.departed_at, departure.departs_at),
    ]
    steps = [_step(label, at, expected) for label, at, expected in happened]
    arrived = departure.finished_at if departure.state == DepartureState.ARRIVED else None
    if is_back:
        return [*steps, Step("Rolled back", "rolled_back", at=departure.finished_at, note=departure.outcome)]
    return [*steps, _step("With everybody", arrived, None)]


def _step(label: str, at: datetime | None, expected_at: datetime | None) -> Step:
    return Step(label, "done" if at else "pending", at=at, expected_at=None if at else expected_at)


def _missing(change: Change, departure: Departure | None) -> list[str]:
    missing = []
    if change.state == ChangeState.DRAFT:
        missing.append("It is a draft: go on with it and submit it.")
    if change.state == ChangeState.SUBMITTED:
        missing.append("It is aboard no train yet.")
    if change.state == ChangeState.STAND_BY and change.stand_by_for:
        full = why_stand_by(change, change.stand_by_for)
        missing.append(full.text if full else "There is room for it; it is about to come aboard.")
    if change.awaits_ready:
        missing.append("Say that it is ready, before the cut-off; otherwise the departure goes without it.")
    if departure is not None and departure.state == DepartureState.DECIDING:
        missing.append("The people on the departure’s page have to say go.")
    if not change.rollback_plan and change.state in ON_THEIR_WAY:
        missing.append("Nobody wrote down what to undo beside the version itself.")
    return missing


def may_change(change: Change, user: User, roles: Roles) -> bool:
    """Tell whether somebody may board or withdraw a change: its author, or a submitter of its service."""
    return change.author_id == user.pk or may(roles, Role.SUBMITTER, change.service)


def _ways_off(change: Change, *, user: User, roles: Roles, now: datetime) -> list[Action]:
    """Offer to ask for a change to be taken off, to do it, and to say what it needs.

    While it rolls, what helps instead of a withdrawal is offered (RULES I4).
    """
    if change.state == ChangeState.ABOARD and change.departure and change.departure.state == "rolling":
        return _instead(change, change.departure)
    offered = (
        (Question.ASK_WITHDRAWAL, "ask-to-leave", "Ask to take it off", "log-out"),
        (Question.EJECT, "eject", "Take it off…", "log-out"),
        (Question.TIE, "needs", "What it needs", "route"),
    )
    return [
        Action(verb, label, links.leave(change.pk, verb), icon, "quiet", opens=True)
        for ask, verb, label, icon in offered
        if verdict(ask, change, user, now, roles=roles).is_allowed
    ]


def _instead(change: Change, departure: Departure) -> list[Action]:
    """Lead to what helps once a departure rolls: the flag of the change, the brake."""
    flag = Action(
        "flag", f"Switch off {change.flag_key}", f"/flags/{change.flag_key}/", "toggle-left", opens=True
    )
    brake = Action("brake", "Roll back or hold", links.live(departure.pk), "undo-2", opens=True)
    return [*([flag] if change.flag_key else []), brake]


def _actions(
    change: Change, *, user: User, roles: Roles, offers: list[Departure], now: datetime
) -> list[Action]:
    if not may_change(change, user, roles):
        return []
    state, found = ChangeState(change.state), []
    if state is ChangeState.DRAFT and user.pk in (change.author_id, change.submitted_by_id):
        found.append(_opening("edit", "Go on with it", f"/changes/{change.pk}/edit/", "pencil"))
    if change.awaits_ready and verdict(Question.READY, change, user, now, roles=roles).is_allowed:
        url = f"/changes/{change.pk}/ready/"
        found.append(Action(name="ready", label="It is ready", url=url, icon="circle-check", kind="primary"))
    if state in MAY_COME_ABOARD:
        found += [_boarding(change, one, is_first=one is offers[0]) for one in offers]
    if state is ChangeState.STAND_BY or (
        state is ChangeState.ABOARD and change.departure and change.departure.is_boarding
    ):
        here = change.departure_id or change.stand_by_for_id
        found += [_moving(change, one) for one in offers if one.pk != here]
    if verdict(Question.WITHDRAW, change, user, now, roles=roles).is_allowed:
        found.append(_withdrawing(change))
    return found


def _opening(name: str, label: str, url: str, icon: str) -> Action:
    return Action(name=name, label=label, url=url, icon=icon, kind="primary", opens=True)


def _boarding(change: Change, departure: Departure, *, is_first: bool) -> Action:
    full = why_stand_by(change, departure)
    return Action(
        name=f"board-{departure.pk}",
        label=f"{'Stand by for' if full else 'Board'} {departure.code} {departure.train.name}",
        url=f"/changes/{change.pk}/board/{departure.pk}/",
        icon="hourglass" if full else "ticket",
        kind="primary" if is_first else "secondary",
    )


def _moving(change: Change, departure: Departure) -> Action:
    return Action(
        name=f"move-{departure.pk}",
        label=f"Move to {departure.code} {departure.train.name}",
        url=f"/changes/{change.pk}/move/{departure.pk}/",
        icon="arrow-right-left",
    )


def _withdrawing(change: Change) -> Action:
    place = change.departure or change.stand_by_for
    consequence = "It waits nowhere any more. You can offer it again whenever you like."
    if place is not None:
        consequence = f"It gets off {place.code}. You can board it again until the cut-off."
    return Action(
        name="withdraw",
        label="Withdraw",
        url=f"/changes/{change.pk}/withdraw/",
        icon="log-out",
        asks="optional",
        consequence=consequence,
    )
