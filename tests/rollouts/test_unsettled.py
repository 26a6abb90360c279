"""What waits for a person's word that the old side serves the last version says so, once."""

import pytest

from releasetrain.events.models import Event
from tests import make
from tests.rollouts.clocks import Clock, run
from tests.rollouts.clocks import time as time

pytestmark = pytest.mark.django_db


def test_t1_the_next_version_that_waits_for_a_settled_target_asks_for_it_once(time: Clock) -> None:
    on = make.target(driver="simulated", driver_config={"world": {"weight": 100, "fence": 3}})
    make.rollout(on=on, state="succeeded", seq=9, fence=3, desired_weight=100, finished_at=time.now)
    waiting = make.rollout(on=on, to_version="v3")
    run(waiting, time, 12)
    assert waiting.state == "queued"
    asked = Event.objects.get(kind="rollouts.target.unsettled")
    assert asked.subject_id == waiting.pk
    assert "somebody settles it to 0 %" in asked.data["reason"]
