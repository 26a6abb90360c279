"""States lead somewhere, and every hold says how it ends."""

import pytest

from releasetrain.rollouts.rules.commands import CommandKind
from releasetrain.rollouts.rules.states import (
    CLEARING,
    MOVING_STATES,
    RESUMABLE_HOLDS,
    TERMINAL_STATES,
    TRANSITIONS,
    WAITING_STATES,
    HoldKind,
    RolloutState,
)


def test_every_state_is_reached_from_the_queue() -> None:
    reached, edge = {RolloutState.QUEUED}, {RolloutState.QUEUED}
    while edge:
        edge = {after for state in edge for after in TRANSITIONS[state]} - reached
        reached |= edge
    assert reached == set(RolloutState)


def test_exactly_these_states_are_over() -> None:
    assert set(TERMINAL_STATES) == {
        RolloutState.SUCCEEDED,
        RolloutState.ROLLED_BACK,
        RolloutState.SUPERSEDED,
        RolloutState.CANCELLED,
    }


@pytest.mark.parametrize("state", sorted(MOVING_STATES))
def test_every_state_that_users_see_can_roll_back(state: RolloutState) -> None:
    assert RolloutState.ROLLING_BACK in TRANSITIONS[state]


@pytest.mark.parametrize("state", sorted(WAITING_STATES))
def test_what_moved_nothing_is_cancelled_not_rolled_back(state: RolloutState) -> None:
    assert RolloutState.CANCELLED in TRANSITIONS[state]
    assert RolloutState.ROLLING_BACK not in TRANSITIONS[state]


@pytest.mark.parametrize("kind", list(HoldKind))
def test_every_hold_can_end_and_says_how(kind: HoldKind) -> None:
    rule = CLEARING[kind]
    assert rule.by_itself or rule.commands
    assert rule.commands <= {command.value for command in CommandKind}
    assert rule.sentence.endswith(".")


def test_these_holds_wait_for_resume() -> None:
    assert set(RESUMABLE_HOLDS) == {HoldKind.OPERATOR, HoldKind.DRIFT, HoldKind.ERROR}
