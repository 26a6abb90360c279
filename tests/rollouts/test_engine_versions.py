"""A new version while another one is on its way: it waits, takes its place, or does not start."""

from typing import Any

import pytest

from releasetrain.catalog.models import Target
from releasetrain.rollouts.actions import launch, tick_one
from releasetrain.rollouts.models import Rollout
from releasetrain.trains.models import Departure, Manifest
from tests import make
from tests.rollouts.clocks import Clock, run, started
from tests.rollouts.clocks import time as time
from tests.rollouts.test_engine_again import weight_of

pytestmark = pytest.mark.django_db(transaction=True)


def next_version(target: Target, answer: str, time: Clock) -> Rollout:
    departure = make.departure(state="rolling")
    departure.plan = {**departure.plan, "on_new_version": answer}
    departure.save(update_fields=["plan"])
    service: dict[str, Any] = {"id": target.service_id, "service": target.service.slug, "version": "v3"}
    content = {"services": [{**service, "name": "Shop", "changes": [], "waits_for": []}]}
    Manifest.objects.create(
        departure=departure, revision=1, digest="x" * 64, content=content, sealed_at=time.now
    )
    [made] = launch(departure, time.now)
    return made


def on_its_way(time: Clock) -> Rollout:
    rollout = started(time, of=make.departure(state="rolling"))
    assert rollout.state == "baking"
    return rollout


def test_t1_by_default_a_new_version_waits_in_the_line(time: Clock) -> None:
    rollout = on_its_way(time)
    following = next_version(rollout.target, "queue", time)
    run(rollout, time, 5)
    tick_one(following.pk, time.go(1))
    following.refresh_from_db()
    assert (rollout.state, following.state) == ("baking", "queued")


def test_t9_a_new_version_that_supersedes_brings_the_one_before_back_and_starts_at_its_first_stage(
    time: Clock,
) -> None:
    rollout = on_its_way(time)
    following = next_version(rollout.target, "supersede", time)
    run(rollout, time, 5)
    assert (rollout.state, rollout.reason) == ("superseded", "A newer version takes its place.")
    assert weight_of(rollout.target) == 0
    run(following, time, 12)
    assert (following.state, following.stage_index, following.to_version) == ("baking", 0, "v3")


def test_t9_a_worker_that_had_claimed_the_superseded_one_cannot_undo_it(time: Clock) -> None:
    rollout = on_its_way(time)
    fence = rollout.fence
    next_version(rollout.target, "supersede", time)
    rollout.refresh_from_db()
    assert (rollout.is_superseded, rollout.fence > fence) == (True, True)


def test_t2x_a_new_version_that_does_not_wait_ends_with_a_sentence(time: Clock) -> None:
    rollout = on_its_way(time)
    following = next_version(rollout.target, "reject", time)
    assert rollout.departure is not None
    assert following.state == "cancelled"
    assert following.reason == (
        f"{rollout.departure.code} brings v2 to {rollout.target} already; this train does not wait."
    )
    rollout.refresh_from_db()
    assert (rollout.state, Departure.objects.filter(state="rolling").count()) == ("baking", 2)


def test_t1_a_hotfix_is_never_superseded_by_a_train(time: Clock) -> None:
    rollout = started(time, of=make.departure(make.train(lane="hotfix"), state="rolling"))
    next_version(rollout.target, "supersede", time)
    rollout.refresh_from_db()
    assert not rollout.is_superseded
