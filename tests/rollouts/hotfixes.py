"""Bring a train to 25 % and a hotfix behind it, over real rows."""

from typing import Any

from releasetrain.accounts.models import User
from releasetrain.accounts.rules import Role
from releasetrain.catalog.models import Target
from releasetrain.rollouts.actions import settle_target, tick_one
from releasetrain.rollouts.models import Hold, Rollout
from releasetrain.trains.models import Departure
from tests import make
from tests.rollouts.clocks import Clock, started
from tests.trains import world

LADDER = [{"weight": weight, "bake_seconds": 20} for weight in (25, 100)]


def target(name: str = "Storefront") -> Target:
    return make.target(name, driver="simulated", driver_config={}, stable_version="v1")


def train_at_25(time: Clock, **fields: Any) -> Rollout:
    """Make a rollout of an ordinary train that bakes its first stage, 25 % of users on v2."""
    departure = fields.pop("of", None) or rolling_departure("train")
    fields.setdefault("on", target())
    fields.setdefault("is_accelerated", True)
    return started(time, of=departure, ladder=LADDER, created_at=time.now, next_due_at=time.now, **fields)


def rolling_departure(lane: str, version: str = "v2", **fields: Any) -> Departure:
    departure = make.departure(make.train(lane=lane), state="rolling", sealed_at=make.NOW, **fields)
    world.aboard(departure, version=version)
    return departure


def hotfix(time: Clock, version: str = "v1.1", **fields: Any) -> Rollout:
    """Queue the rollout of a hotfix that has been let go."""
    fields.setdefault("on", target())
    return make.rollout(
        of=rolling_departure("hotfix", version),
        to_version=version,
        ladder=LADDER,
        is_accelerated=True,
        created_at=time.now,
        next_due_at=time.now,
        state_entered_at=time.now,
        **fields,
    )


def run(time: Clock, seconds: int, *rollouts: Rollout, **readings: Any) -> None:
    """Let seconds pass for several rollouts, with one report a second and target."""
    for _ in range(seconds):
        now = time.go(1)
        for target in {one.target_id: one.target for one in rollouts}.values():
            make.readings(target, now, seconds=1, **readings)
        for one in rollouts:
            tick_one(one.pk, now)
    for one in rollouts:
        one.refresh_from_db()
        one.target.refresh_from_db()


def settled(rollout: Rollout, time: Clock) -> None:
    """Say that the old side serves what everybody has, so that the next version can begin."""
    by = User.objects.filter(name="Sol").first() or make.user("Sol", Role.RELEASE_MANAGER)
    settle_target(rollout.target, reason="It is deployed on both sides.", by=by, now=time.now)


def weight(rollout: Rollout) -> int:
    """Return the share of users that the target itself sends to the new version."""
    config = Target.objects.values_list("driver_config", flat=True).get(pk=rollout.target_id)
    return int(config.get("world", {}).get("weight", 0))


def held(rollout: Rollout, kind: str = "hotfix") -> Hold | None:
    return rollout.holds.filter(kind=kind, cleared_at=None).first()
