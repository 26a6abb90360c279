"""Sources are asked about the versions that the two arms really run."""

import pytest

from releasetrain.health.models import Arm
from releasetrain.rollouts.measuring import versions_of
from tests import make

pytestmark = pytest.mark.django_db


def test_without_a_rollout_there_is_only_the_stable_version() -> None:
    target = make.target(stable_version="v1")
    make.rollout(on=target, state="queued")
    make.rollout(on=target, state="rolled_back")
    assert versions_of([target.pk]) == {target.pk: {Arm.BASELINE: "v1"}}


def test_a_rollout_under_way_names_both_versions() -> None:
    target = make.target(stable_version="v0")
    make.rollout(on=target, state="baking", from_version="v1", to_version="v2")
    assert versions_of([target.pk]) == {target.pk: {Arm.BASELINE: "v1", Arm.CANDIDATE: "v2"}}
