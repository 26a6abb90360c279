"""Move traffic with Envoy: a route file that it watches, read back through its admin interface.

Envoy answers 200 to nonsense and takes a broken file in silence, so that only what its dump tells counts. The
file outlives every restart, and an Envoy that was stopped reads the newest one when it wakes.
"""

import time
from typing import Any, ClassVar

from releasetrain.catalog.models import Target
from releasetrain.lib import clock
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
    Server,
    Sync,
)
from releasetrain.rollouts.drivers.envoy.admin import Silent, ask, at_once
from releasetrain.rollouts.drivers.envoy.answers import answers_of, keep_small
from releasetrain.rollouts.drivers.envoy.clusters import CLUSTERS, Cluster, clusters_in
from releasetrain.rollouts.drivers.envoy.files import try_writing, why_not_writable
from releasetrain.rollouts.drivers.envoy.findings import findings_of, inspect
from releasetrain.rollouts.drivers.envoy.fleet import ack_of, look_at_all, move, put_back
from releasetrain.rollouts.drivers.envoy.reading import observed_in
from releasetrain.rollouts.drivers.envoy.routes import Generation
from releasetrain.rollouts.drivers.envoy.setting import FIELDS, Endpoint, Setting, Unreadable, setting_of
from releasetrain.rollouts.drivers.shadows import Answered

HEALTH_SECONDS = 0.8
# A part of the deadline is kept for putting the others of a fleet back.
FORWARD_SHARE = 0.8


class EnvoyDriver:
    """Write the routes of a weight for every Envoy of a fleet, and believe only what they read back."""

    kind: ClassVar[str] = "envoy"
    label: ClassVar[str] = "Envoy"
    capabilities: ClassVar[Capabilities] = Capabilities(
        is_sticky=True,
        is_instant=True,
        is_fenced=True,
        can_mirror=True,
        can_drain=True,
        falls_over=True,
    )
    fields: ClassVar[tuple[Field, ...]] = FIELDS

    def check(self, target: Target, config: dict[str, Any]) -> list[Finding]:
        try:
            setting = setting_of(config)
        except Unreadable as why:
            return [Finding(str(why), is_blocking=True)]
        return findings_of(setting, inspect(setting))

    def prepare(self, desired: Desired, *, key: str, deadline: float) -> Ack:
        until = time.monotonic() + deadline
        try:
            setting = setting_of(desired.target.driver_config)
        except Unreadable as why:
            return Ack(Outcome.REFUSED, str(why))
        for endpoint in setting.endpoints:
            if unwritable := try_writing(endpoint.folder):
                return Ack(Outcome.REFUSED, unwritable)
        found = [one.text for one in findings_of(setting, inspect(setting, deadline / 2)) if one.is_blocking]
        if found:
            return Ack(Outcome.REFUSED, found[0])
        left = max(0.1, until - time.monotonic())
        if wrong := why_not_version(desired.target.driver_config, desired.version, left):
            return Ack(Outcome.REFUSED, wrong)
        return Ack(Outcome.CONFIRMED)

    def apply(self, desired: Desired, *, key: str, deadline: float) -> Ack:
        if desired.mirror and desired.weight:
            return Ack(Outcome.REFUSED, "Envoy mirrors requests only while no user has the new version.")
        try:
            setting = setting_of(desired.target.driver_config)
        except Unreadable as why:
            return Ack(Outcome.REFUSED, str(why))
        wanted = Generation(desired.weight, desired.fence, desired.version, desired.mirror)
        results = move(setting, wanted, deadline * FORWARD_SHARE)
        ack = ack_of(results)
        is_fleet = len(setting.endpoints) > 1
        if ack.outcome is not Outcome.CONFIRMED and is_fleet and any(one.is_written for one in results):
            put_back(setting, results, wanted, deadline * (1 - FORWARD_SHARE))
            return Ack(ack.outcome, f"{ack.detail}; the others were put back.")
        return ack

    def rollback(self, target: Target, *, fence: int, key: str, deadline: float) -> Ack:
        try:
            setting = setting_of(target.driver_config)
        except Unreadable as why:
            return Ack(Outcome.REFUSED, str(why))
        return ack_of(move(setting, Generation(0, fence), deadline, is_return=True))

    def observe(self, target: Target, *, deadline: float) -> Observed:
        try:
            setting = setting_of(target.driver_config)
        except Unreadable as why:
            return Observed(Sync.UNREACHABLE, detail=str(why))
        return observed_in(look_at_all(setting, deadline), clock.now())

    def drain(self, target: Target, *, cut: bool, deadline: float) -> Drained:
        try:
            setting = setting_of(target.driver_config)
        except Unreadable as why:
            return Drained(None, detail=str(why))
        told, silent = _clusters(setting, deadline)
        if silent:
            return Drained(None, detail=" ".join(silent))
        arms = [clusters[setting.candidate] for clusters in told if setting.candidate in clusters]
        return Drained(sum(host.open_requests for arm in arms for host in arm.hosts))

    def answers(self, target: Target, memory: dict[str, Any]) -> Answered:
        setting = setting_of(target.driver_config)
        found, known = answers_of(setting, memory)
        keep_small(setting)
        return Answered(found, known, setting.measures_noise)

    def health(self, target: Target) -> Health:
        try:
            setting = setting_of(target.driver_config)
        except Unreadable as why:
            return Health(is_well=False, detail=str(why))
        unwritable = [no for one in setting.endpoints if (no := why_not_writable(one.folder))]
        told, silent = _clusters(setting, HEALTH_SECONDS)
        servers = servers_of(target.driver_config, HEALTH_SECONDS)
        problems = [*unwritable, *silent]
        return Health(not problems, " ".join(problems), _as_seen(setting, told, servers))


def _clusters(setting: Setting, seconds: float) -> tuple[list[dict[str, Cluster]], list[str]]:
    """Return the clusters of those Envoys that tell them, and a sentence for each that does not."""

    async def one(endpoint: Endpoint) -> dict[str, Cluster] | str:
        try:
            return clusters_in(await ask(endpoint.admin, CLUSTERS, seconds))
        except Silent as why:
            return f"The Envoy at {endpoint} {why}."
        except (ValueError, TypeError, AttributeError):
            return f"The Envoy at {endpoint} answers with something that is no list of clusters."

    answers = at_once(one(endpoint) for endpoint in setting.endpoints)
    told = [one for one in answers if not isinstance(one, str)]
    return told, [one for one in answers if isinstance(one, str)]


def _as_seen(
    setting: Setting, told: list[dict[str, Cluster]], servers: tuple[Server, ...]
) -> tuple[Server, ...]:
    """Take a server that some Envoy has given up for dead, whatever it answers to us."""
    down: dict[tuple[Arm, str], str] = {}
    for clusters in told:
        for arm, name in ((Arm.BASELINE, setting.baseline), (Arm.CANDIDATE, setting.candidate)):
            for host in clusters[name].hosts if name in clusters else ():
                if host.why_down:
                    down[arm, host.address] = host.why_down
    return tuple(
        Server(one.name, one.arm, is_up=False, version=one.version, detail=down[one.arm, one.name])
        if one.is_up and (one.arm, one.name) in down
        else one
        for one in servers
    )
