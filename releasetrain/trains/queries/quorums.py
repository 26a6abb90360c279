"""Find the quorums that can no longer be reached once somebody has lost a role (RULES D4)."""

from collections.abc import Iterator
from datetime import datetime

from releasetrain.accounts.rules.roles import Loss
from releasetrain.trains.models import Departure, Train
from releasetrain.trains.queries.decision import Standing, standings
from releasetrain.trains.queries.policies import why_not_policy
from releasetrain.trains.rules.states import DepartureState


def unreachable(now: datetime) -> Iterator[Loss]:
    """Return each train, and each departure that is being decided, that nobody could approve any more."""
    trains = Train.objects.filter(retired_at__isnull=True).select_related("team", "policy")
    for train in trains.prefetch_related("services__team"):
        if why := why_not_policy(train.policy, train.team, train.services.all()):
            yield Loss(f"{train}: {why}", train.policy.guards_quorum)
    live = Departure.objects.filter(state__in=[DepartureState.DECIDING, DepartureState.CLEARED])
    rows = list(live.select_related("train__team", "train__environment", "train__policy"))
    guarded = {one.pk: one.train.policy.guards_quorum for one in rows}
    for pk, standing in standings(rows, now).items():
        if why := _why_stuck(standing):
            yield Loss(f"RT-{pk} could not be approved: {why}", guarded[pk])


def _why_stuck(standing: Standing) -> str:
    """Return which seat has too few people left who could say go."""
    for line in standing.tally.lines if standing.tally else ():
        if not line.is_met and len(line.could) < line.lacking:
            return f"{line.words} lacks {line.lacking - len(line.could)} who may still say go."
    return ""
