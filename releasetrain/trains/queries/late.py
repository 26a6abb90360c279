"""Read late passes, and price what it would cost to let a change aboard now (RULES I1, I6)."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from django.db.models import Q, QuerySet

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role, Roles
from releasetrain.calendars.queries import place
from releasetrain.catalog.access import may
from releasetrain.catalog.models import Dependency
from releasetrain.events.actions import SystemActor
from releasetrain.lib.verdict import ALLOWED, Reason, Verdict, combine, denied, deny
from releasetrain.trains.models import Change, Departure, LatePass
from releasetrain.trains.queries.decision import Standing, standing_of
from releasetrain.trains.rules.boarding import GONE, OPEN_STATES
from releasetrain.trains.rules.decision import Tally, tally
from releasetrain.trains.rules.forecast import Run, steps_of
from releasetrain.trains.rules.late import (
    LIVE,
    USUAL_LIMIT,
    PassState,
    Phase,
    Price,
    content_with,
    part_with,
    phase_of,
    price,
    why_not_ask,
)
from releasetrain.trains.rules.parts import part_digest, versions_of
from releasetrain.trains.rules.passes import (
    Pass,
    why_not_decide,
    why_not_extend,
    why_not_grant,
    why_not_use,
    why_over,
)
from releasetrain.trains.rules.states import ChangeState, DepartureState

NOT_LEFT = sorted(OPEN_STATES)
MOST_OFFERED = 5
LIVE_STATES = [state.value for state in LIVE]
ANOTHER_DIGEST = "of a manifest that is not written yet"


def passes_with_everything() -> QuerySet[LatePass]:
    """Return late passes with everything that a row of a list names, the newest first."""
    return LatePass.objects.select_related(
        "change__service__team",
        "change__author",
        "departure__train__team",
        "departure__train__environment",
        "departure__train__captain",
        "departure__captain",
        "departure__deputy",
    ).order_by("-priced_at", "-pk")


def pass_of(row: LatePass) -> Pass:
    """Read one late pass as the rules see it; it needs its change."""
    people = (row.change.author_id, row.change.submitted_by_id)
    return Pass(
        state=PassState(row.state),
        asked_by=row.asked_by_id,
        authors=frozenset(person for person in people if person is not None),
        granted_by=row.granted_by_id,
        use_by=row.use_by,
        is_extended=row.extended_at is not None,
        fixes=row.fixes,
        grants=sum(name != "" for name in (row.granted_by_label, row.seconded_by_label)),
    )


def live_pass_of(change: Change) -> LatePass | None:
    """Return the late pass of a change that is priced, asked for or granted, if it has one."""
    return passes_with_everything().filter(change=change, state__in=LIVE_STATES).first()


def good_pass(change: Change, departure: Departure, at: datetime) -> LatePass | None:
    """Return the pass that lets a change aboard a departure at an instant, if it has one."""
    rows = LatePass.objects.filter(change=change, departure=departure, state=PassState.GRANTED, use_by__gt=at)
    row = rows.select_related("change").first()
    return row if row and pass_of(row).is_enough_in(phase_for(change, departure, at)) else None


def phase_for(change: Change, departure: Departure, at: datetime) -> Phase:
    """Return how far a departure is for a change, by the cut-off of its category."""
    return phase_of(
        DepartureState(departure.state), cut_off_at=departure.cut_off_for(change.boarding_category), now=at
    )


def late_departures_for(change: Change, now: datetime) -> list[Departure]:
    """Return the departures that a change comes too late for and that have not left, soonest first."""
    rows = Departure.objects.select_related("train__team", "train__environment", "train__captain", "captain")
    rows = rows.filter(
        train__services=change.service_id, state__in=NOT_LEFT, departs_at__gt=now - USUAL_LIMIT
    )
    sealed = Q(state__in=[DepartureState.DECIDING, DepartureState.CLEARED])
    near = rows.filter(sealed | Q(boards_at__lte=now)).order_by("departs_at", "pk")[:MOST_OFFERED]
    return [one for one in near if now >= one.cut_off_for(change.boarding_category)]


def due_to_lapse(now: datetime) -> QuerySet[LatePass]:
    """Return the passes whose limit has passed, or whose departure has left without them (RULES I6)."""
    gone = Q(departure__state__in=list(GONE))
    over = Q(state=PassState.GRANTED, use_by__lte=now)
    return LatePass.objects.filter(gone | over, state__in=LIVE_STATES).order_by("pk")


def price_of(change: Change, departure: Departure, at: datetime) -> Price:
    """Price a change that would come aboard a departure now."""
    standing = standing_of(departure, at)
    authors = frozenset(person for person in (change.author_id, change.submitted_by_id) if person is not None)
    needs = _needs(change, standing)
    runs, with_it = _runs(change, standing, needs)
    is_new_team = change.service.team_id not in standing.load.teams
    return price(
        ballots=standing.ballots,
        before=standing.tally,
        after=_counted_after(change, standing, authors, needs, at),
        authors=authors,
        runs=runs,
        with_it=with_it,
        teams=[change.service.team.name] if is_new_team else [],
        revision=standing.manifest.revision if standing.manifest else 0,
    )


def _needs(change: Change, standing: Standing) -> dict[int, frozenset[int]]:
    """Return what each service aboard needs, and what the service of one change more needs."""
    own = change.service_id
    needs = {service: set(needed) for service, needed in standing.load.wiring.needs.items()}
    rows = Dependency.objects.filter(Q(service=own) | Q(depends_on=own))
    for service, needed in rows.values_list("service_id", "depends_on_id"):
        needs.setdefault(service, set()).add(needed)
    return {service: frozenset(needed) for service, needed in needs.items()}


def _counted_after(
    change: Change,
    standing: Standing,
    authors: frozenset[int],
    needs: dict[int, frozenset[int]],
    at: datetime,
) -> Tally | None:
    """Count the votes as they would stand with one change and its authors more aboard (RULES D1)."""
    if standing.tally is None or standing.manifest is None:
        return None
    own = change.service
    waiting = frozenset(service for service, needed in needs.items() if own.pk in needed)
    content = content_with(
        standing.manifest.content,
        service=(own.pk, own.name),
        change=change.pk,
        version=change.latest_version if is_aboard_with_less(change, standing.departure) else change.version,
        waiting=waiting,
    )
    mates = frozenset(place.service for place in standing.load.places if place.team == own.team_id)
    seats = [
        replace(seat, part_digest=part_digest(content, part_with(seat.part, own.pk, mates)))
        for seat in standing.seats
    ]
    return tally(
        seats,
        standing.ballots,
        digest=ANOTHER_DIGEST,
        authors=frozenset(standing.load.authors) | authors,
        no_approval_needed=standing.plan.no_approval_needed,
        now=at,
        lasts=standing.plan.votes_last,
        aboard=versions_of(content),
    )


def _runs(
    change: Change, standing: Standing, needs: dict[int, frozenset[int]]
) -> tuple[Sequence[Run], Sequence[Run]]:
    """Return what rolls out of a departure now, and with one change more."""
    load, steps = standing.load, steps_of(standing.plan.ladder)
    now = {service: load.expected[service] for service in load.services}
    own = place(change.service, standing.departure.train.environment)
    after = {**now, change.service_id: (change.service.name, own)}
    before, then = (
        [
            Run(service, name, where, steps, needs.get(service, frozenset()) & known.keys())
            for service, (name, where) in known.items()
        ]
        for known in (now, after)
    )
    return before, then


def why_no_pass(change: Change, departure: Departure, at: datetime) -> Reason | None:
    """Return why nobody can ask for a pass for a change now, or None; what it has to fix is asked later."""
    return why_not_ask(
        phase_for(change, departure, at),
        state=DepartureState(departure.state),
        fixes="something",
        cut_off_at=departure.cut_off_for(change.boarding_category),
        zone=departure.train.time_zone,
    )


def why_not_pass(action: str, row: LatePass, person: int | None, at: datetime) -> Reason | None:
    """Return why somebody may not grant, refuse, extend, use or take back a pass, or None."""
    known, phase = pass_of(row), phase_for(row.change, row.departure, at)
    zone = row.departure.train.time_zone
    if action == "grant_late":
        return why_not_grant(known, phase, person=person, zone=zone, now=at)
    if action == "refuse_late":
        return why_not_decide(known, phase, person=person, zone=zone, now=at)
    if action == "extend_late":
        return why_not_extend(known, phase, zone=zone, now=at)
    if action == "use_late":
        return why_not_use(known, phase, zone=zone, now=at)
    return why_over(known, zone=zone, now=at)


def about_pass(
    action: str,
    row: LatePass,
    actor: User | SystemActor,
    roles: Roles | None,
    at: datetime,
    *,
    runs: Verdict,
) -> Verdict:
    """Answer what somebody may do about a late pass: who runs its departure decides, its own people use it.

    :param runs: whether this person runs the departure
    """
    change = row.change
    person = actor.pk if isinstance(actor, User) else None
    own = {row.asked_by_id, change.author_id, change.submitted_by_id} - {None}
    is_fine = runs.is_allowed or (action == "withdraw_late" and person in own)
    permission = ALLOWED if is_fine else runs
    if action == "use_late":
        is_submitter = person is None or (roles and may(roles, Role.SUBMITTER, change.service))
        text = f"To put changes of {change.service.name} aboard one needs the role submitter there."
        permission = ALLOWED if is_submitter else deny("role", text, who="an administrator")
    return combine(permission, denied(why_not_pass(action, row, person, at)))


def is_aboard_with_less(change: Change, departure: Departure) -> bool:
    """Tell whether a change is aboard a departure with an older version than its newest (RULES I5)."""
    return change.state == ChangeState.ABOARD and change.departure_id == departure.pk and change.has_drifted
