"""Move traffic by flags in a folder that nginx looks for at each request; nothing is ever reloaded.

A bucket of the user’s header and the salt of the release is let in where its flag is there; all flags
change by one rename, and `kill` beats them. `nginx.conf` is the layout. nginx does not tell which of its
connections lead to the candidate, so that nothing is drained here; and a mirror of its makes users wait
whose connections are kept alive, so that none is offered.
"""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, ClassVar

from releasetrain.catalog.models import Target
from releasetrain.rollouts.drivers.arms import servers_of, why_not_version
from releasetrain.rollouts.drivers.base import (
    Ack,
    Arm,
    Capabilities,
    Desired,
    Drained,
    Field,
    Finding,
    Health,
    Observed,
    Outcome,
    Sync,
)
from releasetrain.rollouts.drivers.budget import Budget
from releasetrain.rollouts.drivers.files import why_unusable
from releasetrain.rollouts.drivers.nginx import config as configuration
from releasetrain.rollouts.drivers.nginx import moving
from releasetrain.rollouts.drivers.nginx.checks import findings, why_not_well
from releasetrain.rollouts.drivers.nginx.config import problems, read_config
from releasetrain.rollouts.drivers.nginx.seeing import look_at_all, observed
from releasetrain.rollouts.drivers.nginx.setting import Setting
from releasetrain.rollouts.drivers.salts import salt_of

APPLY_SECONDS = 2.0
OBSERVE_SECONDS = 1.0
HEALTH_SECONDS = 0.9


class NginxDriver:
    """Keep the flags of every nginx of a target."""

    kind: ClassVar[str] = "nginx"
    label: ClassVar[str] = "nginx"
    capabilities: ClassVar[Capabilities] = Capabilities(
        min_step=1.0, is_sticky=True, is_instant=True, is_fenced=True, falls_over=True
    )
    fields: ClassVar[tuple[Field, ...]] = configuration.FIELDS

    def check(self, target: Target, config: dict[str, Any]) -> list[Finding]:
        return findings(config, Budget(OBSERVE_SECONDS))

    def prepare(self, desired: Desired, *, key: str, deadline: float) -> Ack:
        raw = desired.target.driver_config
        if blocking := [one.text for one in self.check(desired.target, raw) if one.is_blocking]:
            return Ack(Outcome.REFUSED, " ".join(blocking))
        budget = Budget(min(deadline, APPLY_SECONDS))
        if desired.version and (why := why_not_version(raw, desired.version, budget.left)):
            return Ack(Outcome.REFUSED, why)
        unusable = [why_unusable(one.folder) for one in read_config(raw).endpoints]
        why = " ".join(filter(None, unusable))
        return Ack(Outcome.REFUSED if why else Outcome.CONFIRMED, why)

    def apply(self, desired: Desired, *, key: str, deadline: float) -> Ack:
        if lacking := problems(desired.target.driver_config):
            return Ack(Outcome.REFUSED, " ".join(lacking))
        setting = Setting(desired.weight, desired.fence, salt_of(desired.version))
        budget = Budget(min(deadline, APPLY_SECONDS))
        return moving.forward(read_config(desired.target.driver_config), setting, budget)

    def rollback(self, target: Target, *, fence: int, key: str, deadline: float) -> Ack:
        if lacking := problems(target.driver_config):
            return Ack(Outcome.REFUSED, " ".join(lacking))
        return moving.back(read_config(target.driver_config), fence, Budget(deadline))

    def observe(self, target: Target, *, deadline: float) -> Observed:
        if lacking := problems(target.driver_config):
            return Observed(Sync.UNREACHABLE, detail=" ".join(lacking))
        budget = Budget(min(deadline, OBSERVE_SECONDS))
        return observed(look_at_all(read_config(target.driver_config), budget))

    def drain(self, target: Target, *, cut: bool, deadline: float) -> Drained:
        return Drained(None, detail="nginx does not tell which of its connections lead to the candidate.")

    def health(self, target: Target) -> Health:
        raw, budget = target.driver_config, Budget(HEALTH_SECONDS)
        if lacking := problems(raw):
            return Health(is_well=False, detail=" ".join(lacking))
        with ThreadPoolExecutor(1) as beside:
            asking = beside.submit(servers_of, raw, budget.left)
            sights = look_at_all(read_config(raw), budget)
            servers = asking.result()
        why = " ".join(filter(None, map(why_not_well, sights)))
        if not why and not any(one.is_up for one in servers if one.arm is Arm.BASELINE):
            why = "No server of the baseline is up: there is nothing to fall back on."
        return Health(is_well=not why, detail=why, servers=servers)
