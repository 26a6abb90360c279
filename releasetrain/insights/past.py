"""Read what happened before: how late decisions came, how long rollouts took, and how many came back."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db.models import Exists, OuterRef

from releasetrain.insights.chances import (
    FEWEST,
    USUAL_FAILURES,
    USUAL_STRETCHES,
    Chances,
    typical,
    usual_delays,
)
from releasetrain.rollouts.models import Rollout
from releasetrain.rollouts.rules.states import RolloutState
from releasetrain.trains.models import Departure
from releasetrain.trains.rules.plan import Plan
from releasetrain.trains.rules.states import DepartureState

# Only the newest say how things go now.
NEWEST = 50
# What is usual counts as much as so many departures that happened.
PRIOR = 10


@dataclass(frozen=True, slots=True)
class Past:
    """What is on record, in the words in which an arrival explains itself."""

    chances: Chances
    decisions: str
    rollouts: str
    returns: str


def past_of(departure: Departure, service: int, lasts: timedelta, now: datetime) -> Past:
    """Return what past departures of a train and past rollouts of a service tell, in two queries.

    :param lasts: how long the departure takes as planned; what was brought in from elsewhere has no plan
    """
    back_here = Rollout.objects.filter(departure=OuterRef("pk"), state=RolloutState.ROLLED_BACK)
    rows = list(
        Departure.objects.filter(train=departure.train_id, departed_at__isnull=False)
        .exclude(pk=departure.pk)
        .annotate(
            for_windows=Exists(back_here.filter(is_window_return=True))
            & ~Exists(back_here.filter(is_window_return=False))
        )
        .order_by("-departed_at")[:NEWEST]
    )
    late = _decisions(rows)
    stretches, of = _stretches(departure, service, rows, lasts)
    # What windows alone took back says nothing of how often a version fails.
    ended = [
        one
        for one in rows
        if one.state == DepartureState.ARRIVED
        or (one.state == DepartureState.ROLLED_BACK and not one.for_windows)
    ]
    back = sum(one.state == DepartureState.ROLLED_BACK for one in ended)
    chances = Chances(
        delays=_delays(departure, late, now),
        stretches=typical(stretches) if stretches else USUAL_STRETCHES,
        failures=(back + USUAL_FAILURES * PRIOR) / (len(ended) + PRIOR),
    )
    return Past(
        chances,
        _decisions_words(late),
        _stretches_words(stretches, of),
        f"{back} of the last {len(ended)} departures of this train came back." if ended else "",
    )


def _decisions(rows: Sequence[Departure]) -> list[timedelta]:
    """Return how late each decision came, nothing where it came in time."""
    return [
        max(timedelta(0), one.cleared_at - one.planned_at)
        for one in rows
        if one.cleared_at is not None and not one.imported_from
    ]


def _delays(departure: Departure, late: Sequence[timedelta], now: datetime) -> tuple[timedelta, ...]:
    """Return how much longer the decision of a departure may take, knowing how late it is already."""
    if departure.state in (DepartureState.CLEARED, DepartureState.ROLLING):
        return (timedelta(0),)
    grace = Plan.from_json(departure.plan).grace
    if len(late) < FEWEST:
        return usual_delays(grace)
    already = max(timedelta(0), now - departure.departs_at)
    left = [one - already for one in late if one >= already]
    seconds = typical(one.total_seconds() for one in left) if left else ()
    return tuple(timedelta(seconds=one) for one in seconds) or usual_delays(grace)


def _stretches(
    departure: Departure, service: int, rows: Sequence[Departure], lasts: timedelta
) -> tuple[list[float], str]:
    """Return how many times their plan past rollouts took, and of what; nothing where too few are known."""
    done = Rollout.objects.filter(
        target__service=service,
        target__environment=departure.train.environment_id,
        kind="forward",
        state=RolloutState.SUCCEEDED,
        finished_at__isnull=False,
    ).order_by("-finished_at")[:NEWEST]
    own = [
        found
        for began_at, ended_at, ladder in done.values_list("created_at", "finished_at", "ladder")
        if ended_at and (found := _ratio(ended_at - began_at, _planned(ladder)))
    ]
    if len(own) >= FEWEST:
        return own, "rollouts of this service"
    whole = [
        found
        for one in rows
        if one.state == DepartureState.ARRIVED and one.departed_at and one.finished_at
        if (found := _ratio(one.finished_at - one.departed_at, _plan_of(one) or lasts))
    ]
    return (whole, "departures of this train") if len(whole) >= FEWEST else ([], "")


def _plan_of(row: Departure) -> timedelta:
    return _planned(row.plan.get("ladder", []))


def _planned(ladder: Sequence[dict[str, float]]) -> timedelta:
    return timedelta(seconds=sum(float(stage["bake_seconds"]) for stage in ladder))


def _ratio(actual: timedelta, planned: timedelta) -> float:
    return actual / planned if planned > timedelta(0) else 0.0


def _decisions_words(late: Sequence[timedelta]) -> str:
    if len(late) < FEWEST:
        return "Too few decisions of this train are on record; one in ten is taken to be late by the grace."
    minutes = int(sorted(late)[int(0.9 * (len(late) - 1))].total_seconds() // 60)
    in_time = sum(one == timedelta(0) for one in late)
    return (
        f"{in_time} of the last {len(late)} decisions came in time; one in ten is {minutes} min late or more."
    )


def _stretches_words(stretches: Sequence[float], of: str) -> str:
    if not stretches:
        return (
            "Too few rollouts are on record; they are taken to go as planned, one in ten half as long again."
        )
    known = sorted(stretches)
    middle, slow = known[len(known) // 2], known[int(0.9 * (len(known) - 1))]
    return (
        f"The last {len(known)} {of} took {middle:.2g} times their plan in the middle, and one in ten took "
        f"{slow:.2g} times."
    )
