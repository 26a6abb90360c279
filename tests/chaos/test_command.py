import random

import pytest
from django.core.management import CommandError, call_command

from releasetrain.chaos import tables
from releasetrain.chaos.faults import FAULTS
from releasetrain.chaos.running import Outcome
from releasetrain.processes.main import WITHOUT_SERVERS

HELD = Outcome(
    injected={"kill -9 of beat": 3},
    ended={"succeeded": 5, "rolled_back": 2},
    transitions=54,
    intents=21,
    wrong=[],
    seed=7,
)


@pytest.mark.parametrize("minutes", ["0", "-1", "100000"])
def test_a_length_that_makes_no_sense_is_refused_before_anything_starts(minutes: str) -> None:
    with pytest.raises(CommandError, match="cannot be used"):
        call_command("chaos", "--minutes", minutes)


def test_the_table_says_what_was_injected_and_what_held() -> None:
    said = tables.page(HELD)
    assert "kill -9 of beat" in said
    assert "Audited: 7 rollouts, 54 transitions, 21 intents" in said
    assert "seed 7" in said
    assert "no weight after a rollback" in said


def test_the_table_says_what_broke_and_claims_nothing_else() -> None:
    wrong = ["Rollout 3: its target took 50 % under fence 9 after its rollback."]
    said = tables.page(Outcome(HELD.injected, HELD.ended, 54, 21, wrong, 7))
    assert wrong[0] in said
    assert "Held" not in said


def test_the_same_seed_chooses_the_same_faults() -> None:
    once, again = (random.Random(7).choices(list(FAULTS), k=20) for _ in range(2))
    assert once == again


def test_it_brings_servers_of_its_own_and_needs_no_house() -> None:
    assert "chaos" in WITHOUT_SERVERS
