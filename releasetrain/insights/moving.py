"""Read how far the rollouts of a departure have come, and what each still has before it."""

from collections.abc import Iterable, Sequence, Set
from dataclasses import replace
from datetime import datetime, timedelta

from releasetrain.rollouts.models import Rollout
from releasetrain.rollouts.rules.states import WAITING_STATES, RolloutState
from releasetrain.trains.queries.routes import Route
from releasetrain.trains.rules.forecast import Run, Step, steps_of

R = RolloutState
RETURNED = frozenset({R.ROLLING_BACK, R.ROLLED_BACK, R.SUPERSEDED, R.CANCELLED})
EVERYBODY_HAS_IT = frozenset({R.SOAKING, R.SUCCEEDED})


def rollouts_of(departure: int) -> list[Rollout]:
    """Return the rollouts that bring a departure's services forward, with the steps that they took."""
    rows = Rollout.objects.filter(departure=departure, kind="forward").select_related("target__service")
    return list(rows.prefetch_related("transitions"))


def reached_at(rollout: Rollout) -> datetime | None:
    """Return since when everybody has it, None while somebody does not."""
    if R(rollout.state) not in EVERYBODY_HAS_IT:
        return None
    soaked = [one.at for one in rollout.transitions.all() if one.to_state == R.SOAKING]
    return max(soaked, default=rollout.finished_at or rollout.state_entered_at)


def returned(rollout: Rollout) -> bool:
    """Tell whether users were or are being brought back from it."""
    return R(rollout.state) in RETURNED


def left_of(route: Route, rollouts: Iterable[Rollout], now: datetime) -> Route:
    """Return what a departure that rolls still has before it, from now on."""
    known = {one.target.service_id: one for one in rollouts if _steps_left(one)}
    runs = tuple(_left(run, known[run.service], known.keys()) for run in route.runs if run.service in known)
    return replace(route, base=now, runs=runs)


def _left(run: Run, rollout: Rollout, going: Set[int]) -> Run:
    began = None if R(rollout.state) in WAITING_STATES else rollout.created_at
    return replace(run, steps=_steps_left(rollout), needs=run.needs & going, began=began)


def _steps_left(rollout: Rollout) -> tuple[Step, ...]:
    """Return the stages that are left, the first one as far as its bake has not run yet."""
    state, steps = R(rollout.state), steps_of(rollout.ladder)
    if state in RETURNED or state is R.SUCCEEDED:
        return ()
    left: Sequence[Step] = steps[rollout.stage_index :]
    if state not in (R.BAKING, R.SOAKING) or not left:
        return tuple(left)
    seconds = max(0.0, rollout.bake_needed_seconds - rollout.bake_credit_seconds)
    return (Step(left[0].weight, timedelta(seconds=seconds)), *left[1:])
