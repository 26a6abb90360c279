"""Read departures and changes for boards, forms and the actions that place changes."""

from collections.abc import Iterable
from datetime import datetime

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, Exists, F, OuterRef, Q, QuerySet, Subquery

from releasetrain.catalog.models import Service
from releasetrain.lib.once import once
from releasetrain.trains.models import Change, Departure, Need, Train, Withdrawal
from releasetrain.trains.rules.boarding import TOLD_BEFORE, WAITING_STATES
from releasetrain.trains.rules.departing import ASKED_AGAIN
from releasetrain.trains.rules.states import (
    BOARDING_STATES,
    FINISHED_STATES,
    ChangeState,
    DepartureState,
    WithdrawalState,
)


def departures_with_train() -> QuerySet[Departure]:
    """Return departures with everything that a row of a board names, and the number of changes aboard."""
    return departures_with_people().annotate(changes_aboard=Count("changes"))


def departures_with_people() -> QuerySet[Departure]:
    """Return departures with their train and everybody who answers for either."""
    return Departure.objects.select_related(
        "captain", "deputy", "train__team", "train__environment", "train__captain"
    )


@once(lambda pk: pk)
def departure_in_full(pk: int) -> Departure | None:
    """Load one departure with everything that its page names."""
    return departures_with_people().filter(pk=pk).first()


def under_way() -> QuerySet[Departure]:
    """Return what has not ended yet, soonest first."""
    return departures_with_train().exclude(state__in=FINISHED_STATES).order_by("departs_at", "pk")


def ended(train: Train | None = None) -> QuerySet[Departure]:
    """Return what has ended, latest first; of one train where it is named."""
    rows = departures_with_train().filter(state__in=FINISHED_STATES)
    return (rows.filter(train=train) if train else rows).order_by("-departs_at", "-pk")


def open_for_boarding(now: datetime, services: Iterable[Service] | None = None) -> QuerySet[Departure]:
    """Return the departures that a change may board now, soonest first.

    :param services: only trains that carry one of them
    """
    rows = departures_with_train().filter(state__in=BOARDING_STATES, boards_at__lte=now, cut_off_at__gt=now)
    if services is not None:
        rows = rows.filter(train__in=Train.objects.filter(services__in=list(services)))
    return rows.order_by("departs_at", "pk")


def next_to_board(departure: Departure, now: datetime) -> Departure | None:
    """Return the next departure of the same train whose cut-off is still ahead (RULES I12)."""
    rows = Departure.objects.filter(train=departure.train_id, state__in=BOARDING_STATES, cut_off_at__gt=now)
    return rows.filter(planned_at__gt=departure.planned_at).order_by("planned_at").first()


def changes_with_service() -> QuerySet[Change]:
    """Return changes with everything that a row of a list names."""
    return Change.objects.select_related("service__team", "departure__train", "author", "bundle")


@once(lambda departure: departure)
def changes_of(departure: int) -> list[Change]:
    """Return the changes of one departure, with everything that its page names, as they came aboard.

    Beside the row each has `needed_titles`, what it needs, and `leave_asked_by`, who asks to take it off.
    """
    needs = Need.objects.filter(change=OuterRef("pk")).order_by("needed__title")
    asked = Withdrawal.objects.filter(
        change=OuterRef("pk"), departure=departure, state=WithdrawalState.ASKED
    ).values("requested_by_label")
    rows = Change.objects.filter(departure=departure).order_by("boarded_at", "pk")
    rows = rows.select_related("service__team", "bundle", "author", "submitted_by")
    titles = ArraySubquery(needs.values("needed__title"))
    return list(rows.annotate(needed_titles=titles, leave_asked_by=Subquery(asked[:1])))


def changes_waiting(services: Iterable[Service]) -> QuerySet[Change]:
    """Return the changes of services that are submitted and on no departure, oldest first."""
    rows = changes_with_service().filter(service__in=list(services), state=ChangeState.SUBMITTED)
    return rows.order_by("submitted_at", "pk")


def due_to_open(now: datetime) -> QuerySet[Departure]:
    """Return departures whose boarding should have opened."""
    return Departure.objects.filter(
        state=DepartureState.SCHEDULED, boards_at__lte=now, cut_off_at__gt=now, train__retired_at__isnull=True
    ).exclude(held_kind="error")


def due_to_ask(now: datetime) -> QuerySet[Departure]:
    """Return departures whose check-in has opened, with somebody aboard who has not been asked yet."""
    ahead = Departure.objects.filter(
        state__in=[DepartureState.BOARDING, DepartureState.DECIDING, DepartureState.CLEARED],
        departs_at__gt=now,
        departs_at__lte=F("train__check_in_lead") + now,
        check_in_asked_at__isnull=True,
    )
    waiting = Change.objects.filter(
        departure=OuterRef("pk"), state=ChangeState.ABOARD, checked_in_at__isnull=True
    )
    return ahead.filter(Exists(waiting)).exclude(held_kind="error")


def due_to_seal(now: datetime) -> QuerySet[Departure]:
    """Return departures that are past their cut-off and not sealed."""
    return Departure.objects.filter(state__in=BOARDING_STATES, cut_off_at__lte=now).exclude(
        held_kind__in=["manifest", "error"]
    )


def due_to_recheck(now: datetime) -> QuerySet[Departure]:
    """Return held departures whose hold may be over: its time has come, or what holds it may have ended."""
    over = Q(held_kind__in=ASKED_AGAIN) | Q(held_until__lte=now)
    return Departure.objects.filter(over, held_at__isnull=False).exclude(state__in=FINISHED_STATES)


def due_to_depart(now: datetime) -> QuerySet[Departure]:
    """Return cleared departures whose time has come and that nothing holds."""
    return Departure.objects.filter(state=DepartureState.CLEARED, departs_at__lte=now, held_at__isnull=True)


def due_to_expire(now: datetime) -> QuerySet[Change]:
    """Return changes that have waited until their end."""
    return Change.objects.filter(state__in=WAITING_STATES, expires_at__lte=now).order_by("expires_at", "pk")


def due_to_warn(now: datetime) -> QuerySet[Change]:
    """Return changes that end soon, whose people have not been told of that end."""
    untold = Q(expiry_told_at=None) | Q(expiry_told_at__lt=F("expires_at") - TOLD_BEFORE)
    soon = Change.objects.filter(untold, state__in=WAITING_STATES, expires_at__gt=now)
    return soon.filter(expires_at__lte=now + TOLD_BEFORE).order_by("expires_at", "pk")
