"""Break a house for so many minutes, then wait until everything is over, and audit every rollout."""

import random
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from releasetrain.chaos.faults import FAULTS, Run
from releasetrain.chaos.house import ChaosHouse, wait_until
from releasetrain.chaos.world import Reporters, World, patiently, spoil
from releasetrain.rollouts.audit import faults_of
from releasetrain.rollouts.models import Intent, Transition

ACTIVE = 12
CALM_SECONDS = 2.0
SECONDS_TO_END = 180.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What was injected how often, how the rollouts ended, and what broke a promise."""

    injected: Mapping[str, int]
    ended: Mapping[str, int]
    transitions: int
    intents: int
    wrong: list[str]
    seed: int

    @property
    def holds(self) -> bool:
        return not self.wrong


def break_for(minutes: float, house: ChaosHouse, *, seed: int, say: Callable[[str], None]) -> Outcome:
    """Inject faults one after the other while rollouts climb, and judge what became of them.

    :param seed: of the order of faults and of their victims; what processes do meanwhile has none
    """
    world = World()
    reporters = Reporters(world)
    run = Run(house, world, reporters, random.Random(seed))  # noqa: S311 - a choice, not a secret
    injected: Counter[str] = Counter()
    house.launch_all()
    with reporters.at_work():
        until = time.monotonic() + minutes * 60
        while time.monotonic() < until:
            while len(world.unfinished()) < ACTIVE:
                world.send_out()
            words, inject = run.chance.choice(list(FAULTS.items()))
            say(words)
            inject(run)
            injected[words] += 1
            time.sleep(CALM_SECONDS)
        say("calm again; waiting for every rollout to end")
        _calm_down(run)
        wait_until(lambda: not world.unfinished(), SECONDS_TO_END)
    return _judge(world, injected, seed)


def _calm_down(run: Run) -> None:
    run.house.launch_all()
    run.reporters.is_silent = run.reporters.is_empty = False
    for row in run.world.unfinished():
        spoil(row.target)


def _judge(world: World, injected: Mapping[str, int], seed: int) -> Outcome:
    rows = world.all()
    lost = [f"Rollout {row.pk}: it is still {row.state}." for row in world.unfinished()]
    return Outcome(
        injected=injected,
        ended=Counter(row.state for row in rows),
        transitions=patiently(Transition.objects.count),
        intents=patiently(Intent.objects.count),
        wrong=[*lost, *patiently(lambda: faults_of(rows))],
        seed=seed,
    )
