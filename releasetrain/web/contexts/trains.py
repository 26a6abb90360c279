"""Gather what the train pages show."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import Count, Q

from releasetrain.accounts.models import Membership, User
from releasetrain.accounts.rules import Role, Roles
from releasetrain.calendars.rules.windows import Lane
from releasetrain.insights.queries import figures_of
from releasetrain.lib import deadlines
from releasetrain.lib.recurrence import BadRule
from releasetrain.lib.spans import in_words
from releasetrain.panels import links
from releasetrain.panels.audience import Audience
from releasetrain.panels.deadlines import deadlines_of
from releasetrain.panels.shapes import (
    Action,
    DeadlineLine,
    Link,
    PastDeparture,
    PolicyLine,
    Rung,
    TrainDate,
    TrainPage,
    TrainRow,
)
from releasetrain.trains.models import Departure, Train
from releasetrain.trains.queries import next_dates, schedule_in_words, verdict
from releasetrain.trains.queries.verdicts import Action as Ask
from releasetrain.trains.rules.ladder import mirror_of, segment_of
from releasetrain.trains.rules.readiness import Asks
from releasetrain.trains.rules.states import FINISHED_STATES, DepartureState
from releasetrain.trains.rules.weeks import monday_of
from releasetrain.web.contexts.timetable import shift_in_words
from releasetrain.web.contexts.weeks import variant_lines, week_lines
from releasetrain.web.forms.deadlines import zone_of

DATES, HISTORY = 10, 15
EDIT_ROLES = (Role.RELEASE_MANAGER, Role.ADMINISTRATOR)
AHEAD = [state.value for state in DepartureState if state not in FINISHED_STATES]


def may_edit(roles: Roles, team: int | None) -> bool:
    """Tell whether somebody may make or change this team's trains."""
    return any(roles.has(role, team=team) for role in EDIT_ROLES)


def may_make(roles: Roles) -> bool:
    """Tell whether somebody may make a train for any team at all."""
    return any(roles.has_any(role) for role in EDIT_ROLES)


def rows_of(trains: list[Train]) -> list[TrainRow]:
    """Say each train with its next departure; two queries however many there are."""
    ahead: dict[int, Departure] = {}
    for departure in Departure.objects.filter(train__in=trains, state__in=AHEAD).order_by("-departs_at"):
        ahead[departure.train_id] = departure
    return [_row(train, ahead.get(train.pk)) for train in trains]


def _row(train: Train, following: Departure | None) -> TrainRow:
    return TrainRow(
        url=f"/trains/{train.slug}/",
        name=train.name,
        team=train.team.name,
        schedule=in_words_of(train),
        zone=train.time_zone,
        services=", ".join(service.name for service in train.services.all()),
        ladder=" · ".join(str(stage["weight"]) for stage in train.ladder),
        next_at=following.departs_at if following else None,
        next_url=f"/departures/{following.pk}/" if following else "",
        next_state=following.state if following else "",
    )


def _rung(stage: Mapping[str, Any]) -> Rung:
    bake, needs_approval = in_words(stage["bake_seconds"]), bool(stage.get("approval"))
    return Rung(stage["weight"], bake, segment_of(stage), needs_approval, mirror_of(stage))


def in_words_of(train: Train) -> str:
    """Say a train's schedule without its zone, which stands beside it."""
    if train.retired_at is not None:
        return "retired"
    return schedule_in_words(train).replace(f" {train.time_zone}", "", 1)


def page_of(train: Train, *, person: User, roles: Roles, now: datetime) -> TrainPage:
    """Gather everything about one train."""
    edits = may_edit(roles, train.team_id)
    return TrainPage(
        name=train.name,
        slug=train.slug,
        team=train.team.name,
        schedule=in_words_of(train),
        rule=train.rule,
        zone=train.time_zone,
        environment=train.environment.name,
        lane=Lane(train.lane).words,
        services=[service.name for service in train.services.all()],
        ladder=[_rung(stage) for stage in train.ladder],
        policy_name=train.policy.name,
        policy_url=f"/policies/{train.policy_id}/",
        policy=_policy(train),
        cut_offs=[(_cut_off_name(one, train), _said(one)) for one in train.cut_offs],
        milestones=[(one.get("name", ""), _said(one)) for one in train.milestones],
        boarding=f"opens {in_words(train.boarding_lead)} before departure",
        captain=str(train.captain or ""),
        captains=[str(seat.user) for seat in train.captain_seats.select_related("user")],
        turns={"week": "every week", "departure": "at every departure"}[train.turns],
        checks=list((asks := Asks.from_json(train.checks)).labels.values()),
        checks_for=in_words(asks.minimum),
        check_in=f"opens {in_words(train.check_in_lead)} before departure" if train.check_in_lead else "",
        on_call=_rotas(train),
        dates=_dates(train, person=person, roles=roles, now=now),
        weeks=week_lines(train, now, may_choose=edits),
        variants=variant_lines(train, may_edit=edits),
        history=[_past(departure) for departure in _history(train, now)],
        figures=figures_of(train),
        is_accelerated=train.is_accelerated,
        edit_url=f"/trains/{train.slug}/edit/" if edits else "",
        variant_url=f"/trains/{train.slug}/variants/new/" if edits else "",
    )


