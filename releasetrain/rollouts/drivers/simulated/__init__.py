"""Pretend to be a proxy and misbehave on request: for tests, rehearsals and documentation.

Its world lives in the target's `driver_config` under "world", so that several processes see the same one;
"faults" there names what goes wrong: {"lose_request": n, "lose_answer": n, "refuse": n} for the next n calls.
"""

from typing import Any, ClassVar

from django.db import transaction

from releasetrain.catalog.models import Target
from releasetrain.lib import clock
from releasetrain.rollouts.drivers.base import (
    Ack,
    Capabilities,
    Desired,
    Finding,
    Health,
    Observed,
    Outcome,
    Sync,
)


class SimulatedDriver:
    """Keep a weight and a fence, count the calls, and fail as told."""

    kind: ClassVar[str] = "simulated"
    capabilities: ClassVar[Capabilities] = Capabilities(is_sticky=True, is_instant=True, is_fenced=True)

    def check(self, target: Target, config: dict[str, Any]) -> list[Finding]:
        return [Finding("This driver moves no real traffic.")]

    def prepare(self, desired: Desired, *, key: str, deadline: float) -> Ack:
        return Ack(Outcome.CONFIRMED)

    def apply(self, desired: Desired, *, key: str, deadline: float) -> Ack:
        return self._set(desired.target, desired.weight, desired.fence)

    def rollback(self, target: Target, *, fence: int, key: str, deadline: float) -> Ack:
        return self._set(target, 0, fence)

    def observe(self, target: Target, *, deadline: float) -> Observed:
        config = Target.objects.values_list("driver_config", flat=True).get(pk=target.pk)
        if config.get("faults", {}).get("unreachable"):
            return Observed(Sync.UNREACHABLE, detail="The simulated proxy does not answer.")
        world = config.get("world", {})
        return Observed(Sync.SYNCED, world.get("weight", 0), world.get("fence", 0), clock.now())

    def health(self, target: Target) -> Health:
        return Health(is_well=True)

    @transaction.atomic
    def _set(self, target: Target, weight: int, fence: int) -> Ack:
        row = Target.objects.select_for_update(no_key=True).get(pk=target.pk)
        world = row.driver_config.setdefault("world", {"weight": 0, "fence": 0, "calls": 0})
        world["calls"] = world.get("calls", 0) + 1
        fault = self._next_fault(row.driver_config)
        answer = Ack(Outcome.CONFIRMED)
        if fault in {"lose_request", "lose_answer"}:
            answer = Ack(Outcome.UNKNOWN, "No answer within the deadline.")
        if fault == "refuse":
            answer = Ack(Outcome.REFUSED, "The simulated proxy refuses, as told.")
        if fault in {None, "lose_answer"}:
            if fence < world["fence"]:
                answer = Ack(Outcome.REFUSED, f"Fence {fence} is older than {world['fence']}.")
            else:
                world.update(weight=weight, fence=fence)
        row.save(update_fields=["driver_config"])
        return answer

    def _next_fault(self, config: dict[str, Any]) -> str | None:
        """Take one off the first fault that has any left."""
        faults = config.get("faults", {})
        for name in ("lose_request", "lose_answer", "refuse"):
            if faults.get(name, 0) > 0:
                faults[name] -= 1
                return name
        return None
