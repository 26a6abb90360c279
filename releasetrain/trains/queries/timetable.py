"""Read schedules: what a train's rule means, its next dates, and what an edit would move."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta

from django.db.models import Count, Q

from releasetrain.accounts.rules import Role
from releasetrain.lib.recurrence import BadRule
from releasetrain.lib.schedule import Schedule
from releasetrain.trains.models import Departure, Policy, Train, Variant
from releasetrain.trains.queries.terms import (
    TrainSettings,
    dates_ahead,
    schedule_of,
    variant_schedule,
    weeks_of,
)
from releasetrain.trains.rules.plan import Ask, Plan
from releasetrain.trains.rules.readiness import Asks
from releasetrain.trains.rules.states import BOARDING_STATES, DepartureState, Part
from releasetrain.trains.rules.times import Times
from releasetrain.trains.rules.timetable import DEPARTS_AT, Date, Standing, Timetable, timetable, to_come

AHEAD = timedelta(days=400)
YEARS = timedelta(days=366 * 5)
D = DepartureState


def schedule_in_words(train: Train) -> str:
    """Say a train's schedule, also where it can no longer be followed."""
    try:
        return schedule_of(train).in_words()
    except BadRule as refusal:
        return str(refusal)


def plan_of(train: Train) -> Plan:
    """Return the plan that a departure takes over from its train."""
    return Plan(
        ladder=tuple(train.ladder),
        is_accelerated=train.is_accelerated,
        on_new_version=train.on_new_version,
        asks=asks_of(train.policy),
        no_approval_needed=train.policy.no_approval_needed,
        policy=train.policy.name,
        policy_owner=train.policy.owner.name,
        grace=train.grace,
        capacity=train.capacity,
        risk_budget=train.risk_budget,
        refuses=tuple(train.refuses),
        takes_only=tuple(train.takes_only),
        checks=Asks.from_json(train.checks),
        votes_last=train.policy.votes_last,
        decide_by=train.policy.decide_by,
        escalates_to=Role(train.policy.escalates_to),
    )


def asks_of(policy: Policy) -> tuple[Ask, ...]:
    """Return what a policy asks, as departures keep it."""
    return tuple(
        Ask(
            role=Role(one.role),
            quorum=one.quorum,
            slot=one.slot,
            team=(one.team.pk, one.team.name) if one.team else None,
            part=Part(one.part),
            only_veto=one.only_veto,
            allows_not_applicable=one.allows_not_applicable,
            self_certify_up_to=one.self_certify_up_to,
            silence_after=one.silence_after,
        )
        for one in policy.requirements.all()
    )


def next_dates(train: Train, now: datetime, limit: int = 10) -> list[Date]:
    """Return the next dates on which a train departs, with the shifts of its clocks marked (RULES T1).

    A retired train has none.
    """
    if train.retired_at:
        return []
    return dates_ahead(train, weeks_of(train), after=now, until=now + YEARS, limit=limit)


def moves(
    train: Train,
    edited: Train | TrainSettings,
    now: datetime,
    *,
    weeks: Mapping[date, Schedule | None] | None = None,
) -> Timetable:
    """Return what an edit does to the departures that stand; the form shows it first (RULES T9).

    Departures whose seal is behind them do not move, and nothing is planned whose seal would be (T12).

    :param edited: what is to be; the train itself where only its weeks change
    :param weeks: the schedules of single weeks as they are to be; those that the train has where None
    :raises BadRule: the schedule or a deadline cannot be used
    """
    standing = may_still_move(train, now)
    until = max([now + AHEAD, *(one.planned_at + timedelta(seconds=1) for one in standing)])
    chosen = weeks_of(train, edited.time_zone) if weeks is None else weeks
    ahead = dates_ahead(edited, chosen, after=now, until=until)
    return timetable(standing, to_come(ahead, standing, now), now)


def moves_for_week(train: Train, monday: date, variant: Variant | None, now: datetime) -> Timetable:
    """Return what it does to run one week by a variant, or by the usual schedule where None.

    :raises BadRule: a schedule cannot be used
    """
    weeks = weeks_of(train)
    weeks.pop(monday, None)
    if variant is not None:
        weeks[monday] = variant_schedule(variant, train.time_zone)
    return moves(train, train, now, weeks=weeks)


def may_still_move(train: Train, now: datetime) -> list[Standing]:
    """Return the departures that an edit looks at, soonest first: ahead and not sealed (RULES T9, T12).

    Those that a person has skipped, cancelled or postponed stay; they stand for a date all the same.
    """
    rows = train.departures.filter(planned_at__gt=now, imported_from="").annotate(aboard=Count("changes"))
    movable = Q(state__in=BOARDING_STATES, cut_off_at__gt=now) | Q(state__in=[D.SKIPPED, D.CANCELLED])
    return [standing_for(row) for row in rows.filter(movable).order_by("planned_at")]


def standing_for(row: Departure) -> Standing:
    """Say how a departure stands on the timetable; `aboard` must be annotated."""
    return Standing(
        departure=row.pk,
        planned_at=row.planned_at,
        times=times_of(row),
        aboard=getattr(row, "aboard", 0),
        pinned=why_pinned(row),
        is_off=row.state in (D.SKIPPED, D.CANCELLED),
        by_hand=frozenset(row.moved),
    )


def why_pinned(row: Departure) -> str:
    """Say why an edit of its train leaves a departure as it is, nothing where it does not."""
    if row.state in (D.SKIPPED, D.CANCELLED):
        return f"it was {row.state}"
    moved = row.moved.get(DEPARTS_AT)
    return f"{moved['by']} moved it by hand" if moved else ""


def times_of(row: Departure) -> Times:
    """Return the times that a departure has."""
    return Times(row.departs_at, row.boards_at, row.cut_off_times, tuple(row.milestone_times))


def dates_to_board(train: Train, *, until: datetime, now: datetime) -> list[Date]:
    """Return the dates up to `until` whose seal is still ahead; the past never fires (RULES T12)."""
    return to_come(dates_ahead(train, weeks_of(train), after=now, until=until), (), now)