def _cut_off_name(spec: Mapping[str, Any], train: Train) -> str:
    if category := spec.get("category"):
        return f"Cut-off for {category}"
    return "Cut-off" if len(train.cut_offs) < 2 else "Cut-off for everything else"


def _said(spec: Mapping[str, Any]) -> str:
    """Say a deadline, also one that can no longer be read."""
    try:
        return deadlines.read(spec).in_words()
    except BadRule as refusal:
        return str(refusal)


def _rotas(train: Train) -> list[Link]:
    """Lead to the rotas of the teams whose services it carries."""
    teams = {service.team_id: service.team for service in train.services.select_related("team")}
    return [Link(team.name, links.on_call(team.slug)) for team in teams.values()]


def _policy(train: Train) -> list[PolicyLine]:
    names: dict[str, list[str]] = {}
    held = Membership.objects.filter(Q(team=train.team_id) | Q(team=None), user__is_active=True)
    for role, name in held.order_by("user__name").values_list("role", "user__name"):
        names.setdefault(role, []).append(name)
    return [
        PolicyLine(
            one.slot or Role(one.role).label,
            one.quorum,
            ", ".join(names.get(one.role, [])) or "nobody holds it",
        )
        for one in train.policy.requirements.all()
    ]


def _dates(train: Train, *, person: User, roles: Roles, now: datetime) -> list[TrainDate]:
    """Return the next dates, the skipped ones among them: they can still be restored."""
    ahead = Q(state__in=AHEAD) | Q(state=DepartureState.SKIPPED, departs_at__gt=now)
    departures = Departure.objects.filter(ahead, train=train).annotate(aboard=Count("changes"))
    rows = list(departures.select_related("captain", "deputy").order_by("departs_at")[:DATES])
    notes, weeks = _notes(train, now), dict(train.weeks.values_list("monday", "variant__name"))
    zone = zone_of(train.time_zone)
    earlier = [*rows[:1], *rows]  # the first date has none before it
    shifts = [_clocks(before, row, zone) for before, row in zip(earlier, rows, strict=False)]
    for row in rows:
        row.train = train
    return [
        TrainDate(
            departs_at=row.departs_at,
            cut_off_at=row.cut_off_at,
            state=row.state,
            url=links.departure(row.pk),
            code=row.code,
            shift=shift_in_words(shift),
            changes=row.aboard,
            note=notes.get(row.planned_at, ""),
            deadlines=_further(row, now),
            captain=str(row.captain or train.captain or ""),
            deputy=str(row.deputy or ""),
            handover_note=row.handover_note,
            variant=weeks.get(monday_of(row.departs_at, zone), ""),
            actions=_steer(row, person=person, roles=roles, now=now),
            **_moved(row),
        )
        for row, shift in zip(rows, shifts, strict=True)
    ]


def _clocks(before: Departure, row: Departure, zone: ZoneInfo) -> timedelta:
    """Return by how much the clocks changed between two dates."""
    then, now = (one.departs_at.astimezone(zone).utcoffset() or timedelta(0) for one in (before, row))
    return now - then


def _notes(train: Train, now: datetime) -> dict[datetime, str]:
    """Return where the clocks do not let a date be what the schedule says."""
    try:
        ahead = next_dates(train, now, DATES)
    except BadRule:
        return {}
    return {one.planned_at: one.note for one in ahead if one.note}


def _moved(row: Departure) -> dict[str, Any]:
    moved = row.moved.get("departs_at")
    return {"was_at": datetime.fromisoformat(moved["from"]), "moved_by": moved["by"]} if moved else {}


def _further(row: Departure, now: datetime) -> list[DeadlineLine]:
    """Return the deadlines beside the one at which it is sealed, and that one, too, where it was moved."""
    lines = deadlines_of(row, Audience.MEMBER, now, with_check_in=False).lines
    return [line for line in lines if line.at != row.cut_off_at or line.was_at]


def _steer(row: Departure, *, person: User, roles: Roles, now: datetime) -> list[Action]:
    """Offer to skip or restore a date to those who may."""
    offers = ((Ask.RESTORE, "Restore", "undo-2"), (Ask.SKIP, "Skip", "skip-forward"))
    return [
        Action(str(ask), label, f"{links.departure(row.pk)}{ask}/", icon, "quiet")
        for ask, label, icon in offers
        if verdict(ask, row, person, now, roles=roles).is_allowed
    ]


def _history(train: Train, now: datetime) -> list[Departure]:
    past = Departure.objects.filter(train=train, state__in=[state.value for state in FINISHED_STATES])
    past = past.exclude(state=DepartureState.SKIPPED, departs_at__gt=now)
    return list(past.order_by("-departs_at")[:HISTORY])


def _past(departure: Departure) -> PastDeparture:
    return PastDeparture(
        url=f"/departures/{departure.pk}/",
        label=departure.label or departure.code,
        departed_at=departure.departed_at or departure.departs_at,
        state=departure.state,
        outcome=departure.outcome,
    )
