"""A real Envoy, started from the sample that its help page shows."""

import json
from typing import Any

from releasetrain.rollouts.drivers.envoy.routes import Generation, document
from releasetrain.rollouts.drivers.envoy.setting import setting_of
from tests.drivers.envoy.proxy import Proxy
from tests.drivers.rig import ProxyRig, until


class TheRig(ProxyRig):
    kind = "envoy"

    def start(self) -> None:
        super().start()
        # Its health checks begin with the first answer of each server.
        until(self._has_candidate, "the candidate never answers Envoy")

    def write_files(self) -> None:
        self.proxy = Proxy(self.folder, self.old, self.new, self.port)
        self.proxy.write_files()

    def argv(self) -> list[str]:
        return self.proxy.argv()

    def is_ready(self) -> bool:
        return super().is_ready() and self.proxy.is_ready()

    def config(self) -> dict[str, Any]:
        return self.proxy.config

    def drift(self, weight: int) -> None:
        told = document(setting_of(self.proxy.config), Generation(weight, 0))
        del told["resources"][0]["metadata"]
        other = self.folder / "by-hand"
        other.write_text(json.dumps(told))
        other.replace(self.proxy.routes)

    def revive_candidate(self) -> None:
        super().revive_candidate()
        until(self._has_candidate, "Envoy never takes the candidate back")

    def _has_candidate(self) -> bool:
        told = self.proxy.admin("/stats?filter=shop-candidate.(membership_healthy|health_check.success)$")
        figures = dict(line.split(": ") for line in told.decode().splitlines())
        healthy = figures.get("cluster.shop-candidate.membership_healthy")
        return healthy == "1" and figures.get("cluster.shop-candidate.health_check.success") != "0"
