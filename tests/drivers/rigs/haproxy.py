"""Two servers behind a real HAProxy that runs exactly the sample of the help page."""

import contextlib
import os
import signal
from typing import Any

from releasetrain.bootstrap.packages import find, why_skipped
from releasetrain.catalog.models import Target
from releasetrain.rollouts.drivers.budget import Budget
from releasetrain.rollouts.drivers.haproxy.runtime import Silent, ask
from releasetrain.rollouts.drivers.haproxy.sample import SAMPLE
from tests.drivers.rig import ProxyRig


class TheRig(ProxyRig):
    kind = "haproxy"

    def __init__(self) -> None:
        super().__init__()
        self.map, self.socket = self.folder / "shop.map", self.folder / "admin.sock"

    @classmethod
    def why_not_here(cls) -> str:
        return "" if find("haproxy", os.environ) else why_skipped("haproxy")

    def config(self, **changes: Any) -> dict[str, Any]:
        return {
            "endpoints": [str(self.socket)],
            "map_file": str(self.map),
            "baseline": [self.old.address],
            "candidate": [self.new.address],
        } | changes

    def start(self) -> None:
        super().start()
        self.target = Target(driver=self.kind, driver_config=self.config())

    def argv(self) -> list[str]:
        return [str(find("haproxy", os.environ)), "-W", "-db", "-f", str(self.folder / "haproxy.cfg")]

    def write_files(self) -> None:
        (self.folder / "haproxy.cfg").write_text(self.written())
        self.map.touch()

    def written(self) -> str:
        """Return the sample with the addresses and paths of this machine, and nothing else changed."""
        text = SAMPLE.read_text()
        for sample, own in {
            "/run/haproxy/admin.sock mode 660 group haproxy": f"{self.socket} mode 600",
            "bind :8080": f"bind {self.address}",
            "/var/lib/releasetrain/shop.map": str(self.map),
            "10.0.0.11:8080": self.old.address,
            "10.0.0.21:8080": self.new.address,
        }.items():
            assert sample in text
            text = text.replace(sample, own)
        return text

    def change(self, *changes: tuple[str, str]) -> None:
        """Run with other lines than the sample's."""
        path = self.folder / "haproxy.cfg"
        text = path.read_text()
        for sample, other in changes:
            assert sample in text, sample
            text = text.replace(sample, other)
        path.write_text(text)
        self.restart()

    def is_ready(self) -> bool:
        if super().is_ready():
            with contextlib.suppress(Silent):
                return "UP" in self.say("show stat")
        return False

    def say(self, command: str) -> str:
        return ask(str(self.socket), command, Budget(5))

    def reload(self) -> None:
        """Start new workers beside the old ones, as a change of haproxy.cfg does."""
        assert self.process
        self.process.send_signal(signal.SIGUSR2)

    def break_link(self) -> None:
        """Take the socket away, as a wrong mode or a tidy cron job does; users are served as before."""
        self.socket.rename(self.folder / "away.sock")

    def mend_link(self) -> None:
        (self.folder / "away.sock").rename(self.socket)

    def drift(self, weight: int) -> None:
        self.say(f"set map {self.map} weight {weight}")
