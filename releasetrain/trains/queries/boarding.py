"""Answer whether a change may come aboard a departure, and whether it may still become ready."""

from datetime import datetime

from releasetrain.lib.verdict import ALLOWED, Reason, Verdict, combine, denied, deny, hold
from releasetrain.trains.models import Change, Departure
from releasetrain.trains.queries.capacity import why_full
from releasetrain.trains.queries.late import good_pass, is_aboard_with_less, why_no_pass
from releasetrain.trains.queries.leaving import runner_words
from releasetrain.trains.queries.room import why_stand_by
from releasetrain.trains.rules.boarding import why_not_board, why_not_come_aboard, why_not_ready
from releasetrain.trains.rules.states import BOARDING_STATES, ChangeState, DepartureState
from releasetrain.trains.rules.vehicles import traits_of, why_not_ride


def why_closed(departure: Departure, at: datetime, category: str | None = None) -> Reason | None:
    """Say why nothing boards, or nothing of a category: each may have a cut-off of its own."""
    return why_not_board(
        DepartureState(departure.state),
        boards_at=departure.boards_at,
        cut_off_at=departure.cut_off_at if category is None else departure.cut_off_for(category),
        zone=departure.train.time_zone,
        category=category if category in departure.cut_offs and category else "",
        now=at,
    )


def may_board(change: Change, departure: Departure, at: datetime, *, asks_for_pass: bool = False) -> Verdict:
    """Answer whether a change may come aboard, whoever asks; it holds where only room is missing (I11).

    A late pass that is good opens the cut-off.

    :param asks_for_pass: whether such a pass may be asked for it is the question (RULES I1)
    """
    if asks_for_pass and is_aboard_with_less(change, departure):
        return denied(why_no_pass(change, departure, at))
    at_it = change.stand_by_for_id == departure.pk
    elsewhere = change.departure if change.state == ChangeState.ABOARD else change.stand_by_for
    fits = why_not_come_aboard(
        ChangeState(change.state),
        elsewhere=str(elsewhere) if elsewhere and not at_it else "",
        service=change.service.name,
        is_served=departure.train.services.filter(pk=change.service_id).exists(),
        is_archived=change.service.archived_at is not None,
        train=departure.train.name,
        is_standing_by=at_it,
    )
    closed = why_closed(departure, at, change.boarding_category)
    if asks_for_pass:
        closed = why_no_pass(change, departure, at)
    elif closed and closed.code == "cut_off" and good_pass(change, departure, at):
        closed = None
    rides = why_not_ride(
        traits_of(change.answers, change.traits),
        refuses=departure.plan.get("refuses", ()),
        takes_only=departure.plan.get("takes_only", ()),
        train=departure.train.name,
        team=departure.train.team.name,
    )
    full = None if closed or fits else why_full(change, departure)
    known = combine(denied(closed), denied(fits), denied(rides), denied(full))
    return known if not known.is_allowed else _room(change, departure)


def _room(change: Change, departure: Departure) -> Verdict:
    """Hold what finds no room while the departure boards; nobody stands by for a sealed one (RULES I11)."""
    why = why_stand_by(change, departure)
    if why is None:
        return ALLOWED
    if departure.state in BOARDING_STATES:
        return hold(why.code, why.text, who=why.who)
    return deny("full", "It is full, and its manifest is sealed; choose another departure.", who=why.who)


def may_be_ready(change: Change, at: datetime) -> Verdict:
    """Answer whether somebody can still say that a change is ready, whoever it is (real case O7)."""
    departure = change.departure if change.state == ChangeState.ABOARD else None
    closed = why_not_ready(
        awaits_ready=change.awaits_ready,
        cut_off_at=departure.cut_off_for(change.boarding_category) if departure else None,
        zone=departure.train.time_zone if departure else "UTC",
        captain=runner_words(departure) if departure else "",
        now=at,
    )
    return denied(closed)
