"""A region or a ring goes first, then everybody; whoever cannot send a segment says so before it starts."""

import pytest

from releasetrain.flags.models import FlagEnvironment
from releasetrain.flags.queries import state_of
from releasetrain.flags.rules import FlagState, evaluate
from releasetrain.rollouts.actions import roll_back
from releasetrain.rollouts.models import Rollout
from releasetrain.rollouts.rules.ladder import Ladder, Stage
from tests import make
from tests.rollouts.clocks import Clock, run, started
from tests.rollouts.clocks import time as time

pytestmark = pytest.mark.django_db(transaction=True)

LADDER = [
    {"weight": 100, "bake_seconds": 20, "segment": "ring=internal"},
    {"weight": 50, "bake_seconds": 20, "segment": "region=eu"},
    {"weight": 50, "bake_seconds": 20},
    {"weight": 100, "bake_seconds": 20},
]


def served() -> FlagState:
    return state_of(FlagEnvironment.objects.select_related("flag").get(), 1)


def share(**context: object) -> float:
    """Return the share of users with a context who get the new version, in percent."""
    users = [evaluate(served(), "new-checkout", f"user-{number}", context) for number in range(400)]
    return sum(bool(getattr(one, "value", False)) for one in users) / 4


def climb(rollout: Rollout, time: Clock, *, to: int) -> None:
    """Go on until a stage bakes."""
    for _ in range(60):
        if (rollout.state, rollout.stage_index) == ("baking", to):
            return
        run(rollout, time, 1)
    pytest.fail(f"It is {rollout.state} at stage {rollout.stage_index}: {rollout.reason}")


def test_t5_a_ring_and_a_region_go_before_everybody(time: Clock) -> None:
    make.flag_environment()
    rollout = started(time, on=make.target(), ladder=LADDER, is_accelerated=True)
    assert (rollout.state, rollout.stage_index) == ("baking", 0)
    assert (share(ring="internal"), share(ring="public"), share()) == (100, 0, 0)
    climb(rollout, time, to=1)
    assert 40 < share(region="eu") < 60
    assert (share(ring="internal"), share(region="us")) == (100, 0)
    climb(rollout, time, to=2)
    assert 40 < share(region="us") < 60
    assert share(ring="internal") == 100
    run(rollout, time, 60)
    assert rollout.state == "succeeded"
    assert share() == 100


def test_t9_a_segment_comes_back_as_everybody_does(time: Clock) -> None:
    make.flag_environment()
    rollout = started(time, on=make.target(), ladder=LADDER, is_accelerated=True)
    assert share(ring="internal") == 100
    roll_back(rollout, reason="It smells.", by=None, now=time.go(1))
    assert share(ring="internal") == 0
    run(rollout, time, 4)
    assert rollout.state == "rolled_back"


def test_t2x_a_driver_that_knows_no_segments_sends_nobody(time: Clock) -> None:
    rollout = started(time, ladder=LADDER, is_accelerated=True)
    assert rollout.state == "cancelled"
    assert "cannot send ring=internal before everybody" in rollout.reason


def test_a_read_back_counts_as_the_stage_only_where_every_share_is_as_wanted() -> None:
    ladder = Ladder((Stage(100, 600, segment="ring=internal"), Stage(10, 600), Stage(100, 600)))
    assert ladder.shares(0) == (0, (("ring=internal", 100),))
    assert ladder.shares(1) == (10, (("ring=internal", 100),))
    assert ladder.seen(0, 0, {"ring=internal": 100}) == 100
    assert ladder.seen(0, 100, {"ring=internal": 100}) == 0
    assert ladder.seen(0, 0, {}) == 0
    assert ladder.seen(1, 10, {}) == 0
    assert ladder.seen(1, 10, {"ring=internal": 100}) == 10
    assert ladder.seen(1, 50, {"ring=internal": 100}) == 50
