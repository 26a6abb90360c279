"""Gather what the change pages show."""

from datetime import datetime
from urllib.parse import urlsplit

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role, Roles
from releasetrain.catalog.access import may
from releasetrain.insights.arrival import Arrival, Part, arrival_of
from releasetrain.panels.shapes import Action, ChangePage, ChangeRow, Mark, Step
from releasetrain.trains.models import Change, Departure
from releasetrain.trains.rules.states import ChangeState, DepartureState

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
    departure = change.departure
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
    )


def page_of(
    change: Change, *, user: User, roles: Roles, now: datetime, offers: list[Departure]
) -> ChangePage:
    """Say where a change is, what comes next, and what this person may do with it."""
    departure = change.departure
    arrival = arrival_of(change, now)
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
        sentence=arrival.sentence,
        grounds=[_ahead(part) for part in arrival.parts if part.label in GROUNDS],
        p50_at=arrival.p50_at,
        p90_at=arrival.p90_at if arrival.p90_at != arrival.p50_at else None,
        reasons=[arrival.blocked] if arrival.blocked else [],
        category=change.category or change.service.category,
        description=change.description,
        rollback_plan=change.rollback_plan,
        flag_key=change.flag_key,
        departure=departure.code if departure else "",
        departure_url=f"/departures/{departure.pk}/" if departure else "",
        source=source_of(change),
        source_url=change.url,
        missing=_missing(change, departure),
        actions=_actions(change, user=user, roles=roles, offers=offers),
    )


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
        mark: Mark = "done" if change.state == ChangeState.SUBMITTED else "pending"
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
    if change.state == ChangeState.SUBMITTED:
        missing.append("It is aboard no train yet.")
    if departure is not None and departure.state == DepartureState.DECIDING:
        missing.append("The people on the departure’s page have to say go.")
    if not change.rollback_plan and change.state in ON_THEIR_WAY:
        missing.append("Nobody wrote down what to undo beside the version itself.")
    return missing


def may_change(change: Change, user: User, roles: Roles) -> bool:
    """Tell whether somebody may board or withdraw a change: its author, or a submitter of its service."""
    return change.author_id == user.pk or may(roles, Role.SUBMITTER, change.service)


def _actions(change: Change, *, user: User, roles: Roles, offers: list[Departure]) -> list[Action]:
    if not may_change(change, user, roles):
        return []
    if change.state == ChangeState.SUBMITTED:
        return [
            Action(
                name=f"board-{departure.pk}",
                label=f"Board {departure.code} {departure.train.name}",
                url=f"/changes/{change.pk}/board/{departure.pk}/",
                icon="ticket",
                kind="primary" if departure is offers[0] else "secondary",
            )
            for departure in offers
        ]
    if change.state == ChangeState.ABOARD and change.departure and change.departure.is_boarding:
        return [
            Action(
                name="withdraw",
                label="Withdraw",
                url=f"/changes/{change.pk}/withdraw/",
                icon="log-out",
                asks="optional",
                consequence=f"It gets off {change.departure.code}. You can board it again until the cut-off.",
            )
        ]
    return []
