"""Pretend to be a proxy and misbehave on request: for tests, rehearsals and documentation.

Its world lives in the target's `driver_config`, so that several processes see the same one; see `world` for
its shape and for the faults.
"""

import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, ClassVar

from django.db import transaction

from releasetrain.catalog.models import Target
from releasetrain.lib import clock
from releasetrain.rollouts.drivers.base import (
    Ack,
    Capabilities,
    Desired,
    Drained,
    Field,
    Finding,
    Health,
    Observed,
    Outcome,
    Sight,
    Sync,
)
from releasetrain.rollouts.drivers.simulated import world
from releasetrain.rollouts.drivers.simulated.world import Fault

NO_ANSWER = "The simulated proxy does not answer."


def _observed(config: dict[str, Any], at: datetime) -> Observed:
    seen = config.get("world", {})
    return Observed(
        Sync.SYNCED, seen.get("weight", 0), seen.get("fence", 0), at, mirror=seen.get("mirror", 0)
    )


def _misbehaves(config: dict[str, Any]) -> bool:
    faults = config.get("faults", {})
    lies = faults.get("unreachable") or faults.get(Fault.MISREAD.value, 0) > 0
    return bool(lies or config.get("world", {}).get("late"))


class SimulatedDriver:
    """Keep a weight and a fence, note every call, and fail as told."""

    kind: ClassVar[str] = "simulated"
    label: ClassVar[str] = "Simulated"
    capabilities: ClassVar[Capabilities] = Capabilities(
        is_sticky=True, is_instant=True, is_fenced=True, can_mirror=True
    )
    fields: ClassVar[tuple[Field, ...]] = ()

    def check(self, target: Target, config: dict[str, Any]) -> list[Finding]:
        return [Finding("This driver moves no real traffic.")]

    def prepare(self, desired: Desired, *, key: str, deadline: float) -> Ack:
        return Ack(Outcome.CONFIRMED)

    def apply(self, desired: Desired, *, key: str, deadline: float) -> Ack:
        return self._set(desired.target, desired.weight, desired.fence, deadline, desired.mirror)

    def rollback(self, target: Target, *, fence: int, key: str, deadline: float) -> Ack:
        return self._set(target, 0, fence, deadline)

    def observe(self, target: Target, *, deadline: float) -> Observed:
        config = Target.objects.values_list("driver_config", flat=True).get(pk=target.pk)
        faults, now = config.get("faults", {}), clock.now()
        if faults.get("unreachable"):
            return Observed(Sync.UNREACHABLE, detail=NO_ANSWER)
        lies = faults.get(Fault.MISREAD.value, 0) > 0
        if lies or config.get("world", {}).get("late"):
            config = self._look_closer(target, now)
        seen = _observed(config, now)
        return replace(seen, weight=100 - (seen.weight or 0)) if lies else seen

    def observe_many(self, targets: Sequence[Target]) -> dict[int, Sight]:
        """Read many worlds in one query; one that misbehaves is looked at on its own."""
        rows = Target.objects.filter(pk__in=[one.pk for one in targets]).order_by()
        configs, now = dict(rows.values_list("pk", "driver_config")), clock.now()
        return {
            pk: Sight(_observed(config, now), Health(is_well=True))
            for pk, config in configs.items()
            if not _misbehaves(config)
        }

    def drain(self, target: Target, *, cut: bool, deadline: float) -> Drained:
        return Drained(0)

    def health(self, target: Target) -> Health:
        if target.driver_config.get("faults", {}).get("unreachable"):
            return Health(is_well=False, detail=NO_ANSWER)
        return Health(is_well=True)

    @transaction.atomic
    def _look_closer(self, target: Target, now: datetime) -> dict[str, Any]:
        """Let late calls arrive, and count a lie."""
        row = Target.objects.select_for_update(no_key=True).get(pk=target.pk)
        world.land(row.driver_config, now)
        world.take_fault(row.driver_config, (Fault.MISREAD,))
        row.save(update_fields=["driver_config"])
        return dict(row.driver_config)

    def _set(self, target: Target, weight: int, fence: int, deadline: float, mirror: int = 0) -> Ack:
        with transaction.atomic():
            row = Target.objects.select_for_update(no_key=True).get(pk=target.pk)
            answer = world.ask(row.driver_config, weight, fence, clock.now(), mirror)
            row.save(update_fields=["driver_config"])
        if answer.hangs_seconds:
            # Every driver keeps the deadline that it is given, whatever the other side does.
            time.sleep(min(answer.hangs_seconds, deadline))
        return Ack(answer.outcome, answer.detail)
