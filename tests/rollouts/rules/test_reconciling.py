"""What follows from a look at a target that is not what it should be."""

from dataclasses import replace
from datetime import timedelta

import pytest

from releasetrain.rollouts.rules.reconciling import REASSERT, Do, Look, Wanted, what_to_do
from tests.make import NOW

LONG_AGO = NOW - timedelta(hours=1)
ARRIVED = Wanted(weight=100, fence=7, since=LONG_AGO, settled_fence=9)
RETURNED = Wanted(weight=0, fence=7, is_return=True, since=LONG_AGO, settled_fence=9)
MOVING = Wanted(weight=25, fence=7, is_moving=True)
FORGETFUL = Look(weight=0, fence=0, is_persistent=False)


@pytest.mark.parametrize(
    ("wanted", "look", "does"),
    [
        (None, Look(weight=40, fence=1), Do.NOTHING),
        (ARRIVED, Look(weight=None), Do.NOTHING),
        (ARRIVED, Look(weight=100, fence=7), Do.NOTHING),
        (ARRIVED, Look(weight=0, fence=9), Do.NOTHING),  # settled by somebody's word
        (ARRIVED, Look(weight=0, fence=7), Do.ASK),
        (ARRIVED, Look(weight=40, fence=7), Do.ASK),
        (ARRIVED, Look(weight=40, fence=7, is_converging=True), Do.NOTHING),
        (ARRIVED, FORGETFUL, Do.SET),
        (ARRIVED, Look(weight=None, is_partial=True), Do.SET),
        (ARRIVED, Look(weight=100, is_fenced=False), Do.NOTHING),
        (RETURNED, Look(weight=0, fence=7), Do.NOTHING),
        (RETURNED, Look(weight=30, fence=7), Do.ASK),
        (MOVING, Look(weight=25, fence=7), Do.NOTHING),
        (MOVING, Look(weight=25, fence=6), Do.WAKE),
        (MOVING, Look(weight=0, fence=0, is_persistent=False), Do.WAKE),
        (MOVING, Look(weight=10, fence=7, is_converging=True), Do.NOTHING),
        (replace(MOVING, weight=0, mirror=50), Look(weight=0, fence=7, mirror=0), Do.WAKE),
        (replace(MOVING, weight=0, mirror=50), Look(weight=0, fence=7, mirror=50), Do.NOTHING),
    ],
)
def test_drift_is_asked_about_and_what_has_forgotten_is_set_again(
    wanted: Wanted | None, look: Look, does: Do
) -> None:
    assert what_to_do(wanted, look, NOW) is does


@pytest.mark.parametrize("ago", [0, 59])
def test_a_rollback_is_asserted_again_for_60_seconds(ago: int) -> None:
    lately = replace(RETURNED, since=NOW - timedelta(seconds=ago))
    assert what_to_do(lately, Look(weight=30, fence=7), NOW) is Do.SET
    assert what_to_do(lately, Look(weight=0, fence=7), NOW) is Do.NOTHING
    assert what_to_do(lately, Look(weight=0, is_fenced=False), NOW) is Do.SET
    assert what_to_do(lately, Look(weight=30, fence=7), NOW + REASSERT) is Do.ASK
