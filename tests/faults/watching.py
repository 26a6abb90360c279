"""Wait for rollouts of a real house, however slow the machine is, and audit them."""

from collections.abc import Callable, Sequence

from releasetrain.chaos.house import wait_until
from releasetrain.chaos.world import patiently
from releasetrain.rollouts.audit import faults_of
from releasetrain.rollouts.models import Rollout, Transition
from releasetrain.rollouts.rules.states import TERMINAL_STATES

PATIENCE = 180
SHORT = ({"weight": 10, "bake_seconds": 2}, {"weight": 100, "bake_seconds": 2})
LONG = ({"weight": 10, "bake_seconds": 600}, {"weight": 100, "bake_seconds": 600})
OVER = {state.value for state in TERMINAL_STATES}


def until(true: Callable[[], object], what: str) -> None:
    assert wait_until(lambda: patiently(true), PATIENCE), what


def look(rollout: Rollout) -> str:
    """Return the state in which a rollout is now."""
    state: str = patiently(lambda: Rollout.objects.values_list("state", flat=True).get(pk=rollout.pk))
    return state


def ends(rollouts: Sequence[Rollout]) -> list[str]:
    """Wait until all are over, find nothing wrong with their past, and return how they ended."""
    until(lambda: all(look(one) in OVER for one in rollouts), "a rollout was lost")
    wrong = patiently(lambda: faults_of(rollouts))
    assert not wrong, wrong
    return [look(one) for one in rollouts]


def end_well(rollouts: Sequence[Rollout]) -> None:
    """Wait until all have arrived; where nobody looked for a minute, a deadline brings one back (T4, T2x)."""
    ended = ends(rollouts)
    late = [row.pk for row, state in zip(rollouts, ended, strict=True) if state != "succeeded"]
    by_deadline = Transition.objects.filter(rollout__in=late, rule__in=("T4", "T2x")).count()
    assert by_deadline == len(late), ended


def come_back(rollouts: Sequence[Rollout]) -> None:
    ended = ends(rollouts)
    assert set(ended) == {"rolled_back"}, ended
