"""Move traffic by the map of an HAProxy: a hash of the user below a threshold goes to the candidate.

The map file is written first and the runtime changed then, in a transaction that HAProxy refuses when it is
older than what stands. Nothing is ever reloaded. `haproxy.cfg` is the layout.
"""

from typing import Any, ClassVar

from releasetrain.catalog.models import Target
from releasetrain.rollouts.drivers.arms import why_not_version
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
    Sync,
)
from releasetrain.rollouts.drivers.budget import Budget
from releasetrain.rollouts.drivers.haproxy import config as configuration
from releasetrain.rollouts.drivers.haproxy import moving, sessions
from releasetrain.rollouts.drivers.haproxy.checks import findings
from releasetrain.rollouts.drivers.haproxy.config import problems, read_config
from releasetrain.rollouts.drivers.haproxy.seeing import look_at_all, observed
from releasetrain.rollouts.drivers.haproxy.setting import Setting
from releasetrain.rollouts.drivers.salts import salt_of

APPLY_SECONDS = 2.0
OBSERVE_SECONDS = 1.0
HEALTH_SECONDS = 0.9


class HaproxyDriver:
    """Set the threshold in the map of every HAProxy of a target."""

    kind: ClassVar[str] = "haproxy"
    label: ClassVar[str] = "HAProxy"
    capabilities: ClassVar[Capabilities] = Capabilities(
        min_step=1.0,
        is_sticky=True,
        is_instant=True,
        is_fenced=True,
        can_drain=True,
        can_cut=True,
        falls_over=True,
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
        return moving.rehearsed(read_config(raw), budget)

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
        config = read_config(target.driver_config)
        sights = look_at_all(config, Budget(min(deadline, OBSERVE_SECONDS)))
        return observed(sights, config.file)

    def drain(self, target: Target, *, cut: bool, deadline: float) -> Drained:
        if lacking := problems(target.driver_config):
            return Drained(None, detail=" ".join(lacking))
        return sessions.drain(read_config(target.driver_config), cut=cut, budget=Budget(deadline))

    def health(self, target: Target) -> Health:
        if lacking := problems(target.driver_config):
            return Health(is_well=False, detail=" ".join(lacking))
        return sessions.health(target.driver_config, Budget(HEALTH_SECONDS))
