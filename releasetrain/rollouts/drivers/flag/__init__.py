"""Move traffic by the percentage of a feature flag: our own driver, fenced and instant."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, ClassVar

from releasetrain.catalog.models import Target
from releasetrain.events.actions import SystemActor
from releasetrain.flags.actions import FenceTooOld, set_percentage
from releasetrain.flags.models import FlagEnvironment
from releasetrain.flags.rules import segments_of
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

ACTOR = SystemActor("rollout engine")
THOUSANDTHS = 1000


def flag_of(target: Target) -> FlagEnvironment | None:
    """Find the flag that a target's configuration names, in the target's environment."""
    return (
        FlagEnvironment.objects.select_related("flag", "environment")
        .filter(flag__key=target.driver_config.get("flag", ""), environment=target.environment_id)
        .first()
    )


def _observed(state: FlagEnvironment, at: datetime) -> Observed:
    is_off = state.killed_at is not None or not state.enabled
    weight = 0 if is_off else round(state.percentage / THOUSANDTHS)
    segments = () if is_off else segments_of(state.segments)
    shares = tuple((name, round(share / THOUSANDTHS)) for name, share in segments)
    return Observed(Sync.SYNCED, weight=weight, fence=state.fence, at=at, segments=shares)


class FlagDriver:
    """Set the percentage of users for whom a release flag is on."""

    kind: ClassVar[str] = "flag"
    label: ClassVar[str] = "Feature flag"
    capabilities: ClassVar[Capabilities] = Capabilities(
        min_step=0.001, is_sticky=True, is_instant=True, is_fenced=True, has_segments=True
    )
    fields: ClassVar[tuple[Field, ...]] = (
        Field("flag", "Flag", "the key of the release flag that lets users in", is_required=True),
    )

    def check(self, target: Target, config: dict[str, Any]) -> list[Finding]:
        key = config.get("flag", "")
        if not key:
            return [Finding("The configuration names no flag: set {“flag”: “its-key”}.", is_blocking=True)]
        state = flag_of(target)
        if state is None:
            return [
                Finding(
                    f"There is no flag “{key}” in {target.environment}: create it first.", is_blocking=True
                )
            ]
        found = []
        if not state.enabled:
            found.append(Finding(f"The flag “{key}” is disabled: nobody would get the new version."))
        if state.killed_at:
            found.append(
                Finding(
                    f"The flag “{key}” is killed: no traffic can move until it is revived.", is_blocking=True
                )
            )
        return found

    def prepare(self, desired: Desired, *, key: str, deadline: float) -> Ack:
        blocking = [
            one for one in self.check(desired.target, desired.target.driver_config) if one.is_blocking
        ]
        if blocking:
            return Ack(Outcome.REFUSED, blocking[0].text)
        return Ack(Outcome.CONFIRMED)

    def apply(self, desired: Desired, *, key: str, deadline: float) -> Ack:
        return self._set(desired.target, desired.weight, desired.fence, key, desired.segments)

    def rollback(self, target: Target, *, fence: int, key: str, deadline: float) -> Ack:
        return self._set(target, 0, fence, key, takes_back=True)

    def observe(self, target: Target, *, deadline: float) -> Observed:
        state = flag_of(target)
        if state is None:
            return Observed(Sync.UNREACHABLE, detail="Its flag does not exist (any more).")
        return _observed(state, clock.now())

    def observe_many(self, targets: Sequence[Target]) -> dict[int, Sight]:
        """Read many flags in one query; a flag that is killed or gone is looked at on its own."""
        keys = {one.pk: (one.driver_config.get("flag", ""), one.environment_id) for one in targets}
        rows = FlagEnvironment.objects.select_related("flag").filter(
            flag__key__in={key for key, _ in keys.values()},
            environment__in={environment for _, environment in keys.values()},
            killed_at=None,
        )
        states, now = {(row.flag.key, row.environment_id): row for row in rows}, clock.now()
        return {
            pk: Sight(_observed(states[key], now), Health(is_well=True))
            for pk, key in keys.items()
            if key in states
        }

    def drain(self, target: Target, *, cut: bool, deadline: float) -> Drained:
        return Drained(None, detail="A flag is asked anew for every request; it knows of no connections.")

    def health(self, target: Target) -> Health:
        found = [one for one in self.check(target, target.driver_config) if one.is_blocking]
        return Health(not found, found[0].text if found else "")

    def _set(
        self,
        target: Target,
        weight: int,
        fence: int,
        key: str,
        segments: tuple[tuple[str, int], ...] = (),
        *,
        takes_back: bool = False,
    ) -> Ack:
        state = flag_of(target)
        if state is None:
            return Ack(Outcome.REFUSED, "Its flag does not exist (any more).")
        try:
            set_percentage(
                state,
                weight * THOUSANDTHS,
                fence=fence,
                key=key,
                reason=key,
                actor=ACTOR,
                now=clock.now(),
                segments=[(name, share * THOUSANDTHS) for name, share in segments],
                takes_back=takes_back,
            )
        except FenceTooOld as refusal:
            return Ack(Outcome.REFUSED, refusal.message)
        return Ack(Outcome.CONFIRMED)
